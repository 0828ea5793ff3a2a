#!/usr/bin/env bash
# pyarrow 26.0.1: a Parquet folder whose partition key also stands in its files opens either by
# pyarrow.parquet.read_table or by pyarrow.dataset.dataset(partitioning="hive"), never by both.
#
# One would guess that a column stored as text agrees with a key found as text in the path, or that both ways of
# opening one folder look at the path alike. They do not: read_table makes a dictionary of the key, so that it
# refuses the file that says text; the dataset makes text of it, so that it refuses the file that says dictionary.
# And where every key happens to be digits, read_table's dictionary holds int32, and refuses both.
#
# Seen (each line: how the file stores the key, the way of opening, what came of it):
#   text        read_table  ArrowTypeError
#   text        dataset     3 rows
#   dictionary  read_table  3 rows
#   dictionary  dataset     ArrowTypeError
#   dictionary of digits  read_table  ArrowTypeError
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pyarrow==26.0.1
cat > "$folder/seen.py" <<'PY'
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq


def folder_of(name, key, as_dictionary):
    place = Path(sys.argv[1], name, f"site={key}")
    place.mkdir(parents=True)
    keys = pa.array([key] * 3)
    pq.write_table(
        pa.table({"site": keys.dictionary_encode() if as_dictionary else keys, "reading": [1, 2, 3]}),
        place / "data.parquet",
    )
    return str(place.parent)


def outcome(opened):
    try:
        return f"{opened().num_rows} rows"
    except pa.ArrowTypeError:
        return "ArrowTypeError"


text = folder_of("text", "north", as_dictionary=False)
dictionary = folder_of("dictionary", "north", as_dictionary=True)
digits = folder_of("digits", "1024", as_dictionary=True)
print("text", "read_table", outcome(lambda: pq.read_table(text)))
print("text", "dataset", outcome(lambda: ds.dataset(text, partitioning="hive").to_table()))
print("dictionary", "read_table", outcome(lambda: pq.read_table(dictionary)))
print("dictionary", "dataset", outcome(lambda: ds.dataset(dictionary, partitioning="hive").to_table()))
print("digits", "read_table", outcome(lambda: pq.read_table(digits)))
PY
"$folder/venv/bin/python" "$folder/seen.py" "$folder" | tee "$folder/seen"
diff "$folder/seen" - <<'EXPECTED'
text read_table ArrowTypeError
text dataset 3 rows
dictionary read_table 3 rows
dictionary dataset ArrowTypeError
digits read_table ArrowTypeError
EXPECTED
echo "as described"
