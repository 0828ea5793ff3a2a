"""For how long public events are kept, as GITPULSE_EVENT_RETENTION_DAYS says. Nothing is removed here."""

import re
from dataclasses import dataclass

EXAMPLE = "365 PushEvent=30 WatchEvent=0"
ENTRY = re.compile(r"(?:([A-Z][A-Za-z]{1,62}Event)=)?(\d{1,5})")


@dataclass(frozen=True)
class EventAges:
    """Days for which events are kept after the UTC day they happened on, by type; 0: for ever.

    `others`: of the types that are not named.
    """

    others: int = 0
    by_type: tuple[tuple[str, int], ...] = ()

    @property
    def least(self) -> int:
        """The shortest time that anything is kept; 0 where all is kept for ever."""
        return min((days for days in (self.others, *(days for _, days in self.by_type)) if days), default=0)

    def is_past(self, event_type: str, age_days: int) -> bool:
        """Whether events of a type are past their time on a day that is so old."""
        return 0 < dict(self.by_type).get(event_type, self.others) < age_days

    def condition(self, age_days: int) -> str:
        """Which events of a day that is so old are past their time, as SQL over `event_type`."""
        # Names of types, which hold letters only.
        named = ", ".join(f"'{name}'" for name, _ in self.by_type)
        is_other = f"event_type not in ({named})" if named else "true"
        told = [f"event_type = '{name}'" for name, days in self.by_type if 0 < days < age_days]
        told += [is_other] if 0 < self.others < age_days else []
        return " or ".join(told) or "false"


def parse_event_ages(text: str) -> EventAges:
    """Read `365 PushEvent=30`: days of all types, and of single ones; raises ValueError."""
    others, by_type = 0, dict[str, int]()
    for entry in re.split(r"[\s,]+", text.strip()):
        found = ENTRY.fullmatch(entry)
        if entry and not found:
            raise ValueError(f"{entry!r} is neither days nor Type=days; for example {EXAMPLE}")
        if found and found[1]:
            by_type[found[1]] = int(found[2])
        elif found:
            others = int(found[2])
    return EventAges(others, tuple(by_type.items()))
