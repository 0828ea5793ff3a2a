"""A day is judged although runs of other days, which its judgement reads, are at work."""

from collections.abc import Callable
from contextlib import suppress

import pytest

from gitpulse_assets.contracts.events import FEED_SPAN
from gitpulse_assets.lake import paths
from gitpulse_assets.lake.errors import ObjectDamaged
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.lake.parts import PartsReplaced
from gitpulse_assets.metrics import event_days
from gitpulse_assets.metrics.event_days import coverage_of_day
from gitpulse_assets.place import Day
from gitpulse_assets_tests.events.feed_lives import FeedLife, polled
from gitpulse_assets_tests.events.hours import START, Hours
from gitpulse_assets_tests.lake.test_crash import Crash, CrashingStore

DAY = Day(START.date())


class DiesBeforeACommit(CrashingStore):
    """A store whose process dies before it commits a day for the n-th time: the tables are in place."""

    def _counted(self, method):
        counted = super()._counted(method)
        return lambda key, *args, **kwargs: (counted if key == paths.commit_key("silver", DAY) else method)(
            key, *args, **kwargs
        )


def half_placed(lake: Lake, run, archives: str) -> None:
    """Leave a day of which a run put some tables in place, and not yet the commit."""
    with suppress(Crash):
        run(Lake(DiesBeforeACommit(lake.store, 3)), archives)
    with pytest.raises(PartsReplaced):
        event_days.EventDays(lake).open(event_days.JUDGED_BY, {DAY: lake.commit("silver", DAY)})


def goes_on(patch: pytest.MonkeyPatch, run: Callable[[], object]) -> None:
    """Have the other run end while the first wait for it lasts, however busy the machine is."""
    left = [run]
    patch.setattr(event_days, "pause", lambda _: left.pop()())


def test_a_day_is_judged_while_another_run_puts_its_tables_in_place(tmp_path, lake, con, run, monkeypatch):
    """Runs of a backfill read each other's days."""
    archives = Hours(3).write(tmp_path / "archives")
    half_placed(lake, run, archives)
    goes_on(monkeypatch, lambda: run(lake, archives))
    assert sum(coverage_of_day(lake, con, DAY).hour_counts.values()) == 24


def test_a_part_that_stays_other_than_its_commit_is_damaged_and_said(tmp_path, lake, con, run, monkeypatch):
    half_placed(lake, run, Hours(3).write(tmp_path / "archives"))
    monkeypatch.setattr(event_days, "WAITS_SECONDS", (0.0,))
    with pytest.raises(ObjectDamaged, match=f"run gitpulse repair {DAY}"):
        coverage_of_day(lake, con, DAY)


def test_stars_are_judged_while_a_poll_puts_its_tables_in_place(lake, con, monkeypatch):
    life = FeedLife(1)
    life.happen(5, 3600)
    polled(lake, con, life)
    life.happen(5, 3600)
    with suppress(Crash):
        polled(Lake(DiesBeforeACommit(lake.store, 1)), con, life)
    with pytest.raises(PartsReplaced):
        event_days.EventDays(lake).open([FEED_SPAN], {DAY: lake.commit("silver", DAY)})
    goes_on(monkeypatch, lambda: polled(lake, con, life))
    assert event_days.star_trouble_of_day(lake, con, DAY) == []
