"""Which hours the feeds of repositories are proven to be whole in, and what that says of the hours' verdicts.

A feed is whole in an hour where one stretch without a gap begins before it and goes on until all that
happened in it has shown up. It is of the repository that its name led to last: what it proved of another one,
which had the name before, it does not prove of this. An organisation's has the public events of all its
repositories, so that it stands for each of them that is not private.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

import pyarrow as pa

from gitpulse_assets.contracts.model import UTC_TIMESTAMP, Column, TableContract
from gitpulse_assets.events.feed_state import ANOTHER_REPOSITORY, Followed

HOUR = timedelta(hours=1)
# GitHub shows an event so long after it happened.
SHOWN_WITHIN = timedelta(hours=6)
SOME_FEEDS, SAMPLE, YOUNG = "some_feeds", "sample", "young"
ENDED, WHOLE = "ended", "whole"

Row = dict[str, Any]
Stretch = tuple[datetime, datetime]

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
    the repositories of all feeds are known, None of one whose id nothing told.
    """

    stretches: Mapping[str, Sequence[Stretch]]
    private: frozenset[str] = frozenset()
    since: Mapping[str, datetime] = field(default_factory=dict[str, datetime])
    ids: Mapping[str, int | None] = field(default_factory=dict[str, int | None])

    def followed(self) -> list[Followed]:
        """The feeds that there are, in order, with what their repositories are known by."""
        names = sorted({*self.ids, *self.stretches})
        return [{"feed_name": name, "repository_id": self.ids.get(name)} for name in names]

    def called(self, name: str, names: Collection[str], since_at: datetime | None) -> "FeedHours":
        """The same, where the feeds of some names, and no others, prove it of the repository of one.

        `since_at`: from when on it is known to be its owner's, whose feed proves it, too; None: never.
        """
        every = [one for other in names for one in self.stretches.get(other, ())]
        if since_at and not self.private.intersection(names):
            owners = self.stretches.get(owner_feed(name), ())
            every += [(max(begin, since_at), end) for begin, end in owners]
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

    def is_whole(self, name: str, hour_at: datetime) -> bool:
        """Whether every event of a repository, or of an organisation, in an hour was received."""
        return any(is_whole(stretches, hour_at) for stretches in self._of(name))

    def told(self, name: str, hour_at: datetime) -> str | None:
        """The same in a word: whole, or young where it will be, once all of the hour has shown in polls."""
        if self.is_whole(name, hour_at):
            return WHOLE
        return YOUNG if any(is_young(stretches, hour_at) for stretches in self._of(name)) else None

    def _of(self, name: str) -> list[Sequence[Stretch]]:
        names = [name] if name in self.private else [name, owner_feed(name)]
        return [self.stretches.get(one, ()) for one in names]

    def hours(self, first: datetime, last: datetime) -> pa.Table:
        """The rows of `feed_hour` from the first to the last hour, each feed's by itself."""
        return self._rows(self.stretches, first, last, lambda name, at: is_whole(self.stretches[name], at))

    def hours_of(self, repositories: Iterable[str], first: datetime, last: datetime) -> pa.Table:
        """The same of some repositories, by whichever feed they are whole."""
        return self._rows(repositories, first, last, self.is_whole)

    def _rows(
        self, names: Iterable[str], first: datetime, last: datetime, is_there: Callable[[str, datetime], bool]
    ) -> pa.Table:
        every = [first + number * HOUR for number in range((last - first) // HOUR + 1)]
        rows = [
            {"repository_name": name, "event_hour_at": at, "repository_id": self.ids.get(name)}
            for name in names
            for at in every
            if is_there(name, at)
        ]
        return pa.Table.from_pylist(rows, FEED_HOUR.arrow_schema)

    def private_rows(self) -> pa.Table:
        """The rows of `private_feed`."""
        rows = [
            {"repository_name": one["feed_name"], "repository_id": one["repository_id"]}
            for one in self.followed()
            if one["feed_name"] in self.private
        ]
        return pa.Table.from_pylist(rows, PRIVATE_FEED.arrow_schema)


def owner_feed(name: str) -> str:
    """The feed of the organisation that a repository is named to be of."""
    return f"{name.partition('/')[0]}/*"


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


def is_whole(stretches: Iterable[Stretch], hour_at: datetime) -> bool:
    """Whether every event of an hour was received from a feed."""
    return any(begin <= hour_at and hour_at + HOUR + SHOWN_WITHIN <= end for begin, end in stretches)


def is_young(stretches: Iterable[Stretch], hour_at: datetime) -> bool:
    """Whether nothing is missing of an hour but what had not shown up when a feed was polled last."""
    begin, end = max(stretches, key=lambda one: one[1], default=(hour_at, hour_at))
    return begin <= hour_at < end < hour_at + HOUR + SHOWN_WITHIN


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
    every = {row["event_hour_at"] for row in rows}
    proven = {at: by_feeds(feeds, relevant(feeds, repository, at, archived), at) for at in every}
    for row in (row for row in rows if row["reason"] != ENDED):
        found, is_sampled = proven[row["event_hour_at"]], row["event_hour_at"].date() in sampled
        if found == WHOLE and (repository is not None or not is_sampled):
            row |= {"verdict": WHOLE, "reason": None}
        elif found and row["verdict"] == "missing":
            row |= {"verdict": "thin", "reason": SAMPLE if found == WHOLE else found}
    return rows


def relevant(
    feeds: FeedHours, repository: str | None, hour_at: datetime, archived: Collection[date]
) -> Collection[str]:
    """The repositories and organisations that an answer can be whole by in an hour."""
    if repository is not None:
        return [repository]
    return [] if hour_at.date() in archived else list(feeds.stretches)


def by_feeds(feeds: FeedHours, names: Collection[str], hour_at: datetime) -> str | None:
    """What the feeds of some repositories and organisations prove of an hour, all of them together.

    That it is whole, that it will be (young), that some say so and others do not; None: nothing.
    """
    told = {feeds.told(name, hour_at) for name in names}
    if told <= {None}:
        return None
    if told == {WHOLE}:
        return WHOLE
    return SOME_FEEDS if None in told else YOUNG
