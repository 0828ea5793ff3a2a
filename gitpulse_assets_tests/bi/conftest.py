"""A filled lake in a folder."""

from pathlib import Path

import pytest

from gitpulse_assets.lake.lake import Lake
from gitpulse_assets_tests.answer_lakes import copy_filled


@pytest.fixture(scope="session")
def folder(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("with 'quote") / "lake"
    copy_filled(pytestconfig, made, 60, 90)
    return made


@pytest.fixture(scope="session")
def lake(folder: Path) -> Lake:
    return Lake.open(str(folder), is_writable=False)
