"""Stars by events held against the repository's own count: where the two disagree, an error and no figure."""

from datetime import UTC, date, datetime

import pytest

from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.metrics.event_days import star_trouble_of_day
from gitpulse_assets.place import Day
from gitpulse_assets.repo import Repo
from gitpulse_assets.sandbox.faults import ALWAYS, Fault
from gitpulse_assets_tests.events.organisation import Organisation, ask, polled
from gitpulse_assets_tests.lake.test_crash import Crash, CrashingStore

ROCKET = Repo("acme", "rocket")
DAY = date(2026, 3, 2)


class Starred:
    """A repository whose feed is polled soon after four midnights, and what is given and taken between."""

    def __init__(self, lake: Lake, con) -> None:
        self.lake, self.con, self.of = lake, con, Organisation()
        self.repository = self.of.world.feed(str(ROCKET)).repository
        self.counts: list[int] = []

    def until(self, to: str, stars: int = 0) -> None:
        """So many stars are given in the next hour; at `to` somebody polls."""
        for number in range(stars):
            feed = self.of.world.feeds[self.repository.repository_id]
            feed.publish("WatchEvent", self.of.world.clock + 10 * number + 1)
        self.of.world.advance(to=to)
        polled(self.lake, self.con, self.of, ROCKET)
        self.counts.append(self.repository.star_count(self.of.world.clock))

    def days(self, before_the_count=lambda repository: None) -> None:
        """Three days; something may happen before the count that ends the second."""
        self.until("2026-03-01T23:00:00Z", stars=3)
        self.until("2026-03-02T00:10:00Z")
        self.until("2026-03-02T12:00:00Z", stars=7)
        before_the_count(self.repository)
        self.until("2026-03-03T00:10:00Z")
        self.until("2026-03-04T00:10:00Z", stars=2)

    def rows(self, name: str = str(ROCKET)) -> dict[date, dict]:
        """The metric's rows by their day."""
        answered = ask(self.lake, "stars_per_day", repository=name, days="5")
        self.reason = answered.reason
        return {row["star_date"]: row for row in answered.rows.to_pylist()}


@pytest.fixture
def starred(lake: Lake, con) -> Starred:
    return Starred(lake, con)


def trouble(starred: Starred, day: date) -> list[str]:
    return [row["reason"] for row in star_trouble_of_day(starred.lake, starred.con, Day(day))]


def test_stars_are_those_of_events_and_beside_them_by_how_much_the_count_grew(starred: Starred, stored):
    def taken_back(repository) -> None:
        repository.unstar_times += [starred.of.world.clock + 60] * 2

    starred.days(taken_back)
    assert [row["star_count"] for row in stored("star_count")] == [83, 83, 88, 90]
    rows = starred.rows()
    assert (rows[DAY]["star_count"], rows[DAY]["counted_change"]) == (7, 5)
    assert rows[date(2026, 3, 3)]["star_count"] == 2
    assert [rows[day]["contradicted_count"] for day in rows] == [0] * len(rows)
    assert trouble(starred, date(2026, 3, 3)) == []


def test_a_count_that_grows_by_more_than_a_whole_feed_tells_of_is_an_error_and_not_a_figure(starred: Starred):
    starred.days(lambda repository: setattr(repository, "stars_before", repository.stars_before + 50))
    assert trouble(starred, date(2026, 3, 3)) == ["more_than_given"]
    row = starred.rows()[DAY]
    assert (row["star_count"], row["counted_change"], row["contradicted_count"]) == (None, None, 1)
    assert "events and the repository's own count of stars disagree" in str(starred.reason)


def test_a_feed_of_which_no_hour_is_whole_accuses_nobody(starred: Starred, stored):
    starred.until("2026-03-02T00:10:00Z", stars=3)
    starred.until("2026-03-03T00:10:00Z", stars=320)
    assert [row["gap_reason"] for row in stored("feed_span")] == ["first_poll", "other"]
    assert starred.counts[1] - starred.counts[0] == 320
    assert trouble(starred, date(2026, 3, 3)) == []


def test_a_repository_that_was_renamed_is_not_accused_and_counts_by_either_name(starred: Starred):
    starred.until("2026-03-01T23:00:00Z", stars=3)
    starred.until("2026-03-02T00:10:00Z")
    starred.of.world.rename_repository(str(ROCKET), "acme/booster")
    starred.until("2026-03-02T12:00:00Z", stars=7)
    starred.until("2026-03-03T00:10:00Z")
    starred.until("2026-03-04T00:10:00Z", stars=2)
    assert trouble(starred, date(2026, 3, 3)) == []
    for name in (str(ROCKET), "acme/booster"):
        row = starred.rows(name)[DAY]
        assert (row["star_count"], row["counted_change"], row["contradicted_count"]) == (7, 7, 0)


def test_a_name_that_another_repository_took_accuses_nobody_of_the_time_before(starred: Starred):
    """By the new one's id alone, no event of the old one's would be met."""
    starred.until("2026-03-01T23:00:00Z", stars=3)
    starred.until("2026-03-02T00:10:00Z")
    starred.until("2026-03-02T12:00:00Z", stars=7)
    starred.until("2026-03-03T00:10:00Z")
    starred.until("2026-03-03T12:00:00Z")
    starred.of.world.rename_repository(str(ROCKET), "acme/booster")
    taken = starred.of.world.add_repository(str(ROCKET)).repository
    starred.of.world.feeds[taken.repository_id].publish("WatchEvent", starred.of.world.clock + 1)
    starred.until("2026-03-03T14:00:00Z")
    assert trouble(starred, date(2026, 3, 3)) == []
    starred.until("2026-03-04T00:10:00Z")
    # By how much one repository's count differs from the other's is no change of either.
    assert {row["counted_change"] for row in starred.rows().values()} == {None}


def test_no_star_after_ten_and_more_is_an_error_whatever_the_feed_tells(starred: Starred):
    starred.days(lambda repository: setattr(repository, "stars_before", -10))
    assert trouble(starred, date(2026, 3, 3)) == ["no_stars"]
    assert starred.rows()[DAY]["counted_change"] is None


def test_where_the_feed_has_a_gap_a_count_that_grows_by_more_accuses_nobody(starred: Starred):
    def hidden(repository) -> None:
        feed = starred.of.world.feed(str(ROCKET))
        for _ in range(320):
            feed.publish("WatchEvent", starred.of.world.clock + 5)

    starred.days(hidden)
    assert trouble(starred, date(2026, 3, 3)) == []


def test_a_count_is_asked_for_once_a_day_and_free_where_nothing_changed(starred: Starred):
    starred.until("2026-03-02T00:10:00Z")
    used = starred.of.used()
    starred.until("2026-03-02T00:40:00Z")
    assert starred.of.used() == used
    asked = [one for one in starred.of.app.log if one.target == "/repos/acme/rocket"]
    assert len(asked) == 1


def test_a_count_that_is_not_answered_loses_nothing_of_the_feed(starred: Starred, stored):
    """The events that came, and the proof that none was missed, were thrown away with it."""
    starred.of.happen("rocket", 30, 600)
    starred.of.app.faults.append(Fault("status", "/repos/acme/rocket", skip=1, times=ALWAYS, status=404))
    starred.until("2026-03-01T23:00:00Z")
    assert (len(stored()), len(stored("feed_span"))) == (30, 1)
    assert list(starred.lake.store.list("silver/star_count/")) == []
    starred.of.app.faults.clear()
    starred.until("2026-03-01T23:40:00Z")
    assert len(stored("star_count")) == 1


def test_a_poll_that_died_counts_once_whenever_it_died(starred: Starred, stored):
    for at in range(1, 14, 4):
        dying = Lake(CrashingStore(starred.lake.store, at, is_after=False))
        starred.of.world.advance(seconds=1000)
        try:
            polled(dying, starred.con, starred.of, ROCKET)
        except Crash:
            continue
    starred.until("2026-03-01T23:59:00Z")
    (row,) = stored("star_count")
    assert row["star_count"] == 80
    assert row["counted_at"] <= datetime(2026, 3, 1, 23, 59, tzinfo=UTC)
