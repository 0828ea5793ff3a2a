"""Finds bursts: runs of movements one way by one actor, each within an hour of the one before.

A gap and not a calendar hour or day, so that a clean-up across midnight stays one. Movements without a known
actor count as one actor's, within 5 minutes of each other: where there is no lifecycle history a script's
clean-up still shows, while an hour would chain the work of different people. Which movements count stands in
sql/gold/verdict_movement.sql.
"""

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa

from gitpulse_assets.transform.pace import FEWEST_BULK
from gitpulse_assets.transform.verdict_bulk import BurstDay

if TYPE_CHECKING:
    import numpy as np

DAY_US = 86_400_000_000
GAP_US, UNKNOWN_ACTOR_GAP_US = 3_600_000_000, 300_000_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Movements(NamedTuple):
    """Movements in the order of direction, actor and time, each array of shape (movements,)."""

    delta: "np.ndarray"
    actor: "np.ndarray"
    moved_us: "np.ndarray"
    is_bot: "np.ndarray"
    is_reopening: "np.ndarray"

    def of(self, wanted: "np.ndarray") -> "Movements":
        """Those wanted, by a flag each or by their positions."""
        return Movements(*(values[wanted] for values in self))


class Bursts(NamedTuple):
    """What is true of each burst, each array of shape (bursts,)."""

    delta: "np.ndarray"
    started_us: "np.ndarray"
    counts: "np.ndarray"


def burst_days(rows: pa.Table) -> list[BurstDay]:
    """Return what each burst that may matter moved, by UTC day and whether it reopened, by when it started.

    `rows`: those of the statement, in whatever order. Of bursts too small to be bulk only each day's largest
    matters, for what is usual.
    """
    import numpy as np

    actors = rows["actor_login"].combine_chunks().dictionary_encode()
    moves = in_order(rows, actors.indices.to_numpy())
    if not len(moves.delta):
        return []
    is_first = begins(moves, actors.dictionary.index(pa.scalar("")).as_py())
    number = np.cumsum(is_first) - 1
    bursts = Bursts(moves.delta[is_first], moves.moved_us[is_first], np.bincount(number))
    matters = may_matter(bursts)[number]
    found = by_day(moves.of(matters), number[matters], bursts, actors.dictionary)
    return sorted(found, key=lambda day: (day.started_at, day.is_arrival, day.actor_login, day.flow_date))


def in_order(rows: pa.Table, actor: "np.ndarray") -> Movements:
    """Sort the movements by direction, actor and time."""
    import numpy as np

    columns = {name: rows[name].to_numpy() for name in Movements._fields if name != "actor"}
    moves = Movements(actor=actor, **columns)
    return moves.of(np.lexsort((moves.moved_us, moves.actor, moves.delta)))


def begins(moves: Movements, unknown_actor: int) -> "np.ndarray":
    """Say which movements are the first of a burst; `unknown_actor`: whose are by nobody known."""
    import numpy as np

    gap_us = np.where(moves.actor == unknown_actor, UNKNOWN_ACTOR_GAP_US, GAP_US)
    is_other = (np.diff(moves.delta) != 0) | (np.diff(moves.actor) != 0)
    return np.concatenate(([True], is_other | (np.diff(moves.moved_us) > gap_us[1:])))


def may_matter(bursts: Bursts) -> "np.ndarray":
    """Say which bursts may be bulk, or are the largest one way of those that started on their day."""
    import numpy as np

    day = bursts.started_us // DAY_US
    order = np.lexsort((-bursts.counts, day, bursts.delta))
    is_other = (np.diff(bursts.delta[order]) != 0) | (np.diff(day[order]) != 0)
    matters = bursts.counts >= FEWEST_BULK
    matters[order[np.concatenate(([True], is_other))]] = True
    return matters


def by_day(moves: Movements, number: "np.ndarray", bursts: Bursts, logins: pa.StringArray) -> list[BurstDay]:
    """Return what bursts moved a day; `number`: the burst of each movement."""
    import numpy as np

    days = moves.moved_us // DAY_US
    key = np.stack((number, days, moves.is_reopening))
    _, first, inverse, counts = np.unique(
        key, axis=1, return_index=True, return_inverse=True, return_counts=True
    )
    is_bot = np.bincount(inverse.ravel(), weights=moves.is_bot) > 0
    return [
        BurstDay(
            is_arrival=bool(moves.delta[at] > 0),
            actor_login=logins[int(moves.actor[at])].as_py(),
            is_bot=bool(bot),
            is_reopening=bool(moves.is_reopening[at]),
            started_at=EPOCH + timedelta(microseconds=int(bursts.started_us[number[at]])),
            flow_date=date(1970, 1, 1) + timedelta(days=int(days[at])),
            burst_count=int(bursts.counts[number[at]]),
            day_count=int(count),
        )
        for at, bot, count in zip(first, is_bot, counts, strict=True)
    ]
