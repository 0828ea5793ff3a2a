"""What Dagster itself keeps of old runs, and for how long: by age, and among events by kind.

A run goes whole, its events and its captured output with it, unless something stands on it: the state of a
partition, the last evaluation of a check, a backfill under way, or that it is among the last of its
repository and job. Of a good run that stays, the events of its machinery go, which nobody reads a week later.
Of one that is kept for a state alone, all goes but such states: of a run of many one repository's would keep
those of all.
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
    from dagster._core.storage.event_log import SqlEventLogStorage, SqliteEventLogStorage
    from sqlalchemy import Exists, Table

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
# Of an event of a partition in the file of its run: it is no more in the index of all runs.
NOT_IN_INDEX = """partition is not null and (run_id, asset_key, partition, dagster_event_type) not in (
    select run_id, asset_key, partition, dagster_event_type
    from index_of_all.event_logs
    where partition is not null
)"""
# What was evaluated stands in the table of evaluations, too, from which all is read.
EVALUATIONS = ("ASSET_CHECK_EVALUATION", "ASSET_CHECK_EVALUATION_PLANNED")


def purged(instance: dg.DagsterInstance, keep: timedelta, now: datetime) -> Iterator[str]:
    """Delete runs that ended longer than `keep` ago and carry nothing; yield a line for whatever went."""
    old, good = _ended(instance, now - keep, now - MACHINERY_AFTER)
    needed = _needed_run_ids(instance)
    gone = [run_id for run_id in old if run_id not in needed]
    for run_id in gone:
        delete_run(instance, run_id)
    if gone:
        yield f"Dagster: {len(gone):,} runs older than {keep.days} days went, with their events and output"
    stays = set(old) - set(gone)
    count = _without_replaced(instance, sorted(stays))
    if count:
        yield f"Dagster: {count:,} events of {len(stays):,} runs that stay went, as newer ones replace them"
    kept = (good | stays) - set(gone)
    count = _without_machinery(instance, sorted(kept))
    if count:
        yield f"Dagster: {count:,} events of {len(kept):,} runs' machinery went"


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


def _without_replaced(instance: dg.DagsterInstance, run_ids: Sequence[str]) -> int:
    """Delete what these runs told of partitions and checks and newer ones told anew, and count the events."""
    from dagster._core.storage.event_log import SqlEventLogStorage, SqliteEventLogStorage
    from dagster._core.storage.event_log.sqlite.sqlite_event_log import INDEX_SHARD_NAME

    storage = instance.event_log_storage
    if not isinstance(storage, SqlEventLogStorage):
        return 0
    count = sum(_delete_replaced(storage, chunk) for chunk in chunks(run_ids))
    if count and isinstance(storage, SqliteEventLogStorage):
        index = storage.path_for_shard(INDEX_SHARD_NAME)
        _trim_shards(storage, run_ids, f"{_is_of(EVALUATIONS)} or {NOT_IN_INDEX}", EVALUATIONS, index)
    return count


def _delete_replaced(storage: "SqlEventLogStorage", run_ids: Sequence[str]) -> int:
    from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable as Checks
    from dagster._core.storage.event_log.schema import AssetEventTagsTable as Tags
    from dagster._core.storage.event_log.schema import SqlEventLogStorageTable as Events
    from sqlalchemy import or_, select

    is_told_anew = _is_replaced(Events, "asset_key", "partition", "dagster_event_type")
    is_over = or_(is_told_anew, Events.c.dagster_event_type.in_(EVALUATIONS))
    old = select(Events.c.id).where(Events.c.run_id.in_(run_ids), is_told_anew)
    is_judged_anew = _is_replaced(Checks, "asset_key", "check_name", "partition")
    with storage.index_connection() as connection:
        connection.execute(Tags.delete().where(Tags.c.event_id.in_(old)))
        connection.execute(Checks.delete().where(Checks.c.run_id.in_(run_ids), is_judged_anew))
        return connection.execute(Events.delete().where(Events.c.run_id.in_(run_ids), is_over)).rowcount


def _is_replaced(table: "Table", *what: str) -> "Exists":
    """Whether there is a newer row of the same; what is of no partition is left alone."""
    from sqlalchemy import exists

    newer = table.alias()
    return exists().where(newer.c.id > table.c.id, *(newer.c[name] == table.c[name] for name in what))


def _without_machinery(instance: dg.DagsterInstance, run_ids: Sequence[str]) -> int:
    """Delete the events of these runs' machinery and return how many there were."""
    from dagster._core.storage.event_log import SqlEventLogStorage, SqliteEventLogStorage

    storage = instance.event_log_storage
    if isinstance(storage, SqliteEventLogStorage):
        is_machinery = f"dagster_event_type is null or {_is_of(MACHINERY)}"
        return _trim_shards(storage, run_ids, is_machinery, MACHINERY)
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


def _trim_shards(
    storage: "SqliteEventLogStorage",
    run_ids: Iterable[str],
    where: str,
    values: Sequence[str],
    index: str = ":memory:",
) -> int:
    """Delete what fits from the files of these runs' events, beside the index of all, and count it."""
    paths = (Path(storage.path_for_shard(run_id)) for run_id in run_ids)
    return sum(_trim_shard(path, where, values, index) for path in paths if path.exists())


def _trim_shard(path: Path, where: str, values: Sequence[str], index: str) -> int:
    """Delete from the file of one run's events, and give the space back: SQLite would keep it for itself."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("attach ? as index_of_all", [index])
        count = connection.execute(f"delete from event_logs where {where}", values).rowcount
        connection.commit()
        if count:
            connection.execute("vacuum main")
    return count


def _is_of(kinds: Sequence[str]) -> str:
    return f"dagster_event_type in ({', '.join('?' * len(kinds))})"


def _delete_shard(storage: "SqlEventLogStorage", run_id: str) -> None:
    shard = Path(storage.path_for_shard(run_id))  # pyright: ignore[reportAttributeAccessIssue]
    for name in (shard.name, f"{shard.name}-wal", f"{shard.name}-shm"):
        shard.with_name(name).unlink(missing_ok=True)
    storage._initialized_dbs.discard(run_id)  # pyright: ignore[reportAttributeAccessIssue]
