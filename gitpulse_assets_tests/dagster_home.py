"""Dagster's SQLite databases in a folder: making them takes a third of a second of a core, a copy nothing."""

import shutil
from pathlib import Path

import dagster as dg
import pytest

from gitpulse_assets_tests import shared


def copy_databases(config: pytest.Config, folder: Path) -> None:
    """Copy empty ones, made once a run of the tests, to a folder that an instance is then opened in."""

    def make(made: Path) -> dict[str, str]:
        with dg.DagsterInstance.local_temp(str(made)) as instance:
            instance.get_runs()
        return {"folder": str(made)}

    shutil.copytree(shared.made_once(config, "instance", make)["folder"], folder, dirs_exist_ok=True)
