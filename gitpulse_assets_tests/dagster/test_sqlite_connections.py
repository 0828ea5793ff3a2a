"""Runs on kept connections leave the same history as runs on Dagster's own, for whoever reads it."""

import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.events import AssetMaterializationPlannedData, DagsterEvent
from dagster._core.instance import InstanceRef

from gitpulse_assets.runs.sqlite_connections import KEPT_ENGINES, Engines, keep_connections

RUN_ID = "8d1f6a44-7a8c-4d3c-9a55-0f3b3f1f2a11"


@dg.asset(check_specs=[dg.AssetCheckSpec("holds", asset="numbers")])
def numbers(context: dg.AssetExecutionContext):
    yield dg.MaterializeResult(check_results=[dg.AssetCheckResult(passed=True)])


def opened(home: Path, *, is_kept: bool) -> dg.DagsterInstance:
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    instance = dg.DagsterInstance.from_ref(InstanceRef.from_dir(str(home)))
    if is_kept:
        keep_connections(instance)
    return instance


def history(home: Path) -> list[list[str]]:
    """What another process reads: each run's events, in the order of the runs."""
    with opened(home, is_kept=False) as instance:
        runs = sorted(instance.get_run_records(), key=lambda record: record.storage_id)
        assert instance.get_latest_materialization_event(dg.AssetKey("numbers"))
        return [
            [str(entry.dagster_event_type) for entry in instance.all_logs(record.dagster_run.run_id)]
            for record in runs
        ]


def run_times(home: Path, count: int, *, is_kept: bool) -> list[list[str]]:
    home.mkdir()
    with opened(home, is_kept=is_kept) as instance:
        for _ in range(count):
            assert dg.materialize([numbers], instance=instance).success
        # Read while the connections are still open: every event is committed when it is stored.
        return history(home)


def test_the_history_is_the_same(tmp_path: Path):
    kept = run_times(tmp_path / "kept", 3, is_kept=True)
    assert kept == run_times(tmp_path / "plain", 3, is_kept=False)
    assert kept == history(tmp_path / "kept")


def test_ended_runs_are_let_go(tmp_path: Path):
    engines = Engines()
    made = [engines.of(f"sqlite:///{tmp_path}/{number}.db") for number in range(KEPT_ENGINES + 1)]
    for engine in made[1:]:
        assert engines.of(str(engine.url)) is engine
    assert engines.of(str(made[0].url)) is not made[0]


def test_a_busy_database_is_waited_for(tmp_path: Path):
    engine = Engines().of(f"sqlite:///{tmp_path}/busy.db")
    with engine.begin() as connection:
        timeout = connection.exec_driver_sql("pragma busy_timeout").scalar()
    assert timeout == 30_000


def test_what_is_committed_outlives_a_killed_process(tmp_path: Path):
    address = f"sqlite:///{tmp_path}/killed.db"
    told = (
        "import os, signal; from gitpulse_assets.runs.sqlite_connections import Engines\n"
        f"with Engines().of({address!r}).begin() as connection:\n"
        "    connection.exec_driver_sql('create table event as select 7 as number')\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert subprocess.run([sys.executable, "-c", told], check=False).returncode == -signal.SIGKILL
    with sqlite3.connect(tmp_path / "killed.db") as other:
        assert other.execute("select number from event").fetchall() == [(7,)]


def test_what_is_told_in_one_go_is_stored_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    with opened(tmp_path, is_kept=True) as instance:
        storage = instance.event_log_storage
        entries = [planned(number) for number in range(3)]
        store = storage.store_event

        def die_at_the_last(entry: dg.EventLogEntry) -> None:
            if entry is entries[-1]:
                raise OSError("the disk is full")
            store(entry)

        with monkeypatch.context() as patch:
            patch.setattr(storage, "store_event", die_at_the_last)
            with pytest.raises(OSError, match="full"):
                storage.store_event_batch(entries)
        assert instance.all_logs(RUN_ID) == []
        storage.store_event_batch(entries)
        with opened(tmp_path, is_kept=False) as other:
            assert len(other.all_logs(RUN_ID)) == 3


def planned(number: int) -> dg.EventLogEntry:
    data = AssetMaterializationPlannedData(dg.AssetKey(f"table_{number}"), None, None)
    event = DagsterEvent.build_asset_materialization_planned_event("refresh", "step", data)
    return dg.EventLogEntry(None, 10, "", RUN_ID, float(number), job_name="refresh", dagster_event=event)


def test_another_storage_is_left_alone():
    with dg.DagsterInstance.ephemeral() as instance:
        connect = instance.run_storage.connect
        keep_connections(instance)
        assert instance.run_storage.connect == connect


LEANED_ON = (
    "_connect",
    "_db_lock",
    "_has_asset_key_index_cols_on_connection",
    "_initdb",
    "_initialized_dbs",
    "conn_string_for_shard",
    "has_table",
    "store_event_batch",
)


@pytest.mark.parametrize("name", LEANED_ON)
def test_what_is_leaned_on_is_there(tmp_path: Path, name: str):
    with opened(tmp_path, is_kept=False) as instance:
        assert hasattr(instance.event_log_storage, name)
