"""`gitpulse refresh --events`: the history without a token, its cost said first."""

import re

import pytest

from gitpulse_assets.commands.exit_codes import DONE, PARTIAL
from gitpulse_assets.sandbox.history import generate
from gitpulse_assets.sandbox.plan import HistoryPlan
from gitpulse_assets.sandbox.server import serve


@pytest.fixture
def fresh(gitpulse, monkeypatch):
    """A stand-in of its own, since requests without a token share one quota."""
    with serve(generate([HistoryPlan("acme/rocket", seed=7, issue_count=150, day_count=200)])) as sandbox:
        monkeypatch.setenv("GITHUB_API_URL", sandbox.base_url)
        monkeypatch.delenv("GITHUB_TOKEN")
        yield sandbox


def test_the_cost_is_said_first_and_the_history_is_whole(gitpulse, fresh):
    result = gitpulse("refresh", "acme/rocket", "--events")
    assert result.exit_code == DONE, result.output
    said = r"acme/rocket: issue events: \d+ more requests needed, \d+ left until 13:00 UTC"
    assert any(re.fullmatch(said, line) for line in result.stderr.splitlines())
    assert "lifecycle" not in gitpulse("verdict", "acme/rocket").stdout


@pytest.mark.slow
def test_events_that_cost_more_than_is_left_are_gone_on_with(gitpulse, fresh, monkeypatch):
    monkeypatch.setenv("GITPULSE_PATIENCE_SECONDS", "0")
    fresh.app.limits.anonymous_per_hour = 12
    result = gitpulse("refresh", "acme/rocket", "--events")
    assert result.exit_code == PARTIAL
    assert "; the rest waits for that, or for another run" in result.stderr
    fresh.world.advance(seconds=3600)
    fresh.app.limits.anonymous_per_hour = 60
    assert gitpulse("refresh", "acme/rocket", "--events").exit_code == DONE
    assert "snapshot only" not in gitpulse("verdict", "acme/rocket").stdout


@pytest.mark.slow
def test_with_a_token_events_are_not_needed(gitpulse):
    result = gitpulse("refresh", "acme/rocket", "--events")
    assert result.exit_code == DONE
    assert result.stderr == (
        "acme/rocket: issue events are not asked for: with a token GraphQL tells every lifecycle for less\n"
    )
