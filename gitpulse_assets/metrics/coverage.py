"""How much of the time asked for is whole, and in words what that means for a figure over it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from gitpulse_assets.events.feed_hours import hour_of

HOUR = timedelta(hours=1)
# The worst of an hour's types is the hour's.
RANK = {"whole": 0, "thin": 1, "missing": 2}
IN_WORDS = {
    "no_file": "no file of them was read, and no feed is whole",
    "ended": "what they held was removed by its age",
    "later_files": "files that their late events come in are not there",
    "filtered": "not everything is kept of the archive's files",
    "feeds_have_more": "feeds that are whole have events that the archive lacks",
    "few_events": "the archive brought fewer than half its usual",
    "no_history": "there is nothing to compare them with",
    "some_feeds": "not every feed that is followed is proven to be whole then",
    "young": "what happened then may still show up in the feeds, which are whole six hours after an hour",
    "sample": "beside whole feeds the firehose brought a sample of all others",
}


@dataclass(frozen=True)
class AskedTime:
    """The time asked for, UTC: after `from_at`, up to `to_at`."""

    from_at: datetime
    to_at: datetime

    @property
    def first_hour_at(self) -> datetime:
        """The first hour that it touches."""
        return hour_of(self.from_at + timedelta(microseconds=1))

    @property
    def last_hour_at(self) -> datetime:
        """The last hour that it touches."""
        return hour_of(self.to_at)

    def hours(self) -> list[datetime]:
        """The begins of all hours that it touches."""
        count = (self.last_hour_at - self.first_hour_at) // HOUR + 1
        return [self.first_hour_at + number * HOUR for number in range(count)]


@dataclass(frozen=True)
class Stretch:
    """Hours on end that are not whole for one reason, as far as they are asked for."""

    from_at: datetime
    to_at: datetime
    verdict: str
    reason: str


@dataclass(frozen=True)
class Coverage:
    """What share of the time asked for is whole (0 to 1), its hours by verdict, those that are not whole."""

    span: AskedTime
    share_whole: float
    hour_counts: Mapping[str, int]
    stretches: Sequence[Stretch]

    def told(self) -> dict[str, Any]:
        """The same as an answer says it."""
        return {
            "from_at": self.span.from_at,
            "to_at": self.span.to_at,
            "share_whole": self.share_whole,
            "whole_hour_count": self.hour_counts["whole"],
            "thin_hour_count": self.hour_counts["thin"],
            "missing_hour_count": self.hour_counts["missing"],
            "gaps": [_stretch_told(one) for one in self.stretches if one.verdict == "missing"],
            "thin_hours": [_stretch_told(one) for one in self.stretches if one.verdict == "thin"],
        }

    def reason(self) -> str | None:
        """Why a figure over this time is not the whole truth, in a sentence; None where nothing says so."""
        parts = [self._told(verdict) for verdict in ("missing", "thin") if self.hour_counts[verdict]]
        return f"{'; '.join(parts)}. What happened then is not all counted." if parts else None

    def _told(self, verdict: str) -> str:
        count = of_hours(self.hour_counts[verdict], sum(self.hour_counts.values()))
        reasons = sorted({one.reason for one in self.stretches if one.verdict == verdict})
        return f"{count} {verdict}: {', or '.join(IN_WORDS[reason] for reason in reasons)}"


def _stretch_told(one: Stretch) -> dict[str, Any]:
    return {"from_at": one.from_at, "to_at": one.to_at, "reason": one.reason}


def coverage_of(verdicts: Iterable[Mapping[str, Any]], span: AskedTime) -> Coverage:
    """The coverage that rows of `event_hour_verdict` give: an hour is as good as the worst of its types."""
    hours: dict[datetime, tuple[str, str]] = {}
    for row in verdicts:
        found = (row["verdict"], row["reason"] or "")
        known = hours.get(row["event_hour_at"], ("whole", ""))
        hours[row["event_hour_at"]] = max(known, found, key=lambda one: (RANK[one[0]], one[1]))
    told = [(at, *hours.get(at, ("missing", "no_file"))) for at in span.hours()]
    whole = sum((part(at, span) for at, verdict, _ in told if verdict == "whole"), timedelta())
    length = span.to_at - span.from_at
    return Coverage(
        span=span,
        share_whole=whole / length if length else 0.0,
        hour_counts={name: sum(verdict == name for _, verdict, _ in told) for name in RANK},
        stretches=tuple(stretches(told, span)),
    )


def stretches(hours: Iterable[tuple[datetime, str, str]], span: AskedTime) -> list[Stretch]:
    """Hours that follow each other and are not whole for the same reason, as one."""
    found: list[Stretch] = []
    for at, verdict, reason in hours:
        if verdict == "whole":
            continue
        begin, end = max(at, span.from_at), min(at + HOUR, span.to_at)
        last = found[-1] if found else None
        if last and (last.to_at, last.verdict, last.reason) == (begin, verdict, reason):
            found[-1] = Stretch(last.from_at, end, verdict, reason)
        else:
            found.append(Stretch(begin, end, verdict, reason))
    return found


def part(hour_at: datetime, span: AskedTime) -> timedelta:
    """How much of an hour is in the time asked for."""
    return min(hour_at + HOUR, span.to_at) - max(hour_at, span.from_at)


def of_hours(part_count: int, count: int) -> str:
    """So many of all hours, with the verb."""
    noun, verb = "hour" if count == 1 else "hours", "is" if part_count == 1 else "are"
    return f"{part_count:,} of {count:,} {noun} {verb}"


def months(first_hour_at: datetime, last_hour_at: datetime) -> Iterator[tuple[datetime, datetime]]:
    """The first and the last hour of each month, from one hour to another, both included."""
    while first_hour_at <= last_hour_at:
        following = (first_hour_at.replace(day=1, hour=0) + timedelta(days=31)).replace(day=1)
        yield first_hour_at, min(following - HOUR, last_hour_at)
        first_hour_at = following
