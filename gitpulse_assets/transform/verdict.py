"""Judges one window of one repository: direction, pace, drivers and what is not known.

Pure: counts in, a `Verdict` out. The statistics stand in pace.py, the words in verdict_text.py, reading the
marts and filling the table in verdict_table.py.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from gitpulse_assets.transform.pace import (
    DAYS_PER_WEEK,
    SHORTEST_PACE_DAYS,
    estimate_pace,
    telling_history_days,
)
from gitpulse_assets.transform.verdict_bulk import BurstDay, DailyCounts, set_aside, within

WINDOWS_DAYS = (28, 90, 180)
# Directions that say something; "unclear" neither is a flip nor makes one.
CLEAR_DIRECTIONS = frozenset({"growing", "shrinking", "flat"})
# Beyond a year one pace would average over what changed; the calibration goes to 180 days.
LONGEST_PACE_DAYS = 366
WEEKS_PER_YEAR = 365.25 / DAYS_PER_WEEK
# Flat: at such a pace the backlog would, after a year, be within a fifth of what it is.
FLAT_SHARE_PER_YEAR = 0.2
FLAT_ISSUES_PER_YEAR = 5.0
# With less than a year before the window slow swings are told from a trend less surely: see the ADR.
SURE_HISTORY_DAYS = 364

# What `unknowns` holds of a repository of which no lifecycle was ever collected.
SNAPSHOT_ONLY = "history: snapshot only, earlier closings, reopenings and transfers are missing"

Direction = Literal["growing", "shrinking", "flat", "unclear"]


@dataclass(frozen=True)
class Interval:
    """Issues a week: the estimate and its 95 % interval."""

    per_week: float
    low: float
    high: float

    @property
    def half_width(self) -> float:
        """Half the interval's width, in issues a week."""
        return (self.high - self.low) / 2


@dataclass(frozen=True)
class WindowCounts:
    """Exact counts of a window: `flows` by the daily flow's column names, bulk movements included."""

    window_days: int
    start_date: date
    end_date: date
    observed_days: int
    flows: Mapping[str, int]
    net_change: int
    open_at_end: int
    bot_departed_count: int

    @property
    def open_at_start(self) -> int:
        """The stock when the window began."""
        return self.open_at_end - self.net_change


@dataclass(frozen=True)
class Part:
    """One part of the flow, bulk set aside: its count now, in the window before, and the noise of either.

    `before` is None where that window was not observed whole.
    """

    name: str
    now: int
    before: int | None
    is_beyond_noise: bool = False

    @property
    def change(self) -> int:
        """How much it rose (or fell, below 0) against the window before."""
        return 0 if self.before is None else self.now - self.before

    @property
    def driver(self) -> str:
        """The part and which way it went, as the table's `drivers` has it."""
        return f"{self.name} {'up' if self.change > 0 else 'down'}"


@dataclass(frozen=True)
class BacklogAge:
    """Age of the open issues in days and the share (0 to 1) of them older than a year; None when none is."""

    median_days: float | None
    p90_days: float | None
    share_over_1_year: float | None


@dataclass(frozen=True)
class Weeks:
    """Weeks until the backlog is empty or twice as large at the pace, and at its interval's two ends."""

    expected: float
    soonest: float
    latest: float


@dataclass(frozen=True)
class Verdict:
    """Everything the answer says about one window; the table and the paragraph are written from it."""

    counts: WindowCounts
    history_days: int
    direction: Direction
    pace: Interval | None
    flat_margin_per_week: float
    weeks: Weeks | None
    bulk: tuple[BurstDay, ...]
    intake: Part
    resolution: Part
    reopenings: Part
    label_changes: tuple[tuple[str, int], ...]
    age: BacklogAge
    unknowns: tuple[str, ...]

    @property
    def drivers(self) -> tuple[str, ...]:
        """What changed by more than noise, largest first."""
        clear = [p for p in (self.intake, self.resolution, self.reopenings) if p.is_beyond_noise]
        return tuple(part.driver for part in sorted(clear, key=lambda part: -abs(part.change)))


def judge(
    counts: WindowCounts,
    days: DailyCounts,
    bulk: Sequence[BurstDay],
    label_changes: Sequence[tuple[str, int]],
    age: BacklogAge,
    unknowns: Sequence[str],
) -> Verdict:
    """Judge the window that ends with the last of `days`; `bulk` are the movements to set aside."""
    ordinary = set_aside(bulk, days)
    pace = _pace(ordinary.net, ordinary.volume, counts.observed_days, days.first_date)
    margin = flat_margin_per_week(counts.open_at_end)
    direction = classify(pace, margin)
    parts = {
        "intake": ordinary.intake,
        "resolution": ordinary.resolution,
        "reopenings": ordinary.reopened,
    }
    intake, resolution, reopenings = (
        _part(name, series, counts, days.first_date) for name, series in parts.items()
    )
    history_days = _history_days(ordinary, counts.observed_days)
    return Verdict(
        counts,
        history_days,
        direction,
        pace,
        margin,
        _weeks(direction, pace, counts.open_at_end),
        tuple(within(bulk, counts.start_date, counts.end_date)),
        intake,
        resolution,
        reopenings,
        tuple(label_changes),
        age,
        (*_too_young(counts, history_days), *unknowns),
    )


def flat_margin_per_week(open_count: int) -> float:
    """Return the pace that would change the backlog by a fifth, or by 5 issues, within a year."""
    return max(FLAT_SHARE_PER_YEAR * open_count, FLAT_ISSUES_PER_YEAR) / WEEKS_PER_YEAR


def classify(pace: Interval | None, margin: float) -> Direction:
    """Say a direction only if the interval excludes 0, flat only if all of it lies within the margin."""
    if pace is None:
        return "unclear"
    if pace.low > 0:
        return "growing"
    if pace.high < 0:
        return "shrinking"
    return "flat" if -margin <= pace.low and pace.high <= margin else "unclear"


def _pace(net, volume, window_days: int, first_date: date) -> Interval | None:
    if not SHORTEST_PACE_DAYS <= window_days <= LONGEST_PACE_DAYS:
        return None
    pace = estimate_pace(net[None, :], volume[None, :], window_days, first_date.weekday())
    return Interval(float(pace.per_week[0]), float(pace.low[0]), float(pace.high[0]))


def _history_days(ordinary: DailyCounts, observed_days: int) -> int:
    return int(telling_history_days(ordinary.volume[None, :], observed_days)[0]) if observed_days else 0


def _part(name: str, series, counts: WindowCounts, first_date: date) -> Part:
    """Compare a window with the one before: beyond noise where the change exceeds both windows' noise."""
    window, observed = counts.window_days, counts.observed_days
    now = round(series[len(series) - observed :].sum())
    if observed < window or len(series) < 2 * window:
        return Part(name, now, None)
    before = round(series[-2 * window : -window].sum())
    pace = _pace(series, series, window, first_date)
    noise = 2**0.5 * pace.half_width * window / DAYS_PER_WEEK if pace else float("inf")
    return Part(name, now, before, abs(now - before) > noise)


def _weeks(direction: Direction, pace: Interval | None, open_count: int) -> Weeks | None:
    if pace is None or direction not in ("growing", "shrinking") or not open_count:
        return None
    fast, slow = (pace.high, pace.low) if direction == "growing" else (pace.low, pace.high)
    return Weeks(*(open_count / abs(speed) for speed in (pace.per_week, fast, slow)))


def _too_young(counts: WindowCounts, history_days: int) -> list[str]:
    if not counts.observed_days:
        return ["no day since the first issue is complete yet"]
    said = []
    if counts.observed_days < counts.window_days:
        began = counts.end_date - timedelta(days=counts.observed_days - 1)
        days = f"{counts.observed_days} of the {counts.window_days} days"
        said.append(f"the history begins on {began}, so only {days}")
    has_pace = SHORTEST_PACE_DAYS <= counts.observed_days <= LONGEST_PACE_DAYS
    if has_pace and history_days < SURE_HISTORY_DAYS:
        said.append(f"slow swings, of which only {history_days} days before the window tell")
    return said
