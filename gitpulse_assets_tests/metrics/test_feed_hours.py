"""A metric in a lake that has nothing but what polls of a feed brought."""

from pathlib import Path

import pytest

from gitpulse_assets.answers.lake_answers import LakeAnswers
from gitpulse_assets.events.forgetting import forget_in_events
from gitpulse_assets.events.projection import projections
from gitpulse_assets.lake.duck import connect
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.metrics.answers import Answered, MetricAnswers
from gitpulse_assets.metrics.catalogue import shipped_metrics
from gitpulse_assets.metrics.event_days import NoEvents
from gitpulse_assets.metrics.parameters import read_values
from gitpulse_assets_tests.events.feed_lives import REPO, FeedLife, polled

PACE = next(metric for metric in shipped_metrics() if metric.id == "avg_pr_time")


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """Of a feed alone: two polls, 17 hours apart, and a pull request every second hour between them."""
    lake, life = Lake.open(str(tmp_path / "lake")), FeedLife(1)
    with connect() as con:
        polled(lake, con, life)
        for number in range(6):
            at = life.world.clock + 600 + number * 7200
            life.feed.publish("PullRequestEvent", at, {"action": "opened", "number": number})
        life.world.advance(seconds=17 * 3600)
        polled(lake, con, life)
    return lake


def ask(lake: Lake, **given: str) -> Answered:
    of_lake = LakeAnswers(lake)
    answers = MetricAnswers(lake, of_lake)
    try:
        return answers.ask(PACE, read_values(PACE.entry.parameters, given))
    finally:
        answers.close()
        of_lake.close()


def test_a_metric_over_one_repository_stands_on_its_feed(lake: Lake):
    found = ask(lake, repository=str(REPO))
    assert found.rows["average_minutes"].to_pylist() == [120]
    assert found.coverage is not None
    # The time begins a microsecond before its first hour.
    assert found.coverage.share_whole == pytest.approx(1)
    assert found.reason is None


def test_a_first_poll_that_brought_what_was_before_it_covers_nothing(tmp_path: Path):
    lake, life = Lake.open(str(tmp_path / "lake")), FeedLife(2)
    for number in range(2):
        at = life.world.clock - 90_000 + number * 3600
        life.feed.publish("PullRequestEvent", at, {"action": "opened", "number": number})
    with connect() as con:
        polled(lake, con, life)
    found = ask(lake, repository=str(REPO))
    assert found.coverage is not None
    assert found.coverage.share_whole == 0
    assert "missing" in str(found.reason)


def test_a_lake_whose_only_feed_was_forgotten_says_what_helps(lake: Lake):
    with connect() as con:
        forget_in_events(lake, con, REPO.owner, projections())
    with pytest.raises(NoEvents, match="gitpulse events watch"):
        ask(lake)
