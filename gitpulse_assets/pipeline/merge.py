"""Merges what no merge has taken in into the silver tables of one repository, or makes them anew.

How a table is computed stands in its `sql/silver/*.sql`.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import duckdb
import pyarrow as pa
import pyarrow.dataset as ds

from gitpulse_assets.catalog.subjects import COLLECTED, MERGED_TABLES
from gitpulse_assets.checks.control_total import control_total_result
from gitpulse_assets.checks.result import refuse_failed
from gitpulse_assets.checks.semantic import SILVER_CHECKS
from gitpulse_assets.contracts.bronze import DEPARTURE, EVENT_WALK
from gitpulse_assets.contracts.contributors import CONVERSATION_EVENT
from gitpulse_assets.contracts.model import TableContract
from gitpulse_assets.contracts.silver import ISSUE_CURRENT, RECONCILIATION
from gitpulse_assets.contracts.timeline import EVENT_TYPES
from gitpulse_assets.lake.commit import Commit, MergedCounts
from gitpulse_assets.lake.duck import rows_of, sized
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.lake.manifest import Manifest, ManifestRow, run_ids_of
from gitpulse_assets.lake.parquet import contract_fingerprint
from gitpulse_assets.lake.parts import parts_of
from gitpulse_assets.lake.publication import Publication
from gitpulse_assets.lake.ranges import bounds, range_part
from gitpulse_assets.lake.snapshot import Snapshot
from gitpulse_assets.pipeline.batches import BronzeBatches, folded, new_batches, order_of_runs
from gitpulse_assets.pipeline.rebuilding import rebuild_batches, rebuild_inputs, refuse_loss
from gitpulse_assets.pipeline.step import Made, audited, stage
from gitpulse_assets.place import Place
from gitpulse_assets.transform.ranged import ALL_ISSUES, MadeTable
from gitpulse_assets.transform.repairs import repairs_of
from gitpulse_assets.transform.silver import OpenRanges, merge_silver
from gitpulse_assets.transform.sql_file import load_sql

RANGED = tuple(table for table in MERGED_TABLES if table.is_ranged)
# What a merge opens before it knows which ranges it touches.
FEW = (*(table for table in MERGED_TABLES if not table.is_ranged), ISSUE_CURRENT)


@dataclass(frozen=True)
class Computed:
    """A merge that lies on its connection: what became of its tables, and what of bronze went into them."""

    made: dict[str, MadeTable]
    merged: MergedCounts


def merge(
    con: duckdb.DuckDBPyConnection,
    lake: Lake,
    place: Place,
    *,
    run_id: str = "",
    bots: Sequence[str] = (),
    is_rebuild: bool = False,
    accepts_loss: bool = False,
) -> Made:
    """Make the silver tables on a fresh connection, audit and seal them.

    `run_id`: whose full walk the summary counts the repairs of. `bots`: logins that count as bots beside
    GitHub's own. `is_rebuild`: from what was merged before alone; `accepts_loss`: also where that
    gives fewer records than are published.
    Raises ChecksFailed where a blocking check fails, LakeError where the lake refuses: nothing is published.
    """
    with lake.reading(place), lake.begin("silver", place) as publication:
        # Read after the last commit: every run that it counts as merged is there, unless it was thinned out.
        manifest = lake.manifest(place)
        with sized(con, row_count(publication.previous, manifest.rows())):
            computed = compute(con, lake, publication, manifest, bots=bots, is_rebuild=is_rebuild)
            if is_rebuild and not accepts_loss:
                refuse_loss(con, lake, publication)
            made = computed.made
            checks = [control_total_result(con, ALL_ISSUES), *audited(con, MERGED_TABLES, SILVER_CHECKS)]
            refuse_failed(checks)
            kept = set() if is_rebuild else unchanged(publication, made)
            staged = stage(con, publication, MERGED_TABLES, kept, made)
            merged = computed.merged
            if not is_rebuild:
                merged = folded(lake, publication, manifest, merged)
            run_ids = run_ids_of(manifest.rows())
            publication.seal(merged, is_rebuild=is_rebuild, run_ids=run_ids, ranges=bounds())
            summary = {} if is_rebuild else {ISSUE_CURRENT.name: merge_summary(con, run_id)}
            return Made(checks, staged, summary | newer_events(con))


def row_count(previous: Commit | None, rows: Iterable[ManifestRow]) -> int:
    """How many rows a merge may read: the published ones, and the records of runs not merged whole."""
    merged = previous.merged if previous else {}
    unseen = (
        row.record_count for row in rows if row.batch_count > merged.get(row.stream, {}).get(row.run_id, 0)
    )
    return sum(unseen) + (previous.row_count if previous else 0)


def compute(
    con: duckdb.DuckDBPyConnection,
    lake: Lake,
    publication: Publication,
    manifest: Manifest,
    *,
    bots: Sequence[str] = (),
    is_rebuild: bool = False,
) -> Computed:
    """Make the silver tables as relations of a fresh connection; the arguments are as in `merge`."""
    place = publication.place
    rows = manifest.rows()
    open_ranges: OpenRanges | None = None
    is_anew = is_rebuild or not lies_in_ranges(publication.previous)
    if is_rebuild:
        batches = rebuild_batches(lake, publication, rows)
        inputs = rebuild_inputs(lake, place, batches)
    else:
        batches = {
            table.name: new_batches(lake, place, table, rows, publication.previous) for table in COLLECTED
        }
        is_narrow = not is_anew and may_be_narrow(batches)
        inputs = stored_inputs(lake, publication, FEW if is_narrow else MERGED_TABLES)
        inputs |= {f"bronze_{name}": new.dataset for name, new in batches.items()}
        open_ranges = partial(opened_ranges, lake, publication) if is_narrow else None
    con.execute("set variable bots = $bots::varchar[]", {"bots": list(bots)})
    order = order_of_runs(lake, place, rows, batches)
    made = merge_silver(con, inputs, order, open_ranges=open_ranges, is_anew=is_anew)
    return Computed(made, {name: some.merged for name, some in batches.items()})


def stored_inputs(
    lake: Lake,
    publication: Publication,
    tables: Iterable[TableContract],
    parts: Collection[str] | None = None,
) -> dict[str, ds.Dataset | pa.Table]:
    """Open stored tables for `merge_silver`; `parts` as `Lake.mergeable` has them."""
    stored = opened_for(lake, publication, tables, parts)
    return {f"stored_{name}": dataset for name, dataset in stored.datasets.items()}


def opened_for(
    lake: Lake,
    publication: Publication,
    tables: Iterable[TableContract],
    parts: Collection[str] | None = None,
) -> Snapshot:
    """Open what the merge before published of tables; `parts` as `Lake.mergeable` has them.

    Raises PublicationConflict where another merge is published by now: this one could not be.
    """
    stored = lake.mergeable(publication.layer, publication.place, tables, parts)
    previous = publication.previous
    if (stored.commit and stored.commit.merge_id) != (previous and previous.merge_id):
        raise publication.conflict()
    return stored


def opened_ranges(
    lake: Lake, publication: Publication, first_numbers: frozenset[int]
) -> dict[str, ds.Dataset | pa.Table]:
    """Open the tables of ranges, those parts that have the ranges of these first numbers."""
    return stored_inputs(lake, publication, RANGED, set(map(range_part, first_numbers)))


def lies_in_ranges(commit: Commit | None, ranged: Sequence[TableContract] = RANGED) -> bool:
    """Whether each of the tables lies in the ranges of today, under today's contract."""
    tables = {table: parts_of(commit, table) for table in ranged}
    return (
        commit is not None
        and commit.ranges == bounds()
        and all(
            parts and all(one.contract == contract_fingerprint(table) for one in parts.values())
            for table, parts in tables.items()
        )
    )


def may_be_narrow(batches: Mapping[str, BronzeBatches]) -> bool:
    """Whether a merge can do with the ranges that are touched, and hold their rows alone against contracts.

    Not behind a whole walk, so that every row is looked at once a week; not where a departure or a walk of
    the events tells, of issues or of all; nor where conversations are merged, which name issues that nothing
    else touched.
    """
    return CONVERSATION_EVENT not in MERGED_TABLES and not any(
        batches[table.name].batches for table in (RECONCILIATION, EVENT_WALK, DEPARTURE)
    )


def unchanged(publication: Publication, made: Mapping[str, MadeTable]) -> set[str]:
    """Name the tables that can stay; on a first merge even an empty one is published."""
    published = publication.previous.tables if publication.previous else {}
    return {name for name, one in made.items() if not one.is_changed and name in published}


def newer_events(con: duckdb.DuckDBPyConnection) -> dict[str, dict[str, int | str]]:
    """Count the events of kinds that GitHub added later, where conversations are collected and hold any."""
    if CONVERSATION_EVENT not in MERGED_TABLES:
        return {}
    found = rows_of(con, load_sql("silver", "newer_event"), {"known": list(EVENT_TYPES)}).fetchall()
    kinds = ", ".join(f"{kind}: {count:,}" for kind, count in found)
    counted = {"newer_event_count": sum(count for _, count in found), "newer_event_kinds": kinds}
    return {CONVERSATION_EVENT.name: counted} if found else {}


def merge_summary(con: duckdb.DuckDBPyConnection, run_id: str) -> dict[str, int]:
    """Count what was new to the merge and, where the run made a full walk, what that repaired."""
    news = rows_of(con, load_sql("silver", "merge_news")).to_arrow_table().to_pylist()[0]
    return news | repairs_of(con.table(RECONCILIATION.name).to_arrow_table(), run_id)
