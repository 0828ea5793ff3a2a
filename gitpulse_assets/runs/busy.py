"""Which repositories have a run at work, and how the last one ended: questions to Dagster's instance."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import dagster as dg
from dagster._core.storage.dagster_run import FINISHED_STATUSES, NOT_FINISHED_STATUSES
from dagster._core.storage.tags import PARTITION_NAME_TAG

from gitpulse_assets.runs.batches import (
    BATCH_JOBS,
    Registered,
    key_of,
    keys_at_work,
    keys_taken,
    registered_once,
)
from gitpulse_assets.runs.chunks import chunks
from gitpulse_assets.runs.history import VerdictTold, last_told, updated_at
from gitpulse_assets.runs.kinds import (
    AT_WORK_TAG,
    RECONCILE_JOB,
    REFRESH_JOB,
    REPO_TAG,
    REPORT_JOB,
    REPORT_KEY,
)
from gitpulse_assets.runs.process import is_process_gone

WORKING = (dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING)
FETCHING_JOBS = (REFRESH_JOB, RECONCILE_JOB)
# Of a killed run of another host nobody knows but by its silence.
DEAD_AFTER = timedelta(hours=6)


def busy_keys(instance: dg.DagsterInstance, now: datetime) -> set[str]:
    """The partition keys that a run is at work on, or will take."""
    registered = registered_once(instance)
    return {key for run in living_runs(instance, now) for key in keys_of(registered, run)}


def keys_in_writing(instance: dg.DagsterInstance, now: datetime) -> set[str]:
    """Those of them whose tables a run writes, or will."""
    registered = registered_once(instance)
    writing = (run for run in living_runs(instance, now) if not is_report(run))
    return {key for run in writing for key in keys_of(registered, run)}


def is_report(run: dg.DagsterRun) -> bool:
    """Whether the run draws what is published, and writes no table."""
    return run.job_name == REPORT_JOB or run.asset_selection == {dg.AssetKey(REPORT_KEY)}


def keys_of(registered: Registered, run: dg.DagsterRun) -> list[str]:
    """The partition keys a run is of: its own, or those it takes in turn."""
    key = key_of(run)
    return [key] if key else keys_taken(registered, run)


def is_at_work(instance: dg.DagsterInstance, key: str, but: Collection[str], now: datetime) -> bool:
    """Whether a run is at work on the repository's tables just now, one of it alone or one of many.

    `but`: runs not to count. What waits holds nobody up: when it begins, a run alone lets a batch end with
    the repository, and what another batch will take one day each would leave to the other.
    """
    alone = living_runs(instance, now, {PARTITION_NAME_TAG: key}, WORKING)
    is_alone = any(run.run_id not in but and not is_report(run) for run in alone)
    return is_alone or is_in_hand(instance, key, but, now)


def is_in_hand(instance: dg.DagsterInstance, key: str, but: Collection[str], now: datetime) -> bool:
    """Whether a run that the repository's tag does not show, one of many or of a range, is at work on it."""
    of_many = living_runs(instance, now, {AT_WORK_TAG: key})
    return any(run.run_id not in but and keys_at_work(run) and not is_report(run) for run in of_many)


def living_runs(
    instance: dg.DagsterInstance,
    now: datetime,
    tags: Mapping[str, str] | None = None,
    statuses: Sequence[dg.DagsterRunStatus] = NOT_FINISHED_STATUSES,
) -> Iterator[dg.DagsterRun]:
    """The runs that wait or work, with these tags."""
    wanted = dg.RunsFilter(statuses=statuses, tags=tags or {})
    for record in instance.get_run_records(wanted):
        if is_alive(record, now):
            yield record.dagster_run


def is_alive(record: dg.RunRecord, now: datetime) -> bool:
    """Whether an unfinished run waits or works: its process is there, or it was heard of lately."""
    if is_process_gone(record.dagster_run):
        return False
    waits = record.dagster_run.status in (dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.NOT_STARTED)
    return waits or now - record.update_timestamp.replace(tzinfo=UTC) < DEAD_AFTER


def last_ends(instance: dg.DagsterInstance, since: Mapping[str, datetime]) -> dict[str, dg.DagsterRunStatus]:
    """How the last fetch of each key that was asked for at or after its moment ended; none, where none did.

    A batch is a success of those alone that it finished; whoever fails in one has a run of its own.
    """
    if not since:
        return {}
    told, ended = told_by_fetches(instance, since), ended_alone(instance, min(since.values()))
    found = {}
    for key, asked_at in since.items():
        alone = next((one for one in ended.get(key, ()) if created_at(one) > asked_at), None)
        if key in told and told[key].at >= asked_at and not is_newer(alone, told[key]):
            found[key] = dg.DagsterRunStatus.SUCCESS
        elif alone:
            found[key] = alone.dagster_run.status
    return found


def ended_alone(instance: dg.DagsterInstance, since: datetime) -> dict[str, list[dg.RunRecord]]:
    """The ended fetches of each repository alone that were made since then, the newest first."""
    found: dict[str, list[dg.RunRecord]] = {}
    # A rebuild fetches nothing, and a report is another job's: neither deals with a change.
    for job in FETCHING_JOBS:
        wanted = dg.RunsFilter(job_name=job, statuses=FINISHED_STATUSES, created_after=since)
        for record in instance.get_run_records(wanted):
            found.setdefault(record.dagster_run.tags.get(REPO_TAG, ""), []).append(record)
    return {key: sorted(some, key=created_at, reverse=True) for key, some in found.items()}


def created_at(record: dg.RunRecord) -> datetime:
    """When the run was asked for, UTC."""
    return record.create_timestamp.replace(tzinfo=UTC)


def is_newer(record: dg.RunRecord | None, told: VerdictTold) -> bool:
    """Whether the run ended behind what was told."""
    return record is not None and updated_at(record) > told.at


def told_by_fetches(instance: dg.DagsterInstance, keys: Collection[str]) -> dict[str, VerdictTold]:
    """What was last told of the keys' verdicts, where a run that fetched told it."""
    told = last_told(instance, keys)
    fetched: set[str] = set()
    for some in chunks(sorted({one.run_id for one in told.values()})):
        runs = instance.get_runs(dg.RunsFilter(run_ids=list(some)))
        fetched |= {run.run_id for run in runs if run.job_name in (*FETCHING_JOBS, *BATCH_JOBS)}
    return {key: one for key, one in told.items() if one.run_id in fetched}


def keys_with_runs(instance: dg.DagsterInstance) -> set[str]:
    """The keys of which a run that we or the command line asked for is there, in whatever state."""
    return {key for _, keys in instance.get_run_tags([REPO_TAG]) for key in keys}
