"""A lake with a generated history, and the server that shows it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from gitpulse_assets.answers.lake_answers import LakeAnswers
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.sandbox.world import World
from gitpulse_assets.serve.app import create_app
from gitpulse_assets.settings import Settings
from gitpulse_assets_tests import shared
from gitpulse_assets_tests.answer_lakes import ROCKET, fill, generated_world
from gitpulse_assets_tests.conftest import forget_settings

# What GitHub lets anyone write into a title, a login's label or a day's list.
TRICKY_LABEL = "type: **bug**: 90 days"
EVIL = '<script>alert("x")</script><img src=x onerror=alert(1)>'


def plain_settings() -> Settings:
    """The defaults, whatever the environment of the tests says."""
    with pytest.MonkeyPatch.context() as patch:
        forget_settings(patch)
        return Settings()


@pytest.fixture(scope="session")
def world() -> World:
    """A growing repository in which one open issue has an evil title, and labels look like Markdown."""
    made = generated_world()
    issue = next(
        issue
        for issue in made.acts_on(ROCKET.key).repository.issues.values()
        if issue.state == "open" and not issue.is_pull_request
    )
    issue.title = EVIL
    issue.labels = [*issue.labels, made.acts_on(ROCKET.key).repository.labels[0]]
    made.acts_on(ROCKET.key).repository.labels[0].name = TRICKY_LABEL
    return made


@pytest.fixture(scope="session")
def lake(world: World, pytestconfig: pytest.Config) -> Lake:
    """One lake for all processes of a run, for tests that only read."""

    def make(folder: Path) -> dict[str, str]:
        fill(Lake.open(str(folder)), world, folder)
        return {"folder": str(folder)}

    return Lake.open(shared.made_once(pytestconfig, "shown", make)["folder"], is_writable=False)


@pytest.fixture(scope="session")
def answers(lake: Lake) -> Iterator[LakeAnswers]:
    made = LakeAnswers(lake)
    yield made
    made.close()


@pytest.fixture(scope="session")
def site(lake: Lake) -> Iterator[TestClient]:
    with TestClient(create_app(lake, plain_settings())) as client:
        yield client


@pytest.fixture
def empty_site(tmp_path: Path) -> Iterator[TestClient]:
    with TestClient(create_app(Lake.open(str(tmp_path)), plain_settings())) as client:
        yield client
