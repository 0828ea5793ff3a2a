"""Moves the watermarks: how far each stream is merged. A step of its own, so that silver comes first."""

import duckdb
import pyarrow as pa

from gitpulse_assets.checks.result import refuse_failed
from gitpulse_assets.checks.semantic import SYNC_STATE_CHECKS
from gitpulse_assets.contracts.bronze import MANIFEST
from gitpulse_assets.contracts.silver import ISSUE_CURRENT, SYNC_STATE
from gitpulse_assets.lake.duck import sized
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.lake.publication import Publication
from gitpulse_assets.pipeline.step import Made, audited, stage
from gitpulse_assets.place import Place
from gitpulse_assets.transform.sql_file import create_table
from gitpulse_assets.watch.watch_list import DEFAULT_OVERLAP_MINUTES

MERGED_BATCH = pa.schema(
    [("stream", pa.string()), ("run_id", pa.string()), ("merged_count", pa.int64())],
)


def move_watermarks(
    con: duckdb.DuckDBPyConnection,
    lake: Lake,
    place: Place,
    *,
    overlap_minutes: int = DEFAULT_OVERLAP_MINUTES,
) -> Made:
    """Make the sync state on a fresh connection, audit and seal it.

    `overlap_minutes`: how long before the start of the last walk the next one begins.
    Raises ChecksFailed where a blocking check fails, LakeError where the lake refuses: nothing is published.
    """
    with lake.reading(place), lake.begin("silver", place) as publication:
        previous = publication.previous
        with sized(con, previous.row_count if previous else 0):
            register_merge(con, lake, publication)
            create_table(con, "silver", SYNC_STATE.name, {"overlap_minutes": overlap_minutes})
            checks = audited(con, [SYNC_STATE], SYNC_STATE_CHECKS)
            refuse_failed(checks)
            staged = stage(con, publication, [SYNC_STATE])
            publication.seal()
            return Made(checks, staged)


def register_merge(con: duckdb.DuckDBPyConnection, lake: Lake, publication: Publication) -> None:
    """Put what the statements about the sync state read onto the connection."""
    merged = publication.previous.merged if publication.previous else {}
    rows = [
        {"stream": stream, "run_id": run_id, "merged_count": count}
        for stream, runs in merged.items()
        for run_id, count in runs.items()
    ]
    con.register("merged_batch", pa.Table.from_pylist(rows, MERGED_BATCH))
    con.register("manifest", lake.dataset(MANIFEST, publication.place))
    con.register("issue_current", lake.dataset(ISSUE_CURRENT, publication.place))
