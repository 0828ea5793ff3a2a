"""Tests of the subject `contributors`, which is there only where the process was told so when it started.

`unit/test_chosen.py` runs them in a process of their own.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from gitpulse_assets.answers.lake_answers import LakeAnswers
from gitpulse_assets.answers.repository import RepositoryAnswers
from gitpulse_assets.chosen import CONTRIBUTORS, chosen_subjects
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets_tests import shared
from gitpulse_assets_tests.people.lakes import ROCKET, fill
from gitpulse_assets_tests.serve.conftest import app_of

collect_ignore_glob = [] if CONTRIBUTORS in chosen_subjects() else ["test_*.py"]


@pytest.fixture(scope="session")
def people_folder(pytestconfig: pytest.Config) -> Path:
    """A lake with conversations, for tests that only read."""

    def make(folder: Path) -> dict[str, str]:
        fill(folder / "lake")
        return {"folder": str(folder / "lake")}

    return Path(shared.made_once(pytestconfig, "people", make)["folder"])


@pytest.fixture(scope="session")
def people_lake(people_folder: Path) -> Lake:
    return Lake.open(str(people_folder), is_writable=False)


@pytest.fixture(scope="session")
def client(people_folder: Path) -> Iterator[TestClient]:
    with TestClient(app_of(people_folder), raise_server_exceptions=False) as made:
        yield made


@pytest.fixture(scope="session")
def answers(people_lake: Lake) -> Iterator[LakeAnswers]:
    made = LakeAnswers(people_lake)
    yield made
    made.close()


@pytest.fixture(scope="session")
def asked(answers: LakeAnswers) -> RepositoryAnswers:
    return answers.ask(ROCKET, lambda of: of)
