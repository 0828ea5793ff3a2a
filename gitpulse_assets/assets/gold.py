"""The gold assets: the marts people look at, computed from silver in one step and published together.

What a mart means stands in its contract and its `sql/gold/*.sql`, how they are made in `making.py`.
"""

from collections.abc import Iterator

import dagster as dg

from gitpulse_assets.assets.batch import is_batch, take_partitions
from gitpulse_assets.assets.making import MadeSoFar, marts_made
from gitpulse_assets.assets.specs import asset_out, backfill_policy, batched, inner_deps, read_by
from gitpulse_assets.assets.work import work_of
from gitpulse_assets.catalog.tables import MART_TABLES
from gitpulse_assets.checks.semantic import GOLD_CHECKS
from gitpulse_assets.checks.specs import check_specs, contract_check_spec
from gitpulse_assets.partitions import repos
from gitpulse_assets.repo import Repo
from gitpulse_assets.resources import DuckDB, LakeResource


@batched
@dg.multi_asset(
    name="gold",
    deps=read_by(MART_TABLES),
    outs={table.name: asset_out(table) for table in MART_TABLES},
    internal_asset_deps=inner_deps(MART_TABLES),
    check_specs=[*map(contract_check_spec, MART_TABLES), *check_specs(GOLD_CHECKS)],
    partitions_def=repos,
    backfill_policy=backfill_policy(),
)
def gold(context: dg.AssetExecutionContext, lake: LakeResource, duckdb: DuckDB) -> Iterator[MadeSoFar]:
    """Rebuild every mart of one repository as of the last complete walk, or of several in turn."""
    work = work_of(context, lake, duckdb)
    if is_batch(context):
        take_partitions(context, work)
    else:
        yield from marts_made(work, Repo.parse(context.partition_key))
