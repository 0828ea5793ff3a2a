"""A lake with issues and public events, made once, and the metrics over it."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from gitpulse_assets.answers.lake_answers import LakeAnswers
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.metrics.answers import MetricAnswers
from gitpulse_assets_tests import shared
from gitpulse_assets_tests.answer_lakes import copy_filled
from gitpulse_assets_tests.metrics.events import bring, made
from gitpulse_assets_tests.metrics.plain import Truth


def copy_with_events(config: pytest.Config, target: Path) -> None:
    """Copy a lake with issues and events, filled once a run of the tests, to a folder."""

    def make(folder: Path) -> dict[str, str]:
        copy_filled(config, folder / "lake", departs=True)
        bring(Lake.open(str(folder / "lake")), folder / "archive", made())
        return {"folder": str(folder / "lake")}

    shutil.copytree(shared.made_once(config, "with-events", make)["folder"], target, dirs_exist_ok=True)


@pytest.fixture(scope="session")
def folder(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("metrics") / "lake"
    copy_with_events(pytestconfig, target)
    return target


@pytest.fixture(scope="session")
def lake(folder: Path) -> Lake:
    return Lake.open(str(folder), is_writable=False)


@pytest.fixture(scope="session")
def answers(lake: Lake) -> Iterator[MetricAnswers]:
    of_lake = LakeAnswers(lake)
    found = MetricAnswers(lake, of_lake)
    yield found
    found.close()
    of_lake.close()


@pytest.fixture(scope="session")
def truth() -> Truth:
    return Truth(one for events in made().values() for one in events)
