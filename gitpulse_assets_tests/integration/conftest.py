"""Two generated repositories, and a lake on either store for the whole product to fill."""

from collections.abc import Callable, Iterator

import pytest

from gitpulse_assets.repo import Repo
from gitpulse_assets.sandbox.history import generate
from gitpulse_assets.sandbox.model import Issue
from gitpulse_assets.sandbox.plan import HistoryPlan
from gitpulse_assets.sandbox.server import Sandbox, serve
from gitpulse_assets_tests.crash.pipeline import REPO, Place
from gitpulse_assets_tests.s3_server import Storage, no_caller_settings, s3_server, storage

__all__ = ["no_caller_settings", "s3_server", "storage"]

OTHER = Repo("acme", "other")


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    plans = [
        HistoryPlan(repo.key, seed=7, issue_count=60, day_count=50, body_bytes_mean=10)
        for repo in (REPO, OTHER)
    ]
    with serve(generate(plans)) as running:
        yield running


@pytest.fixture
def place(storage: Storage, sandbox: Sandbox) -> Place:
    return Place(storage.url, storage.s3, sandbox.base_url)


@pytest.fixture
def unsettled(sandbox: Sandbox) -> Issue:
    """The open issue that is closed by the first change and reopened by the second."""
    return open_issues(sandbox)[0]


def open_issues(sandbox: Sandbox) -> list[Issue]:
    issues = sandbox.world.acts_on(REPO.key).repository.issues.values()
    return [issue for issue in issues if issue.state == "open" and not issue.is_pull_request]


@pytest.fixture
def change(sandbox: Sandbox, unsettled: Issue) -> Callable[[], None]:
    """A day later an issue was opened, one retitled, and the unsettled one closed or reopened."""
    world, acts, retitled = sandbox.world, sandbox.world.acts_on(REPO.key), open_issues(sandbox)[1]

    def change() -> None:
        world.advance(seconds=86_400)
        acts.open(world.clock, None, "News")
        acts.retitle(retitled, world.clock, None, f"Changed at {world.clock}")
        (acts.close if unsettled.state == "open" else acts.reopen)(unsettled, world.clock, None)
        world.advance(seconds=3600)

    return change
