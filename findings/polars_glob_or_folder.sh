#!/usr/bin/env bash
# polars 2.1.0: the same files, one with a text column and one with the same column as a dictionary, open when
# read_parquet is given their folder and fail when it is given a glob that matches exactly these files.
#
# One would guess that a folder is short for the glob of all its files. In the folder the column is also a
# partition key of the path (site=north): there polars takes key and type from the path and never meets the
# files' types; a glob has no path keys, so the second file's type is held against the first one's.
#
# Seen:
#   folder  4 rows, String
#   glob    SchemaError
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check polars==2.1.0 pyarrow==26.0.1
cat > "$folder/seen.py" <<'PY'
import sys
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

root = Path(sys.argv[1], "table")
for key, as_dictionary in (("north", False), ("south", True)):
    place = root / f"site={key}"
    place.mkdir(parents=True)
    keys = pa.array([key] * 2)
    pq.write_table(
        pa.table({"site": keys.dictionary_encode() if as_dictionary else keys, "reading": [1, 2]}),
        place / "data.parquet",
    )


def outcome(source):
    try:
        read = pl.read_parquet(source)
    except pl.exceptions.SchemaError:
        return "SchemaError"
    return f"{read.height} rows, {read.schema['site']}"


print("folder", outcome(str(root)))
print("glob", outcome(f"{root}/*/data.parquet"))
PY
"$folder/venv/bin/python" "$folder/seen.py" "$folder" | tee "$folder/seen"
diff "$folder/seen" - <<'EXPECTED'
folder 4 rows, String
glob SchemaError
EXPECTED
echo "as described"
