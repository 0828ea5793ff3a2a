"""Measures how honest the pace interval is: coverage, wrong directions and power, cell by cell.

    python scripts/calibrate_pace.py                      the table of docs/adr/0005-pace-interval.md
    python scripts/calibrate_pace.py --rivals             the methods it was chosen over, on the same series
    python scripts/calibrate_pace.py --history-days 0     young repositories

A cell is a scenario (gitpulse_assets/sandbox/daily_series.py) and a window. The method itself stands in
gitpulse_assets/transform/pace.py and is only called here.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from math import lgamma, pi

import numpy as np  # noqa: TID253 (a script, never imported by the definitions)

from gitpulse_assets.sandbox.daily_series import SCENARIOS, DailySeries, Scenario, simulate
from gitpulse_assets.transform.pace import Pace, bulk_threshold, estimate_pace, weekday_pace

WINDOWS = (28, 90, 180)
# The history the calibrated interval is given: three times 52 weeks.
FULL_HISTORY_DAYS = 1092
WARM_UP_DAYS = 84
CALLED_STANDARD_ERRORS = 3

Method = Callable[[np.ndarray, np.ndarray, int, int], Pace]


@dataclass(frozen=True)
class Cell:
    """Shares (0 to 1) of the series of one scenario and window; `width` is the half width over 1.96 true
    standard errors, averaged.
    """

    scenario: str
    window_days: int
    coverage: float
    wrong_direction: float
    power: float
    width: float


def set_bulk_aside(series: DailySeries) -> tuple[np.ndarray, np.ndarray]:
    """Return the daily net change and volume without the bursts the rule calls bulk."""
    is_bulk = series.largest_burst >= bulk_threshold(series.largest_burst)[:, None]
    departures = series.departures - np.where(is_bulk, series.largest_burst, 0)
    return (series.arrivals - departures).astype(float), (series.arrivals + departures).astype(float)


@lru_cache(maxsize=4096)
def true_standard_error(scenario: Scenario, window_days: int, seed: int) -> float:
    """Standard deviation of the pace over many windows of the scenario without any bulk closing."""
    quiet = replace(scenario, bulk_closings_per_year=0.0)
    series = simulate(quiet, window_days, WARM_UP_DAYS, 4000, seed)
    net = (series.arrivals - series.departures)[:, WARM_UP_DAYS:]
    pace, _ = weekday_pace(net.astype(float), series.first_weekday + WARM_UP_DAYS)
    return float(pace.std(ddof=1))


@lru_cache(maxsize=4096)
def with_drift_of_standard_errors(scenario: Scenario, window_days: int, seed: int) -> Scenario:
    """The scenario with a drift of 3 of its own true standard errors, which grow with the drift."""
    level = min(scenario.arrivals_per_day, scenario.departures_per_day)
    still = replace(scenario, arrivals_per_day=level, departures_per_day=level)
    drifting = still
    for step in range(6):
        error = true_standard_error(drifting, window_days, seed + step)
        drifting = still.faster_by(CALLED_STANDARD_ERRORS * error)
    return drifting


def measure(
    scenario: Scenario, window_days: int, history_days: int, series_count: int, seed: int, method: Method
) -> Cell:
    """Simulate one cell and measure `method` on it."""

    def run(simulated: Scenario, at_seed: int) -> Pace:
        series = simulate(simulated, window_days, history_days, series_count, at_seed)
        return method(*set_bulk_aside(series), window_days, series.first_weekday)

    pace, truth = run(scenario, seed), scenario.pace_per_week
    says_growing, says_shrinking = pace.low > 0, pace.high < 0
    wrong = says_growing * (truth <= 0) + says_shrinking * (truth >= 0)
    called = run(with_drift_of_standard_errors(scenario, window_days, seed + 1), seed + 10)
    half_width = (pace.high - pace.low).mean() / 2
    return Cell(
        scenario.name,
        window_days,
        float(((pace.low <= truth) & (truth <= pace.high)).mean()),
        float(wrong.mean()),
        float((called.low > 0).mean()),
        float(half_width / (1.96 * true_standard_error(scenario, window_days, seed + 20))),
    )


def measure_all(
    windows: tuple[int, ...], history_days: int, series_count: int, seed: int, method: Method = estimate_pace
) -> Iterator[Cell]:
    """Measure every scenario at every window, each cell with a seed of its own."""
    for row, scenario in enumerate(SCENARIOS):
        for window_days in windows:
            cell_seed = seed + 10_000 * row + 100 * windows.index(window_days)
            yield measure(scenario, window_days, history_days, series_count, cell_seed, method)


# The rivals. Each takes the same numbers as estimate_pace; all but the last look at the window alone.


@lru_cache(maxsize=64)
def t_quantile(degrees: int) -> float:
    """97.5 % quantile of Student's t, by integrating its density."""
    grid = np.linspace(0, 40, 400_001)
    log_density = lgamma((degrees + 1) / 2) - lgamma(degrees / 2) - 0.5 * np.log(degrees * pi)
    density = np.exp(log_density - (degrees + 1) / 2 * np.log1p(grid**2 / degrees))
    below = np.cumsum((density[1:] + density[:-1]) / 2) * (grid[1] - grid[0])
    return float(np.interp(0.475, below, grid[1:]))


def _window(net: np.ndarray, window_days: int, first_weekday: int) -> tuple[np.ndarray, np.ndarray]:
    start = net.shape[1] - window_days
    return weekday_pace(net[:, start:], first_weekday + start)


def _around(pace: np.ndarray, standard_error: np.ndarray, critical: float) -> Pace:
    return Pace(pace, pace - critical * standard_error, pace + critical * standard_error)


def _bartlett(rest: np.ndarray, bandwidth: int) -> np.ndarray:
    days = rest.shape[1]
    total = (rest**2).sum(axis=1) / days
    for lag in range(1, bandwidth):
        total = total + 2 * (1 - lag / bandwidth) * (rest[:, lag:] * rest[:, :-lag]).sum(axis=1) / days
    return np.maximum(total, 0)


def t_on_weekly_totals(net: np.ndarray, _volume: np.ndarray, window_days: int, _weekday: int) -> Pace:
    weeks = window_days // 7
    totals = net[:, -7 * weeks :].reshape(len(net), weeks, 7).sum(axis=2)
    return _around(totals.mean(axis=1), totals.std(axis=1, ddof=1) / weeks**0.5, t_quantile(weeks - 1))


def newey_west(net: np.ndarray, _volume: np.ndarray, window_days: int, first_weekday: int) -> Pace:
    """The textbook rule: bandwidth 4 (T/100)^(2/9), normal critical value."""
    pace, rest = _window(net, window_days, first_weekday)
    bandwidth = int(4 * (window_days / 100) ** (2 / 9)) + 1
    return _around(pace, 7 * np.sqrt(_bartlett(rest, bandwidth) / window_days), 1.96)


def newey_west_fixed_b(net: np.ndarray, _volume: np.ndarray, window_days: int, first_weekday: int) -> Pace:
    """Bandwidth 1.3 T^(1/2) (as Lazarus and others 2018), critical value of Kiefer and Vogelsang 2005."""
    pace, rest = _window(net, window_days, first_weekday)
    bandwidth = int(1.3 * window_days**0.5) + 1
    b = bandwidth / window_days
    critical = 1.96 + 2.9694 * b + 0.4160 * b**2 - 0.5324 * b**3
    return _around(pace, 7 * np.sqrt(_bartlett(rest, bandwidth) / window_days), critical)


def _equal_weighted_cosines(rest: np.ndarray, count: int) -> np.ndarray:
    days = rest.shape[1]
    angle = np.pi * np.arange(1, count + 1)[:, None] * (np.arange(days) + 0.5) / days
    return ((rest @ (np.sqrt(2 / days) * np.cos(angle)).T) ** 2).mean(axis=1)


def equal_weighted_cosines(net: np.ndarray, _volume: np.ndarray, window_days: int, weekday: int) -> Pace:
    """0.4 T^(2/3) cosines and Student's t (Lazarus, Lewis, Stock, Watson 2018)."""
    pace, rest = _window(net, window_days, weekday)
    count = int(0.4 * window_days ** (2 / 3))
    variance = _equal_weighted_cosines(rest, count) / window_days
    return _around(pace, 7 * np.sqrt(variance), t_quantile(count))


def moving_block_bootstrap(net: np.ndarray, _volume: np.ndarray, window_days: int, weekday: int) -> Pace:
    """Percentiles of 399 resamples of the net change in overlapping blocks of two weeks."""
    pace, _ = _window(net, window_days, weekday)
    window, block = net[:, -window_days:], 14
    sums = np.cumsum(np.pad(window, ((0, 0), (1, 0))), axis=1)
    block_mean = (sums[:, block:] - sums[:, :-block]) / block
    rng = np.random.default_rng(0)
    draws = rng.integers(block_mean.shape[1], size=(399, round(window_days / block)))
    resampled = 7 * np.stack([block_mean[:, draw].mean(axis=1) for draw in draws], axis=1)
    low, high = np.quantile(resampled, [0.025, 0.975], axis=1)
    return Pace(pace, low, high)


def cosines_on_history(net: np.ndarray, _volume: np.ndarray, window_days: int, weekday: int) -> Pace:
    """Equal-weighted cosines whose variance comes from window and history together, 24 terms."""
    pace, rest = _window(net, window_days, weekday)
    _, before = weekday_pace(net[:, :-window_days], weekday)
    joined = np.concatenate([before, rest], axis=1)
    variance = _equal_weighted_cosines(joined, 24) / window_days
    return _around(pace, 7 * np.sqrt(variance), t_quantile(24))


RIVALS: tuple[Method, ...] = (
    t_on_weekly_totals,
    newey_west,
    newey_west_fixed_b,
    equal_weighted_cosines,
    moving_block_bootstrap,
    cosines_on_history,
    estimate_pace,
)


def worst(cells: list[Cell], window_days: int) -> str:
    """One line: the extremes over the scenarios, never the mean."""
    here = [cell for cell in cells if cell.window_days == window_days]
    low, high = min(here, key=lambda c: c.coverage), max(here, key=lambda c: c.coverage)
    wrong, weak = max(here, key=lambda c: c.wrong_direction), min(here, key=lambda c: c.power)
    return (
        f"{window_days} days: coverage {low.coverage:.1%} ({low.scenario}) to {high.coverage:.1%} "
        f"({high.scenario}); wrong direction at most {wrong.wrong_direction:.1%} ({wrong.scenario}); "
        f"3 standard errors called at least {weak.power:.1%} ({weak.scenario})"
    )


def print_table(cells: list[Cell], windows: tuple[int, ...]) -> None:
    print("| scenario | " + " | ".join(f"{days} days" for days in windows) + " |")
    print("|---" * (len(windows) + 1) + "|")
    for name in dict.fromkeys(cell.scenario for cell in cells):
        row = (cell for cell in cells if cell.scenario == name)
        shown = (f"{c.coverage:.1%} / {c.wrong_direction:.1%} / {c.power:.0%} / {c.width:.2f}" for c in row)
        print(f"| {name} | " + " | ".join(shown) + " |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--series", type=int, default=4000, help="series a cell")
    parser.add_argument("--history-days", type=int, default=FULL_HISTORY_DAYS)
    parser.add_argument("--windows", type=int, nargs="+", default=WINDOWS)
    parser.add_argument("--seed", type=int, default=20250)
    parser.add_argument("--rivals", action="store_true")
    arguments = parser.parse_args()
    windows = tuple(arguments.windows)
    for method in RIVALS if arguments.rivals else (estimate_pace,):
        began = time.monotonic()
        cells = list(measure_all(windows, arguments.history_days, arguments.series, arguments.seed, method))
        seconds = time.monotonic() - began
        count, days = arguments.series, arguments.history_days
        print(f"\n{method.__name__}: {count} series a cell, {days} days of history, {seconds:.0f} s\n")
        if not arguments.rivals:
            print("coverage / wrong direction / 3 standard errors called / half width over the ideal\n")
            print_table(cells, windows)
        for window_days in windows:
            print(f"\n{worst(cells, window_days)}")


if __name__ == "__main__":
    main()
