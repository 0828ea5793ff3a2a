"""Which repositories have a run at work, and how the last one ended: questions to Dagster's instance."""

from collections.abc import Collection, Iterator
from datetime import UTC, datetime, timedelta

import dagster as dg
from dagster._core.storage.dagster_run import FINISHED_STATUSES, NOT_FINISHED_STATUSES
from dagster._core.storage.tags import PARTITION_NAME_TAG

from gitpulse_assets.runs.batches import BATCH_JOBS, keys_at_work, keys_taken
from gitpulse_assets.runs.kinds import RECONCILE_JOB, REFRESH_JOB, REPO_TAG
from gitpulse_assets.runs.process import is_process_gone

FETCHING_JOBS = (REFRESH_JOB, RECONCILE_JOB)
RUNS_LOOKED_AT = 20
BATCHES_LOOKED_AT = 200
# Of a killed run of another host nobody knows but by its silence.
DEAD_AFTER = timedelta(hours=6)


def busy_keys(instance: dg.DagsterInstance, now: datetime) -> set[str]:
    """The partition keys that a run is at work on, or will take."""
    return {key for run in living_runs(instance, now) for key in keys_of(instance, run)}


def keys_of(instance: dg.DagsterInstance, run: dg.DagsterRun) -> list[str]:
    """The partition keys a run is of: its own, or those it takes in turn."""
    key = run.tags.get(PARTITION_NAME_TAG)
    return [key] if key else keys_taken(instance, run)


def is_at_work(instance: dg.DagsterInstance, key: str, but: Collection[str], now: datetime) -> bool:
    """Whether a run of the repository alone is there, or one of many at work on it just now.

    `but`: runs not to count. What another batch will take one day holds nobody up: each would leave it to the
    other.
    """
    return any(
        key == run.tags.get(PARTITION_NAME_TAG) or key in keys_at_work(run)
        for run in living_runs(instance, now)
        if run.run_id not in but
    )


def living_runs(instance: dg.DagsterInstance, now: datetime) -> Iterator[dg.DagsterRun]:
    """The runs that wait or work."""
    for record in instance.get_run_records(dg.RunsFilter(statuses=NOT_FINISHED_STATUSES)):
        if is_alive(record, now):
            yield record.dagster_run


def is_alive(record: dg.RunRecord, now: datetime) -> bool:
    """Whether an unfinished run waits or works: its process is there, or it was heard of lately."""
    if is_process_gone(record.dagster_run):
        return False
    waits = record.dagster_run.status in (dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.NOT_STARTED)
    return waits or now - record.update_timestamp.replace(tzinfo=UTC) < DEAD_AFTER


def last_end(instance: dg.DagsterInstance, key: str, since: datetime) -> dg.DagsterRunStatus | None:
    """How the newest ended fetch of a key made since then ended; None where there was none.

    A repository that failed in a batch has a run of its own, which is newer than the batch.
    """
    wanted = dg.RunsFilter(tags={REPO_TAG: key}, statuses=FINISHED_STATUSES, created_after=since)
    runs = instance.get_run_records(wanted, limit=RUNS_LOOKED_AT)
    # A rebuild fetches nothing, and a report is another job's: neither deals with a change.
    found = [one for one in runs if one.dagster_run.job_name in FETCHING_JOBS][:1]
    batches = ended_batches(instance, since)
    found += [one for one in batches if key in keys_taken(instance, one.dagster_run)][:1]
    return max(found, key=lambda one: one.create_timestamp).dagster_run.status if found else None


def ended_batches(instance: dg.DagsterInstance, since: datetime) -> list[dg.RunRecord]:
    """The batches made since then that have ended, the newest first."""
    found: list[dg.RunRecord] = []
    for job in BATCH_JOBS:
        wanted = dg.RunsFilter(job_name=job, statuses=FINISHED_STATUSES, created_after=since)
        found += instance.get_run_records(wanted, limit=BATCHES_LOOKED_AT)
    return found


def has_run(instance: dg.DagsterInstance, key: str) -> bool:
    """Whether a run that was asked for by us or on the command line is there, in whatever state."""
    return instance.get_runs_count(dg.RunsFilter(tags={REPO_TAG: key})) > 0
