"""The connections that Dagster's storage of deploy/ keeps, on a real PostgreSQL."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import pytest
import yaml
from dagster._core.test_utils import create_run_for_test

from gitpulse_assets.runs.postgres_storage import KEPT_CONNECTIONS
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
def instance(database: postgres.Server, folder: Path) -> Iterator[dg.DagsterInstance]:
    """An instance with the storage that deploy/dagster.yaml names."""
    told = yaml.safe_load((ROOT / "deploy" / "dagster.yaml").read_text(encoding="utf-8"))
    reached = {"hostname": "127.0.0.1", "port": database.port, "username": postgres.USER}
    told["storage"]["custom"]["config"]["postgres_db"].update(reached, password="secret", db_name="gitpulse")
    kept = {key: told[key] for key in ("telemetry", "storage")}
    (folder / "dagster.yaml").write_text(yaml.safe_dump(kept))
    with dg.DagsterInstance.from_config(str(folder)) as opened:
        yield opened


def session_count(database: postgres.Server) -> int:
    with database.cursor() as cursor:
        cursor.execute("select sessions from pg_stat_database where datname = 'gitpulse'")
        return cursor.fetchone()[0]


def test_instances_of_a_process_share_the_connections_that_it_keeps(
    database: postgres.Server, tmp_path: Path
):
    """A code server opens an instance for each look of a sensor, and Dagster three connections an event."""
    for _ in range(2):
        with instance(database, tmp_path) as opened:
            run, before = create_run_for_test(opened), session_count(database)
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


def test_the_webserver_limits_what_a_statement_may_take(database: postgres.Server, tmp_path: Path):
    with instance(database, tmp_path) as opened:
        opened.optimize_for_webserver(statement_timeout=4321, pool_recycle=3600, max_overflow=20)
        with opened.event_log_storage._engine.connect() as connection:  # pyright: ignore
            assert connection.exec_driver_sql("show statement_timeout").scalar() == "4321ms"
