"""How long raw runs are kept: what of bronze may go, and what a rebuild needs for ever.

Lifecycles, departures, control totals, the newest full walk and everything fetched after it stay as received.
Of older records of a stream only those stay that silver rests on, where entities say which those are
(`Entity.needed`, `sql/retention/`), so that a rebuild gives the same tables before and after. Reasons in
docs/adr/0007-retention-and-rebuild.md.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache

import duckdb
import pyarrow as pa

from gitpulse_assets.catalog.subjects import BRONZE, ENTITIES, MERGED_TABLES, PAGES_OF, STREAMS
from gitpulse_assets.collect.full_walk import newest_full_walk, page_holders
from gitpulse_assets.contracts.bronze import FOLDED_RUN
from gitpulse_assets.contracts.model import TableContract
from gitpulse_assets.lake import paths
from gitpulse_assets.lake.commit import MergedCounts
from gitpulse_assets.lake.duck import connect
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.lake.manifest import ManifestRow
from gitpulse_assets.place import Place
from gitpulse_assets.transform.sql_file import create_table, load_sql

STREAM_TABLES = {table.name: table for table in BRONZE}
# The streams that are thinned out, each with the statements that find what must stay.
NEEDED = {
    stream.name: names
    for stream in STREAMS
    if (names := [entity.needed for entity in ENTITIES if entity.needed and entity.streams[0] is stream])
}


@cache
def rests_on() -> tuple[TableContract, ...]:
    """What of silver those statements read."""
    statements = [load_sql("retention", name) for names in NEEDED.values() for name in names]
    return tuple(
        table
        for table in MERGED_TABLES
        if any(re.search(rf"\b{table.name}\b", statement) for statement in statements)
    )


@dataclass(frozen=True)
class Thinned:
    """What retention removed of one repository: runs that left the manifest, records, and objects."""

    run_count: int = 0
    record_count: int = 0
    object_count: int = 0


def apply_retention(lake: Lake, place: Place, age: timedelta) -> Thinned:
    """Thin out the runs that ended longer than `age` before the newest one.

    Nothing goes before a full walk is complete. Every step leaves a lake that rebuilds to the same tables:
    first fewer records in the same place, then a manifest that counts less, then fewer objects.
    """
    snapshot = lake.snapshot("silver", place, rests_on())
    rows = lake.manifest(place).rows()
    merged = snapshot.commit.merged if snapshot.commit else {}
    old = old_rows(lake, place, rows, merged, age)
    if not old:
        return Thinned()
    with lake.reading(place), connect() as con:
        for name, dataset in snapshot.datasets.items():
            con.register(name, dataset)
        for name in NEEDED:
            find_needed(con, lake, place, STREAM_TABLES[name], rows, old)
        thinned = [
            thin(con, lake, place, row, merged_count(merged, row))
            for row in old
            if row.stream in NEEDED and may_go(row, rows)
        ]
    gone = [row for row in old if not row.batch_count and may_go(row, rows)]
    gone += [before for before, after, _ in thinned if after is None and before not in gone]
    kept = [(before, after) for before, after, _ in thinned if after is not None and after != before]
    lake.manifest(place).remove([(row.run_id, row.stream) for row in gone], [after for _, after in kept])
    keys = [key for row in gone for key in object_keys(place, row, None)]
    keys += [key for before, after in kept for key in object_keys(place, before, after)]
    for key in keys:
        lake.store.delete(key)
    return Thinned(len({row.run_id for row in gone}), sum(count for _, _, count in thinned), len(keys))


def old_rows(
    lake: Lake, place: Place, rows: Sequence[ManifestRow], merged: MergedCounts, age: timedelta
) -> list[ManifestRow]:
    """Return the rows from before the newest full walk and before whatever waits to be merged.

    Pages of that walk which had not changed stand for records of earlier runs: those stay whole.
    """
    walk = newest_full_walk(rows)
    if not walk:
        return []
    holders = page_holders(lake, place, walk)
    waiting = [row for row in rows if is_waiting(row, merged)]
    horizon = min(row.sequence for row in (*walk, *waiting))
    limit = max(ended_at(row) for row in rows) - age
    return [
        row for row in rows if row.sequence < horizon and row.run_id not in holders and ended_at(row) <= limit
    ]


def is_waiting(row: ManifestRow, merged: MergedCounts) -> bool:
    """Say whether a merge has yet to take something of the row in; of the list of folded runs none does."""
    return row.stream != FOLDED_RUN.name and row.batch_count > merged.get(row.stream, {}).get(row.run_id, 0)


def ended_at(row: ManifestRow) -> datetime:
    """When a run ended, or the last that is known of it."""
    return row.finished_at or row.known_as_of


def find_needed(
    con: duckdb.DuckDBPyConnection,
    lake: Lake,
    place: Place,
    table: TableContract,
    rows: Sequence[ManifestRow],
    old: Sequence[ManifestRow],
) -> None:
    """Find the places of a stream's old records that must stay, as a view `needed_<stream>`."""
    own = [row for row in rows if row.stream == table.name]
    parts = {"old": [row for row in own if row in old], "later": [row for row in own if row not in old]}
    for age, part in parts.items():
        con.register(f"{age}_{table.name}", lake.bronze_dataset(table, place, batches(part)))
    key = ", ".join(table.key)
    for name in NEEDED[table.name]:
        create_table(con, "retention", name)
    found = " union ".join(f"select {key} from {name}" for name in NEEDED[table.name])
    con.execute(f"create or replace temp view needed_{table.name} as {found}")


def batches(rows: Iterable[ManifestRow]) -> list[tuple[str, range]]:
    """Name every batch that the rows count."""
    return [(row.run_id, range(1, row.batch_count + 1)) for row in rows]


def merged_count(merged: MergedCounts, row: ManifestRow) -> int:
    """How many batches of a row merges took in, which may be more than an earlier thinning left to count."""
    return merged.get(row.stream, {}).get(row.run_id, 0)


def thin(
    con: duckdb.DuckDBPyConnection, lake: Lake, place: Place, row: ManifestRow, merged_count: int
) -> tuple[ManifestRow, ManifestRow | None, int]:
    """Put the records of a run, or of folded ones, that must stay into its first batch.

    Returns the row before and after (None where nothing stays), and how many records are too many.
    """
    table = STREAM_TABLES[row.stream]
    stored = lake.bronze_dataset(table, place, batches([row]))
    con.register("received", stored)
    stored_count, needed_count = stored.count_rows(), count_needed(con, table)
    if not needed_count:
        return row, None, stored_count
    if row.batch_count > 1 or needed_count < stored_count:
        writer = lake.batch_writer(table, place, row.run_id, batch_count=0)
        writer.write(needed_rows(con, table), stands_for=max(row.batch_count, merged_count))
    return row, replace(row, batch_count=1, page_batch_count=0), stored_count - needed_count


def count_needed(con: duckdb.DuckDBPyConnection, table: TableContract) -> int:
    """Count the records of `received` that must stay, each once."""
    key = ", ".join(table.key)
    (count,) = con.sql(
        "select count(*) from (select distinct "
        f"{key} from received semi join needed_{table.name} using ({key}))"
    ).fetchall()[0]
    return count


def needed_rows(con: duckdb.DuckDBPyConnection, table: TableContract) -> pa.Table:
    """Return the records of `received` that must stay.

    A thinning that was cut short leaves some twice, in the first batch and where they came from.
    """
    columns, key = ", ".join(table.column_names), ", ".join(table.key)
    return con.sql(
        f"select {columns} from received semi join needed_{table.name} using ({key}) "
        f"qualify row_number() over (partition by {key}) = 1 order by {key}"
    ).to_arrow_table()


def may_go(row: ManifestRow, rows: Sequence[ManifestRow]) -> bool:
    """Say whether nobody goes on from a row or compares with it."""
    complete = [r for r in rows if r.stream == row.stream and r.status == "complete"]
    newest = max(complete, key=lambda r: (r.known_as_of, r.sequence), default=None)
    # Whoever keeps pages knows its newest full walk, and all of this is before that.
    return row.stream in PAGES_OF or (row != newest and row.next_url is None)


def object_keys(place: Place, before: ManifestRow, after: ManifestRow | None) -> list[str]:
    """Name the objects that the row counted and counts no more."""
    kept = after.batch_count if after else 0
    table = STREAM_TABLES[before.stream]
    numbers = range(kept + 1, before.batch_count + 1)
    keys = [paths.batch_key(table, place, before.run_id, number) for number in numbers]
    if (pages := PAGES_OF.get(before.stream)) is None:
        return keys
    numbers = range(1, before.page_batch_count + 1)
    return keys + [paths.batch_key(pages, place, before.run_id, number) for number in numbers]
