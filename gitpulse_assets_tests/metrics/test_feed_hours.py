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


def renamed(lake: Lake, full_name: str) -> Lake:
    """A lake like the other, whose repository is called otherwise since six hours before the second poll."""
    life = FeedLife(1)
    with connect() as con:
        polled(lake, con, life)
        for number in range(6):
            if number == 3:
                life.world.rename_repository(str(REPO), full_name)
            at = life.world.clock + 600
            life.world.feeds[life.feed.repository.repository_id].publish(
                "PullRequestEvent", at, {"action": "opened", "number": number}
            )
            life.world.advance(seconds=7200)
        life.world.advance(seconds=5 * 3600)
        polled(lake, con, life)
    return lake


@pytest.mark.parametrize("name", ["acme/booster", "moon/rocket"], ids=["renamed", "transferred"])
def test_a_repository_asked_by_its_new_name_stands_on_the_feed_held_under_its_old_one(
    tmp_path: Path, name: str
):
    lake = renamed(Lake.open(str(tmp_path / "lake")), name)
    for asked in (name, str(REPO), name.upper()):
        found = ask(lake, repository=asked)
        assert found.rows["opened_count"].to_pylist() == [6]
        assert found.coverage is not None
        assert (found.coverage.share_whole, found.reason) == (pytest.approx(1), None)
    other = ask(lake, repository="acme/engine")
    assert other.coverage is not None
    assert other.coverage.share_whole == 0


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


def test_what_is_known_of_a_day_is_read_once_and_a_merge_of_it_seen_at_once(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
):
    """A month's commits were read again at each request, which twenty users waited for."""
    of_lake = LakeAnswers(lake)
    answers, values = MetricAnswers(lake, of_lake), read_values(PACE.entry.parameters, {})
    before = answers.question(PACE, values)
    with monkeypatch.context() as patch:
        patch.setattr(Lake, "commit", lambda *_: pytest.fail("a commit was read again"))
        assert answers.question(PACE, values).version == before.version
    with connect() as con:
        life = FeedLife(3)
        life.happen(5, 48 * 3600)
        polled(lake, con, life)
    assert answers.question(PACE, values).version != before.version
    answers.close()
    of_lake.close()
