"""A metric in a lake that has nothing but what polls of a feed brought."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from gitpulse_assets.answers.lake_answers import LakeAnswers
from gitpulse_assets.events.feed_hours import FeedHours
from gitpulse_assets.events.feed_state import Feeds, FeedState
from gitpulse_assets.events.feed_state import feeds as feed_states
from gitpulse_assets.events.forgetting import forget_in_events
from gitpulse_assets.events.projection import projections
from gitpulse_assets.lake.duck import connect
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.metrics.answers import SECONDS_MAX, Answered, MetricAnswers
from gitpulse_assets.metrics.catalogue import Metric, read_metrics, shipped_metrics
from gitpulse_assets.metrics.clock import TooLong
from gitpulse_assets.metrics.event_days import EventDays, NoEvents
from gitpulse_assets.metrics.parameters import read_values
from gitpulse_assets_tests.events.feed_lives import REPO, FeedLife, polled

METRICS = {metric.id: metric for metric in shipped_metrics()}
PACE = METRICS["avg_pr_time"]
BOOSTER = "acme/booster"
OWN = """\
- id: opened
  name: Opened
  description: Pull requests of a repository, by a rule of its own.
  visualisation: value
  unit: pull requests
  window: days
  parameters:
    - {name: days, type: integer, unit: days, min: 1, default: 5, meaning: Days back.}
    - {name: repository, type: repository, meaning: This one.}
  sql: >-
    select count(*) as opened_count from silver_github_public_pull_request
    where repository_id = (
      select max(repository_id) from silver_github_public_pull_request
      where lower(repository_name) = $repository
    )
"""


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


def ask(lake: Lake, metric: Metric = PACE, seconds_max: float = SECONDS_MAX, **given: str) -> Answered:
    of_lake = LakeAnswers(lake)
    answers = MetricAnswers(lake, of_lake)
    try:
        return answers.ask(metric, read_values(metric.entry.parameters, given), seconds_max)
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


def test_an_answer_that_came_between_a_merge_and_the_state_it_belongs_to_is_not_kept(tmp_path: Path):
    """Its merge stayed the newest, and nobody asked the state again: after `watch --once` for ever."""
    lake = renamed(Lake.open(str(tmp_path / "lake")), BOOSTER)
    states = feed_states(lake.store)
    saved = states.load()
    states.save(Feeds({str(REPO): FeedState()}))
    of_lake = LakeAnswers(lake)
    answers = MetricAnswers(lake, of_lake)
    values = read_values(PACE.entry.parameters, {"repository": BOOSTER})
    before = answers.question(PACE, values)
    assert "missing" in str(answers.answer(before).reason)
    states.save(saved)
    assert answers.question(PACE, values).version != before.version
    assert answers.ask(PACE, values).reason is None
    answers.close()
    of_lake.close()


def with_all_under(lake: Lake, name: str) -> Lake:
    """A feed whose pull requests and stars all came under one of two names, and a push under either."""
    life = FeedLife(1)
    with connect() as con:
        polled(lake, con, life)
        for called in (str(REPO), BOOSTER):
            if called == BOOSTER:
                life.world.rename_repository(str(REPO), BOOSTER)
            for number in range(3 if called == name else 0):
                at = life.world.clock + 600 + number * 7200
                life.feed.publish("PullRequestEvent", at, {"action": "opened", "number": number})
                life.feed.publish("PullRequestEvent", at + 60, {"action": "merged", "number": number})
                life.feed.publish("WatchEvent", at)
            life.feed.publish("PushEvent", life.world.clock + 5 * 3600)
            life.world.advance(seconds=6 * 3600)
        life.world.advance(seconds=6 * 3600)
        polled(lake, con, life)
    return lake


@pytest.mark.parametrize("name", [str(REPO), BOOSTER])
def test_figures_are_the_same_under_every_name_whichever_their_own_events_came_under(
    tmp_path: Path, name: str
):
    """By events of the metric's own type alone, a name that none of them bore gave 0, told as whole."""
    lake = with_all_under(Lake.open(str(tmp_path / "lake")), name)
    for asked in (str(REPO), BOOSTER):
        pace = ask(lake, repository=asked)
        assert pace.rows.select(["average_minutes", "opened_count"]).to_pylist() == [
            {"average_minutes": 120, "opened_count": 3}
        ]
        assert pace.reason is None
        for metric, column in (
            ("stars_per_day", "star_count"),
            ("pull_requests_merged_per_day", "merged_count"),
        ):
            rows = ask(lake, METRICS[metric], days="2", repository=asked).rows
            assert sum(count or 0 for count in rows[column].to_pylist()) == 3
    assert ask(lake, repository="acme/engine").rows.num_rows == 0


def test_a_time_in_which_every_event_has_the_new_name_is_told_by_the_old_one(tmp_path: Path):
    lake = with_all_under(Lake.open(str(tmp_path / "lake")), BOOSTER)
    found = ask(lake, repository=str(REPO), offset="295")
    assert found.rows["opened_count"].to_pylist() == [3]
    assert found.reason is None


def test_a_metric_of_ones_own_may_find_its_repository_by_a_rule_of_its_own(lake: Lake, tmp_path: Path):
    path = tmp_path / "own.yaml"
    path.write_text(OWN)
    (own,) = read_metrics(path)
    assert ask(lake, own, repository=str(REPO)).rows["opened_count"].to_pylist() == [6]
    assert ask(lake, own, repository="acme/engine").rows["opened_count"].to_pylist() == [0]


def test_a_name_is_searched_for_from_the_newest_day_no_further_than_it_is_met(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    lake, holder = with_all_under(Lake.open(str(tmp_path / "lake")), BOOSTER), EventDays.holder
    days: list[str] = []

    def noted(self: EventDays, con, name, day, commit):
        days.append(str(day.event_date))
        return holder(self, con, name, day, commit)

    monkeypatch.setattr(EventDays, "holder", noted)
    ask(lake, repository=BOOSTER)
    assert days == ["2026-03-02"]
    ask(lake, repository="acme/engine")
    assert days[1:] == ["2026-03-02", "2026-03-01"]


def test_a_name_is_whose_newer_events_have_it_and_not_its_feeds_that_was_given_up(tmp_path: Path):
    """A feed's state stays when nobody follows it, and somebody else may take the name."""
    days, given_up = EventDays(Lake.open(str(tmp_path / "lake"))), datetime(2026, 3, 1, 12, tzinfo=UTC)
    stretch = (given_up - timedelta(days=1), given_up)
    feeds = FeedHours(
        {str(REPO): [stretch], BOOSTER: [stretch]}, ids={str(REPO): 5, BOOSTER: 9, "acme/*": None}
    )

    def named(events: dict[date, int]) -> tuple[int | None, list[str]]:
        def holder(after: date) -> int | None:
            return next((events[day] for day in sorted(events, reverse=True) if day > after), None)

        found = days.named(str(REPO), feeds, holder, is_counted=True)
        return found.repository_id, [*found.feeds]

    assert named({date(2026, 3, 2): 9}) == (9, [BOOSTER])
    assert named({date(2026, 2, 28): 9}) == (5, [str(REPO)])
    assert named({}) == (5, [str(REPO)])
    # What another one's feed proved under the name is proven of nobody who has it now.
    taken = feeds.called(str(REPO), [BOOSTER], None)
    assert taken.stretches[str(REPO)] == [stretch]
    assert feeds.called(str(REPO), [], None).stretches[str(REPO)] == []


def test_the_search_for_a_name_is_stopped_as_its_figures_are(lake: Lake, monkeypatch: pytest.MonkeyPatch):
    def slow(_: EventDays, con, *given):
        con.execute("select count(*) from range(1000000) a, range(1000) b where hash(a.range + b.range) = 1")

    monkeypatch.setattr(EventDays, "holder", slow)
    with pytest.raises(TooLong, match=r"it took longer than 0\.1 s"):
        ask(lake, seconds_max=0.1, repository="acme/engine")


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
