"""What polls of feeds leave for the next: how each is known again, and since when nothing was missed."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import TypedDict

import msgspec

from gitpulse_assets.events.overlap import Family, Key
from gitpulse_assets.github.feed import FEED_ROWS, POLL_SECONDS, FeedPage
from gitpulse_assets.github.target import Firehose
from gitpulse_assets.lake.store import Store
from gitpulse_assets.watch.state import StateObject

# A feed is asked again before a third of what GitHub serves is new, at the pace of late; a quiet one at least
# so often.
WAIT_SECONDS_MAX = 900
SHARE_OF_ROWS = 3
# The reason of a gap: from there on a feed is of another repository than before.
ANOTHER_REPOSITORY = "another_repository"


class FeedSpan(msgspec.Struct, frozen=True):
    """A stretch without a gap; its fields are columns of `feed_span`."""

    span_begin_at: datetime
    span_end_at: datetime
    poll_count: int = 1
    gap_begin_at: datetime | None = None
    gap_reason: str | None = None
    is_public: bool | None = None


class Stars(msgspec.Struct, frozen=True):
    """How many stars a repository had when it was asked last, and how that answer is known again."""

    counted_at: datetime
    star_count: int
    etag: str | None = None


class FeedState(msgspec.Struct, frozen=True):
    """One feed as its last poll left it.

    `target_id`: GitHub's id of the repository or organisation; `known`: the events it is known again by;
    `hidden`: the families of which it showed nothing, so that the same answer again does not prove that
    nothing came; `span`: the stretch that goes on; `wait_seconds`: how long it is left alone.
    `trouble`: why it was not answered last, at `failed_at`. `stars`: as they were counted last.
    `repository_name`: what its newest event calls the repository; None of an organisation's.
    """

    target_id: int | None = msgspec.field(default=None, name="repository_id")
    pages: tuple[FeedPage, ...] = ()
    known: tuple[Key, ...] = ()
    hidden: tuple[Family, ...] = ()
    span: FeedSpan | None = None
    wait_seconds: int = POLL_SECONDS
    trouble: str = ""
    failed_at: datetime | None = None
    stars: Stars | None = None
    repository_name: str | None = None

    @property
    def asked_at(self) -> datetime | None:
        """When it was asked last."""
        times = [self.span and self.span.span_end_at, self.failed_at]
        return max((at for at in times if at), default=None)

    def is_due(self, now: datetime) -> bool:
        """Whether it may be asked again."""
        return self.asked_at is None or now - self.asked_at >= timedelta(seconds=self.wait_seconds)


class Followed(TypedDict):
    """A feed by its name in lower case, and the id by which its repository is known whatever it is called.

    `repository_id` is None of an organisation's, and where none of its events was seen yet.
    """

    feed_name: str
    repository_id: int | None


class Feeds(msgspec.Struct, frozen=True):
    """All feeds, by owner/name; an organisation's is owner/*."""

    feeds: dict[str, FeedState] = {}
    revision: str = ""

    def followed(self) -> list[Followed]:
        """Those that tell of repositories, in the order of their names: the firehose does not."""
        states = sorted((name.lower(), state) for name, state in self.feeds.items() if name != Firehose().key)
        return [
            {"feed_name": name, "repository_id": None if name.endswith("/*") else state.target_id}
            for name, state in states
        ]

    def moved(self) -> list[str]:
        """The feeds, in lower case, whose repository is another owner's now than the one it was asked by."""
        called = ((name.lower(), state.repository_name) for name, state in self.feeds.items())
        return [name for name, now in called if now and owner_feed(now.lower()) != owner_feed(name)]

    def failing(self, since: date) -> list[str]:
        """The feeds, in lower case, that are asked for in vain, at least once since a day."""
        return [
            name.lower()
            for name, state in self.feeds.items()
            if state.failed_at and state.failed_at.date() >= since and name != Firehose().key
        ]


def owner_feed(name: str) -> str:
    """The feed of the organisation that a repository is named to be of."""
    return f"{name.partition('/')[0]}/*"


def feeds(store: Store) -> StateObject[Feeds]:
    """What the polls left, as the lake keeps it."""
    return StateObject(store, "feeds.json", Feeds)


def prolonged(span: FeedSpan | None, now: datetime, gap_reason: str) -> FeedSpan:
    """The stretch that a poll proves: with no reason for a gap it goes on, at midnight as one of its own."""
    if span is None:
        return FeedSpan(now, now, gap_reason="first_poll")
    now = max(now, span.span_end_at)
    if gap_reason:
        return FeedSpan(now, now, 1, span.span_end_at, gap_reason, span.is_public)
    if span.span_end_at.date() != now.date():
        return FeedSpan(span.span_end_at, now, is_public=span.is_public)
    return msgspec.structs.replace(span, span_end_at=now, poll_count=span.poll_count + 1)


def wait_seconds(created: Sequence[datetime], least: int) -> int:
    """How long a feed is left alone: at its pace a third of what GitHub serves comes in that time."""
    times = sorted(created)
    newer = times[len(times) // 2 :]
    if len(newer) < 2:
        return max(least, WAIT_SECONDS_MAX)
    # The newer half: some events carry an old date.
    seconds_an_event = (newer[-1] - newer[0]).total_seconds() / (len(newer) - 1)
    return max(least, min(WAIT_SECONDS_MAX, int(seconds_an_event * FEED_ROWS / SHARE_OF_ROWS)))
