"""What a metric says: its rows, the moment they hold for, and how much of the truth they stand on.

The connection its SQL runs on reads the views that are put before it and nothing else: no file, no network,
no setting; for a bounded time, in bounded memory. A view of public events holds the time asked for.
"""

import hashlib
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cached_property, partial
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.dataset as ds

from gitpulse_assets.answers.cache import ResultCache
from gitpulse_assets.answers.lake_answers import LakeAnswers, RepositoryStatus
from gitpulse_assets.contracts.events import FIREHOSE_EVENT, STAR_COUNT
from gitpulse_assets.contracts.model import Layer, TableContract
from gitpulse_assets.events.completeness import EVENT_HOUR_VERDICT, days_needed
from gitpulse_assets.events.feed_hours import (
    EACH_HOUR,
    FEED_HOUR,
    PRIVATE_FEED,
    FeedHours,
    Row,
    hour_of,
    merged,
    whole_hours,
    with_feeds,
)
from gitpulse_assets.events.feed_state import owner_feed
from gitpulse_assets.events.stars import STAR_TROUBLE
from gitpulse_assets.lake import paths
from gitpulse_assets.lake.commit import read_plan
from gitpulse_assets.lake.duck import (
    MEMORY_LIMIT,
    lazy_read_errors,
    rows_within,
    spill_folder,
    start_database,
)
from gitpulse_assets.lake.errors import LakeError
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.lake.parts import PartsReplaced, replaced_meanwhile, together
from gitpulse_assets.metrics.catalogue import COMPUTED, Metric
from gitpulse_assets.metrics.clock import Clock
from gitpulse_assets.metrics.coverage import AskedTime, Coverage, coverage_of, months
from gitpulse_assets.metrics.event_days import (
    NEVER,
    AskedHours,
    Collected,
    Commits,
    EventDays,
    Named,
    PolledFeeds,
    archived,
    days_of,
    judged,
    of_present,
    star_trouble,
    while_replaced,
)
from gitpulse_assets.metrics.parameters import ASKED_ID, Value
from gitpulse_assets.repo import Repo

SECONDS_MAX = 20.0
# Twenty at once would each take as many times as long, and be stopped for it. To wait is not counted.
COMPUTED_AT_ONCE = 4
# Of the tables of repositories, by a question: a process may often have 1,024 files open.
OBJECTS_HELD = 100
ROWS_MAX = 10_000
SPILLED_MAX = "2GB"
ROW_BYTES_MAX = 100_000_000
# Months: ten years of them, each of some hundred kilobytes.
MONTHS_KEPT = 128
NAMES_KEPT = 32
ANSWERS_KEPT = 128
ANSWER_BYTES_KEPT = 2 * ROW_BYTES_MAX
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# By which of its times a table of a day is cut to the time asked for, and whether that is an hour's begin.
TIMES = {"created_at": False, "event_hour_at": True, "file_hour_at": True, "counted_at": False}

SAMPLED = "Some of it is GitHub's firehose, a sample: the metric firehose_share says of what part."

Values = Mapping[str, Value]


@dataclass(frozen=True)
class Question:
    """A metric with its parameters, and the version of the tables that answers it.

    `span` and `commits`, of the days of public events, are None and empty where it reads none;
    `first_hour_at`: the first hour of it that can be anything but missing. `polled`: the feeds there are.
    `repositories`: those whose tables are read. `clock`: for how long all that answers it may take.
    """

    metric: Metric
    values: Values
    span: AskedTime | None
    first_hour_at: datetime | None
    commits: Commits
    polled: PolledFeeds
    repositories: Sequence[RepositoryStatus]
    version: str
    clock: Clock

    @property
    def repository(self) -> str | None:
        """The repository that alone is asked for, in lower case; None where none is."""
        names = [one.name for one in self.metric.entry.parameters if one.type == "repository"]
        return next((str(self.values[name]).lower() for name in names if self.values[name]), None)

    @cached_property
    def merges(self) -> str:
        """Which merge of each day answers it and which feeds there are, as a key."""
        return digest((merges_of(self.commits), self.polled))

    @property
    def within(self) -> Commits:
        """The days that the time asked for touches, without those before it that say what is usual."""
        assert self.span
        return between(self.commits, self.span.from_at.date(), self.span.to_at.date())


@dataclass(frozen=True)
class Answered:
    """A metric's rows; `as_of_at`: the newest event of any source, or the moment the marts hold for.

    `coverage` is None where no public event is read. `reason`: why the figures are not the whole truth.
    """

    rows: pa.Table
    as_of_at: datetime | None
    coverage: Coverage | None
    reason: str | None

    def told(self) -> dict[str, Any]:
        """What an answer says beside its rows."""
        return {
            "as_of": self.as_of_at,
            "coverage": self.coverage.told() if self.coverage else None,
            "data_quality": {"verdict": "thin" if self.reason else "whole", "reason": self.reason},
        }


# Which merge the tables of a layer of a repository were opened of.
Merges = dict[tuple[Layer, Repo], str | None]


class MetricAnswers:
    """Answers of one lake; to be made once a process and called from any thread."""

    def __init__(self, lake: Lake, answers: LakeAnswers) -> None:
        self._lake, self._answers = lake, answers
        self._days = EventDays(lake)
        self._judged = ResultCache(MONTHS_KEPT)
        self._answered = ResultCache(ANSWERS_KEPT, lambda one: one.rows.nbytes, ANSWER_BYTES_KEPT)
        self._proven, self._named_by = ResultCache(NAMES_KEPT), ResultCache(NAMES_KEPT)
        self._database = locked_database()
        self._turns = threading.BoundedSemaphore(COMPUTED_AT_ONCE)

    def close(self) -> None:
        """Give back the database; no answer can be asked for afterwards."""
        self._database.close()

    def question(self, metric: Metric, values: Values, seconds_max: float = SECONDS_MAX) -> Question:
        """Find out which tables answer a question; raises NoEvents and TooLong.

        `seconds_max`: for how long this and the answer may take together, but for the wait for a turn.
        """
        clock = Clock(seconds_max)
        return while_replaced(self._lake.store, lambda: self._question(metric, values, clock))

    def _question(self, metric: Metric, values: Values, clock: Clock) -> Question:
        span, first_hour_at = None, None
        commits: Commits = {}
        polled = PolledFeeds()
        if metric.is_of_events:
            versions = self._days.versions()
            collected = self._days.collected(versions)
            span = span_of(metric, values, collected)
            first_hour_at = max(span.first_hour_at, hour_of(collected.first_at))
            needed = days_needed(span.from_at.date(), span.to_at.date())
            commits = self._days.commits(versions, *needed, clock.check)
            polled = self._days.polled(commits)
        of_repositories = any(contract.place == "repository" for contract in metric.reads)
        repositories = self._answers.repositories() if of_repositories else []
        told = (metric.entry.sql, span, merges_of(commits), polled, repositories)
        return Question(
            metric, values, span, first_hour_at, commits, polled, repositories, digest(told), clock
        )

    def ask(self, metric: Metric, values: Values, seconds_max: float = SECONDS_MAX) -> Answered:
        """Answer from what is published now; raises NoEvents, TooLong and LakeError."""
        return self.answer(self.question(metric, values, seconds_max))

    def coverage(self, metric: Metric, values: Values, seconds_max: float = SECONDS_MAX) -> Coverage:
        """How whole the time is that a metric over events is asked for; raises NoEvents and TooLong."""
        clock = Clock(seconds_max)
        return while_replaced(self._lake.store, lambda: self._coverage(self._question(metric, values, clock)))

    def _coverage(self, question: Question) -> Coverage:
        assert question.span
        with self._turn(question) as con:
            named = self._named(con, question)
            return coverage_of(worst(self._verdicts(con, question, named)), question.span)

    @contextmanager
    def _turn(self, question: Question) -> Iterator[duckdb.DuckDBPyConnection]:
        """A session for a question, once there is a turn for it."""
        with question.clock.waiting(self._turns), lazy_read_errors(), self._database.cursor() as con:
            yield con

    def answer(self, question: Question) -> Answered:
        """Answer a question; where a merge replaced a part meanwhile, from the newer tables."""
        key = (question.metric.id, question.version, tuple(question.values.items()))
        return self._answered.get(key, lambda: self._newest_answer(question))

    def _newest_answer(self, question: Question) -> Answered:
        try:
            with replaced_meanwhile(self._lake.store):
                return self._answer(question)
        except PartsReplaced:
            newer = lambda: self._question(question.metric, question.values, question.clock)  # noqa: E731
            return while_replaced(self._lake.store, lambda: self._answer(newer()))

    def _answer(self, question: Question) -> Answered:
        with self._turn(question) as con:
            named = self._named(con, question)
            coverage = self._put_events(con, question, named) if question.span else None
            with self._replaced_meanwhile(self._put_marts(con, question)):
                rows = self._rows(con, question, named)
        as_of_at, reason = marts_known(question.repositories)
        if coverage:
            as_of_at, reason = coverage.span.to_at, coverage.reason()
            reason = " ".join([reason, SAMPLED]) if reason and has_sample(question) else reason
        told = self._nameless_told(question, named), unknown_told(question.metric, rows), cut_told(rows)
        reason = " ".join(one for one in (reason, *told) if one) or None
        return Answered(rows.slice(0, ROWS_MAX), as_of_at, coverage, reason)

    def _put_events(self, con: duckdb.DuckDBPyConnection, question: Question, named: Named) -> Coverage:
        """Put the views of public events onto the connection; return how whole their time is."""
        assert question.span
        verdicts = self._verdicts(con, question, named)
        con.register(EVENT_HOUR_VERDICT.view_name, verdicts)
        con.register(EVENT_HOUR_VERDICT.name, verdicts)
        self._put_feeds(con, question, named)
        stored = [c for c in question.metric.reads if c.place == "day" and c not in COMPUTED]
        for name, dataset in self._days.open(stored, question.within, question.clock.check).items():
            is_named = name == STAR_COUNT.name
            con.register(f"stored_{name}", self._stars(dataset, question, named) if is_named else dataset)
        for contract in stored:
            con.execute(cut(contract, question.span))
        return coverage_of(worst(verdicts, question.metric.event_types), question.span)

    def _put_feeds(self, con: duckdb.DuckDBPyConnection, question: Question, named: Named) -> None:
        """Put what is computed of the feeds onto the connection, as far as it is read."""
        assert question.span
        span, feeds = question.span, self._feeds(question)
        if FEED_HOUR in question.metric.reads:
            con.register("feed_hours", feeds.hours(span.first_hour_at, span.last_hour_at))
            con.execute(f"create temp view {FEED_HOUR.name} as {EACH_HOUR}")
        if PRIVATE_FEED in question.metric.reads:
            con.register(PRIVATE_FEED.name, feeds.private_rows())
        if STAR_TROUBLE in question.metric.reads:
            with question.clock.running(con):
                found = star_trouble(con, self._days, question.commits, feeds, question.clock.check)
            con.register(STAR_TROUBLE.name, as_asked(found, question.repository, named))

    def _stars(self, counts: ds.Dataset, question: Question, named: Named) -> pa.Table:
        """The counts of stars, each of the repository that its feed is of now."""
        return as_asked(of_present(counts.to_table(), self._feeds(question)), question.repository, named)

    def _verdicts(self, con: duckdb.DuckDBPyConnection, question: Question, named: Named) -> pa.Table:
        """Rows of `event_hour_verdict` of a time, by the archives and by the feeds: judged month by month.

        So memory does not grow with the time that is asked for, the clock is looked at in between, and months
        that are over are kept while the newest one changes.
        """
        assert question.span
        assert question.first_hour_at
        hours = months(question.first_hour_at, question.span.last_hour_at)
        found = [self._verdicts_of(con, question, named, *month) for month in hours]
        return pa.concat_tables([EVENT_HOUR_VERDICT.arrow_schema.empty_table(), *found])

    def _verdicts_of(
        self,
        con: duckdb.DuckDBPyConnection,
        question: Question,
        named: Named,
        first: datetime,
        last: datetime,
    ) -> pa.Table:
        """Those of the hours from the first to the last, of one month."""
        question.clock.check()
        name, at = question.repository, ds.field("event_hour_at")
        asked, feeds = AskedHours(first.replace(hour=0), last.replace(hour=23)), self._feeds(question)
        of_month = between(question.commits, *days_needed(first.date(), last.date()))
        if name and self._days.is_filtered(of_month):
            asked = replace(asked, repository=name, named=named)
        own = feeds.between(asked.first_hour_at, asked.last_hour_at)
        judged = self._by_archives(con, question.clock, of_month, own, asked)
        judged = judged.filter((at >= first) & (at <= last))
        if not feeds.stretches:
            return judged
        if name:
            feeds = feeds.called(name, named.feeds, named.owned_in)
        is_of_sample = FIREHOSE_EVENT in question.metric.reads
        rows = with_feeds(
            judged.to_pylist(),
            feeds,
            name,
            archived=archived(of_month),
            sampled=() if is_of_sample else days_of(of_month, FIREHOSE_EVENT),
        )
        return pa.Table.from_pylist(rows, EVENT_HOUR_VERDICT.arrow_schema)

    def _by_archives(
        self,
        con: duckdb.DuckDBPyConnection,
        clock: Clock,
        commits: Commits,
        feeds: FeedHours,
        asked: AskedHours,
    ) -> pa.Table:
        """Those by the archives; kept of whole days, since every metric over these has the same."""

        def found() -> pa.Table:
            with clock.running(con):
                return judged(con, self._days, commits, feeds, asked)

        return self._judged.get((asked, digest((merges_of(commits), feeds))), found)

    def _named(self, con: duckdb.DuckDBPyConnection, question: Question) -> Named:
        """What the repository that is asked for is known by, for its figures and their coverage."""
        if question.span is None or (name := question.repository) is None:
            return Named()
        is_counted = ASKED_ID in question.metric.named

        def found() -> Named:
            named = self._days.named(
                name,
                self._feeds(question),
                lambda after: self._holder(con, question, name, after),
                is_counted=is_counted,
            )
            return self._since(con, question, name, named)

        return self._named_by.get((name, is_counted, question.span, question.merges), found)

    def _since(self, con: duckdb.DuckDBPyConnection, question: Question, name: str, named: Named) -> Named:
        """The same with the times, as far as feeds of owners and what is kept of archives ask for them."""
        if named.owned_in:
            return named
        check, days = question.clock.check, question.within
        is_filtered = self._days.is_filtered(question.commits, check)
        if (repository_id := named.repository_id) is None:
            return replace(named, named_in=NEVER) if is_filtered else named
        with question.clock.running(con):
            if owner_feed(name) in self._feeds(question).stretches:
                owner = name.partition("/")[0]
                named = replace(named, owned_in=self._days.owned(con, days, repository_id, owner, check))
            if is_filtered:
                named = replace(named, named_in=self._days.named_in(con, days, repository_id, name, check))
        return named

    def _holder(
        self, con: duckdb.DuckDBPyConnection, question: Question, name: str, after: date
    ) -> int | None:
        """The id of the repository that had a name last in the days asked for after one; raises TooLong."""
        searched = [one for one in question.within.items() if one[0].event_date > after]
        for day, commit in searched[::-1]:
            with question.clock.running(con):
                if (found := self._days.holder(con, name, day, commit)) is not None:
                    return found
        return None

    def _nameless_told(self, question: Question, named: Named) -> str | None:
        """That nothing says whose name is asked for, unless its own feed tells of all that time."""
        name, span = question.repository, question.span
        is_counted = ASKED_ID in question.metric.named
        if span is None or name is None or not is_counted or named.repository_id is not None:
            return None
        whole = merged(whole_hours(self._feeds(question).stretches.get(name, ())))
        if any(first <= span.first_hour_at and span.last_hour_at <= last for first, last in whole):
            return None
        return (
            f"No event of that time and no feed says which repository {name} is: "
            "what happened in it under another name is not counted."
        )

    def _feeds(self, question: Question) -> FeedHours:
        """The stretches that are proven of the feeds."""
        read = partial(self._days.feed_hours, question.commits, question.polled, question.clock.check)
        return self._proven.get(question.merges, read)

    def _put_marts(self, con: duckdb.DuckDBPyConnection, question: Question) -> Merges:
        """Put the tables of all repositories onto the connection, of each those of one merge of a layer.

        Behind the first objects no file is held: what is replaced before it is read cannot be read. Returns
        which merges they are of.
        """
        merges: Merges = {}
        held_count = 0
        for layer in ("silver", "gold"):
            contracts = [c for c in question.metric.reads if (c.place, c.layer) == ("repository", layer)]
            found: dict[str, list[ds.Dataset]] = {contract.name: [] for contract in contracts}
            for status in question.repositories if contracts else []:
                if status.as_of_at:
                    is_held = held_count < OBJECTS_HELD
                    snapshot = self._lake.snapshot(layer, status.repo, contracts, is_held=is_held)
                    merges[layer, status.repo] = snapshot.commit and snapshot.commit.merge_id
                    for name, dataset in snapshot.datasets.items():
                        found[name] += [dataset] if isinstance(dataset, ds.FileSystemDataset) else []
                        held_count += len(list(dataset.get_fragments()))
            for contract in contracts:
                con.register(contract.view_name, together(contract, found[contract.name]))
        return merges

    @contextmanager
    def _replaced_meanwhile(self, merges: Merges) -> Iterator[None]:
        """Raise PartsReplaced where what was opened cannot be read, and a later merge was sealed since."""
        try:
            yield
        except (duckdb.Error, pa.ArrowException, OSError, LakeError) as error:
            for (layer, repo), merge_id in merges.items():
                plan, _ = read_plan(self._lake.store, layer, repo)
                if plan and plan.merge_id != merge_id:
                    raise PartsReplaced(
                        paths.commit_key(layer, repo), "replaced while it was read"
                    ) from error
            raise

    def _rows(self, con: duckdb.DuckDBPyConnection, question: Question, named: Named) -> pa.Table:
        """Run the metric's own statement; one row more than are answered where it has more."""
        metric = question.metric
        ends = {"from_at": question.span.from_at, "to_at": question.span.to_at} if question.span else {}
        every = {**question.values, **ends, ASKED_ID: named.repository_id}
        given = {name: value for name, value in every.items() if name in metric.named}
        with question.clock.running(con):
            table = rows_within(con.sql(metric.limited(ROWS_MAX + 1), params=given), ROW_BYTES_MAX)
        return table.cast(pa.schema([pa.field(column.name, column.type) for column in metric.columns]))


def locked_database() -> duckdb.DuckDBPyConnection:
    """A database that can read nothing but what is registered on it, and whose settings cannot be changed."""
    con = start_database(MEMORY_LIMIT, spill_folder())
    con.execute("set global TimeZone = 'UTC'")
    con.execute(f"set max_temp_directory_size = '{SPILLED_MAX}'")
    con.execute("set enable_external_access = false")
    con.execute("set lock_configuration = true")
    return con


def digest(what: Any) -> str:
    """A short key of what its `repr` tells apart."""
    return hashlib.sha256(repr(what).encode()).hexdigest()


def merges_of(commits: Commits) -> list[tuple[date, str]]:
    """Which merge of each day it is."""
    return [(day.event_date, commit.merge_id) for day, commit in commits.items()]


def between(commits: Commits, first: date, last: date) -> Commits:
    """Those of the days from the first to the last."""
    return {day: commit for day, commit in commits.items() if first <= day.event_date <= last}


def worst(verdicts: pa.Table, types: Collection[str] = ()) -> list[Row]:
    """What is told of each hour, once; `types`: of these alone where there are some."""
    own = verdicts.filter(ds.field("event_type").isin([*types])) if types else verdicts
    return own.group_by(["event_hour_at", "verdict", "reason"]).aggregate([]).to_pylist()


def span_of(metric: Metric, values: Values, collected: Collected) -> AskedTime:
    """The time that is asked for, back from the newest event; where nothing says how long, all of it."""
    length = metric.window.window_length(values[metric.window.name]) if metric.window else None
    if length is None:
        return AskedTime(collected.first_at - timedelta(microseconds=1), collected.newest_at)
    # However far back a metric lets one ask.
    return AskedTime(collected.newest_at - min(length, collected.newest_at - EPOCH), collected.newest_at)


def cut(contract: TableContract, span: AskedTime) -> str:
    """The statement of a view of a day's table with the rows of the time asked for, and no others."""
    column = next(name for name in TIMES if name in contract.column_names)
    after, begin = (">=", span.first_hour_at) if TIMES[column] else (">", span.from_at)
    columns = ", ".join(contract.column_names)
    return (
        f"create or replace temp view {contract.view_name} as select {columns} from stored_{contract.name} "
        f"where {column} {after} timestamptz '{begin.isoformat()}' "
        f"and {column} <= timestamptz '{span.to_at.isoformat()}'"
    )


def as_asked(told: pa.Table, asked: str | None, named: Named) -> pa.Table:
    """What is told of feeds, those of the repository that is asked for by the name it is asked by."""
    if asked is None:
        return told
    names = [name.lower() for name in told["repository_name"].to_pylist()]
    own = pa.array([asked if name in named.feeds else name for name in names], pa.string())
    number = told.schema.get_field_index("repository_name")
    renamed = told.set_column(number, told.schema.field(number), own)
    return renamed.filter(pa.array([name != asked or name in named.feeds for name in names], pa.bool_()))


def has_sample(question: Question) -> bool:
    """Whether the firehose brought some of what is counted: everywhere but in whole time a sample."""
    return bool(days_of(question.within, FIREHOSE_EVENT))


def marts_known(repositories: Sequence[RepositoryStatus]) -> tuple[datetime | None, str | None]:
    """The moment up to which all repositories are known, and what is lacking of some."""
    moments = [one.as_of_at for one in repositories if one.as_of_at]
    lacking = [f"{one.full_name}: {one.note}" for one in repositories if one.note]
    told = "; ".join(lacking[:3]) + (f"; and {len(lacking) - 3} more" if len(lacking) > 3 else "")
    return min(moments, default=None), told or None


def cut_told(rows: pa.Table) -> str | None:
    """That there are more rows than are answered; None where there are not."""
    return f"Only the first {ROWS_MAX:,} rows are answered." if rows.num_rows > ROWS_MAX else None


def unknown_told(metric: Metric, rows: pa.Table) -> str | None:
    """What the rows themselves say that nobody can tell; None where they do not."""
    unknown = metric.entry.unknown
    count = sum(value or 0 for value in rows[unknown.column].to_pylist()) if unknown else 0
    return f"There are {count:,} {unknown.meaning}." if unknown and count else None
