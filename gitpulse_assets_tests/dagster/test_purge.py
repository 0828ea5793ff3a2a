"""Case 8: what goes of Dagster's old runs, and what stays because something stands on it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from gitpulse_assets.runs import purge
from gitpulse_assets.runs.purge import MACHINERY, purged
from gitpulse_assets.runs.sqlite_connections import keep_connections
from gitpulse_assets_tests.conftest import absent
from gitpulse_assets_tests.dagster_home import copy_databases
from gitpulse_assets_tests.deployment import postgres

KEEP = timedelta(days=30)
PARTITIONS = dg.DynamicPartitionsDefinition(name="repos")
NAMES = [dg.AssetKey("made"), dg.AssetKey("made_once")]
CHECK = dg.AssetCheckSpec("fine", asset="made", partitions_def=PARTITIONS)


@dg.asset(partitions_def=PARTITIONS, check_specs=[CHECK])
def made(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
    print("captured")
    return dg.MaterializeResult(check_results=[dg.AssetCheckResult(passed=True)])


@dg.asset(partitions_def=PARTITIONS)
def made_once() -> None: ...


DEFS = dg.Definitions(
    assets=[made, made_once],
    jobs=[
        dg.define_asset_job("both", [made, made_once]),
        dg.define_asset_job("one", [made]),
        dg.define_asset_job("other", [made]),
    ],
    executor=dg.in_process_executor,
)


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    """A PostgreSQL for this module, as Dagster's configuration names it."""
    if postgres.programs() is None:
        absent("postgres", "PostgreSQL's `initdb` is not installed")
    with postgres.served("secret") as server:
        yield f"postgresql+psycopg2://{postgres.USER}:{server.password}@127.0.0.1:{server.port}/gitpulse"


@pytest.fixture(
    params=["sqlite", "in memory", pytest.param("postgres", marks=[pytest.mark.slow, pytest.mark.postgres])]
)
def instance(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """A file for each run's events, or one table for all."""
    if request.param == "postgres":
        address = request.getfixturevalue("database")
        storage = f"storage: {{postgres: {{postgres_url: '{address}'}}}}"
        (tmp_path / "dagster.yaml").write_text(f"telemetry: {{enabled: false}}\n{storage}\n")
        with dg.DagsterInstance.from_config(str(tmp_path)) as opened:
            opened.wipe()
            yield opened
        return
    if request.param == "sqlite":
        (tmp_path / "dagster.yaml").write_text("telemetry: {enabled: false}")
        copy_databases(request.config, tmp_path)
        with dg.DagsterInstance.from_config(str(tmp_path)) as opened:
            keep_connections(opened)
            yield opened
    else:
        with dg.DagsterInstance.ephemeral() as opened:
            yield opened


def execute(instance: dg.DagsterInstance, job: str, partition: str) -> str:
    instance.add_dynamic_partitions("repos", [partition])
    return DEFS.resolve_job_def(job).execute_in_process(instance=instance, partition_key=partition).run_id


def states(instance: dg.DagsterInstance) -> tuple[object, ...]:
    """What people see of the assets and the check."""
    asset_graph = DEFS.resolve_asset_graph()
    (check,) = asset_graph.asset_check_keys
    latest = instance.event_log_storage.get_latest_asset_check_execution_by_key([check])[check]
    return (
        *(instance.get_materialized_partitions(name) for name in NAMES),
        *(instance.get_latest_materialization_event(name).run_id for name in NAMES),  # pyright: ignore
        latest.run_id,
        latest.status,
    )


def in_days(days: int) -> datetime:
    return datetime.now(UTC) + timedelta(days=days)


def test_08_old_runs_go_but_for_those_that_something_stands_on(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(purge, "LAST_RUNS_KEPT", 1)
    only_of_its_table = execute(instance, "both", "a/a")
    other_partition = execute(instance, "other", "b/b")
    superseded, last = (execute(instance, "one", "a/a") for _ in range(2))
    before = states(instance)
    assert list(purged(instance, KEEP, in_days(6))) == []
    said = list(purged(instance, KEEP, in_days(31)))
    assert said[0] == "Dagster: 1 runs older than 30 days went, with their events and output"
    assert {run.run_id for run in instance.get_runs()} == {only_of_its_table, other_partition, last}
    assert states(instance) == before
    told = instance.fetch_materializations(NAMES[0], limit=100).records
    assert superseded not in {record.run_id for record in told}
    assert list(purged(instance, KEEP, in_days(31))) == []


def test_08_it_is_not_the_last_runs_alone_that_keep_a_state(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
):
    """A table that another job made once, and a partition nobody refreshes any more."""
    monkeypatch.setattr(purge, "LAST_RUNS_KEPT", 0)
    needed = {execute(instance, "both", "a/a"), execute(instance, "one", "b/b")}
    needed.add([execute(instance, "one", "a/a") for _ in range(2)][-1])
    before = states(instance)
    list(purged(instance, KEEP, in_days(31)))
    assert {run.run_id for run in instance.get_runs()} == needed
    assert states(instance) == before


def test_08_of_a_good_run_the_machinery_goes_after_a_week(instance: dg.DagsterInstance):
    run_id = execute(instance, "both", "a/a")
    before, kinds = states(instance), kinds_of(instance, run_id)
    assert kinds & set(MACHINERY)
    (said,) = purged(instance, KEEP, in_days(8))
    assert said.endswith("events of 1 runs' machinery went")
    assert kinds_of(instance, run_id) == kinds - {*MACHINERY, None}
    assert states(instance) == before


def test_08_of_a_run_that_stays_for_one_state_all_other_tellings_go(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
):
    """A run of many repositories would stay whole, with fifty times the rows, for one that is quiet."""
    monkeypatch.setattr(purge, "LAST_RUNS_KEPT", 0)
    stays = execute(instance, "both", "a/a")
    (run,) = instance.get_runs()
    instance.report_run_failed(run)
    last = execute(instance, "one", "a/a")
    before = states(instance)
    said = list(purged(instance, KEEP, in_days(31)))
    assert said[0].endswith("events of 2 runs that stay went, as newer ones replace them")
    told = [entry.dagster_event for entry in instance.all_logs(stays) if entry.dagster_event]
    assert {str(event.asset_key) for event in told if event.asset_key} == {str(NAMES[1])}
    assert kinds_of(instance, stays).isdisjoint({*MACHINERY, None, "ASSET_CHECK_EVALUATION"})
    assert states(instance) == before
    (check,) = DEFS.resolve_asset_graph().asset_check_keys
    judged = instance.event_log_storage.get_asset_check_execution_history(check, limit=9)
    assert [one.run_id for one in judged] == [last]
    assert list(purged(instance, KEEP, in_days(31))) == []


def kinds_of(instance: dg.DagsterInstance, run_id: str) -> set[str | None]:
    entries = instance.all_logs(run_id)
    return {entry.dagster_event_type.value if entry.dagster_event_type else None for entry in entries}


def test_08_the_files_go_too(tmp_path: Path):
    """On SQLite a run is a file of events and a folder of output, which Dagster's own deletion leaves."""
    (tmp_path / "dagster.yaml").write_text("telemetry: {enabled: false}")
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        run_id = execute(instance, "one", "a/a")
        assert files_named(tmp_path, run_id)
        purge.delete_run(instance, run_id)
        assert files_named(tmp_path, run_id) == []
        assert instance.get_run_by_id(run_id) is None


def files_named(folder: Path, run_id: str) -> list[Path]:
    return [path for path in folder.rglob("*") if run_id in str(path)]


@pytest.mark.parametrize("is_open", [True, False])
def test_08_a_backfill_under_way_keeps_its_runs(instance: dg.DagsterInstance, monkeypatch, is_open: bool):
    monkeypatch.setattr(purge, "open_backfills", lambda _: {"bf": None} if is_open else {})
    monkeypatch.setattr(purge, "LAST_RUNS_KEPT", 0)
    instance.add_dynamic_partitions("repos", ["a/a"])
    job = DEFS.resolve_job_def("one")
    tags = {"dagster/backfill": "bf"}
    first, _ = (
        job.execute_in_process(instance=instance, partition_key="a/a", tags=tags).run_id for _ in range(2)
    )
    list(purged(instance, KEEP, in_days(31)))
    assert instance.has_run(first) == is_open
