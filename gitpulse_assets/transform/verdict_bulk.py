"""Tells bulk movements from the ordinary ones and takes them out of the daily counts.

From how many movements on a burst is a bulk one stands in pace.py; what a burst is, in bursts.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from gitpulse_assets.transform.pace import bulk_threshold

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class BurstDay:
    """What one burst moved on one UTC day: `day_count` of the burst's `burst_count` issues."""

    is_arrival: bool
    actor_login: str
    is_bot: bool
    is_reopening: bool
    started_at: datetime
    flow_date: date
    burst_count: int
    day_count: int


@dataclass(frozen=True)
class DailyCounts:
    """Issues a UTC day, each array of shape (days,), the last complete day last.

    `intake`: opened, transferred in, returned. `resolution`: closed, converted, transferred out, deleted.
    """

    first_date: date
    intake: "np.ndarray"
    reopened: "np.ndarray"
    resolution: "np.ndarray"

    @property
    def net(self) -> "np.ndarray":
        """What entered minus what left, a day."""
        return self.intake + self.reopened - self.resolution

    @property
    def volume(self) -> "np.ndarray":
        """What entered plus what left, a day."""
        return self.intake + self.reopened + self.resolution


def find_bulk(bursts: Sequence[BurstDay], counts: DailyCounts) -> list[BurstDay]:
    """Return the days of the bursts far above what the repository usually sees, each way judged apart."""
    return [
        burst
        for is_arrival in (False, True)
        for burst in _far_above_usual([b for b in bursts if b.is_arrival == is_arrival], counts)
    ]


def _far_above_usual(bursts: list[BurstDay], counts: DailyCounts) -> list[BurstDay]:
    import numpy as np

    days = len(counts.net)
    if not days:
        return []
    largest = np.zeros(days)
    for burst in bursts:
        position = _position(burst.started_at.date(), counts)
        if 0 <= position < days:
            largest[position] = max(largest[position], burst.burst_count)
    threshold = float(bulk_threshold(largest[None, :])[0])
    return [burst for burst in bursts if burst.burst_count >= threshold]


def set_aside(bulk: Sequence[BurstDay], counts: DailyCounts) -> DailyCounts:
    """Return the daily counts without the bulk movements."""
    intake, reopened, resolution = (
        series.astype(float) for series in (counts.intake, counts.reopened, counts.resolution)
    )
    for burst in bulk:
        series = resolution if not burst.is_arrival else reopened if burst.is_reopening else intake
        series[_position(burst.flow_date, counts)] -= burst.day_count
    return DailyCounts(counts.first_date, intake, reopened, resolution)


def within(bulk: Sequence[BurstDay], start: date, end: date) -> list[BurstDay]:
    """Return what was moved in bulk from day `start` to day `end`, both included."""
    return [burst for burst in bulk if start <= burst.flow_date <= end]


def _position(day: date, counts: DailyCounts) -> int:
    return (day - counts.first_date) // timedelta(days=1)
