#!/usr/bin/env bash
# dagster 1.13.27: a run may report a check of another partition than its own (days before it that it judges anew), and the
# evaluation says which. One would guess that the partition then shows what was found: the execution history does. The
# partitions of the check do not: there it counts as missing, as if it had never been checked, and where an older
# evaluation stood, that one is gone from view too, unless the newer one names the materialization it is of.
# Seen: "naming its partition: passed, current False", "naming its materialization: passed, current True".
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check dagster==1.13.27
cat > "$folder/seen.py" <<'PYTHON'
import dagster as dg
from dagster._core.definitions.asset_checks.asset_check_evaluation import (
    AssetCheckEvaluationTargetMaterializationData as Target,
)

TABLE, DAY = dg.AssetKey("table"), "2026-01-01"


def shown(instance, target, run_id):
    told = dg.AssetCheckEvaluation(
        asset_key=TABLE, check_name="holds", passed=True, partition=DAY, target_materialization_data=target
    )
    event = dg.DagsterEvent("ASSET_CHECK_EVALUATION", "job", event_specific_data=told)
    instance.report_dagster_event(event, run_id)
    (info,) = instance.event_log_storage.get_asset_check_partition_info([told.asset_check_key])
    assert info.latest_execution_status.value == "SUCCEEDED"
    return info.is_current


with dg.DagsterInstance.ephemeral() as instance:
    instance.report_runless_asset_event(dg.AssetMaterialization(TABLE, partition=DAY))
    wanted = dg.AssetRecordsFilter(TABLE, asset_partitions=[DAY])
    (made,) = instance.fetch_materializations(wanted, limit=1).records
    first = shown(instance, None, "8b7e0f4e-0000-4000-8000-000000000001")
    print(f"naming its partition: passed, current {first}")
    target = Target(run_id=made.run_id, storage_id=made.storage_id, timestamp=made.timestamp)
    second = shown(instance, target, "8b7e0f4e-0000-4000-8000-000000000002")
    print(f"naming its materialization: passed, current {second}")
    assert (first, second) == (False, True)
PYTHON
"$folder/venv/bin/python" -W ignore "$folder/seen.py"
