"""Dagster's storage in PostgreSQL, with connections that are kept: `storage` of the instances in deploy/.

Dagster 1.13 opens a connection for each statement and closes it behind it. Each is a process of the server
and a proof of the password, which take many times what the statement does; a backfill tells some 33 events a
repository before its runs begin, by three connections each. What is stored stays as it is.
"""

import os
from collections.abc import Callable
from functools import cache
from typing import Any

from dagster._config import UserConfigSchema
from dagster._core.storage.config import PostgresStorageConfig, pg_config
from dagster._serdes import ConfigurableClassData
from dagster_postgres import DagsterPostgresStorage
from dagster_postgres.utils import pg_url_from_config, retry_pg_connection_fn, set_pg_statement_timeout
from sqlalchemy import Engine, create_engine, event, inspect

# Of a process: a run needs one or two; the threads of a daemon or a server open more in a burst, for that.
KEPT_CONNECTIONS, CONNECTIONS_MAX = 4, 20
# A firewall forgets a connection that is silent for some minutes and drops what comes on it, which TCP sends
# again for a quarter of an hour: so none is silent for long, none old, and no packet waits for half a minute.
RECYCLE_SECONDS = 300
ALIVE = {"keepalives_idle": 60, "keepalives_interval": 10, "keepalives_count": 3, "tcp_user_timeout": 30_000}
# By what it is asked for with nearly every event; a migration is made before any process is started.
CATALOGUE = ("has_table", "_has_asset_key_col_on_connection")
# One of each part, made by it in this order.
TABLES = {"runs", "instance_info", "event_logs", "jobs"}


@cache
def engine_of(postgres_url: str, pid: int) -> Engine:
    """The connections of this process, which a forked one may not use.

    They outlive an instance: a code server opens one for each look of a sensor, a worker for each run.
    """
    return create_engine(
        postgres_url,
        isolation_level="AUTOCOMMIT",
        pool_size=KEPT_CONNECTIONS,
        max_overflow=CONNECTIONS_MAX - KEPT_CONNECTIONS,
        # The server may have cut it since, and a statement is not tried again.
        pool_pre_ping=True,
        pool_recycle=RECYCLE_SECONDS,
        connect_args=ALIVE,
    )


@cache
def found_in(postgres_url: str) -> set[tuple[str, str]]:
    """What this process has found to be in the database's catalogue, by who asked; it stays."""
    return set()


def asked_once(ask: Callable[..., bool], found: set[tuple[str, str]]) -> Callable[..., bool]:
    """Ask for a table, or a column, until it is there, and then no more: Dagster does with each event."""

    def asked(*question: Any) -> bool:
        known = (ask.__name__, question[-1])
        if known not in found and ask(*question):
            found.add(known)
        return known in found

    return asked


def has_tables(engine: Engine) -> bool:
    """Whether Dagster's tables are there; each part asks it otherwise, on a connection of its own."""
    return set(retry_pg_connection_fn(lambda: inspect(engine).get_table_names())) >= TABLES


class KeptPostgresStorage(DagsterPostgresStorage):
    """Dagster's own storage, whose three parts share the connections of a process."""

    def __init__(self, postgres_url: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._engine = engine_of(postgres_url, os.getpid())
        super().__init__(postgres_url, not has_tables(self._engine), inst_data)
        self._has_time_limit = False
        parts: tuple[Any, ...] = (self.run_storage, self.event_log_storage, self.schedule_storage)
        for part in parts:
            part._engine = self._engine
            part.optimize_for_webserver = self._limit_time
        events, found = self.event_log_storage, found_in(postgres_url)
        for name in CATALOGUE:
            setattr(events, name, asked_once(getattr(events, name), found))

    def _limit_time(self, statement_timeout: int, pool_recycle: int, max_overflow: int) -> None:
        """Limit what a statement may take, in milliseconds, as the webserver asks of each part.

        Dagster's own would make a pool for each, whose next answer fails when the server has cut it.
        """
        if not self._has_time_limit:
            self._has_time_limit = True
            event.listen(
                self._engine, "connect", lambda made, _: set_pg_statement_timeout(made, statement_timeout)
            )
            self._engine.dispose()

    @classmethod
    def config_type(cls) -> UserConfigSchema:
        """What may be told of it in dagster.yaml: where the database is."""
        fields: Any = pg_config()
        return {name: fields[name] for name in ("postgres_url", "postgres_db")}

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: PostgresStorageConfig
    ) -> "KeptPostgresStorage":
        """Make the storage of what dagster.yaml says."""
        return cls(pg_url_from_config(config_value), inst_data)
