"""When the verdict of 90 days flipped: judged at the end of every week, by all that is known now.

A backlog that was growing and shrinks, or is flat, has flipped, even if it was unclear in between.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from gitpulse_assets.transform.verdict import CLEAR_DIRECTIONS

# A verdict costs about a tenth of a second, and all of them are made anew when the tables change.
WEEKS = 13
SUNDAY = 6


@dataclass(frozen=True)
class Flip:
    """A week at whose end the direction was another clear one than before; `verdict` is its row."""

    before: str
    verdict: dict[str, Any]


def week_ends(first: date, last: date, weeks: int = WEEKS) -> list[date]:
    """Return the Sundays from `first` to `last`, in order, at most so many."""
    newest = last - timedelta(days=(last.weekday() - SUNDAY) % 7)
    ends = [newest - timedelta(weeks=number) for number in range(weeks)]
    return [end for end in reversed(ends) if end >= first]


def flips(verdicts: Sequence[dict[str, Any]]) -> Iterator[Flip]:
    """Yield the flips among verdicts given in order of time."""
    before: str | None = None
    for verdict in verdicts:
        direction = verdict["direction"]
        if direction not in CLEAR_DIRECTIONS:
            continue
        if before and direction != before:
            yield Flip(before, verdict)
        before = direction
