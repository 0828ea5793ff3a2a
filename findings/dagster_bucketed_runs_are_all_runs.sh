#!/usr/bin/env bash
# Dagster 1.13.27: `bucket_by` of the run storage is taken and never looked at.
#
# One would guess from its type (TagBucket: a tag, its values, how many runs of each) that
# `get_run_records(bucket_by=...)` gives the newest runs of each value in one question, as whoever shows many
# partitions needs it. All runs come back, without a word, of other values too; a caller who takes the first of each
# value is right by chance, and pays for every run there is.
#
# Seen: newest one of each of two tags: 6 records, of 3 teams
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check dagster==1.13.27
cat > "$folder/seen.py" <<'PY'
import tempfile
from uuid import uuid4

import dagster as dg
from dagster._core.storage.dagster_run import TagBucket

with tempfile.TemporaryDirectory() as folder, dg.DagsterInstance.local_temp(folder) as instance:
    for team in ("a", "a", "a", "b", "b", "c"):
        instance.add_run(dg.DagsterRun(job_name="job", run_id=str(uuid4()), tags={"team": team}))
    newest = TagBucket(tag_key="team", tag_values=["a", "b"], bucket_limit=1)
    records = instance.get_run_records(bucket_by=newest)
    teams = {record.dagster_run.tags["team"] for record in records}
    print(f"newest one of each of two tags: {len(records)} records, of {len(teams)} teams")
PY
"$folder/venv/bin/python" "$folder/seen.py" 2>/dev/null | tee "$folder/seen"
diff "$folder/seen" - <<'EXPECTED'
newest one of each of two tags: 6 records, of 3 teams
EXPECTED
echo "as described"
