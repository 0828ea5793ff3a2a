"""Of which job a run is, and of which repository, by name: for those who launch runs and who look them up."""

from dagster._core.storage.tags import PARTITION_NAME_TAG

REFRESH_JOB = "refresh"
RECONCILE_JOB = "reconcile"
REBUILD_JOB = "rebuild"
EVENTS_JOB = "events"
REPO_TAG = "gitpulse/repo"


def repo_tags(key: str) -> dict[str, str]:
    """The tags of a run of one repository, by its partition key."""
    return {PARTITION_NAME_TAG: key, REPO_TAG: key}
