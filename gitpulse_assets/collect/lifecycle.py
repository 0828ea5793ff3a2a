"""What opened, closed, reopened, transferred and converted issues that changed, or all that was said.

With a token by GraphQL: every issue in one walk at first, later those whose record is newer than the
timeline known of them. Without one by REST issue events and only on request, since they include pull
requests' and can cost hundreds of the 60 hourly requests; else the history is that of the snapshots alone.
How events are walked stands in issue_events.py.

An issue that GitHub cannot serve costs its own history only: a row says so, and a full refresh asks for it
again.
"""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain
from typing import Any

import msgspec

from gitpulse_assets.chosen import CONTRIBUTORS, chosen_subjects
from gitpulse_assets.collect.issue_events import collect_events
from gitpulse_assets.collect.known import ChangedIssue, changed_issues, changed_threads
from gitpulse_assets.collect.lots import Ask, batches_of
from gitpulse_assets.collect.newer import ask_newer
from gitpulse_assets.collect.progress import WalkProgress, tell
from gitpulse_assets.collect.session import Session, StreamRun
from gitpulse_assets.collect.walk import Walk
from gitpulse_assets.contracts.bronze import ISSUE_TIMELINE
from gitpulse_assets.github.errors import CursorRefused, PageUnserved
from gitpulse_assets.github.lifecycle import IssueLifecycle, LifecycleBatch, MissingNode
from gitpulse_assets.lake.manifest import ManifestRow, resumable_run

# A manifest's `next_url` is an address for lists and a cursor here.
CURSOR_SCHEME = "graphql:"
# Why there is nothing to tell of an issue that is there; one that is not there is told by the list.
UNSERVED = ("unanswered", "forbidden")


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
        tell(WalkProgress(session.repo, 0, 0, note=note))
    if CONTRIBUTORS in chosen_subjects():
        return collect_conversations(session, repository_id, as_of_at, is_full=is_full)
    stream = StreamRun(session, ISSUE_TIMELINE)
    rows = session.manifest.rows()
    row = cut_walk(rows)
    if row is None and is_begun_by_ids(rows):
        return ask_rest(session, stream, repository_id, as_of_at)
    if row is not None or not any(map(is_whole_walk, rows)):
        return walk_all(session, stream, repository_id, as_of_at, row)
    return ask_changed(session, stream, repository_id, as_of_at, is_full=is_full)


def collect_conversations(
    session: Session, repository_id: int, as_of_at: dt.datetime, *, is_full: bool
) -> ManifestRow:
    """Ask what was said and done on every issue and pull request that changed, all of them at first.

    The lifecycles of issues are a part of it. What came before an interruption is not asked for again; when
    all that there is has come once, the row is that of a whole walk.
    """
    stream = StreamRun(session, ISSUE_TIMELINE)
    threads = changed_threads(session, is_full=is_full)
    rows = session.manifest.rows()
    own = session.manifest.row(session.run_id, ISSUE_TIMELINE.name)
    is_first = not any(map(is_whole_walk, rows)) or bool(own and is_whole_walk(own))
    if not threads and not is_first:
        return stream.look(as_of_at, next_url=None)
    stream.open("full" if is_first else "incremental", as_of_at)
    return keep_batches(session, stream, asked(session, repository_id, threads), threads, is_walk=False)


def cut_walk(rows: Sequence[ManifestRow]) -> ManifestRow | None:
    """Return the walk of every lifecycle by cursor that an earlier run was cut short in."""
    return resumable_run([row for row in rows if not is_of_events(row)], ISSUE_TIMELINE.name)


def is_begun_by_ids(rows: Iterable[ManifestRow]) -> bool:
    """Say whether lifecycles were asked for by ids while the first list was walked, and not all came."""
    rows = [row for row in rows if row.stream == ISSUE_TIMELINE.name]
    begun = [row for row in rows if row.walk_kind == "full" and row.next_url is None and row.record_count]
    return bool(begun) and not any(map(is_whole_walk, rows))


def is_to_be_asked_ahead(session: Session) -> bool:
    """Say whether lifecycles may be asked for while the list is walked: no walk of all was made or begun."""
    rows = session.manifest.rows()
    return cut_walk(rows) is None and not any(map(is_whole_walk, rows))


def ask_rest(session: Session, stream: StreamRun, repository_id: int, as_of_at: dt.datetime) -> ManifestRow:
    """Ask for the lifecycles that did not come while the list was walked; with them all of them have."""
    stream.open("full", as_of_at)
    issues = changed_issues(session, is_full=False)
    return keep_batches(session, stream, asked(session, repository_id, issues), issues, is_walk=False)


def is_of_events(row: ManifestRow) -> bool:
    """Say whether the row is of a cut-short walk of REST events, which no cursor goes on with."""
    return row.next_url is not None and not row.next_url.startswith(CURSOR_SCHEME)


def is_whole_walk(row: ManifestRow) -> bool:
    """Say whether the row's run ended a walk of every lifecycle, merged or not."""
    return (row.stream, row.status, row.walk_kind) == (ISSUE_TIMELINE.name, "complete", "full")


def walk_all(
    session: Session,
    stream: StreamRun,
    repository_id: int,
    as_of_at: dt.datetime,
    unfinished: ManifestRow | None,
) -> ManifestRow:
    """Walk every issue's lifecycle, from where an earlier run stopped if one did."""
    cursor = unfinished.next_url.removeprefix(CURSOR_SCHEME) if unfinished and unfinished.next_url else None
    began_at = unfinished.as_of_at if unfinished and unfinished.as_of_at else as_of_at
    resumed_run_id = unfinished.run_id if unfinished else None
    try:
        return walk_from(session, stream, repository_id, began_at, cursor, resumed_run_id)
    except CursorRefused:
        return walk_from(session, stream, repository_id, as_of_at, None)


def walk_from(
    session: Session,
    stream: StreamRun,
    repository_id: int,
    began_at: dt.datetime,
    cursor: str | None,
    resumed_run_id: str | None = None,
) -> ManifestRow:
    """Walk from a cursor; behind a page that GitHub cannot serve ask for the rest issue by issue."""
    resumed = {} if resumed_run_id == session.run_id else {"resumed_run_id": resumed_run_id}
    stream.open("full", began_at, next_url=cursor and f"{CURSOR_SCHEME}{cursor}", **resumed)
    try:
        return keep_batches(session, stream, session.client.repository_lifecycles(session.repo, after=cursor))
    except PageUnserved:
        # No cursor leads beyond it. The list of issues was read before, so that all of them are known by
        # name.
        stream.open("full", began_at, next_url=stream.row.next_url)
        issues = changed_issues(session, is_full=False)
        return keep_batches(session, stream, asked(session, repository_id, issues), issues, is_walk=False)


def ask_changed(
    session: Session, stream: StreamRun, repository_id: int, as_of_at: dt.datetime, *, is_full: bool
) -> ManifestRow:
    """Ask for the issues whose record is newer than the timeline known of them, or whose timeline is cut."""
    issues = changed_issues(session, is_full=is_full)
    own = session.manifest.row(session.run_id, ISSUE_TIMELINE.name)
    if own and is_whole_walk(own):  # by an earlier attempt of this run, and still so
        stream.open("full", as_of_at)
    elif issues:
        stream.open("incremental", as_of_at)
    else:
        return stream.look(as_of_at, next_url=None)
    return keep_batches(session, stream, asked(session, repository_id, issues), issues)


def asked(
    session: Session, repository_id: int, threads: Mapping[str, ChangedIssue]
) -> Iterable[LifecycleBatch]:
    """Ask for threads by their node ids, several lots at once; of long conversations for what is newer."""
    held = {node_id: thread.held for node_id, thread in threads.items() if thread.held}
    whole = [node_id for node_id in threads if node_id not in held]
    batches = batches_of(partial(make_ask, session), whole, lambda: session.client.requests_at_once)
    return (still_here(batch, repository_id) for batch in chain(batches, ask_newer(session, held)))


def make_ask(session: Session) -> Ask:
    """Make what asks for one lot of threads after the other."""
    return session.client.asker(session.repo, with_conversations=CONTRIBUTORS in chosen_subjects())


def still_here(batch: LifecycleBatch, repository_id: int) -> LifecycleBatch:
    """Leave out the issues that moved to another repository after the list was read.

    They answer under the id they have there, and are not ours; the next full walk asks what became of them.
    """
    here = [issue for issue in batch.issues if issue.repository_id in (None, repository_id)]
    return replace(batch, issues=here)


def keep_batches(
    session: Session,
    stream: StreamRun,
    batches: Iterable[LifecycleBatch],
    known: Mapping[str, ChangedIssue] | None = None,
    *,
    is_walk: bool = True,
) -> ManifestRow:
    """Store the lifecycles as they come and close the stream; what came before an error is kept.

    `known`: the issues asked for, by node id. Not `is_walk`: these are the rest of a walk, whose cursor stays
    in the row until all of them came.
    """
    walking = walk_of_batches(session, stream, known, is_walk=is_walk)
    try:
        walking.on(batches)
        walking.keep()
    except BaseException as error:
        walking.cut_short(error, lambda limit: limit)
    return stream.close("complete", next_url=None)


def walk_of_batches(
    session: Session, stream: StreamRun, known: Mapping[str, ChangedIssue] | None, *, is_walk: bool
) -> Walk[LifecycleBatch]:
    """The walk whose batches are stored by `keep`."""
    return Walk(
        stream,
        lambda waiting: keep(session, stream, waiting, known or {}, is_walk=is_walk),
        "lifecycles",
        lambda: session.client.graphql_spending.quota_remaining,
        keeps_records=known is not None,
    )


def keep(
    session: Session,
    stream: StreamRun,
    batches: list[LifecycleBatch],
    known: Mapping[str, ChangedIssue],
    *,
    is_walk: bool,
) -> None:
    """Make the batches durable; with the last one of a whole walk the row becomes complete."""
    first_page = stream.row.page_count + 1
    rows = [
        row | {"page_number": first_page + index, "record_number": number}
        for index, batch in enumerate(batches)
        for number, row in enumerate(bronze_rows(batch, known), start=1)
    ]
    cursor = batches[-1].end_cursor
    ends_walk = is_walk and cursor is None and stream.row.walk_kind == "full"
    stream.keep(
        session.table(ISSUE_TIMELINE, rows),
        batches[-1].date,
        len(batches),
        **({"next_url": cursor and f"{CURSOR_SCHEME}{cursor}"} if is_walk else {}),
        **(stream.completed(batches[-1].date) if ends_walk else {}),
    )


def bronze_rows(batch: LifecycleBatch, known: Mapping[str, ChangedIssue]) -> list[dict[str, Any]]:
    """Return a batch as rows of `bronze/issue_timeline`, behind them the issues that GitHub did not serve."""
    unserved = [node for node in batch.missing if node.reason in UNSERVED and node.node_id in known]
    return [bronze_row(issue, batch.date, known.get(issue.asked_node_id)) for issue in batch.issues] + [
        unserved_row(node, known[str(node.node_id)], batch.date) for node in unserved
    ]


def bronze_row(issue: IssueLifecycle, date: dt.datetime, asked: ChangedIssue | None = None) -> dict[str, Any]:
    """Return an issue's lifecycle as a row of `bronze/issue_timeline`; its id is that of the issue list.

    A pull request has another one of its own.
    """
    return {
        "fetched_at": date,
        "issue_id": asked.issue_id if asked else issue.issue_id,
        "issue_number": issue.issue_number,
        "source": "graphql",
        "is_complete": issue.is_complete,
        "left_out": list(issue.left_out) or None,
        "payload_json": issue.payload.decode(),
    }


def unserved_row(node: MissingNode, issue: ChangedIssue, date: dt.datetime) -> dict[str, Any]:
    """Return what stands for the lifecycle that GitHub did not serve."""
    reason = {"type": node.reason.upper(), "message": node.words}
    kind = {"__typename": issue.typename} if issue.typename else {}
    return {
        "fetched_at": date,
        "issue_id": issue.issue_id,
        "issue_number": issue.issue_number,
        "source": "graphql",
        "is_complete": False,
        "payload_json": msgspec.json.encode({**kind, "errors": [reason]}).decode(),
    }
