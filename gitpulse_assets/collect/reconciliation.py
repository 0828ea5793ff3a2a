"""The end of a full walk, written down for silver, which then counts what the walk repaired.

It is written after what the walk missed was asked about, so that a merge that knows of the walk knows of the
departures too.
"""

from collections.abc import Sequence

from gitpulse_assets.collect.full_walk import is_followed_up, newest_full_walk, page_batches
from gitpulse_assets.collect.session import Session, StreamRun
from gitpulse_assets.contracts.bronze import ISSUE_PAGE, ISSUES, RECONCILIATION
from gitpulse_assets.lake.manifest import ManifestRow


def keep_reconciliation(session: Session) -> None:
    """Keep a row for the newest complete full walk, unless there is one."""
    rows = session.manifest.rows()
    walk = newest_full_walk(rows)
    if not walk or walk[0].finished_at is None or is_followed_up(rows, walk[0], RECONCILIATION.name):
        return
    row = {
        "fetched_at": walk[0].finished_at,
        "walk_run_ids": [part.run_id for part in walk],
        "since": session.known_state(ISSUES).watermark,
        "finished_at": walk[0].finished_at,
        **page_counts(session, walk),
    }
    stream = StreamRun(session, RECONCILIATION)
    stream.prepare("full", walk[0].known_as_of)
    stream.end(session.table(RECONCILIATION, [row]), walk[0].finished_at, page_count=0)


def page_counts(session: Session, walk: Sequence[ManifestRow]) -> dict[str, int]:
    """Count the walk's pages, each once: two runs that went on with one walk at the same time share some."""
    stored = session.lake.bronze_dataset(ISSUE_PAGE, session.repo, page_batches(walk))
    rows = stored.to_table(columns=["url", "is_unchanged"])
    pages = rows.group_by("url").aggregate([("is_unchanged", "min")])
    unchanged = pages.filter(pages["is_unchanged_min"])
    return {"page_count": pages.num_rows, "unchanged_page_count": unchanged.num_rows}
