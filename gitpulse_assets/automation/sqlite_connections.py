"""Lets Dagster's SQLite storages keep their connections while this process runs refreshes.

Dagster 1.13 makes an engine and a connection for every statement, a thousand in a run of three hundred
events: each compiles its SQL anew, and the one that closes a database last copies the write-ahead log back
and syncs it. With kept engines a run costs half the CPU. What is stored, and when it is committed, stays as
it is; any other storage is left alone.
"""

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

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
        from sqlalchemy import QueuePool, create_engine

        if address not in self._kept:
            arguments = {"timeout": BUSY_TIMEOUT_SECONDS, "check_same_thread": False}
            self._kept[address] = create_engine(address, poolclass=QueuePool, connect_args=arguments)
        self._kept.move_to_end(address)
        while len(self._kept) > KEPT_ENGINES:
            self._kept.popitem(last=False)[1].dispose()
        return self._kept[address]


def _keep_for_events(storage: "SqliteEventLogStorage", engines: Engines) -> None:
    @contextmanager
    def connect(shard: str) -> Iterator["Connection"]:
        with storage._db_lock:
            engine = engines.of(storage.conn_string_for_shard(shard))
            if shard not in storage._initialized_dbs:
                storage._initdb(engine)
                storage._initialized_dbs.add(shard)
            with engine.begin() as connection:
                yield connection

    storage._connect = connect


def _keep_for_runs(storage: "SqliteRunStorage", engines: Engines) -> None:
    @contextmanager
    def connect() -> Iterator["Connection"]:
        with engines.of(storage._conn_string).begin() as connection:
            yield connection

    storage.connect = connect
