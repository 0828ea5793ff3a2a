"""The lifecycle of a repository without a token: REST issue events, on request.

One list for all issues and pull requests, newest first, of which GitHub serves 30,000 rows. It can cost
hundreds of the 60 hourly requests, so the cost is said as soon as the first page tells it. A later walk ends
at the newest event that an earlier one received. What events mean is decided in silver.
"""

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

from gitpulse_assets.collect.control import GROWTH_MAX
from gitpulse_assets.collect.full_walk import walk_of
from gitpulse_assets.collect.known import open_counts
from gitpulse_assets.collect.progress import WalkProgress, tell
from gitpulse_assets.collect.session import Session, StreamRun
from gitpulse_assets.collect.walk import ReadPage, Walk, read_pages, record_batch
from gitpulse_assets.contracts.bronze import EVENT_WALK, ISSUE_TIMELINE
from gitpulse_assets.contracts.sources import EVENT_LIST, EVENT_ROW_CAP, PER_PAGE
from gitpulse_assets.contracts.stream import Head
from gitpulse_assets.github.errors import LimitReached
from gitpulse_assets.github.links import page_before, page_size, rows_up_to
from gitpulse_assets.lake.manifest import ManifestRow, resumable_run
from gitpulse_assets.streams.issues import EVENT_STREAM

# What every run asks besides: the repository, the list's newest record twice, the count, a page met again.
REQUESTS_BESIDE = 5
# What tells the address of an event page from a GraphQL cursor in the manifest.
ADDRESS_SCHEME = "http"


@dataclass(frozen=True)
class EventPlan:
    """Which walk to make: to the event of `known_id`, or to the list's end where there is none.

    `known` is the ended walk that it adds to; `unfinished` the cut-short one that it goes on with.
    """

    as_of_at: dt.datetime | None
    known: dict[str, Any] | None
    unfinished: ManifestRow | None = None

    @property
    def lacked_count(self) -> int:
        """By how many events pages of the earlier walk were short."""
        return (self.known["lacked_count"] or 0) if self.known else 0

    @property
    def known_id(self) -> int | None:
        """The newest event that an earlier walk received."""
        return self.known["newest_event_id"] if self.known else None


class EventsMoved(Exception):
    """The list lost events while a walk was interrupted: going on would leave some out."""


def collect_events(session: Session, *, is_full: bool) -> ManifestRow:
    """Bring the issue events that are not known yet into bronze; return the run's manifest row.

    Its status is `partial` where GitHub serves only the newest events: the oldest cannot be had. A walk that
    an error cuts short is left `partial` too, with the page to go on with, and the error goes to the caller.
    """
    unfinished = unfinished_walk(session)
    if unfinished and is_full and unfinished.walk_kind != "full":
        unfinished = None
    is_whole = is_full or (unfinished is not None and unfinished.walk_kind == "full")
    known = None if is_whole else last_walk(session)
    if known and known["lacked_count"] and not known["is_known_lack"]:
        known = None
    try:
        return walk(session, EventPlan(unfinished and unfinished.as_of_at, known, unfinished))
    except EventsMoved:
        return walk(session, EventPlan(None, known))


def last_walk(session: Session) -> dict[str, Any] | None:
    """Return the newest row of `bronze/event_walk`."""
    rows = [row for row in session.manifest.rows() if row.stream == EVENT_WALK.name and row.batch_count]
    batches = [(row.run_id, range(1, row.batch_count + 1)) for row in rows]
    stored = session.lake.bronze_dataset(EVENT_WALK, session.repo, batches).to_table().to_pylist()
    return max(stored, key=lambda row: (row["as_of_at"], row["fetched_at"]), default=None)


def unfinished_walk(session: Session) -> ManifestRow | None:
    """Return the walk to go on with: cut short, of events, and begun after the last one that ended."""
    rows = session.manifest.rows()
    ends = [row.sequence for row in rows if row.stream == EVENT_WALK.name and row.batch_count]
    row = resumable_run([row for row in rows if row.sequence > max(ends, default=0)], ISSUE_TIMELINE.name)
    return row if row and row.next_url and row.next_url.startswith(ADDRESS_SCHEME) else None


def goes_on(session: Session) -> bool:
    """Say whether a whole walk of the events waits to be begun or gone on with.

    The list was walked whole before it: to walk it again first would spend, hour for hour, what it needs.
    """
    rows = [row for row in session.manifest.rows() if row.stream == ISSUE_TIMELINE.name]
    last = max(rows, key=lambda row: row.sequence, default=None)
    if session.client.has_token(session.repo) or last is None or last.is_capped:
        return False
    is_of_events = last.next_url is None or last.next_url.startswith(ADDRESS_SCHEME)
    return is_of_events and last.walk_kind == "full" and last.status != "complete"


@dataclass
class PagesSeen:
    """The newest event's id and the oldest one's time among the pages of this run."""

    newest_id: int | None = None
    oldest_at: dt.datetime | None = None

    def add(self, heads: Sequence[Head]) -> None:
        """Take a page's events into account."""
        for head in heads:
            if head.id is not None:
                self.newest_id = max(head.id, self.newest_id or head.id)
            if head.created_at is not None:
                self.oldest_at = min(head.created_at, self.oldest_at or head.created_at)


def walk(session: Session, plan: EventPlan) -> ManifestRow:
    """Walk the list, newest first, to its end or to the newest known event."""
    walked = pages(session, plan)
    try:
        first = next(walked)
    except LimitReached as error:
        leave_unbegun(session, plan, error)
        raise
    refuse_moved(session, plan, first)
    stream = open_stream(session, plan, first)
    say_cost(session, plan, first)
    walking: Walk[ReadPage] = Walk(
        stream,
        lambda waiting: keep(session, stream, waiting),
        "events",
        lambda: session.client.spending.quota_remaining,
    )
    last, seen = first, PagesSeen()

    def is_end(walked: ReadPage) -> bool:
        nonlocal last
        last = walked
        seen.add(walked.heads)
        return is_last(plan, walked)

    try:
        walking.on(chain([first], walked), is_end)
        walking.keep()
        return end(session, stream, plan, last, seen)
    except BaseException as error:
        walking.cut_short(error, lambda limit: with_rest(session, limit, first, last))


def leave_unbegun(session: Session, plan: EventPlan, error: LimitReached) -> None:
    """Write down that a limit kept the walk from beginning; another run's pages stay where it goes on."""
    stream = StreamRun(session, ISSUE_TIMELINE)
    is_own = plan.unfinished is not None and plan.unfinished.run_id == session.run_id
    next_url = plan.unfinished.next_url if plan.unfinished and is_own else None
    as_of_at = plan.as_of_at or session.manifest.rows()[-1].known_as_of
    stream.open("incremental" if plan.known else "full", as_of_at, next_url=next_url)
    stream.interrupt(error)


def with_rest(session: Session, error: LimitReached, first: ReadPage, last: ReadPage) -> LimitReached:
    """Say with the limit how much is still to come, and how many more runs that takes at most."""
    row_count = (first.page.last_number or 0) * page_size(first.page.url) or EVENT_ROW_CAP
    left = max(1, -(-(row_count - rows_up_to(last.page.url)) // PER_PAGE))
    an_hour = (session.client.spending.quota_limit or 0) - REQUESTS_BESIDE
    runs = f", {-(-left // an_hour):,} more runs at {an_hour:,} of them" if an_hour > 0 else ""
    words = f"{error}; at most {left:,} pages of issue events are still to come{runs}"
    return LimitReached(words, error.resumes_at)


def pages(session: Session, plan: EventPlan) -> Iterator[ReadPage]:
    """The pages of the list, of an interrupted walk from the one before the page to go on with.

    New events push the others down and are met again; the page before shows that none came up meanwhile.
    """
    url = plan.unfinished.next_url if plan.unfinished else None
    start_url = url and (page_before(url) or url)
    met_url = start_url if start_url != url else None
    for walked in read_pages(
        session.client.pages(session.repo, EVENT_LIST, start_url=start_url), EVENT_STREAM
    ):
        lacked = 0 if walked.page.url == met_url else newly_lacked(plan, walked)
        yield replace(walked, lacked_count=lacked)


def newly_lacked(plan: EventPlan, walked: ReadPage) -> int:
    """By how many events a page is short beyond what earlier walks, which came by its end, have lacked."""
    known = plan.lacked_count if reaches(walked, plan.known_id) else 0
    return max(0, walked.lacked_count - known)


def refuse_moved(session: Session, plan: EventPlan, first: ReadPage) -> None:
    """Raise EventsMoved where the page to go on with begins beyond the last event that is stored."""
    if plan.unfinished is None or not plan.unfinished.batch_count:
        return
    stored = stored_events(session, plan.unfinished.run_id, plan.unfinished.batch_count)
    oldest = min((head.id for head in stored if head.id is not None), default=None)
    newest_here = max((head.id for head in first.heads if head.id is not None), default=None)
    if oldest is not None and (newest_here is None or newest_here < oldest):
        raise EventsMoved


def open_stream(session: Session, plan: EventPlan, first: ReadPage) -> StreamRun:
    """Register the run, with the walk that it goes on with if there is one."""
    stream = StreamRun(session, ISSUE_TIMELINE)
    resumed = plan.unfinished.run_id if plan.unfinished else None
    is_own = resumed == session.run_id
    stream.open(
        "incremental" if plan.known else "full",
        plan.as_of_at or first.page.date,
        next_url=first.page.url,
        is_capped=False,
        **({} if is_own else {"resumed_run_id": resumed, "lacked_count": 0}),
    )
    return stream


def say_cost(session: Session, plan: EventPlan, first: ReadPage) -> None:
    """Say what the walk will cost against what is left, before its second request."""
    tell(WalkProgress(session.repo, 0, 0, note=cost_words(session, plan, first)))


def cost_words(session: Session, plan: EventPlan, first: ReadPage) -> str:
    """Put the cost into words, from the last page's number that GitHub tells with the first page."""
    if is_last(plan, first):
        return "issue events: all on the page just read"
    last_number = first.page.last_number
    row_count = last_number * page_size(first.page.url) if last_number else EVENT_ROW_CAP
    needed = -(-(min(row_count, EVENT_ROW_CAP) - rows_up_to(first.page.url)) // PER_PAGE)
    bound = "at most " if plan.known_id is not None or last_number is None else ""
    words = f"issue events: {bound}{needed:,} more {'request' if needed == 1 else 'requests'} needed"
    left, reset_at = session.client.spending.quota_remaining, session.client.spending.quota_reset_at
    if left is None or reset_at is None:
        return words
    words = f"{words}, {left:,} left until {reset_at:%H:%M} UTC"
    return words if needed <= left else f"{words}; the rest waits for that, or for another run"


def is_last(plan: EventPlan, walked: ReadPage) -> bool:
    """Say whether the walk ends with this page: the list does, or it reaches what an earlier one received."""
    return walked.page.next_url is None or reaches(walked, plan.known_id)


def reaches(walked: ReadPage, known_id: int | None) -> bool:
    """Say whether a page holds an event as old as the newest known one: later pages are older still."""
    return known_id is not None and any(head.id is not None and head.id <= known_id for head in walked.heads)


def keep(session: Session, stream: StreamRun, walked: list[ReadPage]) -> None:
    """Make the pages durable; the row names its last page until the walk is written down as ended."""
    last = walked[-1].page
    stream.keep(
        record_batch(session, EVENT_STREAM, walked, first_page_number=stream.row.page_count + 1),
        last.date,
        len(walked),
        next_url=last.next_url or last.url,
        is_capped=last.is_capped,
        lacked_count=(stream.row.lacked_count or 0) + sum(part.lacked_count for part in walked),
    )


def end(session: Session, stream: StreamRun, plan: EventPlan, last: ReadPage, seen: PagesSeen) -> ManifestRow:
    """Write down which events are received since when, then close the walk.

    In this order: a crash in between leaves a walk that nobody goes on with, since it has ended.
    """
    marker = StreamRun(session, EVENT_WALK)
    as_of_at = stream.row.as_of_at or last.page.date
    is_whole = plan.known is None or not reaches(last, plan.known_id)
    newest_id = newest_event_id(session, plan, seen)
    since_at = complete_since_at(plan, last, seen, is_whole=is_whole)
    row = {
        "fetched_at": last.page.date,
        "as_of_at": as_of_at,
        "complete_since_at": as_of_at if tells_nothing(session, newest_id) else since_at,
        "whole_walk_at": as_of_at if is_whole or plan.known is None else plan.known["whole_walk_at"],
        "newest_event_id": newest_id,
        "is_capped": last.page.is_capped,
        "page_count": stream.row.page_count,
        **lack(session, stream.row, None if is_whole else plan.known),
    }
    stream.settle()
    marker.open(stream.row.walk_kind, as_of_at)
    marker.keep(session.table(EVENT_WALK, [row]), last.page.date, page_count=0)
    marker.close("complete")
    untold = lack_words(session, row)
    status = "partial" if last.page.is_capped or untold else "complete"
    return stream.close(status, next_url=None, error=untold)


def lack(session: Session, row: ManifestRow, known: dict[str, Any] | None) -> dict[str, Any]:
    """By how many events pages of a walk were short, and of the one that it adds to.

    GitHub hides them for good where the walk of another run, which no cache answered, lacked half of them.
    """
    parts = walk_of(session.manifest.rows(), row)
    count = sum(part.lacked_count or 0 for part in parts) + (known["lacked_count"] or 0 if known else 0)
    before = last_walk(session)
    lacked = before["lacked_count"] or 0 if before and before["run_id"] != row.run_id else 0
    is_known = 0 < count <= GROWTH_MAX * lacked
    return {"lacked_count": count, "is_known_lack": is_known}


def lack_words(session: Session, walk: dict[str, Any]) -> str | None:
    """Say how many events are missing, unless they are known to be."""
    if not walk["lacked_count"] or walk["is_known_lack"]:
        return None
    return (
        f"{session.repo}: pages of GitHub's issue events are short by {walk['lacked_count']:,}; the "
        "next run reads the whole list again"
    )


def tells_nothing(session: Session, newest_id: int | None) -> bool:
    """Say whether the list held no event at all, though something is closed: it proves no history whole."""
    return newest_id is None and open_counts(session)["closed_issue_and_pull_request_count"] > 0


def complete_since_at(
    plan: EventPlan, last: ReadPage, seen: PagesSeen, *, is_whole: bool
) -> dt.datetime | None:
    """Since when every event is received; None where GitHub served them all."""
    if last.page.is_capped:
        return seen.oldest_at
    return None if is_whole or plan.known is None else plan.known["complete_since_at"]


def newest_event_id(session: Session, plan: EventPlan, seen: PagesSeen) -> int | None:
    """The greatest id of the walk, whose newest events the run that began it may hold, and of the last."""
    ids = [seen.newest_id, plan.known_id]
    parts = walk_of(session.manifest.rows(), plan.unfinished) if plan.unfinished else []
    for run_id in (part.run_id for part in parts if part.batch_count):
        ids += [head.id for head in stored_events(session, run_id, batch_number=1)]
    return max((event_id for event_id in ids if event_id is not None), default=None)


def stored_events(session: Session, run_id: str, batch_number: int) -> list[Head]:
    """Return the heads of the events in one stored batch of a run."""
    batch = [(run_id, range(batch_number, batch_number + 1))]
    stored = session.lake.bronze_dataset(ISSUE_TIMELINE, session.repo, batch)
    return [EVENT_STREAM.read_head(text.encode()) for text in stored.to_table()["payload_json"].to_pylist()]
