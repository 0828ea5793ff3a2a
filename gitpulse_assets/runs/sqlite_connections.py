"""Lets Dagster's SQLite storages keep their connections while this process runs refreshes.

Dagster 1.13 makes an engine and a connection for every statement, a thousand in a run of three hundred
events: each compiles its SQL anew, and the one that closes a database last copies the write-ahead log back
and syncs it. With kept engines a run costs half the CPU. What is stored stays as it is, and every event is
committed when it is stored, but for those that Dagster tells in one go: which tables and checks a run plans.
Any other storage is left alone. A commit is written at once but not synced to the disk: it outlives a killed
process, and after a power cut the last events may be missing, never the lake's tables.
"""

import os
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

import dagster as dg

if TYPE_CHECKING:
    from dagster._core.storage.event_log import SqliteEventLogStorage
    from dagster._core.storage.runs import SqliteRunStorage
    from sqlalchemy import Connection, Engine

# Dagster's own switch: events told in one go come to the storage together, up to so many.
BATCH_SIZE_VARIABLE, BATCH_SIZE = "DAGSTER_EVENT_BATCH_SIZE", "1000"
# The runs, the index, and the run at work; the database of a run that has ended is let go.
KEPT_ENGINES = 4
BUSY_TIMEOUT_SECONDS = 30


def keep_connections(instance: dg.DagsterInstance) -> None:
    """Have the instance keep its connections, if it is on Dagster's embedded default."""
    from dagster._core.storage.event_log import SqliteEventLogStorage
    from dagster._core.storage.runs import SqliteRunStorage

    remember_revisions()
    os.environ.setdefault(BATCH_SIZE_VARIABLE, BATCH_SIZE)
    engines = Engines()
    if type(events := instance.event_log_storage) is SqliteEventLogStorage:
        _keep_for_events(events, engines)
        _remember_schema(events, engines)
    if type(runs := instance.run_storage) is SqliteRunStorage:
        _keep_for_runs(runs, engines)


@cache
def remember_revisions() -> None:
    """Read the 89 files of Dagster's schema once a process, not twice for each database of a run."""
    from alembic.script import ScriptDirectory

    read, known = ScriptDirectory.from_config, dict[str | None, ScriptDirectory]()

    def from_config(config: Any) -> ScriptDirectory:
        location = config.get_main_option("script_location")
        if location not in known:
            known[location] = read(config)
        return known[location]

    ScriptDirectory.from_config = from_config


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


class Transactions(threading.local):
    """The transactions, by database, in which a thread stores several events; none where `stack` is None."""

    def __init__(self) -> None:
        self.stack: ExitStack | None = None
        self.connections: dict[str, Connection] = {}

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep every transaction that is begun within the `with` block until its end."""
        with ExitStack() as self.stack:
            try:
                yield
            finally:
                self.stack, self.connections = None, {}


def _keep_for_events(storage: "SqliteEventLogStorage", engines: Engines) -> None:
    kept = Transactions()

    def begin(shard: str) -> AbstractContextManager["Connection"]:
        engine = engines.of(storage.conn_string_for_shard(shard))
        if shard not in storage._initialized_dbs:
            storage._initdb(engine)
            storage._initialized_dbs.add(shard)
        return engine.begin()

    @contextmanager
    def connect(shard: str) -> Iterator["Connection"]:
        if kept.stack is None:
            with storage._db_lock, begin(shard) as connection:
                yield connection
        else:
            if shard not in kept.connections:
                kept.connections[shard] = kept.stack.enter_context(begin(shard))
            yield kept.connections[shard]

    def store_event_batch(events: "Sequence[dg.EventLogEntry]") -> None:
        with storage._db_lock, kept.held():
            for event in events:
                storage.store_event(event)

    storage._connect = connect
    storage.store_event_batch = store_event_batch


def _remember_schema(storage: "SqliteEventLogStorage", engines: Engines) -> None:
    """Look once which tables and columns there are; Dagster looks at every event, and they stay."""
    from dagster._core.storage.event_log.sqlite.sqlite_event_log import INDEX_SHARD_NAME

    def has_table(table_name: str) -> bool:
        from sqlalchemy import inspect

        return inspect(engines.of(storage.conn_string_for_shard(INDEX_SHARD_NAME))).has_table(table_name)

    has_columns = lru_cache(storage.has_asset_key_index_cols)
    # Before an event is stored: the look takes the lock that is held then.
    has_columns()
    storage.has_table = lru_cache(has_table)
    storage._has_asset_key_index_cols_on_connection = lambda conn: has_columns()


def _keep_for_runs(storage: "SqliteRunStorage", engines: Engines) -> None:
    @contextmanager
    def connect() -> Iterator["Connection"]:
        with engines.of(storage._conn_string).begin() as connection:
            yield connection

    storage.connect = connect
