"""The published days of public events: which there are, the newest event, tables of those that are asked for.

Only the days that a question is about are opened, each as its commit has it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from itertools import chain
from typing import Any, TypeVar

import duckdb
import pyarrow as pa
import pyarrow.dataset as ds

from gitpulse_assets.answers.cache import ResultCache
from gitpulse_assets.contracts.events import (
    ARCHIVE_FEED,
    ARCHIVE_HOUR,
    ARCHIVE_TYPE,
    CREATED_AT,
    FEED_SPAN,
    PUBLIC_EVENT,
    STAR_COUNT,
)
from gitpulse_assets.contracts.model import UTC_TIMESTAMP, TableContract
from gitpulse_assets.events.completeness import (
    ALWAYS,
    EVENT_HOUR_VERDICT,
    JUDGED_BY,
    days_needed,
    days_told_of,
    judge_hours,
)
from gitpulse_assets.events.feed_hours import FeedHours, feed_stretches, hour_of, with_feeds
from gitpulse_assets.events.feed_state import Followed
from gitpulse_assets.events.feed_state import feeds as feed_states
from gitpulse_assets.events.incoming import feed_counts
from gitpulse_assets.events.ledger import UNTRUE_HOURS
from gitpulse_assets.events.projection import projections
from gitpulse_assets.events.stars import STAR_TROUBLE, find_star_trouble
from gitpulse_assets.lake.commit import Commit
from gitpulse_assets.lake.damage import damaged
from gitpulse_assets.lake.duck import session
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.lake.parts import (
    PartsReplaced,
    open_parts,
    parts_of,
    replaced_meanwhile,
    together,
)
from gitpulse_assets.lake.store import Store
from gitpulse_assets.metrics.coverage import AskedTime, Coverage, coverage_of
from gitpulse_assets.place import Day
from gitpulse_assets.processes.stopping import each_in_threads, pause

READERS = 8
NEVER = (ALWAYS[1], ALWAYS[0])
# A merge puts its tables in place within a second; runs of other days do so all the time.
WAITS_SECONDS = (0.05, 0.1, 0.2, 0.4, 0.8)
DAYS_KEPT = 64
# A year's: some kilobytes each. So are a day's small tables: what hours are judged by, and two of feeds.
COMMITS_KEPT = 400
SMALL_KEPT = COMMITS_KEPT * (len(JUDGED_BY) + 2)
FEED_COUNT = pa.schema(
    [
        ("repository_name", pa.string()),
        ("event_type", pa.string()),
        ("event_hour_at", UTC_TIMESTAMP),
        ("event_count", pa.int64()),
    ]
)
# What tells that a source was received, and from when on.
SOURCES = {ARCHIVE_TYPE: "file_hour_at", FEED_SPAN: "span_begin_at"}

Commits = Mapping[Day, Commit]
# By day, what is another one whenever something was published of it.
Versions = Mapping[Day, str]
Item = TypeVar("Item")
Read = TypeVar("Read")
# Raises what is to end a reading.
Check = Callable[[], None]


def unchecked() -> None:
    """Let everything be read."""


class NoEvents(Exception):
    """There are no public events yet; str() says what to do."""

    def __init__(self) -> None:
        commands = "gitpulse events watch or gitpulse events backfill FROM TO"
        super().__init__(f"no public event is in this lake; {commands} brings some")


@dataclass(frozen=True)
class Collected:
    """The time that sources tell of: from the first hour file's hour or first poll to the newest event."""

    first_at: datetime
    newest_at: datetime


@dataclass(frozen=True)
class Named:
    """What a name stands for: its repository's id, None where nothing says it, and that one's feeds.

    A name is the repository's that had it last; a feed keeps the one it was asked by, here in lower case.
    One of which no event was seen is that of its name. `owned_in`: from when and until when the repository is
    known to be that owner's, None where nothing says so; `named_in`: the first and last hour in which it is
    known to have borne the name.
    """

    repository_id: int | None = None
    feeds: tuple[str, ...] = ()
    owned_in: tuple[datetime, datetime] | None = None
    named_in: tuple[datetime, datetime] = ALWAYS


@dataclass(frozen=True)
class PolledFeeds:
    """The feeds that are followed, and the names of those that were asked for in vain in some days.

    `moved`: the names of those whose repositories are another owner's now.
    """

    followed: Sequence[Followed] = ()
    failing: Sequence[str] = ()
    moved: Sequence[str] = ()


class EventDays:
    """The days of one lake; to be called from any thread."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        self._known, self._counted = ResultCache(DAYS_KEPT), ResultCache(DAYS_KEPT)
        self._commits, self._small = ResultCache(COMMITS_KEPT), ResultCache(SMALL_KEPT)
        self._states = ResultCache(1)

    def versions(self) -> Versions:
        """The days of which something is published now, in order: what is asked once a question."""
        return self._lake.day_versions("silver")

    def collected(self, versions: Versions) -> Collected:
        """What was collected by now; raises NoEvents.

        A day that no source tells of has only strays: late events, dates that are not the event's, and what
        a first poll brought of the time before it, which counts where there is nothing else.
        """
        days = [*versions.items()]
        latest = chain(self._with_files(days[::-1]), self._committed(days[::-1]))
        first_at = next((at for one in self._with_files(days) if (at := self._first_of(*one))), None)
        newest_at = next((at for one in latest if (at := self._newest_of(*one))), None)
        if first_at is None or newest_at is None:
            raise NoEvents
        # A first poll brings what happened before it.
        return Collected(min(first_at, hour_of(newest_at)), newest_at)

    def _with_files(self, days: Iterable[tuple[Day, str]]) -> Iterator[tuple[Day, Commit]]:
        """The days of which a source tells, an hour file that was read or a poll, with their commits."""
        for day, commit in self._committed(days):
            if any(parts_of(commit, contract) for contract in SOURCES):
                yield day, commit

    def _committed(self, days: Iterable[tuple[Day, str]]) -> Iterator[tuple[Day, Commit]]:
        for day, version in days:
            if commit := self._commit(day, version):
                yield day, commit

    def _commit(self, day: Day, version: str) -> Commit | None:
        """The commit of a day; kept, but for one that was never written, which its plan may yet tell of."""
        read = partial(self._lake.commit, "silver", day)
        return self._commits.get((day, version), read) or read()

    def _first_of(self, day: Day, commit: Commit) -> datetime | None:
        def found() -> datetime | None:
            every = (
                at
                for contract, column in SOURCES.items()
                for part in self._parts(contract, day, commit)
                for at in part.to_table()[column].to_pylist()
            )
            return min(every, default=None)

        return self._known.get(("first", day, commit.merge_id), found)

    def _newest_of(self, day: Day, commit: Commit) -> datetime | None:
        def found() -> datetime | None:
            return newest_of(self._parts(PUBLIC_EVENT, day, commit))

        return self._known.get(("newest", day, commit.merge_id), found)

    def commits(self, versions: Versions, first: date, last: date, check: Check = unchecked) -> Commits:
        """What is published of the days from the first to the last, both included, where something is.

        `check`: called before each that is read, to end it.
        """
        days = [one for one in versions.items() if first <= one[0].event_date <= last]

        def read(one: tuple[Day, str]) -> Commit | None:
            check()
            return self._commit(*one)

        found = each_read(days, lambda one: one in self._commits, read)
        return {day: commit for (day, _), commit in zip(days, found, strict=True) if commit}

    def small(self, contract: TableContract, commits: Commits, check: Check = unchecked) -> pa.Table:
        """A table of these days that has few rows; kept of each by the merge that made it.

        `check`: called before each that is read, to end it.
        """

        def key(one: tuple[Day, Commit]) -> tuple[str, Day, str]:
            return contract.name, one[0], one[1].merge_id

        def table(one: tuple[Day, Commit]) -> pa.Table:
            check()
            return self._small.get(
                key(one), lambda: together(contract, self._parts(contract, *one)).to_table()
            )

        tables = each_read([*commits.items()], lambda one: key(one) in self._small, table)
        return pa.concat_tables([contract.arrow_schema.empty_table(), *tables], promote_options="default")

    def open(
        self, contracts: Iterable[TableContract], commits: Commits, check: Check = unchecked
    ) -> dict[str, ds.Dataset]:
        """Tables of these days, by name, lazily; raises PartsReplaced where a merge replaced one.

        `check`: called before each that is opened, to end it.
        """
        wanted = [(contract, day, commit) for contract in contracts for day, commit in commits.items()]

        def parts(one: tuple[TableContract, Day, Commit]) -> tuple[TableContract, Sequence[ds.Dataset]]:
            check()
            return one[0], self._parts(*one)

        found = each_in_threads(parts, wanted, READERS)
        every: dict[str, list[ds.Dataset]] = {contract.name: [] for contract in contracts}
        for opened in found:
            contract, datasets = opened.result()
            every[contract.name] += datasets
        return {contract.name: together(contract, every[contract.name]) for contract in contracts}

    def polled(self, commits: Commits) -> PolledFeeds:
        """Which feeds there are now, by what their polls left, read again where that was replaced."""
        states = feed_states(self._lake.store)
        state = self._states.get(states.version(), states.load)
        since = min((day.event_date for day in commits), default=date.max)
        return PolledFeeds(state.followed(), state.failing(since), state.moved())

    def feed_hours(self, commits: Commits, polled: PolledFeeds, check: Check = unchecked) -> FeedHours:
        """The stretches that these days prove of the feeds that there are."""
        ids = {one["feed_name"]: one["repository_id"] for one in polled.followed}
        found = feed_stretches(self.small(FEED_SPAN, commits, check).to_pylist())
        # One that answers no more is followed all the same.
        failing = dict.fromkeys(polled.failing, ())
        stretches = {**failing, **found.stretches}
        return replace(found, stretches=stretches, ids=ids, moved=frozenset(polled.moved))

    def named(
        self, name: str, feeds: FeedHours, holder: Callable[[date], int | None], *, is_counted: bool
    ) -> Named:
        """What a name, in lower case, stands for: by events, `holder`, after the day its feed said it last.

        `is_counted`: whether the id is wanted where no feed can go by it, too.
        """
        ids = feeds.ids
        if not is_counted and not any(ids.values()):
            return Named(feeds=(name,), owned_in=ALWAYS)
        stretches = feeds.stretches.get(name, ()) if ids.get(name) else ()
        repository_id = holder(max((end.date() for _, end in stretches), default=date.min)) or ids.get(name)
        known = {name: None, **ids}
        own = tuple(feed for feed, its in known.items() if (its == repository_id if its else feed == name))
        return Named(repository_id, own, None if is_counted else ALWAYS)

    def holder(self, con: duckdb.DuckDBPyConnection, name: str, day: Day, commit: Commit) -> int | None:
        """The id of the repository that had a name last, by the events of a day."""
        con.register("sent", self.open([PUBLIC_EVENT], {day: commit})[PUBLIC_EVENT.name])
        found = con.execute(
            "select max_by(repository_id, (created_at, repository_id)) "
            "from sent where lower(repository_name) = $1",
            [name],
        ).fetchall()
        con.unregister("sent")
        return found[0][0]

    def is_filtered(self, commits: Commits, check: Check = unchecked) -> bool:
        """Whether of some hour file of these days the events of some repositories alone are kept."""
        files = self.small(ARCHIVE_HOUR, commits, check)
        return files["kept_repositories"].null_count < files.num_rows

    def named_in(
        self,
        con: duckdb.DuckDBPyConnection,
        commits: Commits,
        repository_id: int,
        name: str,
        check: Check = unchecked,
    ) -> tuple[datetime, datetime]:
        """The first and last hour, by some days' events, in which a repository bore a name."""
        con.register("sent", self.open([PUBLIC_EVENT], commits, check)[PUBLIC_EVENT.name])
        ((first_at, last_at),) = con.execute(
            "select min(created_at), max(created_at) from sent "
            "where repository_id = $2 and lower(repository_name) = $1",
            [name, repository_id],
        ).fetchall()
        con.unregister("sent")
        return (hour_of(first_at), hour_of(last_at)) if first_at else NEVER

    def owned(
        self,
        con: duckdb.DuckDBPyConnection,
        commits: Commits,
        repository_id: int,
        owner: str,
        check: Check = unchecked,
    ) -> tuple[datetime, datetime] | None:
        """From when and until when a repository is its owner's, by some days' events: behind all others.

        Where the newest are another owner's, it is its no longer since its own newest.
        """
        con.register("sent", self.open([PUBLIC_EVENT], commits, check)[PUBLIC_EVENT.name])
        ((first_at, before_at, last_at, has_left),) = con.execute(
            "with told as (select created_at, split_part(lower(repository_name), '/', 1) = $1 as is_own "
            "from sent where repository_id = $2) "
            "select min(created_at) filter (is_own), "
            "max(created_at) filter (not is_own and created_at < last_at), "
            "max(last_at), bool_or(not is_own and created_at >= last_at) "
            "from told cross join (select max(created_at) filter (is_own) as last_at from told)",
            [owner, repository_id],
        ).fetchall()
        con.unregister("sent")
        return first_at and (max(first_at, before_at or first_at), last_at if has_left else ALWAYS[1])

    def feed_counts(
        self, con: duckdb.DuckDBPyConnection, day: Day, commit: Commit, feeds: FeedHours
    ) -> pa.Table:
        """What is held of a day by feed, type and hour; kept, since each event has to be looked at."""
        followed = [one for one in feeds.followed() if one["feed_name"] in feeds.stretches]

        def found() -> pa.Table:
            con.register("sent", self.open([PUBLIC_EVENT], {day: commit})[PUBLIC_EVENT.name])
            hidden = [one for one in followed if one["feed_name"] in feeds.private]
            counted = feed_counts(con, [one for one in followed if one not in hidden], hidden)
            table = counted.to_arrow_table().rename_columns(FEED_COUNT.names).cast(FEED_COUNT)
            con.unregister("sent")
            return table

        return self._counted.get((day, commit.merge_id, repr(followed), *sorted(feeds.private)), found)

    def _parts(self, contract: TableContract, day: Day, commit: Commit) -> Sequence[ds.Dataset]:
        return list(open_parts(self._lake.store, contract, day, commit, is_held=False).values())


def each_read(
    wanted: Sequence[Item], is_at_hand: Callable[[Item], bool], read: Callable[[Item], Read]
) -> list[Read]:
    """What reading each gives, in their order; several at once of those that are not at hand."""
    found = [is_at_hand(one) for one in wanted]
    missing = [one for one, is_found in zip(wanted, found, strict=True) if not is_found]
    read_now = iter(each_in_threads(read, missing, READERS))
    return [
        read(one) if is_found else next(read_now).result()
        for one, is_found in zip(wanted, found, strict=True)
    ]


@dataclass(frozen=True)
class AskedHours:
    """The hours that are judged, from the first to the last, and of what.

    `repository`: owner/name in lower case, where it alone is asked for, and what it is known by, `named`;
    `with_filters`: whether what is not kept of an archive is lacking.
    """

    first_hour_at: datetime
    last_hour_at: datetime
    repository: str | None = None
    with_filters: bool = True
    named: Named = Named()


def judged(
    con: duckdb.DuckDBPyConnection, days: EventDays, commits: Commits, feeds: FeedHours, asked: AskedHours
) -> pa.Table:
    """Rows of `event_hour_verdict`, by the archives, of the hours that are asked for."""
    for contract in JUDGED_BY:
        con.register(contract.name, days.small(contract, commits))
    put_feeds(con, days, commits, feeds, asked)
    types = sorted(one.event_type for one in projections())
    judge_hours(
        con,
        asked.first_hour_at,
        asked.last_hour_at,
        types,
        asked.repository,
        repository_id=asked.named.repository_id,
        named_in=asked.named.named_in,
        with_filters=asked.with_filters,
    )
    found = con.sql(f"from {EVENT_HOUR_VERDICT.name} order by all").to_arrow_table()
    con.execute(f"drop table {EVENT_HOUR_VERDICT.name}")
    for name in (*(contract.name for contract in JUDGED_BY), ARCHIVE_FEED.name, "feed_event"):
        con.unregister(name)
    return found.cast(EVENT_HOUR_VERDICT.arrow_schema)


def put_feeds(
    con: duckdb.DuckDBPyConnection, days: EventDays, commits: Commits, feeds: FeedHours, asked: AskedHours
) -> None:
    """Register what archives have of the feeds, and what is held of those that are whole."""
    first, last = asked.first_hour_at.date(), asked.last_hour_at.date()
    around = timedelta(days=UNTRUE_HOURS // 24)
    searched = {
        day: commit
        for day, commit in commits.items()
        if first - around <= day.event_date <= last + around and parts_of(commit, ARCHIVE_FEED)
    }
    con.register(ARCHIVE_FEED.name, days.open([ARCHIVE_FEED], searched)[ARCHIVE_FEED.name])
    hours = feeds.hours(asked.first_hour_at, asked.last_hour_at)
    proven = [(row["first_hour_at"].date(), row["last_hour_at"].date()) for row in hours.to_pylist()]
    held = [
        days.feed_counts(con, day, commit, feeds)
        for day, commit in commits.items()
        if searched and any(begin <= day.event_date <= end for begin, end in proven)
    ]
    con.register("feed_count", pa.concat_tables([FEED_COUNT.empty_table(), *held]))
    con.register("feed_hours", hours)
    found = con.sql(
        "select repository_name, event_type, event_hour_at, event_count from feed_count "
        "semi join feed_hours on feed_hours.repository_name = feed_count.repository_name "
        "and event_hour_at between first_hour_at and last_hour_at"
    )
    con.register("feed_event", found.to_arrow_table())
    for name in ("feed_count", "feed_hours"):
        con.unregister(name)


def while_replaced(store: Store, read: Callable[[], Read]) -> Read:
    """Read days, and once more while merges replace what is read; raises LakeError where a part stays so."""
    for wait_seconds in WAITS_SECONDS:
        with suppress(PartsReplaced), replaced_meanwhile(store):
            return read()
        pause(wait_seconds)
    try:
        with replaced_meanwhile(store):
            return read()
    except PartsReplaced as error:
        raise damaged(store, error.key, error.what) from error


def star_trouble(
    con: duckdb.DuckDBPyConnection,
    days: EventDays,
    commits: Commits,
    feeds: FeedHours,
    check: Check = unchecked,
) -> pa.Table:
    """Rows of `star_trouble` of some days: counts of stars that cannot be by what events tell."""
    counts = of_present(days.small(STAR_COUNT, commits, check), feeds)
    if counts.num_rows < 2:
        return STAR_TROUBLE.arrow_schema.empty_table()
    times = counts["counted_at"].to_pylist()
    names = {str(name).lower() for name in counts["repository_name"].to_pylist()}
    con.register(STAR_COUNT.name, counts)
    con.register("followed", followed_table(feeds.followed()))
    con.register("feed_hours", feeds.hours_of(names, hour_of(min(times)), max(times)))
    watch = next(one.contract for one in projections() if one.event_type == "WatchEvent")
    con.register("star_given", days.open([watch], commits, check)[watch.name])
    found = find_star_trouble(con)
    for name in (STAR_COUNT.name, "followed", "feed_hours", "star_given"):
        con.unregister(name)
    return found


def of_present(counts: pa.Table, feeds: FeedHours) -> pa.Table:
    """Rows of `star_count` without those of a repository that a feed's name led to before."""
    if not feeds.since:
        return counts
    names, times = counts["repository_name"].to_pylist(), counts["counted_at"].to_pylist()
    kept = [feeds.since.get(name.lower(), at) <= at for name, at in zip(names, times, strict=True)]
    return counts.filter(pa.array(kept, pa.bool_()))


def followed_table(followed: Sequence[Followed]) -> pa.Table:
    """Feeds with the ids of their repositories, as a table."""
    schema = pa.schema([("feed_name", pa.string()), ("repository_id", pa.int64())])
    return pa.Table.from_pylist([dict(one) for one in followed], schema)


def star_trouble_of_day(lake: Lake, con: duckdb.DuckDBPyConnection, day: Day) -> list[dict[str, Any]]:
    """The counts of stars of a day that cannot be; as everything stands now."""
    return while_replaced(lake.store, lambda: _star_trouble_of_day(lake, con, day))


def _star_trouble_of_day(lake: Lake, con: duckdb.DuckDBPyConnection, day: Day) -> list[dict[str, Any]]:
    days = EventDays(lake)
    around = day.event_date - timedelta(days=2), day.event_date + timedelta(days=1)
    commits = days.commits(days.versions(), *around)
    with session(con) as own:
        rows = star_trouble(own, days, commits, days.feed_hours(commits, days.polled(commits))).to_pylist()
    return [row for row in rows if row["counted_at"].date() == day.event_date]


def coverage_of_day(lake: Lake, con: duckdb.DuckDBPyConnection, day: Day) -> Coverage:
    """How whole a day is, of all types, by archives or, without any, by feeds; as everything stands now."""
    return while_replaced(lake.store, lambda: _coverage_of_day(lake, con, day))


def _coverage_of_day(lake: Lake, con: duckdb.DuckDBPyConnection, day: Day) -> Coverage:
    begin = datetime.combine(day.event_date, time(), UTC)
    span = AskedTime(begin - timedelta(microseconds=1), begin + timedelta(days=1, microseconds=-1))
    days = EventDays(lake)
    commits = days.commits(days.versions(), *days_needed(day.event_date, day.event_date))
    asked = AskedHours(span.first_hour_at, span.last_hour_at, with_filters=False)
    feeds = days.feed_hours(commits, days.polled(commits))
    with session(con) as own:
        rows = judged(own, days, commits, feeds, asked).to_pylist()
    return coverage_of(with_feeds(rows, feeds, None, archived=archived(commits)), span)


def archived(commits: Commits) -> set[date]:
    """The days of whose hours archives tell, by the tables of some days."""
    return {told for day in days_of(commits, ARCHIVE_TYPE) for told in days_told_of(day)}


def days_of(commits: Commits, contract: TableContract) -> list[date]:
    """Those of some days that have a table."""
    return [day.event_date for day, commit in commits.items() if parts_of(commit, contract)]


def newest_of(parts: Iterable[ds.Dataset]) -> datetime | None:
    """The newest `created_at` in some tables, as their files' statistics say; None where there is none."""
    name = CREATED_AT.name
    groups = (group for part in parts for fragment in part.get_fragments() for group in fragment.row_groups)
    found = [group.statistics[name]["max"] for group in groups if name in (group.statistics or {})]
    return max(found, default=None)
