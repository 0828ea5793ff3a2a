"""Quantiles, survival and calendars, written out."""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction

DAY = timedelta(days=1)


def seconds(start: datetime, end: datetime) -> int:
    return (end - start) // timedelta(seconds=1)


def quantile(values: Sequence[float], share: float) -> float | None:
    """By linear interpolation between the two nearest."""
    if not values:
        return None
    ordered = sorted(values)
    place = (len(ordered) - 1) * share
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def kaplan_meier_median(observed: Iterable[tuple[float, bool]]) -> float | None:
    """The first duration at which no more than half are left; True: it ended, False: longer than this."""
    rows = sorted(observed)
    left = Fraction(1)
    for duration in sorted({row[0] for row in rows if row[1]}):
        at_risk = sum(row[0] >= duration for row in rows)
        ended = sum(row == (duration, True) for row in rows)
        left *= Fraction(at_risk - ended, at_risk)
        if left <= Fraction(1, 2):
            return duration
    return None


def share(flags: Sequence[bool]) -> float | None:
    return sum(flags) / len(flags) if flags else None


def day_of(at: datetime) -> date:
    return at.astimezone(UTC).date()


def month_of(at: datetime) -> date:
    return day_of(at).replace(day=1)


def next_month(month: date) -> date:
    return (month.replace(day=28) + timedelta(days=4)).replace(day=1)


def days(first: date, last: date) -> list[date]:
    return [first + DAY * place for place in range((last - first).days + 1)]


def months(first: date, last: date) -> list[date]:
    found = [first]
    while found[-1] < last:
        found.append(next_month(found[-1]))
    return found


def month_end(month: date, as_of_at: datetime) -> datetime:
    """The month's last microsecond, in the last month the as-of moment."""
    end = datetime.combine(next_month(month), datetime.min.time(), UTC) - timedelta(microseconds=1)
    return min(end, as_of_at)
