#!/usr/bin/env bash
# dagster 1.13.27: a step whose only asset is skippable may end without making it. Of a step that also declares a check
# of that asset one would guess the same: nothing was made, so nothing has to be checked. Instead the check's output is
# required, the step fails for the lack of it, and only `can_subset=True`, which is about selecting, makes it optional.
# Seen: "nothing made, no check: succeeded", "nothing made, a check: DagsterStepOutputNotFoundError",
#       "nothing made, a check, can_subset: succeeded".
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check dagster==1.13.27
cat > "$folder/seen.py" <<'PYTHON'
import dagster as dg


def ended(checks, can_subset=False):
    @dg.multi_asset(
        specs=[dg.AssetSpec("table", skippable=True)],
        check_specs=[dg.AssetCheckSpec(name, asset="table") for name in checks],
        can_subset=can_subset,
    )
    def step():
        return
        yield dg.MaterializeResult("table")

    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize([step], instance=instance, raise_on_error=False)
    failures = [event.step_failure_data.error.cls_name for event in result.get_step_failure_events()]
    return failures[0] if failures else "succeeded"


alone, checked, subset = ended([]), ended(["holds"]), ended(["holds"], can_subset=True)
print(f"nothing made, no check: {alone}")
print(f"nothing made, a check: {checked}")
print(f"nothing made, a check, can_subset: {subset}")
assert (alone, checked, subset) == ("succeeded", "DagsterStepOutputNotFoundError", "succeeded")
PYTHON
"$folder/venv/bin/python" "$folder/seen.py" 2>/dev/null
