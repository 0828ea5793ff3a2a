"""Generates daily arrivals and departures of a backlog whose true pace is known, to calibrate the interval.

The scenarios were fixed before the interval's method (docs/adr/0005-pace-interval.md): add one when a real
repository shows a behaviour they lack, never change one to make a method pass. Issues, events and HTTP
answers are generated elsewhere; nothing here estimates anything.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

DAYS_PER_WEEK = 7
ECHO_MEAN_DAYS = 6.0
CYCLE_DAYS = 42
TOP_ACTOR_SHARE = 0.4
BULK_SIZES = (12, 100)


@dataclass(frozen=True)
class Scenario:
    """How one kind of repository behaves.

    `arrivals_per_day`, `departures_per_day`: expected counts in the window, bulk closings set aside.
    `weekend_factor`: a weekend day's intensity over a weekday's. `overdispersion`: kappa of a negative
    binomial, variance = mean + kappa * mean**2. `ar_coefficient`, `ar_deviation`: day-to-day coefficient and
    standard deviation of the log intensity, drawn apart for arrivals and departures. `echo_share`: the share
    of departures that follow arrivals within days. `history_level` multiplies the intensities before the
    window; `history_departures_per_day` replaces the departures before it; `history_step` multiplies the
    arrivals of the first half of the history; `level_growth`: the last day's intensity over the first's.
    `cycle_deviation`: a release cycle of six weeks swings the arrivals by that share each way.
    """

    name: str
    arrivals_per_day: float = 4.0
    departures_per_day: float = 4.0
    weekend_factor: float = 1.0
    overdispersion: float = 0.0
    ar_coefficient: float = 0.0
    ar_deviation: float = 0.0
    bulk_closings_per_year: float = 0.0
    echo_share: float = 0.0
    history_level: float = 1.0
    history_departures_per_day: float | None = None
    history_step: float = 1.0
    level_growth: float = 1.0
    cycle_deviation: float = 0.0

    @property
    def pace_per_week(self) -> float:
        """The true pace: the expected net change a week, bulk closings set aside."""
        return DAYS_PER_WEEK * (self.arrivals_per_day - self.departures_per_day)

    def faster_by(self, pace_per_week: float) -> "Scenario":
        """The same repository with more arrivals, so that its pace is `pace_per_week` higher."""
        return replace(self, arrivals_per_day=self.arrivals_per_day + pace_per_week / DAYS_PER_WEEK)


@dataclass(frozen=True)
class DailySeries:
    """Counts of shape (series, days), the window last. `departures` includes the bulk closings.

    `largest_burst`: the most departures one actor made in one go on that day. `first_weekday`: Monday is 0.
    """

    arrivals: "np.ndarray"
    departures: "np.ndarray"
    largest_burst: "np.ndarray"
    first_weekday: int


# Volume 4 a day, weekly rhythm 0.3 and the spread of the strengths are those of a large real repository:
# daily variance over mean 1.9 (arrivals) and 2.6 (departures), weekly arrivals' autocorrelation 0.3 to 0.4.
SCENARIOS: tuple[Scenario, ...] = (
    Scenario("zero drift"),
    Scenario("small drift up", arrivals_per_day=4.4),
    Scenario("large drift up", arrivals_per_day=6.0),
    Scenario("large drift down", departures_per_day=6.0),
    Scenario("weekly rhythm", weekend_factor=0.3),
    Scenario("weekly rhythm, large drift", arrivals_per_day=6.0, weekend_factor=0.3),
    Scenario("overdispersed", overdispersion=0.5),
    Scenario("autocorrelated 0.5", ar_coefficient=0.5, ar_deviation=0.4),
    Scenario("autocorrelated 0.8", ar_coefficient=0.8, ar_deviation=0.3),
    Scenario("autocorrelated 0.9", ar_coefficient=0.9, ar_deviation=0.3),
    Scenario("autocorrelated 0.95", ar_coefficient=0.95, ar_deviation=0.3),
    Scenario("closed within days", echo_share=0.6),
    Scenario("bulk closings", bulk_closings_per_year=6),
    Scenario("bulk closings, small drift", arrivals_per_day=4.4, bulk_closings_per_year=12),
    Scenario("low volume", arrivals_per_day=0.2, departures_per_day=0.2),
    Scenario("low volume, large drift", arrivals_per_day=0.2, departures_per_day=0.05),
    Scenario("low volume, overdispersed", arrivals_per_day=0.2, departures_per_day=0.2, overdispersion=2.0),
    Scenario("low volume, bulk closings", 0.2, 0.2, bulk_closings_per_year=2),
    Scenario("high volume", 50.0, 50.0, weekend_factor=0.3),
    Scenario("high volume, large drift", 60.0, 50.0, weekend_factor=0.3, overdispersion=0.05),
    Scenario("high volume, autocorrelated 0.8", 50.0, 50.0, ar_coefficient=0.8, ar_deviation=0.2),
    Scenario("high volume, autocorrelated 0.9", 50.0, 50.0, ar_coefficient=0.9, ar_deviation=0.2),
    Scenario("high volume, bulk closings", 50.0, 50.0, overdispersion=0.05, bulk_closings_per_year=6),
    Scenario("all at once", 5.0, 4.0, 0.3, 0.3, 0.8, 0.3, bulk_closings_per_year=6),
    Scenario("all at once, closed within days", 5.0, 4.0, 0.3, 0.3, 0.8, 0.3, 6, echo_share=0.4),
    Scenario("history at half the volume", history_level=0.5, weekend_factor=0.3),
    Scenario("history at twice the volume", history_level=2.0, weekend_factor=0.3),
    Scenario("pace turned at the window", arrivals_per_day=6.0, history_departures_per_day=6.0),
    Scenario("step in the history", history_step=1.5),
    Scenario("volume doubles over the history", level_growth=2.0),
    # Added after the first comparison of methods, because each is harder than what stands above.
    Scenario("autocorrelated 0.95, faint", ar_coefficient=0.95, ar_deviation=0.15),
    Scenario("release cycle", cycle_deviation=0.5),
    # Added after a repository that woke up was judged from its years asleep.
    Scenario("history at a third of the volume", history_level=0.34, weekend_factor=0.3),
    Scenario("history at a tenth of the volume", history_level=0.1, weekend_factor=0.3),
    Scenario("asleep before the window", history_level=0.003),
    Scenario("asleep before the window, autocorrelated 0.8", 4, 4, 1, 0, 0.8, 0.3, history_level=0.003),
    Scenario("volume grows tenfold over the history", level_growth=10.0),
)


def simulate(
    scenario: Scenario, window_days: int, history_days: int, series_count: int, seed: int
) -> DailySeries:
    """Draw `series_count` independent series of `history_days + window_days` days.

    Over whole weeks the expected counts of the window are the scenario's exactly.
    """
    import numpy as np

    rng = np.random.default_rng(seed)
    shape = (series_count, history_days + window_days)
    first_weekday = int(rng.integers(DAYS_PER_WEEK))
    arrival_mean, departure_mean = _expected_per_day(scenario, window_days, history_days, first_weekday)
    arrival_intensity = arrival_mean * _intensity(scenario, shape, rng)
    if scenario.cycle_deviation:
        arrival_intensity = arrival_intensity * _cycle(scenario.cycle_deviation, shape, rng)
    arrivals = _counts(arrival_intensity, scenario.overdispersion, rng)
    departure_intensity = departure_mean * _intensity(scenario, shape, rng)
    if scenario.echo_share:
        departure_intensity = _echoed(scenario.echo_share, arrivals, arrival_mean, departure_intensity)
    ordinary = _counts(departure_intensity, scenario.overdispersion, rng)
    bulk = _bulk(scenario.bulk_closings_per_year, shape, rng)
    burst = np.maximum(rng.binomial(ordinary, TOP_ACTOR_SHARE), bulk)
    return DailySeries(arrivals, ordinary + bulk, burst, first_weekday)


def _expected_per_day(
    scenario: Scenario, window_days: int, history_days: int, first_weekday: int
) -> "tuple[np.ndarray, np.ndarray]":
    import numpy as np

    day = np.arange(history_days + window_days)
    is_history = day < history_days
    is_weekend = (day + first_weekday) % DAYS_PER_WEEK >= 5
    # A whole week of these factors averages 1, so the pace per week does not depend on the weekend.
    rhythm = np.where(is_weekend, scenario.weekend_factor, 1.0) * 7 / (5 + 2 * scenario.weekend_factor)
    growth = scenario.level_growth ** (day / day[-1])
    growth = growth / growth[history_days:].mean()
    level = rhythm * growth * np.where(is_history, scenario.history_level, 1.0)
    step = np.where(day < history_days / 2, scenario.history_step, 1.0)
    before = scenario.history_departures_per_day
    departures = np.where(is_history & (before is not None), before or 0.0, scenario.departures_per_day)
    return level * step * scenario.arrivals_per_day, level * departures


def _intensity(scenario: Scenario, shape: tuple[int, int], rng: "np.random.Generator") -> "np.ndarray":
    """Lognormal intensities of mean 1 whose logarithm is a stationary AR(1)."""
    import numpy as np

    if not scenario.ar_deviation:
        return np.ones(shape)
    noise = rng.standard_normal(shape)
    innovation = (1 - scenario.ar_coefficient**2) ** 0.5
    for day in range(1, shape[1]):
        noise[:, day] = scenario.ar_coefficient * noise[:, day - 1] + innovation * noise[:, day]
    return np.exp(scenario.ar_deviation * noise - scenario.ar_deviation**2 / 2)


def _cycle(deviation: float, shape: tuple[int, int], rng: "np.random.Generator") -> "np.ndarray":
    import numpy as np

    phase = rng.random((shape[0], 1))
    return 1 + deviation * np.sin(2 * np.pi * (np.arange(shape[1]) / CYCLE_DAYS + phase))


def _counts(mean: "np.ndarray", overdispersion: float, rng: "np.random.Generator") -> "np.ndarray":
    if overdispersion:
        mean = mean * rng.gamma(1 / overdispersion, overdispersion, mean.shape)
    return rng.poisson(mean)


def _echoed(
    share: float, arrivals: "np.ndarray", arrival_mean: "np.ndarray", intensity: "np.ndarray"
) -> "np.ndarray":
    """Let `share` of the departures' intensity follow the arrivals, at an exponentially spread delay."""
    import numpy as np

    keep = 1 - 1 / ECHO_MEAN_DAYS
    relative = arrivals / arrival_mean
    follow = np.ones(arrivals.shape)
    for day in range(1, arrivals.shape[1]):
        follow[:, day] = keep * follow[:, day - 1] + (1 - keep) * relative[:, day - 1]
    return intensity * (1 - share + share * follow)


def _bulk(per_year: float, shape: tuple[int, int], rng: "np.random.Generator") -> "np.ndarray":
    happened = rng.random(shape) < per_year / 365
    return happened * rng.integers(*BULK_SIZES, size=shape, endpoint=True)
