"""The window of days every figure of an answer is about; no data are read here."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

FIRST_DATE = date(1970, 1, 1)
DEFAULT_WINDOW_DAYS = 90


class WindowError(ValueError):
    """No window can be made of what was asked for; str() says why and what can."""


@dataclass(frozen=True)
class Window:
    """UTC days from `start_date` to `end_date`, both included."""

    start_date: date
    end_date: date

    @property
    def days(self) -> int:
        """Its length in days."""
        return (self.end_date - self.start_date).days + 1

    @property
    def start_at(self) -> datetime:
        """The midnight it begins with."""
        return datetime.combine(self.start_date, time(), UTC)

    @property
    def end_at(self) -> datetime:
        """The midnight after its last day."""
        return datetime.combine(self.end_date + timedelta(days=1), time(), UTC)

    def __str__(self) -> str:
        return f"{self.start_date} to {self.end_date} ({self.days:,} {'day' if self.days == 1 else 'days'})"


def last_days(days: int, last_complete_date: date) -> Window:
    """Return the window of so many days that ends with the last complete one."""
    longest = (last_complete_date - FIRST_DATE).days + 1
    if not 1 <= days <= longest:
        raise WindowError(f"a window has 1 to {longest:,} days, not {days:,}")
    return Window(last_complete_date - timedelta(days=days - 1), last_complete_date)


def completed(days: int, start: date | None, end: date | None) -> tuple[date | None, date | None]:
    """Give a window of so many days that has one of its ends the other one; with none it has none."""
    rest = timedelta(days=days - 1)
    try:
        return start or (end and end - rest), end or (start and start + rest)
    except OverflowError:
        raise WindowError(f"no window of {days:,} days begins or ends on {start or end}") from None


def between(start: date, end: date, last_complete_date: date) -> Window:
    """Return the window from one day to another, which must be over."""
    if start > end:
        raise WindowError(f"the window begins on {start}, after its end on {end}")
    if start < FIRST_DATE:
        raise WindowError(f"the window begins on {start}; the earliest day is {FIRST_DATE}")
    if end > last_complete_date:
        raise WindowError(f"the window ends on {end}; the last complete day known is {last_complete_date}")
    return Window(start, end)
