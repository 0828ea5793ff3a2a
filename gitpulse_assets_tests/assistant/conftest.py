"""A lake with one repository, and what an assistant asks of it."""

from pathlib import Path

import pytest

from gitpulse_assets.lake.lake import Lake
from gitpulse_assets_tests.answer_lakes import fill, generated_world


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A filled lake, for tests that only read."""
    made, world = tmp_path_factory.mktemp("asked") / "lake", generated_world(200, 300)
    fill(Lake.open(str(made)), world, made)
    return made
