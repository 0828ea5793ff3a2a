"""Full walks of the issue list: which runs made the last one, and what its pages are known by.

A page's ETag is written with the page's records and counts in the same manifest row, so that no ETag ever
stands for records that are not stored. How the pages are walked is `github/pages.py`'s work.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from gitpulse_assets.collect.session import Session
from gitpulse_assets.contracts.bronze import DEPARTURE, ISSUE_PAGE, ISSUES, RECONCILIATION
from gitpulse_assets.github.detours import KnownPage
from gitpulse_assets.github.pages import Page
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.lake.manifest import ManifestRow
from gitpulse_assets.place import Place

# Where a page's records lie: a run, and the page's number in it.
PageOfRun = tuple[str, int]


@dataclass(frozen=True)
class KnownWalk:
    """The pages of an earlier full walk in its order, and where their records lie, by address."""

    pages: Mapping[str, KnownPage] = field(default_factory=dict)
    places: Mapping[str, PageOfRun] = field(default_factory=dict)


def newest_full_walk(rows: Sequence[ManifestRow]) -> list[ManifestRow]:
    """Return the runs that made the newest complete full walk, the one that ended it first."""
    full = [
        row
        for row in rows
        if row.stream == ISSUES.name and row.status == "complete" and row.walk_kind == "full"
    ]
    newest = max((row for row in full if row.page_batch_count), key=lambda row: row.sequence, default=None)
    return walk_of(rows, newest) if newest else []


def walk_of(rows: Iterable[ManifestRow], last: ManifestRow) -> list[ManifestRow]:
    """Return the runs that made a walk of the issue list so far, the last one first."""
    by_run = {row.run_id: row for row in rows if row.stream == last.stream}
    walk = [last]
    while (resumed := by_run.get(walk[-1].resumed_run_id or "")) and resumed not in walk:
        walk.append(resumed)
    return walk


def is_followed_up(rows: Iterable[ManifestRow], walk: ManifestRow, stream: str) -> bool:
    """Say whether a run ended `stream` on what this walk, or a later one, had found.

    The order of the rows is not enough: a run that is tried again walks anew in the rows it has.
    """

    def is_later(row: ManifestRow) -> bool:
        is_behind = row.sequence > walk.sequence or row.run_id == walk.run_id
        return is_behind and row.known_as_of >= walk.known_as_of

    return any(row.stream == stream and row.status == "complete" and is_later(row) for row in rows)


def page_batches(walk: Sequence[ManifestRow]) -> list[tuple[str, range]]:
    """Name the batches that hold a walk's pages, in the order they were walked."""
    return [(row.run_id, range(1, row.page_batch_count + 1)) for row in reversed(walk)]


def page_holders(lake: Lake, place: Place, walk: Sequence[ManifestRow]) -> set[str]:
    """The runs that hold the records of a walk's pages: an unchanged page's came with an earlier one."""
    pages = lake.bronze_dataset(ISSUE_PAGE, place, page_batches(walk))
    return set(pages.to_table(columns=["records_run_id"])["records_run_id"].to_pylist())


def holding_rows(rows: Iterable[ManifestRow], holders: Collection[str]) -> list[ManifestRow]:
    """The rows of runs that hold records of a walk's pages."""
    return [row for row in rows if row.stream == ISSUES.name and row.run_id in holders]


def is_follow_up(row: ManifestRow, walk: ManifestRow) -> bool:
    """Say whether a row may tell that what a full walk missed was asked about."""
    is_behind = row.sequence > walk.sequence or row.run_id == walk.run_id
    return is_behind and row.stream in (DEPARTURE.name, RECONCILIATION.name)


def known_walk(session: Session) -> KnownWalk:
    """Return what the newest complete full walk kept of its pages; nothing before the first.

    Nor of a walk by an older version: it kept the ETags of pages that lacked records.
    """
    rows = session.manifest.rows()
    walk = newest_full_walk(rows)
    if any(row.lacked_count is None for row in walk):
        return KnownWalk()
    stored = session.lake.bronze_dataset(ISSUE_PAGE, session.repo, page_batches(walk))
    stored_runs = {row.run_id for row in rows if row.stream == ISSUES.name}
    pages: dict[str, KnownPage] = {}
    places: dict[str, PageOfRun] = {}
    for row in stored.to_table().to_pylist():
        if row["etag"] is not None and row["records_run_id"] in stored_runs:
            pages[row["url"]] = KnownPage(row["etag"], row["next_url"], row["cursor_record_id"])
            places[row["url"]] = (row["records_run_id"], row["records_page_number"])
    return KnownWalk(pages, places)


def page_batch(session: Session, pages: Sequence[Page], known: KnownWalk, first_page_number: int) -> pa.Table:
    """Return the pages as rows of `bronze/issue_page`."""
    rows = [
        page_row(page, number, known.places[page.url] if page.is_unchanged else (session.run_id, number))
        for number, page in enumerate(pages, start=first_page_number)
    ]
    return session.table(ISSUE_PAGE, rows)


def page_row(page: Page, number: int, place: PageOfRun) -> dict[str, object]:
    """Return a page as a row of `bronze/issue_page`; its records lie at `place`."""
    return {
        "page_number": number,
        "fetched_at": page.date,
        "url": page.url,
        "etag": page.etag,
        "next_url": page.next_url,
        "cursor_record_id": page.cursor_record_id,
        "is_unchanged": page.is_unchanged,
        "records_run_id": place[0],
        "records_page_number": place[1],
    }
