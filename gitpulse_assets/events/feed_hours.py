"""Which hours the feeds of repositories are proven to be whole in, and what that says of the hours' verdicts.

A feed is whole in an hour where one stretch without a gap begins before it and goes on until all that
happened in it has shown up. It is of the repository that its name led to last: what it proved of another one,
which had the name before, it does not prove of this. An organisation's has the public events of all its
repositories, so that it stands for each of them that is not private.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from itertools import accumulate
from typing import Any

import pyarrow as pa

from gitpulse_assets.contracts.model import UTC_TIMESTAMP, Column, TableContract
from gitpulse_assets.events.feed_state import ANOTHER_REPOSITORY, Followed, owner_feed

HOUR, MOMENT = timedelta(hours=1), timedelta(microseconds=1)
# GitHub shows an event so long after it happened.
SHOWN_WITHIN = timedelta(hours=6)
SOME_FEEDS, SAMPLE, YOUNG = "some_feeds", "sample", "young"
ENDED, WHOLE = "ended", "whole"

Row = dict[str, Any]
Stretch = tuple[datetime, datetime]
# The first and the last hour of some that follow each other.
Hours = tuple[datetime, datetime]

REPOSITORY_ID = Column(
    "repository_id",
    pa.int64(),
    "GitHub's id, whatever it is called; null of an organisation's, and where no event of it was seen.",
)

FEED_HOUR = TableContract(
    layer="silver",
    name="feed_hour",
    description="Hours in which a feed is proven to be whole; computed for the time that is asked for.",
    grain="one hour of one feed",
    key=("repository_name", "event_hour_at"),
    order_by=("repository_name", "event_hour_at"),
    columns=(
        Column(
            "repository_name", pa.string(), "owner/name in lower case; owner/* is an organisation.", False
        ),
        Column("event_hour_at", UTC_TIMESTAMP, "The hour's begin.", False),
        REPOSITORY_ID,
    ),
    sample=("repository_name", "event_hour_at"),
    place="day",
)

# The same with those that follow each other as one row, and the statement that has a row of each.
FEED_HOURS = pa.schema(
    [
        ("repository_name", pa.string()),
        ("repository_id", pa.int64()),
        ("first_hour_at", UTC_TIMESTAMP),
        ("last_hour_at", UTC_TIMESTAMP),
    ]
)
EACH_HOUR = (
    "select repository_name, repository_id, "
    "unnest(generate_series(first_hour_at, last_hour_at, interval 1 hour)) as event_hour_at from feed_hours"
)

PRIVATE_FEED = TableContract(
    layer="silver",
    name="private_feed",
    description=(
        "Followed repositories that are private: what happens in them is in their own feeds alone; computed "
        "for the time that is asked for."
    ),
    grain="one repository",
    key=("repository_name",),
    order_by=("repository_name",),
    columns=(Column("repository_name", pa.string(), "owner/name in lower case.", False), REPOSITORY_ID),
    sample=("repository_name",),
    place="day",
)


@dataclass(frozen=True)
class FeedHours:
    """The stretches of each feed by its name in lower case; `private`: those that no organisation's has.

    `since`: from when on a name leads to its repository, where it led to another one before; `ids`: by which
    the repositories of all feeds are known, None of one whose id nothing told. `moved`: those that are
    another owner's now, and in the feed of the one they are named after no longer.
    """

    stretches: Mapping[str, Sequence[Stretch]]
    private: frozenset[str] = frozenset()
    since: Mapping[str, datetime] = field(default_factory=dict[str, datetime])
    ids: Mapping[str, int | None] = field(default_factory=dict[str, int | None])
    moved: frozenset[str] = frozenset()

    def followed(self) -> list[Followed]:
        """The feeds that there are, in order, with what their repositories are known by."""
        names = sorted({*self.ids, *self.stretches})
        return [{"feed_name": name, "repository_id": self.ids.get(name)} for name in names]

    def called(
        self, name: str, names: Collection[str], owned_in: tuple[datetime, datetime] | None
    ) -> "FeedHours":
        """The same, where the feeds of some names, and no others, prove it of the repository of one.

        `owned_in`: from when and until when it is known to be its owner's, whose feed proves it, too; None:
        never.
        """
        every = [one for other in names for one in self.stretches.get(other, ())]
        if owned_in and not self.private.intersection(names):
            since_at, end_at = owned_in[0], owned_in[1] + SHOWN_WITHIN
            owners = self.stretches.get(owner_feed(name), ())
            inside = [(max(begin, since_at), min(end, end_at)) for begin, end in owners]
            every += [(begin, end) for begin, end in inside if begin <= end]
        # What its owner's feed proves is among them.
        return replace(self, stretches={**self.stretches, name: every}, private=self.private | {name})

    def between(self, first: datetime, last: datetime) -> "FeedHours":
        """The same as far as it tells of the hours from the first to the last."""
        end = last + HOUR + SHOWN_WITHIN
        return replace(
            self,
            stretches={
                name: [
                    (max(begin, first), min(until, end))
                    for begin, until in every
                    if first < until and begin < end
                ]
                for name, every in self.stretches.items()
            },
        )

    def whole(self, name: str) -> list[Hours]:
        """The hours of which every event of a repository, or of an organisation, was received."""
        return merged(one for stretches in self._of(name) for one in whole_hours(stretches))

    def told(self, name: str) -> list[Hours]:
        """The same, and those that will be whole once all of them has shown up in polls."""
        every = (one for stretches in self._of(name) for one in young_hours(stretches))
        return merged([*self.whole(name), *every])

    def _of(self, name: str) -> list[Sequence[Stretch]]:
        names = [name] if name in self.private | self.moved else [name, owner_feed(name)]
        return [self.stretches.get(one, ()) for one in names]

    def hours(self, first: datetime, last: datetime) -> pa.Table:
        """The rows of `feed_hours` from the first to the last hour, each feed's by itself."""
        own = {name: merged(whole_hours(stretches)) for name, stretches in self.stretches.items()}
        return self._rows(own, first, last)

    def hours_of(self, repositories: Iterable[str], first: datetime, last: datetime) -> pa.Table:
        """The same of some repositories, by whichever feed they are whole."""
        return self._rows({name: self.whole(name) for name in repositories}, first, last)

    def _rows(self, hours: Mapping[str, Sequence[Hours]], first: datetime, last: datetime) -> pa.Table:
        rows = [
            {
                "repository_name": name,
                "repository_id": self.ids.get(name),
                "first_hour_at": max(begin, first),
                "last_hour_at": min(end, last),
            }
            for name, every in hours.items()
            for begin, end in every
            if begin <= last and first <= end
        ]
        return pa.Table.from_pylist(rows, FEED_HOURS)

    def private_rows(self) -> pa.Table:
        """The rows of `private_feed`."""
        rows = [
            {"repository_name": one["feed_name"], "repository_id": one["repository_id"]}
            for one in self.followed()
            if one["feed_name"] in self.private
        ]
        return pa.Table.from_pylist(rows, PRIVATE_FEED.arrow_schema)


def feed_stretches(spans: Iterable[Row]) -> FeedHours:
    """The stretches of each feed, those of following days as one; of rows of `feed_span`."""
    found: dict[str, list[Stretch]] = defaultdict(list)
    private: set[str] = set()
    since: dict[str, datetime] = {}
    for row in sorted(spans, key=lambda row: (row["repository_name"], row["span_begin_at"])):
        name, begin, end = row["repository_name"].lower(), row["span_begin_at"], row["span_end_at"]
        known = found[name]
        if row["gap_reason"] == ANOTHER_REPOSITORY:
            known.clear()
            private.discard(name)
            since[name] = begin
        if row.get("is_public") is False:
            private.add(name)
        if known and row["gap_reason"] is None and begin <= known[-1][1]:
            known[-1] = (known[-1][0], max(end, known[-1][1]))
        else:
            known.append((begin, end))
    return FeedHours(found, frozenset(private), since)


def whole_hours(stretches: Iterable[Stretch]) -> list[Hours]:
    """The hours of each stretch that all had its time to show up in."""
    found = [(hour_from(begin), hour_of(end - HOUR - SHOWN_WITHIN)) for begin, end in stretches]
    return [(first, last) for first, last in found if first <= last]


def young_hours(stretches: Collection[Stretch]) -> list[Hours]:
    """Those that the newest stretch goes on in: nothing is missing but what had not shown up by then."""
    newest = sorted(stretches, key=lambda one: one[1])[-1:]
    found = [(hour_from(begin), hour_of(end - MOMENT)) for begin, end in newest]
    return [(first, last) for first, last in found if first <= last]


def merged(hours: Iterable[Hours]) -> list[Hours]:
    """The same hours, those that follow each other as one, in order."""
    found: list[Hours] = []
    for first, last in sorted(hours):
        if found and first <= found[-1][1] + HOUR:
            found[-1] = (found[-1][0], max(last, found[-1][1]))
        else:
            found.append((first, last))
    return found


def hour_of(at: datetime) -> datetime:
    """The hour a moment is in."""
    return at.replace(minute=0, second=0, microsecond=0)


def hour_from(at: datetime) -> datetime:
    """The first hour that begins at a moment or after it."""
    return hour_of(at + HOUR - MOMENT)


def with_feeds(
    verdicts: Iterable[Row],
    feeds: FeedHours,
    repository: str | None,
    *,
    archived: Collection[date] = (),
    sampled: Collection[date] = (),
) -> list[dict[str, Any]]:
    """Rows of `event_hour_verdict` as they are where feeds count, too.

    Of one repository its own feed and its organisation's do; of all those of all that are followed, but for
    the days that an archive tells of, `archived`, and those to which the firehose brought some of what others
    did, `sampled`. What a feed proved has ended where the events have.
    """
    rows = [dict(row) for row in verdicts]
    names = list(feeds.stretches) if repository is None else [repository]
    proven = by_feeds(feeds, names, sorted({row["event_hour_at"] for row in rows}))
    for row in (row for row in rows if row["reason"] != ENDED):
        day, found = row["event_hour_at"].date(), proven[row["event_hour_at"]]
        if repository is None and day in archived:
            continue
        if found == WHOLE and (repository is not None or day not in sampled):
            row |= {"verdict": WHOLE, "reason": None}
        elif found and row["verdict"] == "missing":
            row |= {"verdict": "thin", "reason": SAMPLE if found == WHOLE else found}
    return rows


def by_feeds(
    feeds: FeedHours, names: Collection[str], hours: Sequence[datetime]
) -> dict[datetime, str | None]:
    """What the feeds of some repositories and organisations prove of hours, in order, all of them together.

    That one is whole, that it will be (young), that some say so and others do not; None: nothing.
    """
    whole = counted((one for name in names for one in feeds.whole(name)), hours)
    told = counted((one for name in names for one in feeds.told(name)), hours)
    every = zip(hours, whole, told, strict=True)
    return {at: in_a_word(whole_count, told_count, len(names)) for at, whole_count, told_count in every}


def in_a_word(whole_count: int, told_count: int, count: int) -> str | None:
    """What some feeds prove of an hour: how many that it is whole, how many that it is or will be, of all."""
    if not told_count:
        return None
    if told_count < count:
        return SOME_FEEDS
    return WHOLE if whole_count == count else YOUNG


def counted(spans: Iterable[Hours], hours: Sequence[datetime]) -> list[int]:
    """In how many of some spans each of these hours is, which are in order."""
    change = [0] * (len(hours) + 1)
    for first, last in spans:
        change[bisect_left(hours, first)] += 1
        change[bisect_right(hours, last)] -= 1
    return list(accumulate(change))[:-1]
