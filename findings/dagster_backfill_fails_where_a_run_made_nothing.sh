#!/usr/bin/env bash
# dagster 1.13.27: an asset with `output_required=False` may end its run without an output, and the run succeeds; behind
# it steps are skipped. Of a backfill whose runs all succeeded one would guess that it succeeded as well, the quiet
# partition skipped. Instead it ends as failed, and the partition that made nothing counts among the failed ones.
# Seen: "runs: {'busy': 'SUCCESS', 'quiet': 'SUCCESS'}", "backfill: COMPLETED_FAILED".
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check dagster==1.13.27
mkdir "$folder/home"
cat > "$folder/home/dagster.yaml" <<'YAML'
run_coordinator: {module: dagster._core.run_coordinator, class: DefaultRunCoordinator}
run_launcher: {module: dagster._core.launcher.sync_in_memory_run_launcher, class: SyncInMemoryRunLauncher}
telemetry: {enabled: false}
YAML
cat > "$folder/days.py" <<'PYTHON'
import dagster as dg


@dg.asset(partitions_def=dg.StaticPartitionsDefinition(["quiet", "busy"]), output_required=False)
def table(context: dg.AssetExecutionContext):
    if context.partition_key == "busy":
        yield dg.Output(None)


defs = dg.Definitions([table], executor=dg.in_process_executor)
PYTHON
cat > "$folder/seen.py" <<'PYTHON'
import logging
import sys
import time

import dagster as dg
from dagster._core.execution.backfill import PartitionBackfill
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import PythonFileTarget
from dagster._daemon.backfill import execute_backfill_iteration

target = PythonFileTarget(sys.argv[1], attribute=None, working_directory=None, location_name="days")
with dg.DagsterInstance.get() as instance, WorkspaceProcessContext(instance, target) as context:
    asked = PartitionBackfill.from_asset_partitions(
        backfill_id="two days",
        asset_graph=context.create_request_context().asset_graph,
        partition_names=["quiet", "busy"],
        asset_selection=[dg.AssetKey("table")],
        backfill_timestamp=time.time(),
        tags={},
        dynamic_partitions_store=instance,
        all_partitions=False,
        title=None,
        description=None,
        run_config=None,
    )
    instance.add_backfill(asked)
    for _ in range(10):
        list(execute_backfill_iteration(context, logging.getLogger("days")))
        ended = instance.get_backfill("two days").status.value
        if ended != "REQUESTED":
            break
    runs = {run.tags["dagster/partition"]: run.status.value for run in instance.get_runs()}
print(f"runs: {dict(sorted(runs.items()))}")
print(f"backfill: {ended}")
assert runs == {"busy": "SUCCESS", "quiet": "SUCCESS"} and ended == "COMPLETED_FAILED"
PYTHON
DAGSTER_HOME="$folder/home" "$folder/venv/bin/python" "$folder/seen.py" "$folder/days.py" 2>/dev/null | grep -E '^(runs|backfill):'
