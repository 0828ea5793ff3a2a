"""How long raw runs are kept: what of bronze may go, and what a rebuild needs for ever.

Lifecycles, departures, control totals, the newest full walk and everything fetched after it stay as received.
Of older issue records and repository answers only those stay that silver rests on (`sql/retention/`), so that
a rebuild gives the same tables before and after. Reasons in docs/adr/0007-retention-and-rebuild.md.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import duckdb
import pyarrow as pa

from gitpulse_assets.collect.full_walk import newest_full_walk, page_batches
from gitpulse_assets.contracts.bronze import BRONZE, ISSUE_PAGE, ISSUES, REPOSITORY
from gitpulse_assets.contracts.silver import ISSUE_CURRENT, ISSUE_SIGHTING, QUARANTINE
from gitpulse_assets.lake import paths
from gitpulse_assets.lake.commit import Merged
from gitpulse_assets.lake.duck import connect, lazy_read_errors
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.lake.manifest import ManifestRow
from gitpulse_assets.repo import Repo
from gitpulse_assets.transform.sql_file import create_table, load_sql

RESTS_ON = (ISSUE_CURRENT, ISSUE_SIGHTING, QUARANTINE)
STREAM_TABLES = {table.name: table for table in BRONZE}


@dataclass(frozen=True)
class Thinned:
    """What retention removed of one repository: runs that left the manifest, records, and objects."""

    run_count: int = 0
    record_count: int = 0
    object_count: int = 0


def apply_retention(lake: Lake, repo: Repo, age: timedelta) -> Thinned:
    """Thin out the runs that ended longer than `age` before the newest one.

    Nothing goes before a full walk is complete. Every step leaves a lake that rebuilds to the same tables:
    first fewer records in the same place, then a manifest that counts less, then fewer objects.
    """
    snapshot = lake.snapshot("silver", repo, RESTS_ON)
    rows = lake.manifest(repo).rows()
    old = old_rows(lake, repo, rows, snapshot.commit.merged if snapshot.commit else {}, age)
    if not old:
        return Thinned()
    with lazy_read_errors(), connect() as con:
        for name, dataset in snapshot.datasets.items():
            con.register(name, dataset)
        counts = needed_records(con, lake, repo, rows, old)
        answers = needed_answers(con, lake, repo, old)
        thinned = [
            thin_issues(con, lake, repo, row, counts.get(row.run_id, 0)) for row in filter(is_issues, old)
        ]
    gone = [row for row in old if not is_issues(row) and is_needless(row, rows, answers)]
    gone += [before for before, after, _ in thinned if after is None]
    kept = [(before, after) for before, after, _ in thinned if after is not None and after != before]
    lake.manifest(repo).remove([(row.run_id, row.stream) for row in gone], [after for _, after in kept])
    keys = [key for row in gone for key in object_keys(repo, row, None)]
    keys += [key for before, after in kept for key in object_keys(repo, before, after)]
    for key in keys:
        lake.store.delete(key)
    return Thinned(len({row.run_id for row in gone}), sum(count for _, _, count in thinned), len(keys))


def old_rows(
    lake: Lake, repo: Repo, rows: Sequence[ManifestRow], merged: Merged, age: timedelta
) -> list[ManifestRow]:
    """Return the rows from before the newest full walk and before whatever waits to be merged.

    Pages of that walk which had not changed stand for records of earlier runs: those stay whole.
    """
    walk = newest_full_walk(rows)
    if not walk:
        return []
    pages = lake.bronze_dataset(ISSUE_PAGE, repo, page_batches(walk))
    holders = set(pages.to_table(columns=["records_run_id"])["records_run_id"].to_pylist())
    waiting = [row for row in rows if row.batch_count > merged.get(row.stream, {}).get(row.run_id, 0)]
    horizon = min(row.sequence for row in (*walk, *waiting))
    limit = max(ended_at(row) for row in rows) - age
    return [
        row for row in rows if row.sequence < horizon and row.run_id not in holders and ended_at(row) <= limit
    ]


def ended_at(row: ManifestRow) -> datetime:
    """When a run ended, or the last that is known of it."""
    return row.finished_at or row.known_as_of


def is_issues(row: ManifestRow) -> bool:
    """Say whether a row is of the issue list."""
    return row.stream == ISSUES.name


def needed_records(
    con: duckdb.DuckDBPyConnection,
    lake: Lake,
    repo: Repo,
    rows: Sequence[ManifestRow],
    old: Sequence[ManifestRow],
) -> dict[str, int]:
    """Find the places of the old records that must stay (`needed_record`); return their number by run."""
    later = [row for row in rows if is_issues(row) and row not in old]
    con.register("old_issues", lake.bronze_dataset(ISSUES, repo, batches(filter(is_issues, old))))
    con.register("later_issues", lake.bronze_dataset(ISSUES, repo, batches(later)))
    create_table(con, "retention", "needed_record")
    return dict(con.sql("select run_id, count(*) from needed_record group by run_id").fetchall())


def needed_answers(
    con: duckdb.DuckDBPyConnection, lake: Lake, repo: Repo, old: Sequence[ManifestRow]
) -> set[str]:
    """Return the runs whose answer about the repository must stay."""
    answers = [row for row in old if row.stream == REPOSITORY.name]
    con.register("old_repository", lake.bronze_dataset(REPOSITORY, repo, batches(answers)))
    return {row[0] for row in con.sql(load_sql("retention", "needed_answer")).fetchall()}


def batches(rows: Iterable[ManifestRow]) -> list[tuple[str, range]]:
    """Name every batch that the rows count."""
    return [(row.run_id, range(1, row.batch_count + 1)) for row in rows]


def thin_issues(
    con: duckdb.DuckDBPyConnection, lake: Lake, repo: Repo, row: ManifestRow, needed_count: int
) -> tuple[ManifestRow, ManifestRow | None, int]:
    """Put the records of a run that must stay into its first batch.

    Returns the row before and after (None where nothing stays), and how many records are too many.
    """
    stored = lake.bronze_dataset(ISSUES, repo, batches([row]))
    stored_count = stored.count_rows()
    if not needed_count:
        return row, None, stored_count
    if row.batch_count > 1 or needed_count < stored_count:
        con.register("run_issues", stored)
        lake.batch_writer(ISSUES, repo, row.run_id, batch_count=0).write(needed_rows(con))
    return row, replace(row, batch_count=1, page_batch_count=0), stored_count - needed_count


def needed_rows(con: duckdb.DuckDBPyConnection) -> pa.Table:
    """Return the records of `run_issues` that must stay.

    A thinning that was cut short leaves some twice, in the first batch and where they came from.
    """
    columns, place = ", ".join(ISSUES.column_names), ", ".join(ISSUES.key)
    return con.sql(
        f"select {columns} from run_issues semi join needed_record using ({place}) "
        f"qualify row_number() over (partition by {place}) = 1 order by {place}"
    ).to_arrow_table()


def is_needless(row: ManifestRow, rows: Sequence[ManifestRow], answers: Collection[str]) -> bool:
    """Say whether a row of another stream may go: nothing of it stays, and nobody goes on from it."""
    has_data = row.run_id in answers if row.stream == REPOSITORY.name else row.batch_count > 0
    complete = [r for r in rows if r.stream == row.stream and r.status == "complete"]
    newest = max(complete, key=lambda r: (r.known_as_of, r.sequence), default=None)
    return not has_data and row != newest and row.next_url is None


def object_keys(repo: Repo, before: ManifestRow, after: ManifestRow | None) -> list[str]:
    """Name the objects that the row counted and counts no more."""
    kept = after.batch_count if after else 0
    table = STREAM_TABLES[before.stream]
    numbers = range(kept + 1, before.batch_count + 1)
    keys = [paths.batch_key(table, repo, before.run_id, number) for number in numbers]
    pages = range(1, before.page_batch_count + 1)
    return keys + [paths.batch_key(ISSUE_PAGE, repo, before.run_id, number) for number in pages]
