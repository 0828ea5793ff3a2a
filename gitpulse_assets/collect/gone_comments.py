"""Comments that a whole walk of their list no longer met: asked for one by one, written down where gone.

A list has no word of what was deleted. It moves while it is walked, so that one it did not show may be there
all the same: only GitHub's answer about the comment itself is believed.
"""

from collections.abc import Sequence

from gitpulse_assets.collect.full_walk import is_followed_up, walk_of
from gitpulse_assets.collect.session import Session, StreamRun
from gitpulse_assets.contracts.contributors import COMMENT_GONE, ISSUE_COMMENT, REVIEW_COMMENT
from gitpulse_assets.contracts.model import TableContract
from gitpulse_assets.contracts.stream import Stream
from gitpulse_assets.lake.manifest import ManifestRow
from gitpulse_assets.streams.conversations import ISSUE_COMMENT_STREAM, REVIEW_COMMENT_STREAM

HELD_IN: tuple[tuple[Stream, TableContract], ...] = (
    (ISSUE_COMMENT_STREAM, ISSUE_COMMENT),
    (REVIEW_COMMENT_STREAM, REVIEW_COMMENT),
)
# What came is durable after each lot.
COMMENTS_A_BATCH = 50


def collect_gone_comments(session: Session) -> None:
    """Ask about the comments that the newest full walks of their lists missed, unless a run has since."""
    walks = [(stream, table, unasked_walk(session, stream)) for stream, table in HELD_IN]
    walks = [(stream, table, walk) for stream, table, walk in walks if walk]
    if not walks:
        return
    gone = StreamRun(session, COMMENT_GONE)
    gone.open("full", max(walk[0].known_as_of for _, _, walk in walks))
    try:
        for stream, table, walk in walks:
            ask(session, gone, stream, sorted(missed(session, stream, table, walk)))
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


def missed(session: Session, stream: Stream, held: TableContract, walk: Sequence[ManifestRow]) -> set[int]:
    """The ids of the merged comments that the walk did not meet."""
    batches = [(row.run_id, range(1, row.batch_count + 1)) for row in walk]
    met = session.lake.bronze_dataset(stream.bronze, session.repo, batches)
    known = session.lake.dataset(held, session.repo)
    ids = [of.to_table(columns=[stream.key])[stream.key].to_pylist() for of in (known, met)]
    return set(ids[0]) - set(ids[1])


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
