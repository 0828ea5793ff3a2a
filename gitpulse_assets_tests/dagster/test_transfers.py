"""Transfers between two watched repositories, through Dagster runs."""

import pytest

from gitpulse_assets.marts.issue_transfer import MART_ISSUE_TRANSFER
from gitpulse_assets.runs.launch import refresh
from gitpulse_assets.sandbox.server import serve
from gitpulse_assets_tests.history.moving import NEW, OLD, transferred, two_repositories


@pytest.fixture
def world():
    return two_repositories()


@pytest.fixture
def sync(world, home, defs, instance, monkeypatch):
    """Refresh a repository in a Dagster run, a day after the last one."""
    with serve(world) as sandbox:
        monkeypatch.setenv("GITHUB_API_URL", sandbox.base_url)

        def run(repo):
            outcome = refresh(defs, instance, repo, is_full=True)
            assert outcome.is_success, outcome.message
            world.advance(seconds=86_400)

        yield run


@pytest.mark.slow
def test_both_sides_name_each_other(world, sync, read):
    sync(OLD)
    moved = transferred(world)
    sync(OLD)
    sync(NEW)
    (came,), (went,) = read(MART_ISSUE_TRANSFER, NEW), read(MART_ISSUE_TRANSFER, OLD)
    assert (came["other_repository"], came["other_issue_number"], came["is_linked"]) == (
        "octo-org/old",
        1,
        True,
    )
    assert came["other_label_names"] == ["area: old", "bug"]
    assert (went["other_repository"], went["other_issue_number"]) == ("octo-org/new", moved.number)
