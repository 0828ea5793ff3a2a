#!/usr/bin/env bash
# dagster 1.13.27: a step behind a skippable output that was not made is skipped, as documented. Where a blocking
# asset check stands between the two as well, one would guess that nothing is said of the check, or that it was
# skipped too. Instead a warning on the logger `dagster._core.execution.plan.active` (stderr, where no handler is
# set) says that the step "will proceed without gating on it", and then the step is skipped all the same.
# Seen: two lines, "warned: ... downstream step 'third' will proceed without gating on it." and "skipped: ['second', 'third']".
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check dagster==1.13.27
cat > "$folder/seen.py" <<'PYTHON'
import logging

import dagster as dg

told = []
handler = logging.Handler()
handler.emit = lambda record: told.append(record.getMessage())
logging.getLogger("dagster._core.execution.plan.active").addHandler(handler)


@dg.asset(output_required=False)
def first():
    return
    yield dg.Output(1)


@dg.asset(deps=[first], check_specs=[dg.AssetCheckSpec("holds", asset="second", blocking=True)])
def second():
    yield dg.Output(2)
    yield dg.AssetCheckResult(passed=True)


@dg.asset(deps=[second])
def third():
    raise AssertionError("it ran")


with dg.DagsterInstance.ephemeral() as instance:
    result = dg.materialize([first, second, third], instance=instance)
    kind = dg.DagsterEventType.STEP_SKIPPED
    skipped = sorted(entry.dagster_event.step_key for entry in instance.all_logs(result.run_id, of_type=kind))
for line in told:
    print("warned:", line)
print("skipped:", skipped)
assert result.success and skipped == ["second", "third"]
assert any("downstream step 'third' will proceed without gating on it" in line for line in told)
PYTHON
"$folder/venv/bin/python" "$folder/seen.py" 2>/dev/null
