"""The connections that Dagster's storage of deploy/ keeps, on a real PostgreSQL."""

import os
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml
from dagster._core.test_utils import create_run_for_test
from sqlalchemy import Connection
from sqlalchemy.event import listen

from gitpulse_assets.runs.postgres_storage import KEPT_CONNECTIONS, asked_once
from gitpulse_assets.runs.telling import tell_dagster
from gitpulse_assets_tests.conftest import absent
from gitpulse_assets_tests.deployment import postgres
from gitpulse_assets_tests.deployment.compose import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.postgres]


@pytest.fixture(scope="module")
def database() -> Iterator[postgres.Server]:
    if postgres.programs() is None:
        absent("postgres", "PostgreSQL's `initdb` is not installed")
    with postgres.served("secret") as server:
        yield server


@contextmanager
def instance(
    database: postgres.Server, folder: Path, own: Mapping[str, Any] | None = None
) -> Iterator[dg.DagsterInstance]:
    """An instance with the storage that deploy/dagster.yaml names; `own` is told to it, too."""
    told = yaml.safe_load((ROOT / "deploy" / "dagster.yaml").read_text(encoding="utf-8"))
    reached = {"hostname": "127.0.0.1", "port": database.port, "username": postgres.USER}
    told["storage"]["custom"]["config"]["postgres_db"].update(reached, password="secret", db_name="gitpulse")
    told["storage"]["custom"]["config"].update(own or {})
    kept = {key: told[key] for key in ("telemetry", "storage")}
    (folder / "dagster.yaml").write_text(yaml.safe_dump(kept))
    with dg.DagsterInstance.from_config(str(folder)) as opened:
        yield opened


def connected(opened: dg.DagsterInstance) -> Connection:
    """One of the connections by which it stores events."""
    return opened.event_log_storage._engine.connect()  # pyright: ignore


def session_count(database: postgres.Server) -> int:
    with database.cursor() as cursor:
        cursor.execute("select sessions from pg_stat_database where datname = 'gitpulse'")
        return cursor.fetchone()[0]


def test_instances_of_a_process_share_the_connections_that_it_keeps(
    database: postgres.Server, tmp_path: Path
):
    """A code server opens an instance for each look of a sensor: of Dagster's own that makes three
    connections, and each event three."""
    with instance(database, tmp_path) as opened:
        run = create_run_for_test(opened)
    before = session_count(database)
    for _ in range(2):
        with instance(database, tmp_path) as opened:
            for _ in range(20):
                opened.report_engine_event("here", run)
    # The counting one is one.
    assert session_count(database) - before <= 1
    assert 1 <= database.connection_count() <= KEPT_CONNECTIONS


def test_a_connection_that_the_server_cut_is_made_anew_before_a_statement_needs_it(
    database: postgres.Server, tmp_path: Path
):
    with instance(database, tmp_path) as opened:
        before = opened.get_runs_count()
        assert database.cut_all() > 0
        assert opened.get_runs_count() == before


def test_a_connection_says_now_and_then_that_it_lives_and_waits_for_no_lost_packet(
    database: postgres.Server, tmp_path: Path
):
    """A firewall that forgot it drops what comes, and TCP would send it again for a quarter of an hour."""
    with instance(database, tmp_path) as opened, connected(opened) as connection:
        line = socket.socket(fileno=os.dup(connection.connection.fileno()))
    with line:
        assert line.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        assert line.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) <= 60
        assert 0 < line.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) <= 30_000


def test_a_connection_is_kept_for_minutes_and_then_made_anew(
    database: postgres.Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    now = time.time()
    with instance(database, tmp_path) as opened:
        # What the tests before made is older than its clock says.
        pids = []
        for minutes in (10, 11, 20):
            monkeypatch.setattr(time, "time", lambda at=now + 60 * minutes: at)
            with connected(opened) as connection:
                pids.append(connection.exec_driver_sql("select pg_backend_pid()").scalar())
    assert pids[0] == pids[1] != pids[2]


def test_what_it_would_not_heed_is_refused(database: postgres.Server, tmp_path: Path):
    """Dagster's own takes logins by a cloud's tokens, too."""
    told = {"auth_provider": {"gcp_wif": {}}}
    with (
        pytest.raises(dg.DagsterInvalidConfigError, match="auth_provider"),
        instance(database, tmp_path, told),
    ):
        pass


def test_the_webserver_limits_what_a_statement_may_take(database: postgres.Server, tmp_path: Path):
    with instance(database, tmp_path) as opened:
        opened.optimize_for_webserver(statement_timeout=4321, pool_recycle=3600, max_overflow=20)
        with connected(opened) as connection:
            assert connection.exec_driver_sql("show statement_timeout").scalar() == "4321ms"


def test_what_is_in_the_catalogue_is_asked_once_a_process(database: postgres.Server, tmp_path: Path):
    told: list[str] = []
    for number in range(2):
        with instance(database, tmp_path) as opened:
            run = create_run_for_test(opened)
            heard: Any = opened.event_log_storage
            listen(heard._engine, "before_cursor_execute", lambda *it: told.append(it[2]))
            told.clear()
            tell_dagster(opened, run.run_id, [dg.AssetMaterialization("table", partition=str(number))])
            assert opened.has_dynamic_partition("none", "such") is False
    assert told
    assert [statement for statement in told if "pg_catalog" in statement] == []


def test_what_is_not_in_the_catalogue_is_asked_for_again():
    """A table that a migration makes meanwhile."""
    answers = iter([False, True])
    ask = asked_once(lambda name: next(answers), set())
    assert [ask("made_later") for _ in range(3)] == [False, True, True]
