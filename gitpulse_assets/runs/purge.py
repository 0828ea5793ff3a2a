"""What Dagster itself keeps of old runs, and for how long: by age, and among events by kind.

A run goes whole, its events and its captured output with it, unless something stands on it: the state of a
partition, the last evaluation of a check, a backfill under way, or that it is among the last of its
repository and job. Of a good run that stays, the events of its machinery go, which nobody reads a week later.
"""

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg
from dagster._core.storage.dagster_run import FINISHED_STATUSES
from dagster._core.storage.tags import BACKFILL_ID_TAG, PARTITION_NAME_TAG

from gitpulse_assets.runs.backfills import open_backfills
from gitpulse_assets.runs.chunks import chunks
from gitpulse_assets.runs.records import run_records

if TYPE_CHECKING:
    from dagster._core.storage.event_log import SqlEventLogStorage

# Of each repository and job, whatever their age: how it went last, and before.
LAST_RUNS_KEPT = 3
MACHINERY_AFTER = timedelta(days=7)
# Kinds that no partition state, check, alert or status is read from. Log lines have no kind, and go too.
MACHINERY = (
    "ENGINE_EVENT",
    "HANDLED_OUTPUT",
    "LOADED_INPUT",
    "LOGS_CAPTURED",
    "RESOURCE_INIT_STARTED",
    "RESOURCE_INIT_SUCCESS",
    "STEP_INPUT",
    "STEP_OUTPUT",
    "STEP_WORKER_STARTED",
    "STEP_WORKER_STARTING",
)


def purged(instance: dg.DagsterInstance, keep: timedelta, now: datetime) -> Iterator[str]:
    """Delete runs that ended longer than `keep` ago and carry nothing; yield a line for whatever went."""
    old, good = _ended(instance, now - keep, now - MACHINERY_AFTER)
    needed = _needed_run_ids(instance)
    gone = [run_id for run_id in old if run_id not in needed]
    for run_id in gone:
        delete_run(instance, run_id)
    if gone:
        yield f"Dagster: {len(gone):,} runs older than {keep.days} days went, with their events and output"
    kept = good - set(gone)
    count = _without_machinery(instance, sorted(kept))
    if count:
        yield f"Dagster: {count:,} events of {len(kept):,} good runs' machinery went"


def delete_run(instance: dg.DagsterInstance, run_id: str) -> None:
    """Delete a run with everything Dagster keeps of it.

    `DagsterInstance.delete_run` leaves the evaluations of its checks, its captured output, and on SQLite the
    file of its events. The run itself goes last, so that a purge cut short is gone on with.
    """
    from dagster._core.storage.event_log import SqlEventLogStorage, SqliteEventLogStorage
    from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable as Checks

    storage = instance.event_log_storage
    instance.compute_log_manager.delete_logs(prefix=[run_id])
    if isinstance(storage, SqlEventLogStorage):
        with storage.index_connection() as connection:
            storage.delete_events_for_run(connection, run_id)
            connection.execute(Checks.delete().where(Checks.c.run_id == run_id))
    if isinstance(storage, SqliteEventLogStorage):
        # Not `delete_run`, which would open the file, at the cost of a look for migrations, to empty it.
        _delete_shard(storage, run_id)
        instance.run_storage.delete_run(run_id)
    else:
        instance.delete_run(run_id)


def _ended(instance: dg.DagsterInstance, old: datetime, ripe: datetime) -> tuple[list[str], set[str]]:
    """Return the runs that ended before `old` and are not among the last, and the good ones before `ripe`."""
    counts: Counter[tuple[str, str | None]] = Counter()
    backfills = open_backfills(instance)
    gone: list[str] = []
    good: set[str] = set()
    for record in run_records(instance, dg.RunsFilter(statuses=FINISHED_STATUSES)):
        run, ended_at = record.dagster_run, record.end_time or record.create_timestamp.timestamp()
        subject = (run.job_name, run.tags.get(PARTITION_NAME_TAG))
        counts[subject] += 1
        if run.is_success and ended_at < ripe.timestamp():
            good.add(run.run_id)
        is_last = counts[subject] <= LAST_RUNS_KEPT
        if not is_last and run.tags.get(BACKFILL_ID_TAG) not in backfills and ended_at < old.timestamp():
            gone.append(run.run_id)
    return gone, good


def _needed_run_ids(instance: dg.DagsterInstance) -> set[str]:
    """The runs that the newest event of each kind, asset and partition is of, or the newest of each check."""
    from dagster._core.storage.event_log import SqlEventLogStorage
    from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable as Checks
    from dagster._core.storage.event_log.schema import SqlEventLogStorageTable as Events
    from sqlalchemy import func, select

    storage = instance.event_log_storage
    if not isinstance(storage, SqlEventLogStorage):
        return set()
    events = select(func.max(Events.c.id)).where(Events.c.asset_key.is_not(None))
    events = events.group_by(Events.c.asset_key, Events.c.partition, Events.c.dagster_event_type)
    checks = select(func.max(Checks.c.id))
    checks = checks.group_by(Checks.c.asset_key, Checks.c.check_name, Checks.c.partition)
    with storage.index_connection() as connection:
        rows = [
            *connection.execute(select(Events.c.run_id).where(Events.c.id.in_(events)).distinct()),
            *connection.execute(select(Checks.c.run_id).where(Checks.c.id.in_(checks)).distinct()),
        ]
    return {run_id for (run_id,) in rows if run_id}


def _without_machinery(instance: dg.DagsterInstance, run_ids: Sequence[str]) -> int:
    """Delete the events of these runs' machinery and return how many there were."""
    from dagster._core.storage.event_log import SqlEventLogStorage, SqliteEventLogStorage

    storage = instance.event_log_storage
    if isinstance(storage, SqliteEventLogStorage):
        paths = (Path(storage.path_for_shard(run_id)) for run_id in run_ids)
        return sum(_trim_shard(path) for path in paths if path.exists())
    if isinstance(storage, SqlEventLogStorage):
        return sum(_trim(storage, chunk) for chunk in chunks(run_ids))
    return 0


def _trim(storage: "SqlEventLogStorage", run_ids: Iterable[str]) -> int:
    from dagster._core.storage.event_log.schema import SqlEventLogStorageTable as Events
    from sqlalchemy import or_

    kind = Events.c.dagster_event_type
    is_machinery = or_(kind.is_(None), kind.in_(MACHINERY))
    with storage.index_connection() as connection:
        done = connection.execute(Events.delete().where(Events.c.run_id.in_(list(run_ids)), is_machinery))
        return done.rowcount


def _trim_shard(path: Path) -> int:
    """Delete from the file of one run's events, and give the space back: SQLite would keep it for itself."""
    marks = ", ".join("?" * len(MACHINERY))
    delete = f"delete from event_logs where dagster_event_type is null or dagster_event_type in ({marks})"
    with closing(sqlite3.connect(path)) as connection:
        count = connection.execute(delete, MACHINERY).rowcount
        connection.commit()
        if count:
            connection.execute("vacuum")
    return count


def _delete_shard(storage: "SqlEventLogStorage", run_id: str) -> None:
    shard = Path(storage.path_for_shard(run_id))  # pyright: ignore[reportAttributeAccessIssue]
    for name in (shard.name, f"{shard.name}-wal", f"{shard.name}-shm"):
        shard.with_name(name).unlink(missing_ok=True)
    storage._initialized_dbs.discard(run_id)  # pyright: ignore[reportAttributeAccessIssue]
