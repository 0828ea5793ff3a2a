"""The shipped metrics of public events in plain Python, over events as they were sent, each there once."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from statistics import mean
from typing import Any

import pytest

Event = dict[str, Any]
# The last UTC day on which a stub did not tell whether a closing was a merge (fact 20).
STUBS_TELL_FROM = datetime(2025, 12, 1, tzinfo=UTC)


def at_of(one: Event) -> datetime:
    """When it happened."""
    return datetime.fromisoformat(one["created_at"])


class Truth:
    """The events of a time, each once, for a test to count in plain Python."""

    def __init__(self, events: Iterable[Event]) -> None:
        every = {(one["id"], one["type"], one["created_at"]): one for one in events}
        self.events = list(every.values())
        self.newest_at = max(map(at_of, self.events))

    def within(self, length: timedelta | None = None, event_type: str | None = None) -> list[Event]:
        """Events of the last so long, of one type or all."""
        return [
            one
            for one in self.events
            if (length is None or at_of(one) > self.newest_at - length) and event_type in (None, one["type"])
        ]

    def event_counts(self, length: timedelta) -> dict[str, int]:
        """How many events of each type."""
        return Counter(one["type"] for one in self.within(length))

    def opened(self, length: timedelta | None = None) -> dict[int, list[Event]]:
        """The pull requests opened in each repository."""
        found = self.within(length, "PullRequestEvent")
        return by_repository(one for one in found if one["payload"]["action"] == "opened")

    def pull_request_gaps(self, length: timedelta | None) -> dict[int, tuple[str, float, int]]:
        """Of each repository with two at least: its last name, the mean gap in minutes, how many."""
        wanted: dict[int, tuple[str, float, int]] = {}
        for repository, events in self.opened(length).items():
            times = sorted(map(at_of, events))
            if len(times) >= 2:
                gaps = [(b - a).total_seconds() / 60 for a, b in pairwise(times)]
                wanted[repository] = (last_name(events), mean(gaps), len(times))
        return wanted

    def most_active(self, length: timedelta) -> list[tuple[str, int, int]]:
        """Repositories by their events: last name, how many, id."""
        events = by_repository(self.within(length))
        found = [(last_name(some), len(some), key) for key, some in events.items()]
        return sorted(found, key=lambda one: (-one[1], one[2]))

    def hour_counts(self) -> dict[datetime, int]:
        """How many events of each hour that has some."""
        return Counter(at_of(one).replace(minute=0, second=0) for one in self.events)

    def step_counts(self, length: timedelta, step: timedelta) -> dict[datetime, int]:
        """How many events of each stretch of a day that has some.

        The newest event is left out where it is the first of a stretch, which then has no length.
        """
        begins = [begin_of(at_of(one), step) for one in self.within(length)]
        return Counter(begin for begin in begins if begin < self.newest_at)

    def actors(self, is_bot: bool, limit: int, length: timedelta | None = None) -> list[tuple[str, int]]:
        """Who did most: login, how many."""
        counts = Counter((one["actor"]["id"], one["actor"]["login"]) for one in self.within(length))
        chosen = [(key, n) for key, n in counts.items() if is_named_like_a_bot(key[1]) is is_bot]
        chosen.sort(key=lambda one: (-one[1], one[0][0]))
        return [(login, count) for (_, login), count in chosen[:limit]]

    def stars(self, length: timedelta, repository_id: int | None) -> dict[date, int]:
        """How many stars were given on each day that has some."""
        return Counter(
            at_of(one).date()
            for one in self.within(length, "WatchEvent")
            if repository_id is None or one["repo"].get("id") == repository_id
        )

    def merges(
        self, length: timedelta, repository_id: int | None = None
    ) -> tuple[dict[date, int], dict[date, int]]:
        """By day: pull requests merged, and closings that do not tell whether they were merges."""
        merged: dict[tuple[int | None, int], datetime] = {}
        unknown: dict[tuple[int | None, int], datetime] = {}
        for one in sorted(self.within(length, "PullRequestEvent"), key=at_of):
            key = (one["repo"].get("id"), one["payload"]["number"])
            if repository_id not in (None, key[0]):
                continue
            is_merged = is_merge(one)
            if is_merged:
                merged.setdefault(key, at_of(one))
            elif is_merged is None:
                unknown[key] = at_of(one)
        left = [at for key, at in unknown.items() if key not in merged]
        return Counter(at.date() for at in merged.values()), Counter(at.date() for at in left)


def is_merge(one: Event) -> bool | None:
    """Whether a pull request's event is its merge; None where that cannot be known."""
    action, as_sent = one["payload"]["action"], one["payload"]["pull_request"].get("merged")
    if action != "closed":
        return action == "merged"
    return as_sent if as_sent is not None or at_of(one) < STUBS_TELL_FROM else False


def is_named_like_a_bot(login: str) -> bool:
    """Whether GitHub's way of naming says that it is a bot."""
    return login.endswith("[bot]") or login == "Copilot"


def by_repository(events: Iterable[Event]) -> dict[int, list[Event]]:
    """Events by the id of their repository; some have none."""
    found = defaultdict[int, list[Event]](list)
    for one in events:
        if one["repo"]:
            found[one["repo"]["id"]].append(one)
    return found


def last_name(events: Iterable[Event]) -> str:
    """What a repository was called last."""
    return max(events, key=lambda one: (at_of(one), one["repo"]["name"]))["repo"]["name"]


def begin_of(at: datetime, step: timedelta) -> datetime:
    """When the stretch of the day began that a moment is in."""
    midnight = at.replace(hour=0, minute=0, second=0)
    return midnight + (at - midnight) // step * step


def gaps_told(rows: Iterable[Mapping[str, Any]]) -> dict[int, tuple[str, float, int]]:
    """Rows of `avg_pr_time` as `Truth.pull_request_gaps` has them."""
    names = ("repository_name", "average_minutes", "opened_count")
    return {row["repository_id"]: tuple(row[name] for name in names) for row in rows}


def activity_told(rows: Iterable[Mapping[str, Any]]) -> list[tuple[str, int, int]]:
    """Rows of `active_repositories` as `Truth.most_active` has them."""
    return [(row["repository_name"], row["event_count"], row["repository_id"]) for row in rows]


def in_steps(
    rows: Iterable[Mapping[str, Any]], truth: Truth, length: timedelta, step: timedelta
) -> dict[datetime, float]:
    """Rows of `events_per_minute` as `Truth.step_counts` has them; the first and last are shorter."""
    found: dict[datetime, float] = {}
    for row in rows:
        at = row["begins_at"]
        covered = min(at + step, truth.newest_at) - max(at, truth.newest_at - length)
        if row["events_per_minute"]:
            found[at] = row["events_per_minute"] * (covered / timedelta(minutes=1))
    return found


def approximately(found: Any) -> Any:
    """The same, but for the last digits of its fractions."""
    if isinstance(found, Mapping):
        return {key: approximately(value) for key, value in found.items()}
    if isinstance(found, tuple):
        return tuple(approximately(value) for value in found)
    return pytest.approx(found) if isinstance(found, float | int) else found


def by_date(rows: Iterable[Mapping[str, Any]], day: str, name: str) -> dict[date, int]:
    """A column of rows by their day, where it is not 0."""
    return {row[day]: row[name] for row in rows if row[name]}
