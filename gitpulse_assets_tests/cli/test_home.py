"""Case 6: Dagster's home is made by one process at a time, and what is said where it is damaged."""

import sqlite3
import stat
import threading
import time
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import dagster as dg
import pytest

from gitpulse_assets.runs import launch
from gitpulse_assets.runs.launch import open_instance
from gitpulse_assets.settings import SettingsError


@pytest.fixture(autouse=True)
def own_dagster_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Set by the function itself, and to be taken back."""
    monkeypatch.setenv("DAGSTER_HOME", "")
    monkeypatch.chdir(tmp_path)


def test_06_two_commands_at_once_make_a_home_one_after_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    at_work, together = [], []

    def get() -> None:
        at_work.append(1)
        together.append(len(at_work))
        time.sleep(0.01)
        at_work.pop()

    monkeypatch.setattr(launch, "dg", SimpleNamespace(DagsterInstance=SimpleNamespace(get=get)))
    commands = [threading.Thread(target=open_instance, args=(tmp_path / "home",)) for _ in range(8)]
    for command in commands:
        command.start()
    for command in commands:
        command.join()
    assert together == [1] * 8


def test_06_damaged_databases_are_told_with_what_helps(tmp_path: Path):
    home = tmp_path / "home"
    open_instance(home).dispose()
    for path in home.rglob("*.db"):
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("insert into alembic_version values ('another')")
            connection.commit()
    with pytest.raises(SettingsError) as refusal:
        open_instance(home)
    assert "move its folders history and schedules away" in str(refusal.value)
    assert "\n" not in str(refusal.value)
    for folder in ("history", "schedules"):
        (home / folder).rename(tmp_path / folder)
    with open_instance(home) as instance:
        assert isinstance(instance, dg.DagsterInstance)


def test_18_a_new_home_is_its_users_alone(tmp_path: Path):
    """Run configuration, output and samples of private repositories stand in it."""
    home = tmp_path / "home"
    open_instance(home).dispose()
    assert stat.S_IMODE(home.stat().st_mode) == 0o700


def test_06_another_trouble_is_the_settings_files(tmp_path: Path):
    (tmp_path / "dagster.yaml").write_text("no_such_key: 1")
    with pytest.raises(SettingsError, match="or set another folder"):
        open_instance(tmp_path)
