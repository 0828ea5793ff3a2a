#!/usr/bin/env bash
# DuckDB 2.0.0, read by pyarrow 26.0.1: whether COPY writes a Parquet column as REQUIRED or OPTIONAL follows from what
# its rows hold today, not from the table's declaration; two files of one table then have two schemas.
#
# One would guess that a column declared without NOT NULL is written as OPTIONAL, as 1.4.4 did, and that
# a day's file has the schema of the day before. Here a nullable column is REQUIRED while no row of it is null, an
# empty table has REQUIRED columns alone, and the first null turns the column over. pyarrow.concat_tables and
# ParquetWriter refuse the second file beside the first, and pyarrow.dataset, which takes its schema from the first,
# reads the null and then cannot write what it has read.
#
# Seen:
#   without a null: required
#   with a null: optional
#   empty: required
#   concat_tables: ArrowInvalid
#   ParquetWriter: ValueError
#   dataset, read: [1, 2, None]
#   dataset, written again: ArrowInvalid
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check duckdb==2.0.0 pyarrow==26.0.1
cat > "$folder/seen.py" <<'PY'
import os
import sys

import duckdb
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

os.chdir(sys.argv[1])
database = duckdb.connect()
database.execute("CREATE TABLE reading (site INTEGER)")


def copy(name):
    database.execute(f"COPY reading TO '{name}.parquet'")
    return "optional" if pq.read_schema(f"{name}.parquet").field(0).nullable else "required"


def outcome(tried):
    try:
        return tried()
    except (pa.ArrowInvalid, ValueError) as error:
        return type(error).__name__


def written(schema, *tables):
    with pq.ParquetWriter("again.parquet", schema) as writer:
        for table in tables:
            writer.write_table(table)
    return "written"


empty = copy("empty")
database.execute("INSERT INTO reading VALUES (1), (2)")
print("without a null:", copy("first"))
database.execute("DELETE FROM reading; INSERT INTO reading VALUES (NULL)")
print("with a null:", copy("second"))
print("empty:", empty)

first, second = pq.read_table("first.parquet"), pq.read_table("second.parquet")
both = ds.dataset(["first.parquet", "second.parquet"]).to_table()
print("concat_tables:", outcome(lambda: pa.concat_tables([first, second]).num_rows))
print("ParquetWriter:", outcome(lambda: written(first.schema, first, second)))
print("dataset, read:", both["site"].to_pylist())
print("dataset, written again:", outcome(lambda: written(both.schema, both)))
PY
"$folder/venv/bin/python" "$folder/seen.py" "$folder" | tee "$folder/seen"
diff "$folder/seen" - <<'EXPECTED'
without a null: required
with a null: optional
empty: required
concat_tables: ArrowInvalid
ParquetWriter: ValueError
dataset, read: [1, 2, None]
dataset, written again: ArrowInvalid
EXPECTED
echo "as described"
