"""Judging a window from its counts, and the words for it."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np  # noqa: TID253
import pytest

from gitpulse_assets.contracts.mart import FLOW_NAMES
from gitpulse_assets.transform.verdict import (
    SNAPSHOT_ONLY,
    BacklogAge,
    Interval,
    WindowCounts,
    classify,
    flat_margin_per_week,
    judge,
)
from gitpulse_assets.transform.verdict_bulk import BurstDay, DailyCounts, find_bulk, set_aside
from gitpulse_assets.transform.verdict_text import (
    confidence,
    explanation,
    headline,
    words,
)

END = date(2024, 6, 30)
AGE = BacklogAge(40.2, 401.0, 0.25)


def daily(days, intake=0.0, resolution=0.0, reopened=0.0, seed=4) -> DailyCounts:
    rng = np.random.default_rng(seed)
    counts = (rng.poisson(rate, days).astype(float) for rate in (intake, reopened, resolution))
    return DailyCounts(END - timedelta(days=days - 1), *counts)


def window(days: DailyCounts, window_days=90, open_at_end=100) -> WindowCounts:
    observed = min(window_days, len(days.net))
    tail = slice(len(days.net) - observed, None)
    flows = dict.fromkeys(FLOW_NAMES, 0) | {
        "opened_count": round(days.intake[tail].sum()),
        "reopened_count": round(days.reopened[tail].sum()),
        "closed_count": round(days.resolution[tail].sum()),
    }
    start = END - timedelta(days=window_days - 1)
    net_change = round(days.net[tail].sum())
    return WindowCounts(window_days, start, END, observed, flows, net_change, open_at_end, 0)


def judged(days: DailyCounts, bulk=(), unknowns=(), age=AGE, labels=(), **fields):
    return judge(window(days, **fields), days, bulk, labels, age, unknowns)


def burst(day: date, count: int, actor="octo", is_arrival=False, is_reopening=False) -> BurstDay:
    at = datetime(day.year, day.month, day.day, 9, tzinfo=UTC)
    return BurstDay(is_arrival, actor, False, is_reopening, at, day, count, count)


@pytest.mark.parametrize(
    ("low", "high", "direction"),
    [
        (0.1, 3, "growing"),
        (0.1, 0.2, "growing"),
        (-3, -0.1, "shrinking"),
        (-1, 1, "flat"),
        (-1.01, 0.5, "unclear"),
        (-0.5, 1.01, "unclear"),
        (0, 5, "unclear"),
    ],
)
def test_a_direction_excludes_zero_and_flat_lies_within_the_margin(low, high, direction):
    assert classify(Interval((low + high) / 2, low, high), 1.0) == direction


def test_without_a_pace_the_direction_is_unclear():
    assert classify(None, 1.0) == "unclear"


@pytest.mark.parametrize(("open_count", "per_year"), [(0, 5), (25, 5), (100, 20), (1000, 200)])
def test_the_flat_margin_is_a_fifth_of_the_backlog_a_year_and_never_below_five(open_count, per_year):
    assert flat_margin_per_week(open_count) * 365.25 / 7 == pytest.approx(per_year)


def test_a_growing_backlog_has_weeks_to_double_between_the_ends_of_its_interval():
    verdict = judged(daily(1272, 6.0, 3.0), open_at_end=200)
    assert verdict.direction == "growing"
    assert verdict.pace is not None
    assert verdict.weeks is not None
    assert verdict.weeks.expected == pytest.approx(200 / verdict.pace.per_week)
    assert verdict.weeks.soonest < verdict.weeks.expected < verdict.weeks.latest


def test_a_shrinking_backlog_is_empty_in_some_weeks():
    verdict = judged(daily(1272, 3.0, 6.0), open_at_end=210)
    assert verdict.direction == "shrinking"
    assert verdict.weeks is not None
    assert 0 < verdict.weeks.soonest < verdict.weeks.expected < verdict.weeks.latest < 15
    assert f"the backlog is empty in {verdict.weeks.expected:.0f} weeks (" in explanation(verdict)


def test_an_unclear_direction_promises_no_weeks():
    verdict = judged(daily(1272, 4.0, 4.0))
    assert (verdict.direction, verdict.weeks) == ("unclear", None)


def test_a_repository_where_nothing_happens_is_flat():
    verdict = judged(daily(1272), open_at_end=40)
    assert verdict.direction == "flat"
    said = "40 issues were open at the end, as many as at the start; none came or went."
    assert said in explanation(verdict)


@pytest.mark.parametrize("age", [BacklogAge(None, None, None), BacklogAge(0.2, 0.4, 0.0)])
def test_an_empty_repository_is_flat_and_says_nothing_of_age(age):
    """Also where the first issue was opened since the last midnight, to which the stock is counted."""
    verdict = judged(daily(400), open_at_end=0, age=age)
    assert verdict.direction == "flat"
    assert "0 issues were open" in explanation(verdict)
    assert "older" not in explanation(verdict)


@pytest.mark.parametrize("observed", [0, 1, 27])
def test_under_28_days_there_is_no_pace(observed):
    verdict = judged(daily(observed, 4.0, 1.0))
    assert (verdict.pace, verdict.direction) == (None, "unclear")
    assert "The history is too short for a pace." in explanation(verdict)
    assert confidence(verdict).startswith(f"no pace: {observed} day")


def test_a_young_repository_says_since_when_it_is_known():
    verdict = judged(daily(60, 4.0, 4.0))
    assert verdict.unknowns[0] == "the history begins on 2024-05-02, so only 60 of the 90 days"
    assert "Not known: " in explanation(verdict)
    assert verdict.history_days == 0
    assert "only 0 days before the window" in confidence(verdict)


def test_a_long_history_needs_no_caveat():
    assert "only" not in confidence(judged(daily(1272, 4.0, 2.0)))


def test_bulk_is_told_by_what_is_usual_here():
    days = daily(400, 4.0, 4.0)
    usual = [burst(END - timedelta(days=n), 3) for n in range(0, 400, 4)]
    clean_up = burst(END - timedelta(days=5), 40)
    assert find_bulk([*usual, clean_up], days) == [clean_up]


def test_what_is_bulk_elsewhere_is_usual_in_a_busy_repository():
    days = daily(400, 60.0, 60.0)
    usual = [burst(END - timedelta(days=n), 30) for n in range(400)]
    assert find_bulk(usual, days) == []


def test_bulk_closings_leave_the_pace_and_stay_in_the_exact_change():
    days = daily(1272, 4.0, 4.0)
    day = END - timedelta(days=10)
    days.resolution[-11] += 300
    verdict, quiet = judged(days, [burst(day, 300)]), judged(daily(1272, 4.0, 4.0))
    assert verdict.pace == quiet.pace
    assert verdict.counts.net_change == quiet.counts.net_change - 300
    said = "Set aside as bulk from the pace and what follows: 300 left on 2024-06-20 by octo."
    assert said in explanation(verdict)


def test_a_bulk_reopening_and_a_bulk_import_are_set_aside_where_they_were_counted():
    days = daily(100, 4.0, 4.0, 1.0)
    days.reopened[-1] += 50
    days.intake[-2] += 70
    bulk = [burst(END, 50, is_arrival=True, is_reopening=True), burst(END - timedelta(days=1), 70, "", True)]
    assert (set_aside(bulk, days).net == daily(100, 4.0, 4.0, 1.0).net).all()


def test_a_doubled_intake_is_the_driver():
    days = daily(1272, 4.0, 4.0)
    days.intake[-90:] *= 2
    verdict = judged(days)
    assert verdict.drivers == ("intake up",)
    assert f"intake rose from {verdict.intake.before} to {verdict.intake.now}." in explanation(verdict)


def test_a_halved_resolution_is_the_driver():
    days = daily(1272, 8.0, 8.0)
    days.resolution[-90:] //= 2
    assert judged(days).drivers == ("resolution down",)


def test_chance_is_no_driver():
    assert "than chance explains" in explanation(judged(daily(1272, 4.0, 4.0)))


def test_a_window_too_long_for_a_pace_compares_nothing():
    days = daily(1272, 2.0, 2.0)
    days.intake[-400:] *= 5
    verdict = judged(days, window_days=400)
    assert (verdict.pace, verdict.drivers) == (None, ())
    assert confidence(verdict) == "no pace: 400 days observed, at most 366 are one pace"
    assert "The window is too long for a pace." in explanation(verdict)
    assert "Against" not in explanation(verdict)


@pytest.mark.parametrize(("window_days", "is_told"), [(366, True), (367, False)])
def test_slow_swings_are_not_known_of_a_window_that_has_a_pace(window_days, is_told):
    """Where few days are before it; of one too long for a pace nothing hangs on them."""
    verdict = judged(daily(500, 2.0, 2.0), window_days=window_days)
    assert ("slow swings" in explanation(verdict)) is is_told


def test_without_a_whole_window_before_nothing_is_compared():
    verdict = judged(daily(179, 4.0, 4.0))
    assert (verdict.intake.before, verdict.drivers) == (None, ())
    assert "Against" not in explanation(verdict)


def test_the_explanation_has_its_numbers_and_its_unknowns():
    days = daily(1272, 4.0, 4.0)
    text = explanation(judged(days, labels=[("bug", 9), ("docs", -4)], unknowns=["events cut at 30,000"]))
    counts = window(days).flows
    assert f"{counts['opened_count']} opened and {counts['closed_count']} closed" in text
    assert "By label: bug +9, docs -4." in text
    assert "Half of the open issues are older than 40 days, one in ten older than 401 days; 25%" in text
    assert text.endswith("Not known: events cut at 30,000.")


@pytest.mark.parametrize(
    ("unknowns", "answer"),
    [([], "the backlog is flat."), ([SNAPSHOT_ONLY], "as far as snapshots show, the backlog is flat.")],
)
def test_the_paragraph_opens_with_whose_backlog_it_is_and_which_way_it_goes(unknowns, answer):
    """A label may look like Markdown itself."""
    verdict = judged(daily(1272), open_at_end=40, unknowns=unknowns, labels=[("**urgent**", 9)])
    told = words("acme/rocket, label **urgent** 2*3", verdict)
    assert told["opening"] == f"acme/rocket, label **urgent** 2*3, 90 days to {END} (UTC): {answer}"
    assert told["explanation"] == explanation(verdict)
    assert told["paragraph"] == f"**{told['opening']}** {told['explanation']}"
    assert told["headline"] == headline(verdict.direction, unknowns)


def test_what_snapshots_alone_tell_is_said_to_be_no_more():
    verdict = judged(daily(1272), open_at_end=40, unknowns=[SNAPSHOT_ONLY])
    assert confidence(verdict).endswith("of what snapshots show")
    assert headline(verdict.direction, verdict.unknowns) == "As far as snapshots show, the backlog is flat."
    counted = explanation(judged(daily(1272, 4.0, 4.0), unknowns=[SNAPSHOT_ONLY]))
    assert "told by snapshots" in counted
    assert "exact count" not in counted


def test_years_asleep_are_no_history():
    days = daily(1272, 3.0, 3.0)
    for series in (days.intake, days.resolution):
        series[:-90] = 0
    verdict = judged(days)
    assert verdict.history_days == 0
    assert "known from only 0 days before the window that were as busy" in confidence(verdict)


def test_one_of_a_kind_is_singular():
    days = daily(1272)
    days.intake[-1] = 1
    counts = replace(window(days, open_at_end=1), bot_departed_count=1)
    text = explanation(judge(counts, days, (), (), BacklogAge(1.2, 1.4, 0.0), ()))
    assert "1 issue was open at the end, 1 more than at the start (exact count: 1 opened)." in text
    assert "Bots closed or moved 1 issue." in text
    assert "older than 1 day, one in ten older than 1 day" in text
