"""The silver assets: one current truth per repository, merged from the bronze batches not merged before.

How a table is computed stands in its `sql/silver/*.sql`, how a merge is made in `pipeline/`; here a reader
sees what depends on what.
"""

from collections.abc import Iterator

import dagster as dg

from gitpulse_assets.assets.publishing import checked
from gitpulse_assets.assets.specs import asset_out, inner_deps, read_by
from gitpulse_assets.catalog.subjects import MERGED_TABLES
from gitpulse_assets.checks.control_total import CONTROL_TOTAL_CHECK
from gitpulse_assets.checks.semantic import SILVER_CHECKS, SYNC_STATE_CHECKS
from gitpulse_assets.checks.specs import check_specs, contract_check_spec
from gitpulse_assets.contracts.silver import SYNC_STATE
from gitpulse_assets.io_manager import lake_errors
from gitpulse_assets.partitions import repos
from gitpulse_assets.repo import Repo
from gitpulse_assets.resources import DuckDB, LakeResource, settings_or_failure
from gitpulse_assets.settings import Settings, SettingsError
from gitpulse_assets.watch.watch_list import RepoOptions, repo_options


class MergeConfig(dg.Config):
    """`rebuild`: make the tables anew, from every bronze batch that was merged into them.

    `accept_loss`: also where that gives fewer records than are published.
    """

    rebuild: bool = False
    accept_loss: bool = False


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
)
def silver(
    context: dg.AssetExecutionContext, config: MergeConfig, lake: LakeResource, duckdb: DuckDB
) -> Iterator[dg.AssetCheckResult | dg.Output]:
    """Merge what no merge has taken in into the current tables of one repository."""
    from gitpulse_assets.pipeline.merge import merge

    repo = Repo.parse(context.partition_key)
    settings = settings_or_failure()
    bots = options_of(repo, settings).bots
    with lake_errors(), duckdb.get_connection(settings) as con:
        made = yield from checked(
            lambda: merge(
                con,
                lake.open(settings),
                repo,
                run_id=context.run.run_id,
                bots=bots,
                is_rebuild=config.rebuild,
                accepts_loss=config.accept_loss,
            )
        )
    for table in made.tables:
        shown = made.summary.get(table.contract.name, {})
        yield dg.Output(table, output_name=table.contract.name, metadata=dict(shown))


def options_of(repo: Repo, settings: Settings) -> RepoOptions:
    """What the watch list says of the repository; a wrong list ends the step with its line."""
    try:
        return repo_options(settings, repo)
    except SettingsError as error:
        raise dg.Failure(description=str(error), allow_retries=False) from None


@dg.multi_asset(
    name="sync_state",
    deps=read_by([SYNC_STATE]),
    outs={SYNC_STATE.name: asset_out(SYNC_STATE)},
    check_specs=[contract_check_spec(SYNC_STATE), *check_specs(SYNC_STATE_CHECKS)],
    partitions_def=repos,
)
def sync_state(
    context: dg.AssetExecutionContext, lake: LakeResource, duckdb: DuckDB
) -> Iterator[dg.AssetCheckResult | dg.Output]:
    """Move the watermarks; a step of its own, so that they move only once silver is published."""
    from gitpulse_assets.pipeline.watermarks import move_watermarks

    repo = Repo.parse(context.partition_key)
    settings = settings_or_failure()
    overlap = options_of(repo, settings).overlap_minutes
    with lake_errors(), duckdb.get_connection(settings) as con:
        made = yield from checked(
            lambda: move_watermarks(con, lake.open(settings), repo, overlap_minutes=overlap)
        )
    for table in made.tables:
        yield dg.Output(table, output_name=table.contract.name)
