"""A stream that is a list: which walk of it to make, and how the end of the list is proven."""

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from gitpulse_assets.collect.ahead import Ahead
from gitpulse_assets.collect.at_once import Question, answers
from gitpulse_assets.collect.full_walk import KnownWalk, known_walk, page_batch, walk_of
from gitpulse_assets.collect.list_end import LOOKS, ListEnd
from gitpulse_assets.collect.lots import Lot
from gitpulse_assets.collect.segments import (
    PAGES_MIN,
    NoSegments,
    SegmentPage,
    Segments,
    Stored,
    read_stored,
    stored_text,
)
from gitpulse_assets.collect.session import APIS, KnownState, Session, StreamRun
from gitpulse_assets.collect.walk import ReadPage, Walk, read_pages, record_batch
from gitpulse_assets.contracts.sources import PER_PAGE
from gitpulse_assets.contracts.stream import Head, Stream
from gitpulse_assets.github.client import NewestRecord
from gitpulse_assets.github.errors import CursorRefused, GitHubError, LimitReached
from gitpulse_assets.github.links import since_of
from gitpulse_assets.github.pages import Page, is_full
from gitpulse_assets.lake.manifest import ManifestRow, WalkKind, resumable_run

# GitHub's servers need not agree to the second.
CLOCK_TOLERANCE = dt.timedelta(minutes=1)


class ListCapped(GitHubError):
    """GitHub ended a list early, so the walk cannot be complete."""


class ClockBehind(GitHubError):
    """GitHub's clock lies before the newest known state: its answers would show an older one."""


@dataclass(frozen=True)
class WalkPlan:
    """Which walk of a stream to make.

    `start_url` goes on with the walk of `resumed_run_id`, else it begins anew. `known`: what an earlier full
    walk kept of its pages, where this one is full too. `newest`: what stood last in the list, by creation for
    a full walk and by update for another, when this run came to it; `updated_at`: when a record was updated
    last. `segments`: those of a list that is walked in segments, the last one what is behind them.
    """

    stream: Stream
    walk_kind: WalkKind
    since: dt.datetime | None
    as_of_at: dt.datetime
    etag: str | None
    start_url: str | None = None
    resumed_run_id: str | None = None
    known: KnownWalk = field(default_factory=KnownWalk)
    newest: NewestRecord | None = None
    updated_at: dt.datetime | None = None
    segments: tuple[Stored, ...] = ()

    @property
    def page_count_max(self) -> int:
        """How many pages a full walk has at most, by the number of its newest record."""
        return -(-self.newest.number // PER_PAGE) if self.newest and self.walk_kind == "full" else 0


def plan_walk(session: Session, stream: Stream, *, is_full: bool) -> WalkPlan:
    """Choose between the rest of a walk that was cut short, nothing, an incremental and a full walk."""
    plan = resumable(session, stream, is_full=is_full) or new_walk(session, stream, is_full=is_full)
    if plan.walk_kind != "full":
        return plan
    newest = session.client.newest_records(session.repo, stream.listing, 1)
    known = known_walk(session) if stream.pages else KnownWalk()
    plan = replace(plan, known=known, newest=next(iter(newest), None))
    return in_segments(session, plan) if may_be_parted(session, plan) else plan


def may_be_parted(session: Session, plan: WalkPlan) -> bool:
    """Say whether a walk is worth to be made in segments: a first one, of a list that is long enough.

    A later one asks for pages by their ETags, which those of segments have not.
    """
    is_first = plan.start_url is None and walked_state(session, plan.stream).watermark is None
    is_allowed = session.client.requests_at_once > 1 and session.client.has_token(session.repo)
    return is_first and is_allowed and plan.updated_at is not None and plan.page_count_max >= PAGES_MIN


def in_segments(session: Session, plan: WalkPlan) -> WalkPlan:
    """Let a walk begin with one segment, up to where the next walk would go on from; the rest is behind."""
    assert plan.updated_at is not None
    until = min(plan.updated_at, plan.as_of_at - session.overlap)
    listing = plan.stream.listing
    first = Stored(session.client.first_by_update(session.repo, listing), until)
    return replace(
        plan, segments=(first, Stored(session.client.list_url(session.repo, listing, until), None))
    )


def collect_list(session: Session, plan: WalkPlan, ahead: Ahead | None = None) -> ManifestRow:
    """Bring what changed into bronze and return the run's manifest row, its status `complete`.

    A walk that an error cuts short is left `partial` (or `failed`, where nothing can go on from it), and
    the error goes on to the caller. Where GitHub no longer takes a stored address, the walk begins anew and
    follows none; so it does, as one, where the server knows no cursors. `ahead`: asks about what a walk in
    segments meets.
    """
    try:
        return walk(session, plan, ahead)
    except (CursorRefused, NoSegments):
        return walk(session, new_walk(session, plan.stream, is_full=plan.walk_kind == "full"))


def resumable(session: Session, stream: Stream, *, is_full: bool) -> WalkPlan | None:
    """Return the rest of the walk an earlier run left, unless it is too small for what is asked now."""
    row = resumable_run(session.manifest.rows(), stream.name)
    if row is None or row.as_of_at is None or (is_full and row.walk_kind != "full"):
        return None
    return WalkPlan(
        stream,
        row.walk_kind,
        row.since,
        row.as_of_at,
        row.etag,
        row.next_url,
        row.run_id,
        segments=read_stored(row.segments),
    )


def new_walk(session: Session, stream: Stream, *, is_full: bool) -> WalkPlan:
    """Choose between nothing, an incremental and a full walk."""
    state = walked_state(session, stream)
    may_be_unchanged = state.watermark is not None and not is_full
    # Asked before the walk, so that a change during it makes the next probe differ.
    etag = state.etag if may_be_unchanged else None
    probe = session.client.probe(session.repo, stream.listing, etag=etag)
    refuse_older(session, state, probe.date)
    if may_be_unchanged and probe.is_unchanged:
        return WalkPlan(stream, "unchanged", state.watermark, probe.date, probe.etag)
    if not may_be_unchanged:
        updated_at = probe.newest and probe.newest.at
        return WalkPlan(stream, "full", None, probe.date, probe.etag, updated_at=updated_at)
    return WalkPlan(stream, "incremental", state.watermark, probe.date, probe.etag, newest=probe.newest)


def refuse_older(session: Session, state: KnownState, now: dt.datetime) -> None:
    """Raise ClockBehind where GitHub's time lies before that of the newest walk."""
    if state.as_of_at and now < state.as_of_at - CLOCK_TOLERANCE:
        raise ClockBehind(
            f"{session.repo}: GitHub's clock says {now:%Y-%m-%d %H:%M} UTC, but the last walk was at "
            f"{state.as_of_at:%Y-%m-%d %H:%M} UTC; nothing is fetched before that time has passed again, or "
            "an older state would be shown. Look for a proxy that answers from its store, and at the "
            "server's clock where it is your own"
        )


def walked_state(session: Session, stream: Stream) -> KnownState:
    """Return how far the list is known: merged, or complete in bronze and merged by the end of this run.

    What was merged once and is known no longer is walked again: bronze may have been thinned out since.
    """
    state = session.known_state(stream.bronze)
    rows = [row for row in session.manifest.rows() if row.stream == stream.name and row.status == "complete"]
    newest = max(rows, key=lambda row: (row.known_as_of, row.sequence), default=None)
    is_lost = state.watermark is None and session.is_merged_before(stream.bronze)
    if is_lost or newest is None or newest.as_of_at is None:
        return state
    return KnownState(newest.as_of_at - session.overlap, newest.as_of_at, newest.etag)


def walk(session: Session, plan: WalkPlan, ahead: Ahead | None = None) -> ManifestRow:
    """Make the walk; what has come when an error stops it is kept, so that none of it is fetched again."""
    if plan.walk_kind == "unchanged":
        looking = StreamRun(session, plan.stream.bronze)
        return own_walk(session, plan) or looking.look(plan.as_of_at, **begun(session, plan))
    run = open_run(session, plan)
    if plan.segments:
        plan = walk_segments(session, run, plan, ahead)
    walking: Walk[ReadPage] = Walk(
        run,
        lambda waiting: keep(session, run, plan, waiting),
        "records",
        lambda: session.client.spending.quota_remaining,
    )
    try:
        last, is_proven = walk_to_end(session, walking, plan)
        # Asked by an ETag that knows more than this walk met, the list would seem unchanged.
        keep(session, run, plan, [*walking.waiting, last], etag=plan.etag if is_proven else None)
        walking.waiting = []
        refuse_capped(session, plan, run.row)
    except BaseException as error:
        walking.cut_short(error, lambda limit: with_rest(session, limit, run.row, plan))
    return run.close("complete")


def walk_segments(session: Session, run: StreamRun, plan: WalkPlan, ahead: Ahead | None) -> WalkPlan:
    """Walk the segments of a list, and ask about what is met; return the plan of what is behind them.

    That is walked when all have ended: what is updated before then is met there, whatever was read of it.
    """
    *parts, rest = plan.segments
    segments = open_segments(session, plan, parts)
    walking: Walk[SegmentPage] = Walk(
        run,
        lambda waiting: keep_segments(session, run, plan, segments, rest, waiting),
        "records",
        lambda: session.client.spending.quota_remaining,
    )
    run.settle()
    run.pays_for("rest")
    try:
        for answer in answers(Parts(segments, ahead), lambda: session.client.requests_at_once):
            if isinstance(answer, SegmentPage):
                walking.take(answer)
            elif ahead:
                ahead.keep(answer)
        walking.keep()
        if ahead:
            ahead.end()
    except BaseException as error:
        if ahead:
            ahead.cut_short(error)
        walking.cut_short(error, lambda limit: with_rest(session, limit, run.row, plan))
    run.pays_for(*APIS)
    return replace(plan, segments=(), start_url=rest.next_url)


@dataclass(frozen=True)
class Parts:
    """What is asked while a list is walked in segments: about a whole lot of what was met, else a page."""

    segments: Segments
    ahead: Ahead | None

    def question(self) -> Question[SegmentPage | Lot] | None:
        """The next lot, or the next page."""
        return (self.ahead and self.ahead.question()) or self.segments.question()

    def take(self, answer: SegmentPage | Lot) -> None:
        """Take an answer in."""
        if isinstance(answer, SegmentPage):
            self.segments.take(answer)
            if self.ahead:
                self.ahead.met(answer.page.records)
        elif self.ahead:
            self.ahead.take(answer)


def open_segments(session: Session, plan: WalkPlan, parts: Sequence[Stored]) -> Segments:
    """The segments to be walked, with how their pages are asked for."""
    client, listing = session.client, plan.stream.listing

    def newest_at() -> dt.datetime | None:
        newest = client.newest_records(session.repo, listing, 1, is_changed=True)
        return newest[0].at if newest else None

    return Segments(
        parts,
        plan.as_of_at,
        client.requests_at_once,
        pages=lambda url: read_pages(client.pages(session.repo, listing, start_url=url), plan.stream),
        address=lambda since: client.list_url(session.repo, listing, since),
        newest_at=newest_at,
    )


def keep_segments(
    session: Session,
    run: StreamRun,
    plan: WalkPlan,
    segments: Segments,
    rest: Stored,
    pages: list[SegmentPage],
) -> None:
    """Make pages of segments durable; the row says where each goes on, or that what is behind them is left.

    Whoever does not know of segments is led to the list's beginning: behind one of them he would leave out
    the others.
    """
    left = segments.keep(pages)
    start_url = session.client.list_url(session.repo, plan.stream.listing) if left else rest.next_url
    # An ETag would call a page unchanged whose address no later walk comes to.
    kept = [replace(part, page=replace(part.page, etag=None)) for part in pages]
    text = stored_text([*left, rest]) if left else None
    keep(session, run, plan, kept, next_url=start_url, segments=text)


def walk_to_end(session: Session, walking: Walk[ReadPage], plan: WalkPlan) -> tuple[ReadPage, bool]:
    """Walk until the list's end is proven; return the last page, which is none of those that wait.

    And False where only records too new for this walk may lie behind it. Raises ListCut, after which the walk
    goes on by asking for its last page again.
    """
    since = plan.since or (since_of(plan.start_url) if plan.start_url else None)
    end, met = ListEnd(session, plan.stream, since, plan.as_of_at), dict[int, dt.datetime | None]()
    last = walk_deep(session, walking, plan, met, plan.start_url)
    # That of a full walk's plan stands last by creation, and this may be the rest of a list by update.
    newest, looks = (None if since != plan.since else plan.newest) or end.newest(), 1
    while not (last.page.is_capped or end.is_met(newest, met, parts_of(session, walking.run))):
        if looks == LOOKS:
            if is_full(last.page) or not end.lacks_only_new(met, parts_of(session, walking.run)):
                keep_unended(session, walking, plan, last)
                raise end.refusal(newest, walking.run.row.record_count)
            return last, False
        last = walk_deep(session, walking, plan, met, last.page.url)
        newest, looks = end.newest(), looks + 1
    return last, True


def parts_of(session: Session, run: StreamRun) -> list[ManifestRow]:
    """Return the runs that made this walk so far, this one first."""
    return walk_of(session.manifest.rows(), run.row)


def keep_unended(session: Session, walking: Walk[ReadPage], plan: WalkPlan, last: ReadPage) -> None:
    """Keep pages of which the last is no end: the walk goes on by asking for it again."""
    unended = replace(last, page=replace(last.page, next_url=last.page.url, etag=None))
    keep(session, walking.run, plan, [*walking.waiting, unended])
    walking.waiting = []


def walk_deep(
    session: Session,
    walking: Walk[ReadPage],
    plan: WalkPlan,
    met: dict[int, dt.datetime | None],
    start_url: str | None,
) -> ReadPage:
    """Walk on; where GitHub serves a list by update only so deep, go on from the last update that was met."""
    last, since = walk_on(session, walking, plan, met, start_url), None
    while last.page.is_capped and plan.stream.listing.is_by_update:
        heads = [head for part in (*walking.waiting, last) for head in part.heads]
        latest = max(updated_ats(heads, walking.run.row), default=None)
        if latest is None or latest == since:
            break
        since, url = latest, session.client.list_url(session.repo, plan.stream.listing, latest)
        onward = replace(last.page, next_url=url, is_capped=False)
        walking.waiting.append(replace(last, page=onward))
        last = walk_on(session, walking, plan, met, url)
    return last


def walk_on(
    session: Session,
    walking: Walk[ReadPage],
    plan: WalkPlan,
    met: dict[int, dt.datetime | None],
    start_url: str | None,
) -> ReadPage:
    """Walk on from an address, keeping pages as they come; return the last one, which waits no longer."""

    def is_last(walked: ReadPage) -> bool:
        met.update({head.id: head.updated_at for head in walked.heads if head.id is not None})
        return walked.page.next_url is None

    pages = session.client.pages(
        session.repo, plan.stream.listing, since=plan.since, start_url=start_url, known=plan.known.pages
    )
    walking.on(read_pages(pages, plan.stream), is_last)
    return walking.waiting.pop()


def with_rest(session: Session, error: LimitReached, row: ManifestRow, plan: WalkPlan) -> LimitReached:
    """Say with the limit how much of a full walk is still to come."""
    if not plan.page_count_max:
        return error
    walked = sum(part.page_count for part in walk_of(session.manifest.rows(), row))
    rest = max(0, plan.page_count_max - walked)
    pages = f"{rest:,} of {plan.page_count_max:,} pages of the {plan.stream.noun}"
    words = f"{error}; at most {pages} are still to come"
    return LimitReached(words, error.resumes_at)


def own_walk(session: Session, plan: WalkPlan) -> ManifestRow | None:
    """Return the walk that an earlier attempt of this run ended: an unchanged list undoes nothing."""
    row = session.manifest.row(session.run_id, plan.stream.name)
    return row if row and row.status == "complete" and (row.batch_count or row.page_batch_count) else None


def open_run(session: Session, plan: WalkPlan) -> StreamRun:
    """Register the run, with the walk that it goes on with if there is one.

    Pages that an earlier attempt of this run walked are no part of a walk that begins anew: what left in
    between would count as met.
    """
    run = StreamRun(session, plan.stream.bronze)
    run.open(plan.walk_kind, plan.as_of_at, **begun(session, plan))
    return run


def begun(session: Session, plan: WalkPlan) -> dict[str, Any]:
    """The manifest's columns of a walk that begins, or goes on."""
    segments = stored_text(plan.segments) if plan.start_url else None
    columns = {"since": plan.since, "etag": plan.etag, "next_url": plan.start_url, "segments": segments}
    if plan.resumed_run_id == session.run_id:
        return columns
    row = session.manifest.row(session.run_id, plan.stream.name)
    # What an earlier attempt of this run lacked, no walk of the changes brings.
    lacked = row.lacked_count if row and plan.walk_kind != "full" else 0
    return {**columns, "resumed_run_id": plan.resumed_run_id, "page_batch_count": 0, "lacked_count": lacked}


def keep(
    session: Session, run: StreamRun, plan: WalkPlan, walked: Sequence[ReadPage], **changes: str | None
) -> None:
    """Make the pages durable, then have the manifest count them and their records in one step.

    `changes` are further columns of the manifest.

    With the last page of the list that step completes the walk: a crash before a further one would leave a
    row with nowhere to go on from, and the whole list to be walked again.
    """
    pages = [part.page for part in walked]
    page_batch_count = keep_pages(session, run, plan, pages)
    heads = [head for part in walked for head in part.heads]
    row = run.row
    batch = record_batch(session, plan.stream, walked, first_page_number=row.page_count + 1)
    updates = sorted(updated_ats(heads, row))
    place = {"next_url": pages[-1].next_url, "segments": None} | changes
    is_end = place["next_url"] is None and not pages[-1].is_capped
    run.keep(
        batch,
        pages[-1].date,
        len(pages),
        pull_request_count=row.pull_request_count + sum(head.is_pull_request for head in heads),
        lacked_count=(row.lacked_count or 0) + sum(part.lacked_count for part in walked),
        first_updated_at=updates[0] if updates else None,
        last_updated_at=updates[-1] if updates else None,
        is_capped=pages[-1].is_capped,
        unchanged_page_count=row.unchanged_page_count + sum(page.is_unchanged for page in pages),
        page_batch_count=page_batch_count,
        **(run.completed(pages[-1].date) if is_end else {}),
        **place,
    )


def keep_pages(session: Session, run: StreamRun, plan: WalkPlan, pages: list[Page]) -> int:
    """Store what the next full walk can know the pages by; return how many batches of it will count."""
    row, table = run.row, plan.stream.pages
    if table is None or plan.walk_kind != "full":
        return row.page_batch_count
    batch = page_batch(session, pages, plan.known, first_page_number=row.page_count + 1)
    writer = session.lake.batch_writer(table, session.repo, session.run_id, batch_count=row.page_batch_count)
    return writer.write(batch)


def updated_ats(heads: list[Head], row: ManifestRow) -> Iterator[dt.datetime]:
    """Yield the `updated_at` of every record, with the earliest and latest known before."""
    known = (row.first_updated_at, row.last_updated_at)
    yield from (at for at in (*known, *(head.updated_at for head in heads)) if at is not None)


def refuse_capped(session: Session, plan: WalkPlan, row: ManifestRow) -> None:
    """Raise ListCapped where GitHub ended the list early."""
    if row.is_capped:
        raise ListCapped(
            f"{session.repo}: GitHub ended the {plan.stream.noun} after {row.record_count} records, though "
            "it goes on; nothing is published from it. Another run begins it anew; where that ends the same, "
            "this server counts pages instead of handing out cursors, and a newer version of it is needed"
        )
