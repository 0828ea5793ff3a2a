"""The issue list: which walk to make, and the loop that makes it."""

import datetime as dt
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from gitpulse_assets.collect.full_walk import KnownWalk, known_walk, page_batch, walk_of
from gitpulse_assets.collect.list_end import LOOKS, ListEnd
from gitpulse_assets.collect.records import RecordHead, issue_batch, read_head
from gitpulse_assets.collect.session import KnownState, Session, Stream
from gitpulse_assets.contracts.bronze import ISSUE_PAGE, ISSUES
from gitpulse_assets.github.client import NewestRecord
from gitpulse_assets.github.errors import CursorRefused, GitHubError, LimitReached
from gitpulse_assets.github.pages import Page, is_full, lacked_count
from gitpulse_assets.github.sources import ISSUE_LIST, PER_PAGE
from gitpulse_assets.lake.batch import PAGES_PER_BATCH
from gitpulse_assets.lake.errors import LakeError
from gitpulse_assets.lake.manifest import ManifestRow, WalkKind, resumable_run

# Unchanged pages hold no records, and walking them again costs nothing: so many may wait for a batch.
WAITING_PAGES_MAX = 100


# GitHub's servers need not agree to the second.
CLOCK_TOLERANCE = dt.timedelta(minutes=1)


class ListCapped(GitHubError):
    """GitHub ended the issue list early, so the walk cannot be complete."""


class ClockBehind(GitHubError):
    """GitHub's clock lies before the newest known state: its answers would show an older one."""


@dataclass(frozen=True)
class WalkPlan:
    """Which walk to make: `start_url` goes on with the walk of `resumed_run_id`, else it begins anew.

    `known`: what an earlier full walk kept of its pages, where this one is full too. `newest`: what stood
    last in the list, by creation for a full walk and by update for another, when this run came to it.
    """

    walk_kind: WalkKind
    since: dt.datetime | None
    as_of_at: dt.datetime
    etag: str | None
    start_url: str | None = None
    resumed_run_id: str | None = None
    known: KnownWalk = field(default_factory=KnownWalk)
    newest: NewestRecord | None = None

    @property
    def page_count_max(self) -> int:
        """How many pages a full walk has at most, by the number of its newest record."""
        return -(-self.newest.number // PER_PAGE) if self.newest and self.walk_kind == "full" else 0


@dataclass(frozen=True)
class WalkedPage:
    """A page of the list with the heads of its records, in order; they are read once."""

    page: Page
    heads: list[RecordHead]


def plan_walk(session: Session, *, is_full: bool) -> WalkPlan:
    """Choose between the rest of a walk that was cut short, nothing, an incremental and a full walk."""
    plan = resumable(session, is_full=is_full) or new_walk(session, is_full=is_full)
    if plan.walk_kind != "full":
        return plan
    newest = session.client.newest_records(session.repo, ISSUE_LIST, 1)
    return replace(plan, known=known_walk(session), newest=next(iter(newest), None))


def collect_issues(session: Session, plan: WalkPlan) -> ManifestRow:
    """Bring what changed into bronze and return the run's manifest row, its status `complete`.

    A walk that an error cuts short is left `partial` (or `failed`, where nothing can go on from it), and
    the error goes on to the caller. Where GitHub no longer takes a stored address, the walk begins anew and
    follows none.
    """
    try:
        return walk(session, plan)
    except CursorRefused:
        return walk(session, new_walk(session, is_full=plan.walk_kind == "full"))


def resumable(session: Session, *, is_full: bool) -> WalkPlan | None:
    """Return the rest of the walk an earlier run left, unless it is too small for what is asked now."""
    row = resumable_run(session.manifest.rows(), ISSUES.name)
    if row is None or row.as_of_at is None or (is_full and row.walk_kind != "full"):
        return None
    return WalkPlan(row.walk_kind, row.since, row.as_of_at, row.etag, row.next_url, row.run_id)


def new_walk(session: Session, *, is_full: bool) -> WalkPlan:
    """Choose between nothing, an incremental and a full walk."""
    state = walked_state(session)
    may_be_unchanged = state.watermark is not None and not is_full
    # Asked before the walk, so that a change during it makes the next probe differ.
    etag = state.etag if may_be_unchanged else None
    probe = session.client.probe(session.repo, ISSUE_LIST, etag=etag)
    refuse_older(session, state, probe.date)
    if may_be_unchanged and probe.is_unchanged:
        return WalkPlan("unchanged", state.watermark, probe.date, probe.etag)
    if is_full or state.watermark is None:
        return WalkPlan("full", None, probe.date, probe.etag)
    return WalkPlan("incremental", state.watermark, probe.date, probe.etag, newest=probe.newest)


def refuse_older(session: Session, state: KnownState, now: dt.datetime) -> None:
    """Raise ClockBehind where GitHub's time lies before that of the newest walk."""
    if state.as_of_at and now < state.as_of_at - CLOCK_TOLERANCE:
        raise ClockBehind(
            f"{session.repo}: GitHub's clock says {now:%Y-%m-%d %H:%M} UTC, but the last walk was at "
            f"{state.as_of_at:%Y-%m-%d %H:%M} UTC; nothing is fetched before that time has passed again, or "
            "an older state would be shown. Look for a proxy that answers from its store, and at the "
            "server's clock where it is your own"
        )


def walked_state(session: Session) -> KnownState:
    """Return how far the list is known: merged, or complete in bronze and merged by the end of this run.

    What was merged once and is known no longer is walked again: bronze may have been thinned out since.
    """
    state = session.known_state(ISSUES)
    rows = [row for row in session.manifest.rows() if row.stream == ISSUES.name and row.status == "complete"]
    newest = max(rows, key=lambda row: (row.known_as_of, row.sequence), default=None)
    is_lost = state.watermark is None and session.is_merged_before
    if is_lost or newest is None or newest.as_of_at is None:
        return state
    return KnownState(newest.as_of_at - session.overlap, newest.as_of_at, newest.etag)


def walk(session: Session, plan: WalkPlan) -> ManifestRow:
    """Make the walk; what has come when an error stops it is kept, so that none of it is fetched again."""
    if plan.walk_kind == "unchanged":
        return own_walk(session) or Stream(session, ISSUES).look(plan.as_of_at, **begun(session, plan))
    stream = open_stream(session, plan)
    waiting: list[WalkedPage] = []
    try:
        is_proven = walk_to_end(session, stream, plan, waiting)
        # Asked by an ETag that knows more than this walk met, the list would seem unchanged.
        keep(session, stream, plan, waiting, etag=plan.etag if is_proven else None)
        refuse_capped(session, stream.row)
    except BaseException as error:
        with suppress(LakeError):
            keep(session, stream, plan, waiting)
        if isinstance(error, LimitReached):
            error = with_rest(session, error, stream.row, plan)
        stream.interrupt(error)
        raise error
    return stream.close("complete")


def walk_to_end(session: Session, stream: Stream, plan: WalkPlan, waiting: list[WalkedPage]) -> bool:
    """Walk until the list's end is proven, and leave the last page among those that wait.

    Returns False where only records too new for this walk may lie behind it. Raises ListCut, after which
    the walk goes on by asking for its last page again.
    """
    end, met_ids = ListEnd(session, plan.since, plan.as_of_at), set[int]()
    last = walk_on(session, stream, plan, waiting, met_ids, plan.start_url)
    newest, looks = plan.newest or end.newest(), 1
    while not (last.page.is_capped or end.is_met(newest, met_ids, parts_of(session, stream))):
        if looks == LOOKS:
            if is_full(last.page) or not end.lacks_only_new(met_ids, parts_of(session, stream)):
                keep_unended(session, stream, plan, [*waiting, last])
                waiting.clear()
                raise end.refusal(newest, stream.row.record_count)
            waiting.append(last)
            return False
        last = walk_on(session, stream, plan, waiting, met_ids, last.page.url)
        newest, looks = end.newest(), looks + 1
    waiting.append(last)
    return True


def parts_of(session: Session, stream: Stream) -> list[ManifestRow]:
    """Return the runs that made this walk so far, this one first."""
    return walk_of(session.manifest.rows(), stream.row)


def keep_unended(session: Session, stream: Stream, plan: WalkPlan, walked: list[WalkedPage]) -> None:
    """Keep pages of which the last is no end: the walk goes on by asking for it again."""
    page = walked[-1].page
    unended = replace(walked[-1], page=replace(page, next_url=page.url, etag=None))
    keep(session, stream, plan, [*walked[:-1], unended])


def walk_on(
    session: Session,
    stream: Stream,
    plan: WalkPlan,
    waiting: list[WalkedPage],
    met_ids: set[int],
    start_url: str | None,
) -> WalkedPage:
    """Walk on from an address, keeping pages as they come; return the last one, which is not kept yet."""
    pages = session.client.pages(
        session.repo, ISSUE_LIST, since=plan.since, start_url=start_url, known=plan.known.pages
    )
    for page in pages:
        walked = WalkedPage(page, [read_head(record) for record in page.records])
        met_ids.update(head.id for head in walked.heads if head.id is not None)
        if page.next_url is None:
            return walked
        waiting.append(walked)
        if is_batch(waiting):
            keep(session, stream, plan, waiting)
        tell(session, stream, waiting)
    raise RuntimeError("a walk ends with a page that has no next")


def with_rest(session: Session, error: LimitReached, row: ManifestRow, plan: WalkPlan) -> LimitReached:
    """Say with the limit how much of a full walk is still to come."""
    if not plan.page_count_max:
        return error
    walked = sum(part.page_count for part in walk_of(session.manifest.rows(), row))
    rest = max(0, plan.page_count_max - walked)
    words = f"{error}; at most {rest:,} of {plan.page_count_max:,} pages of the issue list are still to come"
    return LimitReached(words, error.resumes_at)


def own_walk(session: Session) -> ManifestRow | None:
    """Return the walk that an earlier attempt of this run ended: an unchanged list undoes nothing."""
    row = session.manifest.row(session.run_id, ISSUES.name)
    return row if row and row.status == "complete" and (row.batch_count or row.page_batch_count) else None


def open_stream(session: Session, plan: WalkPlan) -> Stream:
    """Register the run, with the walk that it goes on with if there is one.

    Pages that an earlier attempt of this run walked are no part of a walk that begins anew: what left in
    between would count as met.
    """
    stream = Stream(session, ISSUES)
    stream.open(plan.walk_kind, plan.as_of_at, **begun(session, plan))
    return stream


def begun(session: Session, plan: WalkPlan) -> dict[str, Any]:
    """The manifest's columns of a walk that begins, or goes on."""
    columns = {"since": plan.since, "etag": plan.etag, "next_url": plan.start_url}
    if plan.resumed_run_id == session.run_id:
        return columns
    row = session.manifest.row(session.run_id, ISSUES.name)
    # What an earlier attempt of this run lacked, no walk of the changes brings.
    lacked = row.lacked_count if row and plan.walk_kind != "full" else 0
    return {**columns, "resumed_run_id": plan.resumed_run_id, "page_batch_count": 0, "lacked_count": lacked}


def is_batch(waiting: list[WalkedPage]) -> bool:
    """Say whether enough pages wait to be stored together."""
    with_records = sum(not walked.page.is_unchanged for walked in waiting)
    return with_records == PAGES_PER_BATCH or len(waiting) == WAITING_PAGES_MAX


def keep(
    session: Session, stream: Stream, plan: WalkPlan, waiting: list[WalkedPage], **changes: str | None
) -> None:
    """Make the pages durable, then have the manifest count them and their records in one step.

    They wait no longer then. `changes` are further columns of the manifest.

    With the last page of the list that step completes the walk: a crash before a further one would leave a
    row with nowhere to go on from, and the whole list to be walked again.
    """
    if not waiting:
        return
    pages = [walked.page for walked in waiting]
    page_batch_count = keep_pages(session, stream, plan, pages)
    heads = [head for walked in waiting for head in walked.heads]
    row = stream.row
    batch = issue_batch(session, pages, heads, first_page_number=row.page_count + 1)
    updates = sorted(updated_ats(heads, row))
    is_end = pages[-1].next_url is None and not pages[-1].is_capped
    stream.keep(
        batch,
        pages[-1].date,
        len(pages),
        pull_request_count=row.pull_request_count + sum(head.is_pull_request for head in heads),
        lacked_count=(row.lacked_count or 0) + sum(lacked_count(page) for page in pages),
        first_updated_at=updates[0] if updates else None,
        last_updated_at=updates[-1] if updates else None,
        next_url=pages[-1].next_url,
        is_capped=pages[-1].is_capped,
        unchanged_page_count=row.unchanged_page_count + sum(page.is_unchanged for page in pages),
        page_batch_count=page_batch_count,
        **(stream.completed(pages[-1].date) if is_end else {}),
        **changes,
    )
    waiting.clear()


def keep_pages(session: Session, stream: Stream, plan: WalkPlan, pages: list[Page]) -> int:
    """Store what the next full walk can know the pages by; return how many batches of it will count."""
    row = stream.row
    if plan.walk_kind != "full":
        return row.page_batch_count
    batch = page_batch(session, pages, plan.known, first_page_number=row.page_count + 1)
    writer = session.lake.batch_writer(
        ISSUE_PAGE, session.repo, session.run_id, batch_count=row.page_batch_count
    )
    return writer.write(batch)


def updated_ats(heads: list[RecordHead], row: ManifestRow) -> Iterator[dt.datetime]:
    """Yield the `updated_at` of every record, with the earliest and latest known before."""
    known = (row.first_updated_at, row.last_updated_at)
    yield from (at for at in (*known, *(head.updated_at for head in heads)) if at is not None)


def refuse_capped(session: Session, row: ManifestRow) -> None:
    """Raise ListCapped where GitHub ended the list early."""
    if row.is_capped:
        raise ListCapped(
            f"{session.repo}: GitHub ended the issue list after {row.record_count} records, though it "
            "goes on; nothing is published from it. Another run begins it anew; where that ends the same, "
            "this server counts pages instead of handing out cursors, and a newer version of it is needed"
        )


def tell(session: Session, stream: Stream, waiting: list[WalkedPage]) -> None:
    """Tell whoever watches how far the walk is."""
    records = sum(len(walked.heads) for walked in waiting)
    stream.tell(len(waiting), records, "records", session.client.spending.quota_remaining)
