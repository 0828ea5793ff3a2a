"""`gitpulse events watch`: what it says of a poll, and what it refuses."""

from collections.abc import Iterator

import pytest

from gitpulse_assets.cli import FeedType, feeds_or_exit
from gitpulse_assets.commands.exit_codes import DONE, PARTIAL, WRONG_USE
from gitpulse_assets.github.target import Owner
from gitpulse_assets.sandbox.history import generate
from gitpulse_assets.sandbox.plan import HistoryPlan
from gitpulse_assets.sandbox.server import serve
from gitpulse_assets.settings import load_settings
from gitpulse_assets_tests.cli.conftest import REPO


@pytest.fixture
def few_days(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A repository whose events are of few days, each of which a poll publishes by itself."""
    with serve(generate([HistoryPlan(REPO.key, seed=7, issue_count=6, day_count=3)])) as running:
        monkeypatch.setenv("GITHUB_API_URL", running.base_url)
        yield


def test_a_poll_says_what_came_what_may_be_missing_and_what_is_not_there(gitpulse, few_days):
    """The trouble of one feed is a line, and the others go on."""
    first = gitpulse("events", "watch", "acme/nowhere", REPO.key, "--once")
    assert first.exit_code == PARTIAL
    assert first.stdout.startswith("1 feed polled, 1 failed; ")
    assert "events served; first poll: nothing is known of before" in first.stderr
    assert "acme/nowhere is not found at 127.0.0.1" in first.stderr
    again = gitpulse("events", "watch", REPO.key, "--once")
    assert again.exit_code == DONE
    assert again.stdout == "1 feed polled, 0 failed; 0 events new\n"
    assert again.stderr == ""


def test_without_a_repository_it_says_where_to_name_one(gitpulse):
    result = gitpulse("events", "watch")
    assert result.exit_code == WRONG_USE
    assert "name a repository here, in gitpulse.yaml or in GITPULSE_REPOS" in result.stderr


def test_an_organisation_is_named_without_a_repository():
    assert FeedType().convert("Acme", None, None) == Owner("acme")
    assert FeedType().convert("Acme/Rocket", None, None) == REPO


def test_without_arguments_the_organisations_of_the_watch_list_are_watched_too(home, monkeypatch):
    monkeypatch.setenv("GITPULSE_REPOS", f"{REPO.key} acme/clo*")
    assert feeds_or_exit(load_settings()) == [REPO, Owner("acme")]
