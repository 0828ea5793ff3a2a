"""Which repositories have a run at work, and how the last one ended: questions to Dagster's instance."""

from datetime import UTC, datetime, timedelta

import dagster as dg
from dagster._core.storage.dagster_run import FINISHED_STATUSES, NOT_FINISHED_STATUSES
from dagster._core.storage.tags import PARTITION_NAME_TAG

from gitpulse_assets.runs.kinds import RECONCILE_JOB, REFRESH_JOB, REPO_TAG
from gitpulse_assets.runs.process import is_process_gone

FETCHING_JOBS = (REFRESH_JOB, RECONCILE_JOB)
RUNS_LOOKED_AT = 20
# Of a killed run of another host nobody knows but by its silence.
DEAD_AFTER = timedelta(hours=6)


def busy_keys(instance: dg.DagsterInstance, now: datetime) -> set[str]:
    """The partition keys that a run is at work on or waits in the queue for."""
    records = instance.get_run_records(dg.RunsFilter(statuses=NOT_FINISHED_STATUSES))
    return {
        key
        for record in records
        if (key := record.dagster_run.tags.get(PARTITION_NAME_TAG)) and is_alive(record, now)
    }


def is_alive(record: dg.RunRecord, now: datetime) -> bool:
    """Whether an unfinished run waits or works: its process is there, or it was heard of lately."""
    if is_process_gone(record.dagster_run):
        return False
    waits = record.dagster_run.status in (dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.NOT_STARTED)
    return waits or now - record.update_timestamp.replace(tzinfo=UTC) < DEAD_AFTER


def last_end(instance: dg.DagsterInstance, key: str, since: datetime) -> dg.DagsterRunStatus | None:
    """How the newest ended fetch of a key made since then ended; None where there was none."""
    wanted = dg.RunsFilter(tags={REPO_TAG: key}, statuses=FINISHED_STATUSES, created_after=since)
    runs = instance.get_runs(wanted, limit=RUNS_LOOKED_AT)
    # A rebuild fetches nothing, and a report is another job's: neither deals with a change.
    return next((run.status for run in runs if run.job_name in FETCHING_JOBS), None)


def has_run(instance: dg.DagsterInstance, key: str) -> bool:
    """Whether a run that was asked for by us or on the command line is there, in whatever state."""
    return instance.get_runs_count(dg.RunsFilter(tags={REPO_TAG: key})) > 0
