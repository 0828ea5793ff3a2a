"""The issue list: which walk to make, and the loop that makes it."""

import datetime as dt
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace

from gitpulse_assets.collect.full_walk import KnownWalk, known_walk, page_batch
from gitpulse_assets.collect.records import RecordHead, issue_batch, read_head
from gitpulse_assets.collect.session import KnownState, Session, Stream
from gitpulse_assets.contracts.bronze import ISSUE_PAGE, ISSUES
from gitpulse_assets.github.errors import CursorRefused, GitHubError
from gitpulse_assets.github.pages import Page
from gitpulse_assets.lake.batch import PAGES_PER_BATCH
from gitpulse_assets.lake.errors import LakeError
from gitpulse_assets.lake.manifest import ManifestRow, WalkKind, resumable_run

# Unchanged pages hold no records, and walking them again costs nothing: so many may wait for a batch.
WAITING_PAGES_MAX = 100


class ListCapped(GitHubError):
    """GitHub ended the issue list early, so the walk cannot be complete."""


@dataclass(frozen=True)
class WalkPlan:
    """Which walk to make: `start_url` goes on with the walk of `resumed_run_id`, else it begins anew.

    `known`: what an earlier full walk kept of its pages, where this one is full too.
    """

    walk_kind: WalkKind
    since: dt.datetime | None
    as_of_at: dt.datetime
    etag: str | None
    start_url: str | None = None
    resumed_run_id: str | None = None
    known: KnownWalk = field(default_factory=KnownWalk)


def plan_walk(session: Session, *, is_full: bool) -> WalkPlan:
    """Choose between the rest of a walk that was cut short, nothing, an incremental and a full walk."""
    plan = resumable(session, is_full=is_full) or new_walk(session, is_full=is_full)
    return replace(plan, known=known_walk(session)) if plan.walk_kind == "full" else plan


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
    probe = session.client.probe_issues(session.repo, etag=state.etag if may_be_unchanged else None)
    if may_be_unchanged and probe.is_unchanged:
        return WalkPlan("unchanged", state.watermark, probe.date, probe.etag)
    if is_full or state.watermark is None:
        return WalkPlan("full", None, probe.date, probe.etag)
    return WalkPlan("incremental", state.watermark, probe.date, probe.etag)


def walked_state(session: Session) -> KnownState:
    """Return how far the list is known: merged, or complete in bronze and merged by the end of this run.

    Before the first merge nothing is: the list is walked again then, at no cost where it is unchanged.
    """
    state = session.known_state(ISSUES)
    rows = [row for row in session.manifest.rows() if row.stream == ISSUES.name and row.status == "complete"]
    newest = max(rows, key=lambda row: (row.known_as_of, row.sequence), default=None)
    if state.watermark is None or state.as_of_at is None or newest is None or newest.as_of_at is None:
        return state
    overlap = state.as_of_at - state.watermark
    return KnownState(newest.as_of_at - overlap, newest.as_of_at, newest.etag)


def walk(session: Session, plan: WalkPlan) -> ManifestRow:
    """Make the walk; what has come when an error stops it is kept, so that none of it is fetched again."""
    if plan.walk_kind == "unchanged":
        return own_walk(session) or open_stream(session, plan).close("complete")
    stream = open_stream(session, plan)
    waiting: list[Page] = []
    try:
        for page in session.client.issue_pages(
            session.repo, since=plan.since, start_url=plan.start_url, known=plan.known.pages
        ):
            waiting.append(page)
            if is_batch(waiting):
                keep(session, stream, plan, waiting)
                waiting = []
            tell(session, stream, waiting)
        keep(session, stream, plan, waiting)
        waiting = []
        refuse_capped(session, stream.row)
    except BaseException as error:
        with suppress(LakeError):
            keep(session, stream, plan, waiting)
        stream.interrupt(error)
        raise
    return stream.close("complete")


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
    is_own = plan.resumed_run_id == session.run_id
    begun = {} if is_own else {"resumed_run_id": plan.resumed_run_id, "page_batch_count": 0}
    stream.open(
        plan.walk_kind, plan.as_of_at, since=plan.since, etag=plan.etag, next_url=plan.start_url, **begun
    )
    return stream


def is_batch(waiting: list[Page]) -> bool:
    """Say whether enough pages wait to be stored together."""
    with_records = sum(not page.is_unchanged for page in waiting)
    return with_records == PAGES_PER_BATCH or len(waiting) == WAITING_PAGES_MAX


def keep(session: Session, stream: Stream, plan: WalkPlan, pages: list[Page]) -> None:
    """Make the pages durable, then have the manifest count them and their records in one step.

    With the last page of the list that step completes the walk: a crash before a further one would leave a
    row with nowhere to go on from, and the whole list to be walked again.
    """
    if not pages:
        return
    page_batch_count = keep_pages(session, stream, plan, pages)
    heads = [read_head(record) for page in pages for record in page.records]
    row = stream.row
    batch = issue_batch(session, pages, heads, first_page_number=row.page_count + 1)
    updates = sorted(updated_ats(heads, row))
    is_end = pages[-1].next_url is None and not pages[-1].is_capped
    stream.keep(
        batch,
        pages[-1].date,
        len(pages),
        pull_request_count=row.pull_request_count + sum(head.is_pull_request for head in heads),
        first_updated_at=updates[0] if updates else None,
        last_updated_at=updates[-1] if updates else None,
        next_url=pages[-1].next_url,
        is_capped=pages[-1].is_capped,
        unchanged_page_count=row.unchanged_page_count + sum(page.is_unchanged for page in pages),
        page_batch_count=page_batch_count,
        **(stream.completed(pages[-1].date) if is_end else {}),
    )


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


def tell(session: Session, stream: Stream, waiting: list[Page]) -> None:
    """Tell whoever watches how far the walk is."""
    records = sum(len(page.records) for page in waiting)
    stream.tell(len(waiting), records, "records", session.client.spending.quota_remaining)
