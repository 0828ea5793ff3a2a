"""The bronze assets: what was received from GitHub, and the manifest of who received it when.

How it is received stands in `receiving.py`.
"""

from collections.abc import Iterator

import dagster as dg

from gitpulse_assets.assets.batch import begin_alone, is_batch, take_partitions
from gitpulse_assets.assets.receiving import Received, RefreshConfig, received
from gitpulse_assets.assets.specs import asset_spec, backfill_policy, batched
from gitpulse_assets.assets.work import work_of
from gitpulse_assets.catalog.subjects import BRONZE
from gitpulse_assets.checks.specs import contract_check_spec
from gitpulse_assets.contracts.bronze import MANIFEST
from gitpulse_assets.partitions import repos
from gitpulse_assets.repo import Repo
from gitpulse_assets.resources import DuckDB, GitHubResource, LakeResource


@batched
@dg.multi_asset(
    name="bronze",
    specs=[asset_spec(table) for table in BRONZE],
    check_specs=[contract_check_spec(MANIFEST)],
    partitions_def=repos,
    backfill_policy=backfill_policy(),
    retry_policy=dg.RetryPolicy(max_retries=2, delay=5, backoff=dg.Backoff.EXPONENTIAL),
)
def bronze(
    context: dg.AssetExecutionContext,
    config: RefreshConfig,
    github: GitHubResource,
    lake: LakeResource,
    duckdb: DuckDB,
) -> Iterator[Received]:
    """Fetch what changed in one repository; of several take each through all that the run is to do."""
    work = work_of(context, lake, duckdb, github)
    if is_batch(context):
        take_partitions(context, work, refresh=config)
    else:
        repo = Repo.parse(context.partition_key)
        begin_alone(work, repo)
        yield from received(work, repo, config)
