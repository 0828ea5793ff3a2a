"""The estimator's exact properties; how honest its interval is stands in test_pace_calibration.py."""

import numpy as np  # noqa: TID253
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitpulse_assets.transform.pace import (
    HISTORY_DAYS,
    bulk_threshold,
    estimate_pace,
    telling_history_days,
    weekday_pace,
)


def poisson_days(days, arrivals=4.0, departures=4.0, series=1, seed=1):
    rng = np.random.default_rng(seed)
    entered, left = rng.poisson(arrivals, (series, days)), rng.poisson(departures, (series, days))
    return (entered - left).astype(float), (entered + left).astype(float)


@pytest.mark.parametrize("days", [28, 90, 180])
@pytest.mark.parametrize("first_weekday", range(7))
def test_weekday_pace_does_not_depend_on_the_weekday_a_window_begins_on(days, first_weekday):
    week = np.array([3.0, 5, 4, 4, 2, -1, -2])
    series = week[(np.arange(days) + first_weekday) % 7][None, :]
    pace, rest = weekday_pace(series, first_weekday)
    assert pace[0] == pytest.approx(week.sum())
    assert np.abs(rest).max() < 1e-9


@given(seed=st.integers(0, 10_000), days=st.integers(28, 400), first_weekday=st.integers(0, 6))
@settings(deadline=None)
def test_turning_arrivals_into_departures_mirrors_the_interval(seed, days, first_weekday):
    net, volume = poisson_days(days, seed=seed)
    pace, mirrored = (estimate_pace(sign * net, volume, 28, first_weekday) for sign in (1, -1))
    assert mirrored.per_week[0] == pytest.approx(-pace.per_week[0])
    assert mirrored.low[0] == pytest.approx(-pace.high[0])


@given(seed=st.integers(0, 10_000), shift=st.integers(-20, 20))
@settings(deadline=None)
def test_a_steady_shift_moves_the_interval_and_keeps_its_width(seed, shift):
    net, volume = poisson_days(400, seed=seed)
    pace, shifted = (estimate_pace(net + by, volume, 90, 0) for by in (0, shift))
    assert shifted.low[0] - pace.low[0] == pytest.approx(7 * shift)
    assert shifted.high[0] - pace.high[0] == pytest.approx(7 * shift)


def test_a_series_gets_the_same_interval_alone_and_among_others():
    net, volume = poisson_days(500, series=5)
    together, alone = estimate_pace(net, volume, 90, 3), estimate_pace(net[2:3], volume[2:3], 90, 3)
    assert together.low[2] == pytest.approx(alone.low[0])


def test_days_older_than_three_years_before_the_window_change_nothing():
    net, volume = poisson_days(28 + HISTORY_DAYS + 700)
    old = estimate_pace(net, volume, 28, 0)
    cut = estimate_pace(net[:, 700:], volume[:, 700:], 28, 0)
    assert (old.low[0], old.high[0]) == (cut.low[0], cut.high[0])


def test_steady_noise_is_measured_nearly_as_well_as_if_its_variance_were_known():
    net, volume = poisson_days(90 + HISTORY_DAYS, series=200)
    pace = estimate_pace(net, volume, 90, 0)
    ideal = 1.96 * 7 * (8 / 90) ** 0.5
    assert 0.95 < (pace.high - pace.low).mean() / 2 / ideal < 1.10


def test_slow_swings_widen_the_interval():
    net, volume = poisson_days(90 + HISTORY_DAYS)
    swing = 3 * np.sin(2 * np.pi * np.arange(net.shape[1]) / 150 + 1)
    calm, swinging = (estimate_pace(series, volume, 90, 0) for series in (net, net + swing))
    assert (swinging.high - swinging.low)[0] > 1.5 * (calm.high - calm.low)[0]


def test_one_break_of_level_years_ago_hardly_widens_the_interval():
    net, volume = poisson_days(90 + HISTORY_DAYS)
    broken = net + 2 * (np.arange(net.shape[1]) < 500)
    calm, after = (estimate_pace(series, volume, 90, 0) for series in (net, broken))
    assert (after.high - after.low)[0] < 1.3 * (calm.high - calm.low)[0]


@pytest.mark.parametrize(("days", "widest"), [(28, 1.01), (180, 0.16), (1272, 0.03)])
def test_a_repository_where_nothing_happens_has_a_narrow_interval_that_is_no_point(days, widest):
    still = np.zeros((1, days))
    pace = estimate_pace(still, still, min(days, 180), 0)
    assert pace.per_week[0] == 0
    assert 0 < pace.high[0] < widest


@pytest.mark.parametrize("window_days", [0, 27, 101])
def test_a_window_too_short_or_longer_than_the_series_is_refused(window_days):
    net, volume = poisson_days(100)
    with pytest.raises(ValueError, match="needs 28 to 100 days"):
        estimate_pace(net, volume, window_days, 0)


@pytest.mark.parametrize(
    ("bursts", "threshold"),
    [([0] * 100, 10), ([1, 2, 3] * 40, 10), ([20] * 100, 30), ([2] * 99 + [80], 10)],
)
def test_bulk_is_ten_or_half_as_many_again_as_usual(bursts, threshold):
    assert bulk_threshold(np.array([bursts]))[0] == threshold


def test_the_interval_of_a_young_repository_is_wider():
    """Its noise is not seen whole: 28 days alone must not be as sure as 28 days after three years."""
    net, volume = poisson_days(28 + HISTORY_DAYS, series=40)
    old, young = (estimate_pace(net[:, days:], volume[:, days:], 28, 0) for days in (0, HISTORY_DAYS))
    assert (young.high - young.low).mean() > 1.6 * (old.high - old.low).mean()


@pytest.mark.parametrize("window_days", [28, 90, 180])
@pytest.mark.parametrize("quiet_per_day", [0.0, 1 / 90, 1 / 7])
def test_years_of_sleep_do_not_make_a_busy_window_sure(window_days, quiet_per_day):
    """Near-empty years look like years without noise: at their word 19 of 20 verdicts were wrong."""
    days = HISTORY_DAYS + window_days
    net, volume = poisson_days(days, 3.0, 3.0, series=200)
    quiet_net, quiet_volume = poisson_days(HISTORY_DAYS, quiet_per_day, quiet_per_day, series=200, seed=2)
    net[:, :HISTORY_DAYS], volume[:, :HISTORY_DAYS] = quiet_net, quiet_volume
    pace = estimate_pace(net, volume, window_days, 0)
    assert ((pace.low <= 0) & (pace.high >= 0)).mean() > 0.93
    assert telling_history_days(volume, window_days).tolist() == [0] * 200
