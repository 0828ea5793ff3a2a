#!/usr/bin/env bash
# dagster 1.13.27: events without a run can be reported as often as one likes, and the last one counts: so it is with
# materializations, with checks of a table as a whole, and, one would guess, with checks of a partition. A second
# evaluation of the same check and partition is refused by the database: its unique index counts the missing run as ''
# and so tells partitions apart, but not times. The event itself is stored before the refusal.
# Seen: "materializations of a partition: 2", "checks of a whole table: 2",
#       "check of a partition: 1, then IntegrityError", "events of that check: 2".
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check dagster==1.13.27
cat > "$folder/seen.py" <<'PYTHON'
import dagster as dg
from sqlalchemy.exc import IntegrityError

TABLE = dg.AssetKey("table")


def check(partition=None):
    return dg.AssetCheckEvaluation(asset_key=TABLE, check_name="holds", passed=True, partition=partition)


def refused(instance, event):
    try:
        instance.report_runless_asset_event(event)
    except IntegrityError as error:
        return type(error).__name__


with dg.DagsterInstance.ephemeral() as instance:
    days = [dg.AssetMaterialization(TABLE, partition="2026-01-01")] * 2
    assert [refused(instance, day) for day in days] == [None, None]
    print("materializations of a partition: 2")
    assert [refused(instance, check()) for _ in range(2)] == [None, None]
    print("checks of a whole table: 2")
    told = [refused(instance, check("2026-01-02")) for _ in range(2)]
    print(f"check of a partition: 1, then {told[1]}")
    assert told == [None, "IntegrityError"]
    records = instance.event_log_storage.get_logs_for_run("")
    kept = [
        one
        for one in records
        if (event := one.dagster_event)
        and event.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION
        and event.asset_check_evaluation_data.partition == "2026-01-02"
    ]
    print(f"events of that check: {len(kept)}")
    assert len(kept) == 2
PYTHON
"$folder/venv/bin/python" "$folder/seen.py" 2>/dev/null
