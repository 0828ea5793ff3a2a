"""Unix seconds, as the stand-in keeps time, and the ways GitHub spells them."""

from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime
from functools import lru_cache

DAY_SECONDS = 86_400
EPOCH = date(1970, 1, 1)


@lru_cache(maxsize=20_000)
def day_text(day: int) -> str:
    """Spell a number of days since 1970-01-01 as `YYYY-MM-DD`."""
    return (EPOCH + timedelta(days=day)).isoformat()


def iso(at: int) -> str:
    """Spell Unix seconds as `2026-06-30T12:00:00Z`."""
    day, second = divmod(at, DAY_SECONDS)
    return f"{day_text(day)}T{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}Z"


def parse_iso(text: str) -> int:
    """Read an ISO 8601 time as Unix seconds; UTC when it names no zone. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


def http_date(at: int) -> str:
    """Spell Unix seconds as an HTTP header does, `Tue, 30 Jun 2026 12:00:00 GMT`."""
    return format_datetime(datetime.fromtimestamp(at, UTC), usegmt=True)


def utc_date(at: int) -> date:
    """The UTC day that holds the moment."""
    return EPOCH + timedelta(days=at // DAY_SECONDS)
