"""Lets Dagster's SQLite storages keep their connections while this process runs refreshes.

Dagster 1.13 makes an engine and a connection for every statement, a thousand in a run of three hundred
events: each compiles its SQL anew, and the one that closes a database last copies the write-ahead log back
and syncs it. With kept engines a run costs half the CPU. What is stored, and when it is committed, stays as
it is; any other storage is left alone. A commit is written at once but not synced to the disk: it outlives a
killed process, and after a power cut the last events may be missing, never the lake's tables.
"""

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import dagster as dg

if TYPE_CHECKING:
    from dagster._core.storage.event_log import SqliteEventLogStorage
    from dagster._core.storage.runs import SqliteRunStorage
    from sqlalchemy import Connection, Engine

# The runs, the index, and the run at work; the database of a run that has ended is let go.
KEPT_ENGINES = 4
BUSY_TIMEOUT_SECONDS = 30


def keep_connections(instance: dg.DagsterInstance) -> None:
    """Have the instance keep its connections, if it is on Dagster's embedded default."""
    from dagster._core.storage.event_log import SqliteEventLogStorage
    from dagster._core.storage.runs import SqliteRunStorage

    engines = Engines()
    if type(events := instance.event_log_storage) is SqliteEventLogStorage:
        _keep_for_events(events, engines)
    if type(runs := instance.run_storage) is SqliteRunStorage:
        _keep_for_runs(runs, engines)


class Engines:
    """The engines used last, by the address of their database."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Engine] = OrderedDict()

    def of(self, address: str) -> "Engine":
        """The engine of a database, made when it is first asked for; the one used longest ago goes."""

        from sqlalchemy import QueuePool, create_engine, event

        if address not in self._kept:
            arguments = {"timeout": BUSY_TIMEOUT_SECONDS, "check_same_thread": False}
            engine = create_engine(address, poolclass=QueuePool, connect_args=arguments)
            event.listen(engine, "connect", sync_at_checkpoints)
            self._kept[address] = engine
        self._kept.move_to_end(address)
        while len(self._kept) > KEPT_ENGINES:
            self._kept.popitem(last=False)[1].dispose()
        return self._kept[address]


def sync_at_checkpoints(connection: Any, _record: object) -> None:
    """Sync a database when its write-ahead log is copied back, not at each of a run's 800 commits."""
    (journal,) = connection.execute("pragma journal_mode = wal").fetchone()
    if journal == "wal":
        connection.execute("pragma synchronous = normal")


def _keep_for_events(storage: "SqliteEventLogStorage", engines: Engines) -> None:
    from dagster._core.storage.event_log.sqlite.sqlite_event_log import INDEX_SHARD_NAME

    @contextmanager
    def connect(shard: str) -> Iterator["Connection"]:
        with storage._db_lock:
            engine = engines.of(storage.conn_string_for_shard(shard))
            if shard not in storage._initialized_dbs:
                storage._initdb(engine)
                storage._initialized_dbs.add(shard)
            with engine.begin() as connection:
                yield connection

    def has_table(table_name: str) -> bool:
        from sqlalchemy import inspect

        return inspect(engines.of(storage.conn_string_for_shard(INDEX_SHARD_NAME))).has_table(table_name)

    storage._connect = connect
    # Asked at every event, of tables that are there from the beginning.
    storage.has_table = lru_cache(has_table)


def _keep_for_runs(storage: "SqliteRunStorage", engines: Engines) -> None:
    @contextmanager
    def connect() -> Iterator["Connection"]:
        with engines.of(storage._conn_string).begin() as connection:
            yield connection

    storage.connect = connect
