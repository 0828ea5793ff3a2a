"""A lake with one repository, and what an assistant asks of it."""

from pathlib import Path

import pytest

from gitpulse_assets_tests.answer_lakes import copy_filled


@pytest.fixture(scope="session")
def folder(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A filled lake, for tests that only read."""
    made = tmp_path_factory.mktemp("asked") / "lake"
    copy_filled(pytestconfig, made)
    return made
