"""What a rebuild merges: the bronze batches that went into the published tables, and one log beside them.

Batches that no merge has taken in stay for the next refresh, so that a rebuilt table equals the one it
replaces. How they are merged and published is the same as ever, in `merge.py`.
"""

import logging
from collections.abc import Sequence

import duckdb
import pyarrow as pa
import pyarrow.dataset as ds

from gitpulse_assets.catalog.subjects import COLLECTED
from gitpulse_assets.contracts.model import TableContract
from gitpulse_assets.contracts.silver import ISSUE_CURRENT, ISSUE_EVENT, ISSUE_SIGHTING, RECONCILIATION
from gitpulse_assets.lake.errors import LakeError, ObjectDamaged, TableOutdated
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.lake.manifest import ManifestRow, merged_batches, unmerged_batches
from gitpulse_assets.lake.parts import parts_of
from gitpulse_assets.lake.publication import Publication
from gitpulse_assets.pipeline.batches import BronzeBatches
from gitpulse_assets.place import Place

RECEIVED = (ISSUE_CURRENT, ISSUE_EVENT, ISSUE_SIGHTING)

logger = logging.getLogger(__name__)


def rebuild_batches(
    lake: Lake, publication: Publication, rows: Sequence[ManifestRow]
) -> dict[str, BronzeBatches]:
    """Return the merged batches of each stream; all there are where no merge was ever published."""
    place, previous = publication.place, publication.previous
    chosen = {
        table: merged_batches(rows, table.name, previous.merged.get(table.name, {}))
        if previous
        else unmerged_batches(rows, table.name, {})
        for table in COLLECTED
    }
    return {
        table.name: BronzeBatches(lake.bronze_dataset(table, place, batches), batches)
        for table, batches in chosen.items()
    }


def rebuild_inputs(
    lake: Lake, place: Place, batches: dict[str, BronzeBatches]
) -> dict[str, ds.Dataset | pa.Table]:
    """Return what `merge_silver` reads: no stored table, but what earlier merges saw full walks repair.

    That was counted against rows which the same walks corrected, and cannot be counted again.
    """
    inputs = {f"bronze_{name}": some.dataset for name, some in batches.items()}
    del inputs[f"bronze_{RECONCILIATION.name}"]
    try:
        with lake.reading(place):
            inputs[f"stored_{RECONCILIATION.name}"] = lake.standing(RECONCILIATION, place).to_table()
    except (TableOutdated, ObjectDamaged) as error:
        logger.warning("%s: the log of what full walks repaired begins anew: %s", place, error)
    return inputs


def refuse_loss(con: duckdb.DuckDBPyConnection, lake: Lake, publication: Publication) -> None:
    """Raise LakeError where a rebuild would publish fewer records than stand.

    Then something of bronze is gone or not counted, and the tables are the last place that knows of it.
    Only what was received is compared: what is derived may be fewer under newer rules.
    """
    fewer = []
    for table in RECEIVED:
        before, now = standing_rows(lake, publication, table), con.table(table.name).shape[0]
        if now < before:
            fewer.append(f"{now:,} of {before:,} rows of {table.name}")
    if fewer:
        place = publication.place
        raise LakeError(
            f"{place}: a rebuild would publish less than stands: {', '.join(fewer)}; run gitpulse check "
            f"{place} to see why, or insist: gitpulse rebuild {place} --accept-loss"
        )


def standing_rows(lake: Lake, publication: Publication, table: TableContract) -> int:
    """How many rows of a table are published, by its commit or, where that is lost, by itself."""
    if publication.previous:
        return sum(one.row_count for one in parts_of(publication.previous, table).values())
    try:
        return lake.standing(table, publication.place).count_rows()
    except LakeError:
        return 0
