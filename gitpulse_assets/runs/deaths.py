"""At which repositories the processes of a batch died: what an execution of it again has to know of."""

from collections import Counter

import dagster as dg
from dagster._core.storage.tags import ROOT_RUN_ID_TAG, RUN_FAILURE_REASON_TAG

from gitpulse_assets.runs.kinds import AT_WORK_TAG


def deaths_by_key(instance: dg.DagsterInstance, run: dg.DagsterRun) -> Counter[str]:
    """How many executions of the run died before this one, by the repository that each was at work on."""
    if not run.root_run_id:
        return Counter()
    failed = [dg.DagsterRunStatus.FAILURE]
    first = dg.RunsFilter(run_ids=[run.root_run_id], statuses=failed)
    further = dg.RunsFilter(tags={ROOT_RUN_ID_TAG: run.root_run_id}, statuses=failed)
    dead = [one for one in (*instance.get_runs(first), *instance.get_runs(further)) if is_death(one)]
    return Counter(one.tags[AT_WORK_TAG] for one in dead if one.tags.get(AT_WORK_TAG))


def is_death(failed: dg.DagsterRun) -> bool:
    """Whether the process of a failed run died, or hung: why it failed by itself Dagster writes down."""
    return RUN_FAILURE_REASON_TAG not in failed.tags
