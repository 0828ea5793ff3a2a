#!/usr/bin/env bash
# dlt 1.31.0: a resource with write disposition "merge", a primary key and an incremental cursor drops a record
# that comes again with other content and the cursor value it had: what was stored first stays.
#
# One would guess that merge by key replaces the stored row by the one received last, whatever its cursor says: the
# second run receives the record (the cursor's bound is inclusive). But before the merge the incremental leaves out
# rows at the last cursor value whose primary key it has seen there, without a look at the rest of the row. GitHub
# stamps `updated_at` in whole seconds, so of two changes in one second the later is lost until the next change.
#
# Seen (number, title, labels):
#   first       (1, 'asked') ['bug', 'new']
#   same second (1, 'asked') ['bug', 'new']
#   a second on (1, 'solved') []
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'dlt[duckdb]==1.31.0' duckdb==2.0.0
cat > "$folder/seen.py" <<'PY'
import sys

import dlt

served = []


@dlt.resource(primary_key="number", write_disposition="merge")
def issues(since=dlt.sources.incremental("updated_at", initial_value="2026-01-01T00:00:00Z")):
    yield [record for record in served if record["updated_at"] >= since.last_value]


def run(told, title, updated_at, labels):
    served[:] = [{"number": 1, "title": title, "updated_at": updated_at, "labels": labels}]
    pipeline.run(issues())
    with pipeline.sql_client() as client:
        (row,) = client.execute_sql("select number, title from held.issues")
        names = client.execute_sql("select name from held.issues__labels order by name")
    print(told, row, [name for (name,) in names])


pipeline = dlt.pipeline(
    "tracker",
    pipelines_dir=sys.argv[1],
    destination=dlt.destinations.duckdb(f"{sys.argv[1]}/tracker.duckdb"),
    dataset_name="held",
)
run("first      ", "asked", "2026-02-01T00:00:00Z", [{"name": "bug"}, {"name": "new"}])
run("same second", "solved", "2026-02-01T00:00:00Z", [])
run("a second on", "solved", "2026-02-01T00:00:01Z", [])
PY
HOME=$folder "$folder/venv/bin/python" "$folder/seen.py" "$folder" 2> "$folder/told" | tee "$folder/seen"
diff "$folder/seen" - <<'EXPECTED'
first       (1, 'asked') ['bug', 'new']
same second (1, 'asked') ['bug', 'new']
a second on (1, 'solved') []
EXPECTED
echo "as described"
