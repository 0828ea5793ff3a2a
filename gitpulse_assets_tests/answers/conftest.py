"""Lakes with a generated history, in a folder and on S3, and the answers about them."""

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gitpulse_assets.answers.lake_answers import LakeAnswers
from gitpulse_assets.answers.repository import RepositoryAnswers
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets_tests.answer_lakes import ONNX, ROCKET, copy_filled, copy_recorded
from gitpulse_assets_tests.s3_server import BUCKET, SharedServer, no_caller_settings, s3_server

__all__ = ["no_caller_settings", "s3_server"]


@pytest.fixture(scope="session", params=["folder", pytest.param("s3", marks=pytest.mark.s3)])
def stored(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Lake]:
    """Opens an empty lake of the kind, each time another."""

    def open_new() -> Lake:
        if request.param == "folder":
            return Lake.open(str(tmp_path_factory.mktemp("lake")))
        server: SharedServer = request.getfixturevalue("s3_server")
        return Lake.open(f"s3://{BUCKET}/{uuid.uuid4().hex}", server.options)

    return open_new


@pytest.fixture(scope="session")
def lake(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """A lake in a folder, for tests that only read."""
    folder = tmp_path_factory.mktemp("generated")
    copy_filled(pytestconfig, folder, departs=True)
    return Lake.open(str(folder))


@pytest.fixture(scope="session")
def recorded(
    recorded_data: Path, pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> Lake:
    """A real repository, recorded."""
    folder = tmp_path_factory.mktemp("recorded")
    copy_recorded(pytestconfig, folder, recorded_data)
    return Lake.open(str(folder))


@pytest.fixture(scope="session")
def answers(lake: Lake) -> Iterator[LakeAnswers]:
    made = LakeAnswers(lake)
    yield made
    made.close()


@pytest.fixture(scope="session")
def rocket(answers: LakeAnswers) -> RepositoryAnswers:
    return answers.ask(ROCKET, lambda asked: asked)


@pytest.fixture(scope="session")
def onnx(recorded: Lake) -> Iterator[RepositoryAnswers]:
    made = LakeAnswers(recorded)
    yield made.ask(ONNX, lambda asked: asked)
    made.close()
