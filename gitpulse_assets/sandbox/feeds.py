"""Public events as the stand-in serves them: feeds of their newest rows by id.

What is in a feed are the events somebody published to it, and those that follow from its issues' history.
"""

import json
import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import Any

from gitpulse_assets.sandbox.model import Event, Issue, Repository, User
from gitpulse_assets.sandbox.times import DAY_SECONDS, iso

FEED_ROWS, FEED_PAGES, SERVED_SECONDS = 300, 3, 30 * DAY_SECONDS
POLL_SECONDS = 60
FIREHOSE_SECONDS = 300
# Where GitHub's two families of event ids began in 2025: code, and everything else.
FIRST_CODE_ID, FIRST_OTHER_ID = 21_000_000_000, 14_900_000_000
CODE_TYPES = ("PushEvent", "CreateEvent", "DeleteEvent")
ACTIONS = ("closed", "reopened")


@dataclass(frozen=True)
class PublicEvent:
    """An event as sent; `created_at`, and since when it shows, in Unix seconds; whose repository it was then.

    A hidden one takes a row's place in a page and is left out of it.
    """

    event_id: int
    body: bytes
    created_at: int
    shown_at: int
    owner_id: int
    is_hidden: bool = False

    @property
    def family(self) -> str:
        """The family of its id."""
        return "code" if self.event_id >= FIRST_CODE_ID else "other"


class EventIds:
    """The ids of public events, which all repositories share."""

    def __init__(self) -> None:
        self._code, self._other = count(FIRST_CODE_ID), count(FIRST_OTHER_ID)

    def next(self, event_type: str) -> int:
        """The id of an event that happens now."""
        return next(self._code if event_type in CODE_TYPES else self._other)


@dataclass
class PublicFeed:
    """The events of one repository."""

    repository: Repository
    ids: EventIds
    events: list[PublicEvent] = field(default_factory=list)
    is_by_position: bool = False
    _told: set[tuple[int, int]] = field(default_factory=set)

    def publish(
        self,
        event_type: str,
        at: int,
        payload: Mapping[str, Any] | None = None,
        *,
        actor: User | None = None,
        delay_seconds: int = 0,
        is_hidden: bool = False,
        is_nameless: bool = False,
    ) -> PublicEvent:
        """Add an event that happened `at` and shows later; ids follow the order of showing.

        A nameless one does not say of which repository it is.
        """
        event_id = self.ids.next(event_type)
        if event_type == "WatchEvent":
            self.repository.star_times.append(at)
        sent = event_json(self.repository, event_id, event_type, at, payload or {}, actor)
        body = json.dumps(sent | {"repo": {}} if is_nameless else sent).encode()
        owner_id = self.repository.owner_id
        self.events.append(PublicEvent(event_id, body, at, at + delay_seconds, owner_id, is_hidden))
        return self.events[-1]

    def untold(self) -> Iterator[tuple[int, Callable[[], PublicEvent]]]:
        """What happened to the repository's issues since the last call: when, and what publishes it."""
        for issue in self.repository.issues.values():
            for at, key, event_type, payload, actor in _happened(issue):
                if key not in self._told:
                    self._told.add(key)
                    yield at, partial(self.publish, event_type, at, payload, actor=actor)

    def rows(self, now: int) -> list[PublicEvent]:
        """What is served."""
        return served(self.events, now, is_by_position=self.is_by_position)


def follow(feeds: Iterable[PublicFeed]) -> None:
    """Add what happened to the issues of all repositories since the last call, in the order of time."""
    untold = [happened for feed in feeds for happened in feed.untold()]
    for _, publish in sorted(untold, key=lambda one: one[0]):
        publish()


def served(events: Iterable[PublicEvent], now: int, *, is_by_position: bool = False) -> list[PublicEvent]:
    """What is served of some events, the greatest ids first: 300 rows of 30 days at most."""
    shown = [one for one in events if one.shown_at <= now < one.created_at + SERVED_SECONDS]
    if is_by_position:
        return sorted(shown, key=lambda one: (one.event_id % 7, -one.event_id))[:FEED_ROWS]
    return sorted(shown, key=lambda one: -one.event_id)[:FEED_ROWS]


def sampled(events: Iterable[PublicEvent], now: int, shares: Mapping[str, float]) -> list[PublicEvent]:
    """What the firehose shows: of each family its share of what showed up in the last five minutes."""
    late = [one for one in events if now - FIREHOSE_SECONDS < one.shown_at <= now]
    rows = [one for one in late if random.Random(one.event_id).random() < shares[one.family]]
    return sorted(rows, key=lambda one: (one.event_id % 7, -one.event_id))[:FEED_ROWS]


def _happened(issue: Issue):
    """What of an issue's history GitHub publishes: its opening, closings and reopenings."""
    kind = "PullRequestEvent" if issue.is_pull_request else "IssuesEvent"
    name = "pull_request" if issue.is_pull_request else "issue"
    about = {"number": issue.number, name: {"id": issue.issue_id, "number": issue.number}}
    yield issue.created_at, (issue.issue_id, 0), kind, {"action": "opened", **about}, issue.author
    for event in issue.events:
        if event.kind in ACTIONS:
            yield event.at, _key(issue, event), kind, {"action": event.kind, **about}, event.actor


def _key(issue: Issue, event: Event) -> tuple[int, int]:
    return issue.issue_id, event.event_id


def event_json(
    repository: Repository,
    event_id: int,
    event_type: str,
    at: int,
    payload: Mapping[str, Any],
    actor: User | None,
) -> dict[str, Any]:
    """An event as GitHub sends it."""
    who = {"id": actor.user_id, "login": actor.login} if actor else {"id": 1, "login": "octocat"}
    return {
        "id": str(event_id),
        "type": event_type,
        "actor": who,
        "repo": {"id": repository.repository_id, "name": repository.full_name},
        "payload": dict(payload),
        "public": not repository.is_private,
        "created_at": iso(at),
        "org": {"id": repository.owner_id, "login": repository.owner},
    }
