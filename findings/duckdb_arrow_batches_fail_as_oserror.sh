#!/usr/bin/env bash
# DuckDB 2.0.0 with pyarrow 26.0.1: an error that a statement meets while its Arrow batches are read is no duckdb.Error.
#
# One would guess that an answer fails alike however it is fetched. By rows, or as one Arrow table, a statement that
# fails in the middle raises duckdb's own class. Read in batches (`to_arrow_reader`), which is how an answer is kept
# within its memory, the same error comes out of pyarrow as a plain OSError, with duckdb's words as its text: so do an
# interruption and memory that has run out. Whoever catches duckdb.Error to tell a person misses it.
#
# Seen (how it was read, class, whether it is a duckdb.Error, beginning of its text):
#   by_rows InvalidInputException True Invalid Input Error
#   by_one_table InvalidInputException True Invalid Input Error
#   by_batches OSError False Invalid Input Error
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check duckdb==2.0.0 pyarrow==26.0.1
cat > "$folder/seen.py" <<'PY'
import duckdb

LATE = "select if(i = 900000, error('row 900000'), i) as i from range(1000000) t(i)"


def by_rows(connection):
    answer = connection.execute(LATE)
    while answer.fetchmany(1000):
        pass


def by_batches(connection):
    for _ in connection.sql(LATE).to_arrow_reader(1000):
        pass


def by_one_table(connection):
    connection.sql(LATE).to_arrow_table()


for read in (by_rows, by_one_table, by_batches):
    try:
        read(duckdb.connect(config={"threads": 1}))
    except Exception as error:
        print(read.__name__, type(error).__name__, isinstance(error, duckdb.Error), str(error).split(":")[0])
PY
"$folder/venv/bin/python" "$folder/seen.py" | tee "$folder/seen"
diff "$folder/seen" - <<'EXPECTED'
by_rows InvalidInputException True Invalid Input Error
by_one_table InvalidInputException True Invalid Input Error
by_batches OSError False Invalid Input Error
EXPECTED
echo "as described"
