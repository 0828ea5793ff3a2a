"""Polling feeds: what is new into the tables, and whether anything was missed.

    asked -> what came merged into its days -> stretches without a gap noted with the last of them -> state

A poll that is killed between any two of these is made up for by the next: it finds the older state, brings
once more what was brought, and proves no more than its overlap with that state does.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from time import monotonic
from typing import Any

import duckdb
import msgspec
import pyarrow as pa

from gitpulse_assets.contracts.events import FEED_SPAN, FIREHOSE_EVENT, STAR_COUNT
from gitpulse_assets.contracts.model import TableContract
from gitpulse_assets.events.at_work import at_work
from gitpulse_assets.events.feed_state import (
    ANOTHER_REPOSITORY,
    WAIT_SECONDS_MAX,
    Feeds,
    FeedSpan,
    FeedState,
    Stars,
    feeds,
    prolonged,
    wait_seconds,
)
from gitpulse_assets.events.incoming import Incoming
from gitpulse_assets.events.merge import MergedDay, merge_day
from gitpulse_assets.events.overlap import FAMILIES, Key, anchors, missed
from gitpulse_assets.events.projection import Projection
from gitpulse_assets.github.client import GitHubClient, StarAnswer
from gitpulse_assets.github.errors import BadToken, GitHubError, LimitReached, RepositoryNotFound
from gitpulse_assets.github.feed import Feed
from gitpulse_assets.github.target import Firehose, Owner, Target
from gitpulse_assets.lake.commit import Commit
from gitpulse_assets.lake.duck import session
from gitpulse_assets.lake.errors import LakeError, PreconditionFailed
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.lake.parts import open_parts, parts_of, together
from gitpulse_assets.place import Day
from gitpulse_assets.processes.stopping import each_in_threads, stop_if_wished
from gitpulse_assets.repo import Repo
from gitpulse_assets.setting_values.event_ages import EventAges
from gitpulse_assets.watch.state import StateObject

SOURCE, FIREHOSE_SOURCE = "feed", "firehose"
REQUESTS_AT_ONCE = 4
# What so many feeds bring is merged at once: memory holds at most 300 events of each.
FEEDS_A_MERGE = 50
SAMPLE = "sample"

Rows = Mapping[date, Sequence[dict[str, Any]]]


@dataclass(frozen=True)
class Polled:
    """What a poll of one feed came to: its state from now on, and the events as received.

    `span`: the stretch it belongs to; None where GitHub did not tell of the feed, and the state says why.
    `is_counted`: the state's stars are those of this poll.
    """

    target: Target
    state: FeedState
    span: FeedSpan | None = None
    records: tuple[bytes, ...] = field(default=(), repr=False)
    is_counted: bool = False

    @property
    def is_sample(self) -> bool:
        """Whether it shows some of the events, whatever is polled."""
        return isinstance(self.target, Firehose)

    @property
    def gap_reason(self) -> str | None:
        """Why events may have been missed before this poll; None where none were."""
        is_first = self.span is not None and self.span.poll_count == 1
        return self.span.gap_reason if is_first and self.span else None


@dataclass
class PollRound:
    """What polling several feeds came to; `stopped_by` says what ended it early.

    `added`: events that were new, by their UTC day.
    """

    polls: list[Polled] = field(default_factory=list)
    added: Counter[date] = field(default_factory=Counter)
    unusable_count: int = 0
    stopped_by: str = ""

    @property
    def added_count(self) -> int:
        """Events that were new."""
        return self.added.total()


@dataclass(frozen=True)
class Poller:
    """Everything polling works with."""

    lake: Lake
    con: duckdb.DuckDBPyConnection
    client: GitHubClient
    projections: Sequence[Projection]
    ages: EventAges = field(default_factory=EventAges)

    def poll(self, targets: Sequence[Target], now: datetime, *, seconds_max: float = math.inf) -> PollRound:
        """Poll the feeds that are due by `now` (UTC), those first that were asked longest ago.

        Once `seconds_max` are over no others are begun with.
        Raises LakeError where the lake cannot be used, a person is being taken out of public events, or
        another process polls; BadToken where GitHub refuses the token.
        """
        result, kept = PollRound(), feeds(self.lake.store)
        deadline = monotonic() + seconds_max
        states = kept.load().feeds
        with at_work(self.lake.store, "bringing") as sign:
            for some in chunks(due(targets, states, now)):
                sign()
                polls = self._ask(some, states, now, result)
                states = states | {poll.target.key: poll.state for poll in polls}
                told = [poll for poll in polls if poll.span]
                self._bring(SOURCE, [poll for poll in told if not poll.is_sample], states, result)
                self._bring(FIREHOSE_SOURCE, [poll for poll in told if poll.is_sample], states, result)
                save(kept, Feeds(states))
                result.polls += polls
                if result.stopped_by or monotonic() >= deadline:
                    break
        return result

    def _ask(
        self, targets: Sequence[Target], states: Mapping[str, FeedState], now: datetime, result: PollRound
    ) -> list[Polled]:
        """Ask for the feeds, several at once; a limit ends the round, the trouble of one feed is its own."""

        def ask(target: Target) -> Polled:
            before = states.get(target.key, FeedState())
            found = answered(target, before, self.client.feed(target, before.pages))
            return self._introduced(found, before) if isinstance(target, Repo) else found

        polls: list[Polled] = []
        for target, future in zip(targets, each_in_threads(ask, targets, REQUESTS_AT_ONCE), strict=True):
            error = future.exception()
            if isinstance(error, LimitReached):
                result.stopped_by = result.stopped_by or str(error)
            elif isinstance(error, GitHubError) and not isinstance(error, BadToken):
                polls.append(unanswered(target, states.get(target.key, FeedState()), error, now))
            else:
                polls.append(future.result())
        return polls

    def _introduced(self, poll: Polled, before: FeedState) -> Polled:
        """The poll with what its repository says of itself, at the first of a UTC day: its id and its stars.

        Raises GitHubError where nothing tells the id, since an empty feed may be anybody's.
        """
        stars, span, is_known = poll.state.stars, poll.span, poll.state.target_id is not None
        assert isinstance(poll.target, Repo)
        assert span
        if is_known and stars and stars.counted_at.date() == span.span_end_at.date():
            return poll
        try:
            answer = self.client.star_count(poll.target, stars.etag if stars and is_known else None)
        except BadToken:
            raise
        except GitHubError:
            if not is_known:
                raise
            # What the feed told stands; the repository is asked again with its next poll.
            return poll
        return counted(identified(poll, before, answer.repository_id), answer)

    def _bring(
        self, source: str, polls: Sequence[Polled], states: Mapping[str, FeedState], result: PollRound
    ) -> None:
        """Merge what came, and note with its last day what the polls prove, or what the firehose showed."""
        if not polls:
            return
        asked_at = max(poll.span.span_end_at for poll in polls if poll.span)
        every = (record for poll in polls for record in poll.records)
        records = [one for one in every if not is_past(one, self.ages, asked_at.date())]
        if source == FIREHOSE_SOURCE:
            beside = {FIREHOSE_EVENT: shown_rows(records, states)}
        else:
            beside = {FEED_SPAN: span_rows(polls), STAR_COUNT: star_rows(polls)}
        told = {day for rows in beside.values() for day in rows}
        with session(self.con) as own, Incoming(self.lake.store.scratch_folder, self.projections) as incoming:
            incoming.read_records(own, records, source, asked_at)
            result.unusable_count += incoming.facts.unusable_count
            days = sorted(incoming.facts.dates | told, key=lambda day: (day in told, day))
            for day in days:
                stop_if_wished()
                own_rows = {contract: rows[day] for contract, rows in beside.items() if day in rows}
                result.added[day] += self._merge(own, incoming, day, own_rows).added_count

    def _merge(
        self,
        con: duckdb.DuckDBPyConnection,
        incoming: Incoming,
        event_date: date,
        rows: Mapping[TableContract, Sequence[dict[str, Any]]],
    ) -> MergedDay:
        def beside(commit: Commit | None, _: int) -> dict[TableContract, pa.Table]:
            tables = {
                contract: with_rows(self.lake, commit, contract, Day(event_date), own)
                for contract, own in rows.items()
            }
            return {
                contract: table
                for contract, (stored, table) in tables.items()
                if stored != table or not parts_of(commit, contract)
            }

        return merge_day(self.lake, con, incoming, event_date, beside)


def save(kept: StateObject[Feeds], state: Feeds) -> None:
    """Keep what the polls left; raises LakeError where another process kept something meanwhile."""
    try:
        kept.save(state)
    except PreconditionFailed as error:
        others = "gitpulse events watch or the sensor event_feeds"
        raise LakeError(f"another process polls feeds into this lake; let one go on ({others})") from error


def due(targets: Sequence[Target], states: Mapping[str, FeedState], now: datetime) -> list[Target]:
    """Those whose feeds may be asked again, in the order of their turn."""
    found = {target: states.get(target.key, FeedState()) for target in targets}
    waiting = [target for target, state in found.items() if state.is_due(now)]
    return sorted(waiting, key=lambda one: (at.timestamp() if (at := found[one].asked_at) else 0, one.key))


def chunks(targets: Sequence[Target]) -> Iterator[Sequence[Target]]:
    """The feeds in the portions that are merged at once."""
    for start in range(0, len(targets), FEEDS_A_MERGE):
        yield targets[start : start + FEEDS_A_MERGE]


class _Named(msgspec.Struct):
    id: int | None = None
    name: str | None = None


class _Head(msgspec.Struct):
    id: int
    type: str
    created_at: datetime
    repo: _Named | None = None
    org: _Named | None = None
    public: bool = True

    def target_id(self, target: Target) -> int | None:
        """The id of the repository, or organisation, that the event is of."""
        named = self.org if isinstance(target, Owner) else self.repo
        return named.id if named else None

    @property
    def repository_name(self) -> str | None:
        """What the repository was called when it happened."""
        return self.repo.name if self.repo else None


def heads(records: Sequence[bytes]) -> Iterator[_Head]:
    """What events are known by; what is no event is left to those who count it."""
    return (head for record in records if (head := head_of(record)))


def head_of(record: bytes) -> _Head | None:
    """What an event is known by; None of what is none."""
    try:
        return msgspec.json.decode(record, type=_Head, strict=False)
    except msgspec.MsgspecError:
        return None


def is_past(record: bytes, ages: EventAges, today: date) -> bool:
    """Whether an event is past its time, as its feed does not know: it would come back after its removal."""
    head = head_of(record) if ages.least else None
    return head is not None and ages.is_past(head.type, (today - head.created_at.astimezone(UTC).date()).days)


def answered(target: Target, before: FeedState, feed: Feed) -> Polled:
    """What an answered poll proves, and what it leaves for the next."""
    if isinstance(target, Firehose):
        span = FeedSpan(feed.date, feed.date, gap_reason=SAMPLE)
        state = FeedState(pages=feed.pages, span=span, wait_seconds=feed.wait_seconds)
        return Polled(target, state, span, feed.records)
    if feed.is_unchanged:
        # Where the rows are full, what came behind them changed none of them.
        span = prolonged(before.span, feed.date, ",".join(before.hidden))
        return Polled(target, msgspec.structs.replace(before, span=span, trouble="", failed_at=None), span)
    found = list(heads(feed.records))
    keys = [Key(one.id, one.type, one.created_at) for one in found]
    told = Counter(an_id for one in found if (an_id := one.target_id(target)) is not None)
    target_id = told.most_common(1)[0][0] if told else before.target_id
    is_another = before.target_id is not None and target_id != before.target_id
    gaps = FAMILIES if is_another else missed(before.known, keys, is_cut=feed.is_cut, now=feed.date)
    reason = ANOTHER_REPOSITORY if is_another else ",".join(gaps)
    span = prolonged(before.span, feed.date, reason)
    if found:
        span = msgspec.structs.replace(span, is_public=all(one.public for one in found))
    known = anchors(keys if is_another else [*keys, *before.known], feed.date)
    after = FeedState(
        target_id=target_id,
        pages=feed.pages,
        known=known,
        hidden=missed(known, keys, is_cut=feed.is_cut, now=feed.date),
        span=span,
        wait_seconds=wait_seconds([key.created_at for key in keys], feed.wait_seconds),
        stars=before.stars,
        repository_name=last_name(found) or before.repository_name if isinstance(target, Repo) else None,
    )
    return Polled(target, after, span, feed.records)


def identified(poll: Polled, before: FeedState, repository_id: int | None) -> Polled:
    """The poll where its repository says its id; where it is not the one it was, the stretch begins anew."""
    state, span = poll.state, poll.span
    if repository_id is None or repository_id == state.target_id:
        return poll
    if span and state.target_id is not None:
        span = prolonged(before.span, span.span_end_at, ANOTHER_REPOSITORY)
    state = msgspec.structs.replace(state, target_id=repository_id, span=span)
    return replace(poll, state=state, span=span)


def counted(poll: Polled, answer: StarAnswer) -> Polled:
    """The poll with the stars of its repository, which are as they were where it did not change."""
    stars = poll.state.stars
    count = answer.star_count if answer.star_count is not None or stars is None else stars.star_count
    if count is None:
        return poll
    state = msgspec.structs.replace(poll.state, stars=Stars(answer.date, count, answer.etag))
    return replace(poll, state=state, is_counted=True)


def last_name(found: Sequence[_Head]) -> str | None:
    """What the newest of some events calls their repository; None where none does."""
    named = [(one.created_at, one.repository_name) for one in found if one.repository_name]
    return max(named)[1] if named else None


def unanswered(target: Target, before: FeedState, error: GitHubError, now: datetime) -> Polled:
    """A poll that GitHub did not answer: the next one shows whether anything was missed."""
    # Asking where nothing is costs quota every time.
    wait = WAIT_SECONDS_MAX if isinstance(error, RepositoryNotFound) else before.wait_seconds
    state = msgspec.structs.replace(before, trouble=str(error), failed_at=now, wait_seconds=wait)
    return Polled(target, state)


def span_rows(polls: Sequence[Polled]) -> Rows:
    """The rows of `feed_span` that polls prove, by the UTC day they belong to."""
    rows: defaultdict[date, list[dict[str, Any]]] = defaultdict(list)
    for poll in polls:
        if poll.span:
            row = {"repository_name": poll.target.key} | msgspec.structs.asdict(poll.span)
            rows[poll.span.span_end_at.date()].append(row)
    return dict(rows)


def star_rows(polls: Sequence[Polled]) -> Rows:
    """The rows of `star_count` of each UTC day."""
    rows: defaultdict[date, list[dict[str, Any]]] = defaultdict(list)
    for poll in polls:
        if poll.is_counted and (stars := poll.state.stars):
            row = {"counted_at": stars.counted_at, "star_count": stars.star_count}
            rows[stars.counted_at.date()].append({"repository_name": poll.target.key} | row)
    return rows


def shown_rows(records: Sequence[bytes], states: Mapping[str, FeedState]) -> Rows:
    """The rows of `firehose_event` of each UTC day: what it showed of the feeds that are followed."""
    rows: defaultdict[date, list[dict[str, Any]]] = defaultdict(list)
    ids = {state.target_id for state in states.values() if state.target_id is not None}
    # A day of which it showed others' events alone has the table, too: so it is known whom it brought there.
    for one in heads(records):
        own = rows[one.created_at.astimezone(UTC).date()]
        name = (one.repo.name or "").lower() if one.repo else ""
        is_named = {name, f"{name.partition('/')[0]}/*"} & states.keys()
        if is_named or (one.repo and one.repo.id in ids):
            key = {"event_id": one.id, "event_type": one.type, "created_at": one.created_at}
            own.append(key | {"repository_name": name})
    return rows


def with_rows(
    lake: Lake, commit: Commit | None, contract: TableContract, day: Day, rows: Sequence[dict[str, Any]]
) -> tuple[pa.Table, pa.Table]:
    """A small table of a day as it is stored, and with some rows in the place of those of their key."""
    parts = open_parts(lake.store, contract, day, commit)
    stored = together(contract, list(parts.values())).to_table().cast(contract.arrow_schema)
    told = {tuple(row[name] for name in contract.key): row for row in [*stored.to_pylist(), *rows]}
    return stored, pa.Table.from_pylist([told[key] for key in sorted(told)], schema=contract.arrow_schema)
