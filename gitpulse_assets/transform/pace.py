"""The pace of a backlog per week and its 95 % interval; numbers in, numbers out.

Why this method and how well it holds: docs/adr/0005-pace-interval.md, measured by scripts/calibrate_pace.py
with the functions below. What growing or flat means, and any text, belongs in verdict.py.

The noise of the daily net change is modelled as a white part plus a part that fades with a half-life (the
spectrum of an AR(1) and noise). Each pair of half-life and strength is weighed by how well it explains the
slow cosine terms of the window and of up to three years before it; the interval averages over all of them.
All arrays are of shape (series, days), so that the calibration runs the very code that production runs.
"""

from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from math import erf, sqrt
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

DAYS_PER_WEEK = 7
CONFIDENCE = 0.95
SHORTEST_PACE_DAYS = 28
HISTORY_DAYS = 1092
# Each 52 weeks of history have a level of their own, so that a repository that changed its pace two years
# ago is not held to be noisy today.
BLOCK_DAYS = 364
# Periods of ten days and more: below lie the weekly rhythm and its harmonics, which no window keeps.
HIGHEST_FREQUENCY = 0.1
HALF_LIVES_DAYS = (1.25, 2.5, 5.0, 10.0, 20.0)
# Noise at the slowest frequencies over day-to-day noise; below 1 where closings soon follow openings.
SLOW_NOISE_RATIOS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
# A stretch of less than a third of the window's movements a day tells nothing of the noise at today's pace: a
# repository that slept for years would be as sure of a busy month as if it knew it.
QUIET_SHARE = 1 / 3
# A stretch's volume is drawn to the long-run volume as if that many movements had been seen at that rate.
PRIOR_MOVEMENTS = 50
# A term beyond three deviations counts as three: one break of level years ago must not drown today's pace.
LARGEST_TERM = 9.0
# Of a young repository's noise too little is seen: its interval is wider by this over the root of the days
# seen, less the same at the full history, where the models alone are right.
YOUTH_FACTOR = 4.0
# Fewest movements the noise is taken from: where none was seen, up to 3.7 are not excluded (Poisson, 95 %).
FEWEST_MOVEMENTS = 4
FEWEST_BULK = 10
BULK_FACTOR = 1.5
USUAL_SHARE = 0.95
# OpenBLAS computes a product of matrices on one thread up to 262,144 single products.
ONE_THREAD_PRODUCTS = 200_000


@dataclass(frozen=True)
class Pace:
    """Net change per week with its 95 % interval, each of shape (series,)."""

    per_week: "np.ndarray"
    low: "np.ndarray"
    high: "np.ndarray"


def estimate_pace(net: "np.ndarray", volume: "np.ndarray", window_days: int, first_weekday: int) -> Pace:
    """Estimate the pace over the last `window_days` columns; the columns before them only tell the noise.

    `net` is the daily net change, `volume` the daily arrivals plus departures, bulk movements set aside.
    `first_weekday` is the weekday of column 0, Monday 0. Raises ValueError for a window under 28 days.
    """
    if not SHORTEST_PACE_DAYS <= window_days <= net.shape[1]:
        raise ValueError(f"a pace needs 28 to {net.shape[1]} days, got {window_days}")
    import numpy as np

    first = max(0, net.shape[1] - window_days - HISTORY_DAYS)
    net, volume, first_weekday = net[:, first:], volume[:, first:], first_weekday + first
    start = net.shape[1] - window_days
    per_week, _ = weekday_pace(net[:, start:], first_weekday + start)
    stretches = _stretches(net.shape[1], window_days)
    is_telling = _telling(volume, stretches)
    terms, expected = _slow_terms(net, volume, stretches, is_telling, first_weekday)
    counts = is_telling.repeat([len(_cosines(stop - start)) for start, stop in stretches], axis=1)
    weight, scale = _weigh(terms, expected, counts)
    floor = FEWEST_MOVEMENTS / net.shape[1]
    variance = np.maximum(scale * _window_variance(window_days), floor) / window_days
    # Where nothing ever moved only the days watched count: up to four movements in them are not excluded.
    width = _mixture_half_width(weight, variance) * _widening(is_telling @ _days(stretches), window_days)
    half_width = DAYS_PER_WEEK * np.where(volume.any(axis=1), width, floor)
    return Pace(per_week, per_week - half_width, per_week + half_width)


def telling_history_days(volume: "np.ndarray", window_days: int) -> "np.ndarray":
    """Count the days before the window that tell of its noise, at most 1,092; of shape (series,).

    `volume` as in `estimate_pace`. Years in which the repository all but slept do not count.
    """
    volume = volume[:, max(0, volume.shape[1] - window_days - HISTORY_DAYS) :]
    stretches = _stretches(volume.shape[1], window_days)
    return (_telling(volume, stretches) @ _days(stretches)).astype(int) - window_days


def _widening(telling_days: "np.ndarray", window_days: int) -> "np.ndarray":
    """Return the factor of an interval for which less than the full history tells; 1 with all of it."""
    return 1 + YOUTH_FACTOR * (telling_days**-0.5 - (window_days + HISTORY_DAYS) ** -0.5)


def weekday_pace(days: "np.ndarray", first_weekday: int) -> "tuple[np.ndarray, np.ndarray]":
    """Return the sum of the seven weekday means and what is left of each day.

    The sum over weekdays is a pace per week that does not depend on which weekday the window begins on.
    """
    import numpy as np

    weekday = (np.arange(days.shape[1]) + first_weekday) % DAYS_PER_WEEK
    is_weekday = weekday[:, None] == np.arange(DAYS_PER_WEEK)
    mean = days @ (is_weekday / is_weekday.sum(axis=0))
    return mean.sum(axis=1), days - mean[:, weekday]


def bulk_threshold(largest_bursts: "np.ndarray") -> "np.ndarray":
    """Return from how many movements on a burst is a bulk one, of shape (series,).

    `largest_bursts`: each day's largest burst (movements one way by one actor, each within an hour of the one
    before), 0 on a day without. Bulk is 10 or more, and half as many again as on the busiest day in 20.
    """
    import numpy as np

    usual = np.quantile(largest_bursts, USUAL_SHARE, axis=1)
    return np.maximum(FEWEST_BULK, BULK_FACTOR * usual)


def _telling(volume: "np.ndarray", stretches: list[tuple[int, int]]) -> "np.ndarray":
    """Say which stretches tell of the noise in the first, the window, of shape (series, stretches)."""
    movements = _movements(volume, stretches)
    daily = movements / _days(stretches)
    is_quiet = (daily < QUIET_SHARE * daily[:, :1]) & (movements[:, :1] > FEWEST_MOVEMENTS)
    return ~is_quiet


def _slow_terms(
    net: "np.ndarray",
    volume: "np.ndarray",
    stretches: list[tuple[int, int]],
    is_telling: "np.ndarray",
    first_weekday: int,
) -> "tuple[np.ndarray, np.ndarray]":
    """Return the squared cosine terms of every stretch and their expectation under each model."""
    import numpy as np

    days = _days(stretches)
    movements = _movements(volume, stretches)
    seen_days = is_telling @ days
    long_run = np.maximum((movements * is_telling).sum(axis=1), FEWEST_MOVEMENTS) / seen_days
    level = (movements + PRIOR_MOVEMENTS) / (days + PRIOR_MOVEMENTS / long_run[:, None])
    terms, expected = [], []
    for number, (start, stop) in enumerate(stretches):
        _, rest = weekday_pace(net[:, start:stop], first_weekday + start)
        size = (level[:, 0] / level[:, number])[:, None]
        terms.append((rest @ _cosines(stop - start).T) ** 2 * size)
        expected.append(_expected_terms(stop - start))
    return np.concatenate(terms, axis=1), np.concatenate(expected, axis=1)


def _movements(volume: "np.ndarray", stretches: list[tuple[int, int]]) -> "np.ndarray":
    import numpy as np

    return np.stack([volume[:, start:stop].sum(axis=1) for start, stop in stretches], axis=1)


def _days(stretches: list[tuple[int, int]]) -> "np.ndarray":
    import numpy as np

    return np.array([stop - start for start, stop in stretches], dtype=float)


def _stretches(total_days: int, window_days: int) -> list[tuple[int, int]]:
    """Return the window and, before it, years of 52 weeks; a shorter last one where it has 28 days."""
    stretches = [(total_days - window_days, total_days)]
    while (stop := stretches[-1][0]) >= SHORTEST_PACE_DAYS:
        stretches.append((max(0, stop - BLOCK_DAYS), stop))
    return stretches


def _weigh(
    terms: "np.ndarray", expected: "np.ndarray", is_counted: "np.ndarray"
) -> "tuple[np.ndarray, np.ndarray]":
    """Return each model's posterior weight and its noise scale, both of shape (series, models).

    The counted terms are close to independent normals squared; the scale is integrated out under the prior
    1/scale, and all models weigh the same beforehand.
    """
    import numpy as np

    scale = np.stack([_scale(terms / row, is_counted) for row in expected], axis=1)
    term_count = is_counted.sum(axis=1, keepdims=True)
    log_likelihood = -0.5 * (is_counted @ np.log(expected).T + term_count * np.log(scale))
    weight = np.exp(log_likelihood - log_likelihood.max(axis=1, keepdims=True))
    return weight / weight.sum(axis=1, keepdims=True), scale


def _scale(ratios: "np.ndarray", is_counted: "np.ndarray") -> "np.ndarray":
    """Return the mean of squared terms over their expectation, outlying ones cut to nine times the mean."""
    import numpy as np

    scale = ratios.mean(axis=1, where=is_counted)
    for _ in range(3):
        scale = np.minimum(ratios, LARGEST_TERM * scale[:, None]).mean(axis=1, where=is_counted)
    return np.maximum(scale, 1e-9)


def _mixture_half_width(weight: "np.ndarray", variance: "np.ndarray") -> "np.ndarray":
    """Return h with P(-h < error < h) = 0.95 where the error is a mixture of centred normals."""
    import numpy as np

    deviation = np.sqrt(variance)
    low, high = np.zeros(len(weight)), 3 * deviation.max(axis=1)
    grid, inside = _normal_inside()
    for _ in range(40):
        middle = (low + high) / 2
        reached = (weight * np.interp(middle[:, None] / deviation, grid, inside)).sum(axis=1)
        low, high = np.where(reached < CONFIDENCE, middle, low), np.where(reached < CONFIDENCE, high, middle)
    return high


@lru_cache(maxsize=1)
def _normal_inside() -> "tuple[np.ndarray, np.ndarray]":
    """Tabulate P(-x < Z < x) for a standard normal Z: numpy has no error function."""
    import numpy as np

    grid = np.linspace(0, 9, 4501)
    return grid, np.array([erf(value / sqrt(2)) for value in grid])


@lru_cache(maxsize=64)
def _cosines(days: int) -> "np.ndarray":
    """Orthonormal type II cosines of periods from twice the stretch down to ten days, a row each."""
    import numpy as np

    frequency = np.arange(1, int(2 * days * HIGHEST_FREQUENCY) + 1)[:, None]
    return np.sqrt(2 / days) * np.cos(np.pi * frequency * (np.arange(days) + 0.5) / days)


@lru_cache(maxsize=64)
def _expected_terms(days: int) -> "np.ndarray":
    """Exact expectation of the squared terms for day-to-day noise of variance 1, a row a model."""
    import numpy as np

    cosines = _cosines(days)
    lag = np.abs(np.subtract.outer(np.arange(days), np.arange(days)))
    covariance = {h: _autocovariance(h, days)[lag] for h in HALF_LIVES_DAYS}
    slow = {h: (_product(cosines, one) * cosines).sum(axis=1) for h, one in covariance.items()}
    return np.array([1 + (ratio - 1) * slow[half_life] for half_life, ratio in _models()])


def _product(left: "np.ndarray", right: "np.ndarray") -> "np.ndarray":
    """Multiply in slices that BLAS hands to no other thread: waiting for these took ten times the work."""
    import numpy as np

    width = max(1, ONE_THREAD_PRODUCTS // left.size)
    slices = [left @ right[:, start : start + width] for start in range(0, right.shape[1], width)]
    return np.concatenate(slices, axis=1)


@lru_cache(maxsize=64)
def _window_variance(days: int) -> "np.ndarray":
    """Variance of a sum of `days` days over `days`, for day-to-day noise of variance 1, one a model."""
    import numpy as np

    lag_weight = 2 * (1 - np.arange(days) / days)
    lag_weight[0] = 1
    slow = {h: float(_autocovariance(h, days) @ lag_weight) for h in HALF_LIVES_DAYS}
    return np.array([1 + (ratio - 1) * slow[half_life] for half_life, ratio in _models()])


def _autocovariance(half_life_days: float, days: int) -> "np.ndarray":
    """Autocovariance by lag of an AR(1) whose spectrum is 1 at frequency 0."""
    import numpy as np

    coefficient = 0.5 ** (1 / half_life_days)
    return (1 - coefficient) / (1 + coefficient) * coefficient ** np.arange(days)


def _models() -> list[tuple[float, float]]:
    return list(product(HALF_LIVES_DAYS, SLOW_NOISE_RATIOS))
