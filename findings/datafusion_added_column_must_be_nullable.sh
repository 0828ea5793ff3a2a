#!/usr/bin/env bash
# DataFusion 55.0.0: a folder of Parquet files of which the older ones lack a column cannot be read where the newer
# ones declare that column as required, although each file is read alone and an optional column is filled with nulls.
#
# One would guess that merging the files' schemas makes a column nullable that some files do not have, as DuckDB's
# union_by_name does. It keeps "not null" from the file that has it, fills the other file's rows with nulls, and
# then refuses its own rows.
#
# Seen (how the newer file declares the added column, what came of the folder):
#   optional  2 rows, 1 null
#   required  Column 'added' is declared as non-nullable but contains null values
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check datafusion==55.0.0 pyarrow==26.0.1
cat > "$folder/seen.py" <<'PY'
import re
import sys
from pathlib import Path

import datafusion
import pyarrow as pa
import pyarrow.parquet as pq

for declared, nullable in (("optional", True), ("required", False)):
    place = Path(sys.argv[1], declared)
    place.mkdir()
    old = pa.schema([pa.field("reading", pa.int64())])
    new = old.append(pa.field("added", pa.int64(), nullable=nullable))
    pq.write_table(pa.table({"reading": [1]}, old), place / "1.parquet")
    pq.write_table(pa.table({"reading": [2], "added": [3]}, new), place / "2.parquet")
    try:
        found = datafusion.SessionContext().read_parquet(str(place)).to_arrow_table()
        print(declared, f"{found.num_rows} rows, {found['added'].null_count} null")
    except Exception as error:
        print(declared, re.search("Column 'added' .*", str(error))[0])
PY
"$folder/venv/bin/python" "$folder/seen.py" "$folder" | tee "$folder/seen"
diff "$folder/seen" - <<'EXPECTED'
optional 2 rows, 1 null
required Column 'added' is declared as non-nullable but contains null values
EXPECTED
echo "as described"
