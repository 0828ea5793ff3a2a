"""The silver assets: one current truth per repository, merged from the bronze batches not merged before.

How a table is computed stands in its `sql/silver/*.sql`, how a step is made in `making.py`; here a reader
sees what depends on what.
"""

from collections.abc import Iterator

import dagster as dg

from gitpulse_assets.assets.batch import is_batch, take_partitions
from gitpulse_assets.assets.making import MadeSoFar, MergeConfig, merged, watermarks_moved
from gitpulse_assets.assets.specs import asset_out, backfill_policy, batched, inner_deps, read_by
from gitpulse_assets.assets.work import work_of
from gitpulse_assets.catalog.subjects import MERGED_TABLES
from gitpulse_assets.checks.control_total import CONTROL_TOTAL_CHECK
from gitpulse_assets.checks.semantic import SILVER_CHECKS, SYNC_STATE_CHECKS
from gitpulse_assets.checks.specs import check_specs, contract_check_spec
from gitpulse_assets.contracts.silver import SYNC_STATE
from gitpulse_assets.partitions import repos
from gitpulse_assets.repo import Repo
from gitpulse_assets.resources import DuckDB, LakeResource


@batched
@dg.multi_asset(
    name="silver",
    # Read in the step, not one by one by the IO manager: all streams from one reading of the manifest.
    deps=read_by(MERGED_TABLES),
    outs={table.name: asset_out(table) for table in MERGED_TABLES},
    internal_asset_deps=inner_deps(MERGED_TABLES),
    check_specs=[
        *map(contract_check_spec, MERGED_TABLES),
        *check_specs((*SILVER_CHECKS, CONTROL_TOTAL_CHECK)),
    ],
    partitions_def=repos,
    backfill_policy=backfill_policy(),
)
def silver(
    context: dg.AssetExecutionContext, config: MergeConfig, lake: LakeResource, duckdb: DuckDB
) -> Iterator[MadeSoFar]:
    """Merge what no merge has taken in into the current tables of one repository, or of several in turn."""
    work = work_of(context, lake, duckdb)
    if is_batch(context):
        take_partitions(context, work, merge=config)
    else:
        yield from merged(work, Repo.parse(context.partition_key), config)


@batched
@dg.multi_asset(
    name="sync_state",
    deps=read_by([SYNC_STATE]),
    outs={SYNC_STATE.name: asset_out(SYNC_STATE)},
    check_specs=[contract_check_spec(SYNC_STATE), *check_specs(SYNC_STATE_CHECKS)],
    partitions_def=repos,
    backfill_policy=backfill_policy(),
)
def sync_state(context: dg.AssetExecutionContext, lake: LakeResource, duckdb: DuckDB) -> Iterator[MadeSoFar]:
    """Move the watermarks; a step of its own, so that they move only once silver is published."""
    work = work_of(context, lake, duckdb)
    if is_batch(context):
        take_partitions(context, work)
    else:
        yield from watermarks_moved(work, Repo.parse(context.partition_key))
