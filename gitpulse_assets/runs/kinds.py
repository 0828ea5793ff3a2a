"""Of which job a run is, and of which repository, by name: for those who launch runs and who look them up."""

from dagster._core.storage.tags import PARTITION_NAME_TAG

REFRESH_JOB = "refresh"
RECONCILE_JOB = "reconcile"
REBUILD_JOB = "rebuild"
EVENTS_JOB = "events"
REPORT_JOB = "report"
# The asset that draws what is published; it writes no table.
REPORT_KEY = ("report", "backlog_report")
# Of many repositories in one run.
REFRESH_WATCHED_JOB = "refresh_watched"
RECONCILE_WATCHED_JOB = "reconcile_watched"
SWEEP_OP = "sweep"
REPO_TAG = "gitpulse/repo"
# Which repository a run of many is at work on, or was last.
AT_WORK_TAG = "gitpulse/at_work"
# Of a run that a batch executes for one of its repositories: whom a limit ends there the batch takes again.
AGAIN_TAG = "gitpulse/again_after_a_limit"
# Says of a run that it takes many, for the queue's limits.
BATCH_TAG = "gitpulse/batch"


def repo_tags(key: str) -> dict[str, str]:
    """The tags of a run of one repository, by its partition key."""
    return {PARTITION_NAME_TAG: key, REPO_TAG: key}
