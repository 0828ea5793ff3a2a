"""Transfers between two watched repositories, through Dagster runs."""

import pytest

from gitpulse_assets.automation.launch import refresh
from gitpulse_assets.contracts.transfer import MART_ISSUE_TRANSFER
from gitpulse_assets.repo import Repo
from gitpulse_assets.sandbox.model import Label
from gitpulse_assets.sandbox.server import serve
from gitpulse_assets.sandbox.world import World

OLD, NEW = Repo("octo-org", "old"), Repo("octo-org", "new")


@pytest.fixture
def world():
    """Two repositories with two issues each; labels have the same names in both but for one."""
    world = World("2026-01-01T00:00:00Z")
    for number, full_name in enumerate(("Octo-Org/Old", "octo-org/new")):
        acts = world.add_repository(full_name)
        names = ("bug", "area: old") if number == 0 else ("bug",)
        acts.repository.labels = [
            Label(10 * number + place, name, "d73a4a") for place, name in enumerate(names, start=1)
        ]
        for _ in range(2):
            acts.open(world.clock, None, "Title", labels=acts.repository.labels)
    world.advance(seconds=86_400)
    return world


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


def transferred(world):
    """Transfer an issue and return it as it is there."""
    old, new = world.acts_on("octo-org/old"), world.acts_on("octo-org/new")
    moved = old.transfer(old.repository.issues[1], world.clock, None, new)
    world.advance(seconds=3600)
    return moved


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
