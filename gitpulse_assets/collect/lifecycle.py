"""What opened, closed, reopened, transferred and converted the issues that changed.

With a token by GraphQL: every issue in one walk at first, later those whose record is newer than the
timeline known of them. Without one by REST issue events and only on request, since they include pull
requests' and can cost hundreds of the 60 hourly requests; else the history is that of the snapshots alone.
How events are walked stands in issue_events.py.
"""

import datetime as dt
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from typing import Any

from gitpulse_assets.collect.issue_events import collect_events
from gitpulse_assets.collect.known import changed_node_ids
from gitpulse_assets.collect.session import Session, Stream
from gitpulse_assets.contracts.bronze import ISSUE_TIMELINE
from gitpulse_assets.github.errors import CursorRefused
from gitpulse_assets.github.lifecycle import IssueLifecycle, LifecycleBatch
from gitpulse_assets.lake.batch import PAGES_PER_BATCH
from gitpulse_assets.lake.errors import LakeError
from gitpulse_assets.lake.manifest import ManifestRow, resumable_run
from gitpulse_assets.progress import WalkProgress, report

# A manifest's `next_url` is an address for lists and a cursor here.
CURSOR_SCHEME = "graphql:"


def collect_lifecycles(
    session: Session,
    repository_id: int,
    as_of_at: dt.datetime,
    *,
    with_events: bool = False,
    is_full: bool = False,
) -> ManifestRow | None:
    """Bring what happened to changed issues into bronze; None where there is no token to ask with.

    `with_events`: without a token walk the REST issue events, with `is_full` the whole list of them again.
    With a token `is_full` asks again for the timelines that did not come whole.
    """
    if not session.client.has_token(session.repo):
        return collect_events(session, is_full=is_full) if with_events else None
    if with_events:
        note = "issue events are not asked for: with a token GraphQL tells every lifecycle for less"
        report(WalkProgress(session.repo, 0, 0, note=note))
    stream = Stream(session, ISSUE_TIMELINE)
    rows = session.manifest.rows()
    row = resumable_run([row for row in rows if not is_of_events(row)], ISSUE_TIMELINE.name)
    if row is not None or not any(map(is_whole_walk, rows)):
        return walk_all(session, stream, as_of_at, row)
    return ask_changed(session, stream, repository_id, as_of_at, is_full=is_full)


def is_of_events(row: ManifestRow) -> bool:
    """Say whether the row is of a cut-short walk of REST events, which no cursor goes on with."""
    return row.next_url is not None and not row.next_url.startswith(CURSOR_SCHEME)


def is_whole_walk(row: ManifestRow) -> bool:
    """Say whether the row's run ended a walk of every lifecycle, merged or not."""
    return (row.stream, row.status, row.walk_kind) == (ISSUE_TIMELINE.name, "complete", "full")


def walk_all(
    session: Session, stream: Stream, as_of_at: dt.datetime, unfinished: ManifestRow | None
) -> ManifestRow:
    """Walk every issue's lifecycle, from where an earlier run stopped if one did."""
    cursor = unfinished.next_url.removeprefix(CURSOR_SCHEME) if unfinished and unfinished.next_url else None
    began_at = unfinished.as_of_at if unfinished and unfinished.as_of_at else as_of_at
    stream.open("full", began_at, next_url=cursor and f"{CURSOR_SCHEME}{cursor}")
    try:
        return keep_batches(session, stream, session.client.repository_lifecycles(session.repo, after=cursor))
    except CursorRefused:
        stream.open("full", as_of_at, next_url=None)
        return keep_batches(session, stream, session.client.repository_lifecycles(session.repo))


def ask_changed(
    session: Session, stream: Stream, repository_id: int, as_of_at: dt.datetime, *, is_full: bool
) -> ManifestRow:
    """Ask for the issues whose record is newer than the timeline known of them, or whose timeline is cut."""
    node_ids = changed_node_ids(session, is_full=is_full)
    own = session.manifest.row(session.run_id, ISSUE_TIMELINE.name)
    if own and is_whole_walk(own):  # by an earlier attempt of this run, and still so
        stream.open("full", as_of_at)
    else:
        stream.open("incremental" if node_ids else "unchanged", as_of_at)
    batches = session.client.lifecycles(session.repo, node_ids)
    return keep_batches(session, stream, (still_here(batch, repository_id) for batch in batches))


def still_here(batch: LifecycleBatch, repository_id: int) -> LifecycleBatch:
    """Leave out the issues that moved to another repository after the list was read.

    They answer under the id they have there, and are not ours; the next full walk asks what became of them.
    """
    here = [issue for issue in batch.issues if issue.repository_id in (None, repository_id)]
    return replace(batch, issues=here)


def keep_batches(session: Session, stream: Stream, batches: Iterable[LifecycleBatch]) -> ManifestRow:
    """Store the lifecycles as they come and close the stream; what came before an error is kept."""
    waiting: list[LifecycleBatch] = []
    try:
        for batch in batches:
            waiting.append(batch)
            if len(waiting) == PAGES_PER_BATCH:
                keep(session, stream, waiting)
                waiting = []
            tell(session, stream, waiting)
        keep(session, stream, waiting)
    except BaseException as error:
        with suppress(LakeError):
            keep(session, stream, waiting)
        stream.interrupt(error)
        raise
    return stream.close("complete")


def keep(session: Session, stream: Stream, batches: list[LifecycleBatch]) -> None:
    """Make the batches durable; with the last one of a whole walk the row becomes complete."""
    if not batches:
        return
    first_page = stream.row.page_count + 1
    rows = [
        bronze_row(issue, batch.date, first_page + index, number)
        for index, batch in enumerate(batches)
        for number, issue in enumerate(batch.issues, start=1)
    ]
    cursor = batches[-1].end_cursor
    stream.keep(
        session.table(ISSUE_TIMELINE, rows),
        batches[-1].date,
        len(batches),
        next_url=cursor and f"{CURSOR_SCHEME}{cursor}",
        **(stream.completed(batches[-1].date) if cursor is None and stream.row.walk_kind == "full" else {}),
    )


def bronze_row(
    issue: IssueLifecycle, date: dt.datetime, page_number: int, record_number: int
) -> dict[str, Any]:
    """Return an issue's lifecycle as a row of `bronze/issue_timeline`."""
    return {
        "page_number": page_number,
        "record_number": record_number,
        "fetched_at": date,
        "issue_id": issue.issue_id,
        "issue_number": issue.issue_number,
        "source": "graphql",
        "is_complete": issue.is_complete,
        "payload_json": issue.payload.decode(),
    }


def tell(session: Session, stream: Stream, waiting: list[LifecycleBatch]) -> None:
    """Tell whoever watches how far the walk is."""
    issues = sum(len(batch.issues) for batch in waiting)
    stream.tell(len(waiting), issues, "lifecycles", session.client.graphql_spending.quota_remaining)
