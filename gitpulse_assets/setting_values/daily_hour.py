"""An hour of the day in a time zone, as GITPULSE_ANSWER_LIST_AT says it."""

import re
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

EXAMPLE = "8 Europe/Berlin"
WRITTEN = re.compile(r"(\d{1,2})(?::00)?(?:\s+(\S+))?", re.ASCII)
HOURS = 24


@dataclass(frozen=True)
class DailyHour:
    """The hour (0 to 23) by the clocks of a time zone."""

    hour: int
    time_zone: str = "UTC"

    def day_due(self, now: datetime) -> str | None:
        """The day (YYYY-MM-DD) of the time zone whose hour has come at a moment; None before it."""
        local = now.astimezone(ZoneInfo(self.time_zone))
        return f"{local:%Y-%m-%d}" if local.hour >= self.hour else None


def parse_daily_hour(text: str) -> DailyHour:
    """Read `8 Europe/Berlin`, `8:00` or `8`, in UTC unless said; raises ValueError."""
    found = WRITTEN.fullmatch(text.strip())
    if not found or int(found[1]) >= HOURS:
        raise ValueError(f"{text!r} is no hour of the day (0 to 23) with a time zone; for example {EXAMPLE}")
    zone = found[2] or DailyHour.time_zone
    try:
        ZoneInfo(zone)
    # What is no name may be a folder of the time zones, or no path at all.
    except (KeyError, ValueError, OSError):
        raise ValueError(f"{zone!r} is no time zone; write its IANA name, for example {EXAMPLE}") from None
    return DailyHour(int(found[1]), zone)
