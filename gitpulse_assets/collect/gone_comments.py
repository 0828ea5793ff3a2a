"""Comments that a whole walk of their list no longer met: asked for one by one, written down where gone.

A list has no word of what was deleted. It moves while it is walked, so that one it did not show may be there
all the same: only GitHub's answer about the comment itself is believed.
"""

from collections.abc import Sequence, Set

import pyarrow.compute as pc

from gitpulse_assets.collect.full_walk import is_followed_up, walk_of
from gitpulse_assets.collect.known import unmerged
from gitpulse_assets.collect.session import Session, StreamRun
from gitpulse_assets.contracts.bronze import DEPARTURE
from gitpulse_assets.contracts.contributors import COMMENT_GONE, ISSUE_COMMENT, REVIEW_COMMENT
from gitpulse_assets.contracts.model import TableContract
from gitpulse_assets.contracts.silver import ISSUE_CURRENT
from gitpulse_assets.contracts.stream import Stream
from gitpulse_assets.lake.manifest import ManifestRow
from gitpulse_assets.streams.conversations import ISSUE_COMMENT_STREAM, REVIEW_COMMENT_STREAM

# By list the table that its comments are merged into, and the column that names their thread there.
HELD_IN: tuple[tuple[Stream, TableContract, str], ...] = (
    (ISSUE_COMMENT_STREAM, ISSUE_COMMENT, "thread_number"),
    (REVIEW_COMMENT_STREAM, REVIEW_COMMENT, "pull_request_number"),
)
# What came is durable after each lot.
COMMENTS_A_BATCH = 50


def collect_gone_comments(session: Session) -> None:
    """Ask about the comments that the newest full walks of their lists missed, unless a run has since."""
    walks = {stream.name: unasked_walk(session, stream) for stream, _, _ in HELD_IN}
    ends = [walk[0].known_as_of for walk in walks.values() if walk]
    if not ends:
        return
    gone, left = StreamRun(session, COMMENT_GONE), left_threads(session)
    gone.open("full", max(ends))
    try:
        for stream, table, thread in HELD_IN:
            if walk := walks[stream.name]:
                known = held_comments(session, table, thread, left)
                ask(session, gone, stream, sorted(known - met_comments(session, stream, walk)))
    except BaseException as error:
        gone.interrupt(error)
        raise
    gone.close("complete")


def unasked_walk(session: Session, stream: Stream) -> list[ManifestRow]:
    """The runs that made the list's newest full walk; none where it was asked about or one is folded."""
    rows = session.manifest.rows()
    full = [
        row for row in rows if (row.stream, row.status, row.walk_kind) == (stream.name, "complete", "full")
    ]
    newest = max(full, key=lambda row: row.sequence, default=None)
    walk = walk_of(rows, newest) if newest else []
    is_whole = bool(walk) and walk[-1].resumed_run_id is None
    return walk if is_whole and not is_followed_up(rows, walk[0], COMMENT_GONE.name) else []


def left_threads(session: Session) -> set[int]:
    """The numbers of the issues that left, merged or not: their comments went with them."""
    merged = session.lake.dataset(ISSUE_CURRENT, session.repo)
    new = session.lake.bronze_dataset(DEPARTURE, session.repo, unmerged(session, DEPARTURE))
    departed = merged.to_table(["issue_number"], filter=pc.field("departed_at").is_valid())
    return {
        number
        for table in (departed, new.to_table(["issue_number"]))
        for number in table["issue_number"].to_pylist()
    }


def held_comments(session: Session, held: TableContract, thread: str, left: Set[int]) -> set[int]:
    """The ids of the merged comments of threads that are here."""
    rows = session.lake.dataset(held, session.repo).to_table(["comment_id", thread]).to_pylist()
    return {row["comment_id"] for row in rows if row[thread] not in left}


def met_comments(session: Session, stream: Stream, walk: Sequence[ManifestRow]) -> set[int]:
    """The ids of the comments that the walk met."""
    batches = [(row.run_id, range(1, row.batch_count + 1)) for row in walk]
    met = session.lake.bronze_dataset(stream.bronze, session.repo, batches).to_table([stream.key])
    return set(met[stream.key].to_pylist())


def ask(session: Session, gone: StreamRun, stream: Stream, comment_ids: Sequence[int]) -> None:
    """Ask about comments one by one; 1 request each."""
    for start in range(0, len(comment_ids), COMMENTS_A_BATCH):
        lot = comment_ids[start : start + COMMENTS_A_BATCH]
        answers = [session.client.is_gone(session.repo, stream.listing, one) for one in lot]
        rows = [
            {"fetched_at": date, "list_name": stream.name, "comment_id": comment_id}
            for comment_id, (is_gone, date) in zip(lot, answers, strict=True)
            if is_gone
        ]
        gone.keep(session.table(COMMENT_GONE, rows), answers[-1][1], page_count=1)
