"""The silver assets: one current truth per repository, merged from the bronze batches not merged before.

How a table is computed stands in its `sql/silver/*.sql`; here a reader sees what depends on what, and that
nothing is published before it was audited.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import dagster as dg
import duckdb as db

from gitpulse_assets.assets.publishing import audited, stage
from gitpulse_assets.assets.rebuilding import rebuild_batches, rebuild_inputs, refuse_loss
from gitpulse_assets.assets.specs import asset_out, inner_deps, read_by
from gitpulse_assets.checks.control_total import CONTROL_TOTAL_CHECK, control_total_result
from gitpulse_assets.checks.semantic import SILVER_CHECKS, SYNC_STATE_CHECKS, check_specs
from gitpulse_assets.checks.specs import contract_check_spec
from gitpulse_assets.contracts import bronze
from gitpulse_assets.contracts import silver as tables
from gitpulse_assets.io_manager import BronzeBatches, lake_errors, new_batches
from gitpulse_assets.partitions import repos
from gitpulse_assets.repo import Repo
from gitpulse_assets.resources import DuckDB, LakeResource, settings_or_failure
from gitpulse_assets.settings import SettingsError
from gitpulse_assets.transform.repairs import repairs_of
from gitpulse_assets.transform.silver import BRONZE_INPUTS, merge_silver
from gitpulse_assets.transform.sql_file import create_table, load_sql
from gitpulse_assets.watch.watch_list import RepoOptions, repo_options

if TYPE_CHECKING:
    import pyarrow.dataset as ds

    from gitpulse_assets.lake.commit import Merged
    from gitpulse_assets.lake.lake import Lake
    from gitpulse_assets.lake.manifest import ManifestRow
    from gitpulse_assets.lake.publication import Publication

SYNC_STATE = tables.SYNC_STATE
MERGED_TABLES = tuple(table for table in tables.SILVER_TABLES if table is not SYNC_STATE)


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
    from gitpulse_assets.lake.manifest import run_ids_of

    repo = Repo.parse(context.partition_key)
    target = lake.open()
    with lake_errors(target, repo), target.begin("silver", repo) as merge, duckdb.get_connection() as con:
        # Read after the last commit: every run that it counts as merged is there, unless it was thinned out.
        rows = target.manifest(repo).rows()
        batches = batches_to_merge(target, merge, rows, is_rebuild=config.rebuild)
        con.execute("set variable bots = $bots::varchar[]", {"bots": list(options_of(repo).bots)})
        if config.rebuild:
            inputs = rebuild_inputs(target, repo, batches)
        else:
            inputs = merge_inputs(target, repo, batches)
        changed = merge_silver(con, inputs, order_of_runs(target, repo, rows, batches))
        if config.rebuild and not config.accept_loss:
            refuse_loss(con, target, merge)
        yield control_total_result(con)
        yield from audited(con, MERGED_TABLES, SILVER_CHECKS)
        kept = set() if config.rebuild else unchanged(merge, changed)
        staged = stage(con, merge, MERGED_TABLES, kept)
        merged = {name: some.merged for name, some in batches.items()}
        if not config.rebuild:
            rows, merged = folded(target, merge, rows, merged)
        merge.seal(merged, is_rebuild=config.rebuild, run_ids=run_ids_of(rows))
        summary = {} if config.rebuild else merge_summary(con, context.run.run_id)
        for table in staged:
            shown = summary if table.contract is tables.ISSUE_CURRENT else {}
            yield dg.Output(table, output_name=table.contract.name, metadata=shown)


def batches_to_merge(
    lake: "Lake", publication: "Publication", rows: "list[ManifestRow]", *, is_rebuild: bool
) -> dict[str, BronzeBatches]:
    """Return of each stream what no merge has taken in, or in a rebuild what merges have."""
    if is_rebuild:
        return rebuild_batches(lake, publication, rows)
    return {
        table.name: new_batches(lake, publication.repo, table, rows, publication.previous)
        for table in BRONZE_INPUTS
    }


def order_of_runs(
    lake: "Lake", repo: Repo, rows: "list[ManifestRow]", batches: dict[str, BronzeBatches]
) -> list[str]:
    """Return the runs in the order they registered, the folded ones where a fold is to be merged."""
    from gitpulse_assets.folding import run_order
    from gitpulse_assets.lake.manifest import run_ids_of

    folds = {row.run_id for row in rows if row.status == "folded"}
    if folds.isdisjoint(run_id for some in batches.values() for run_id in some.run_ids):
        return run_ids_of(rows)
    return run_order(lake, repo, rows)


def folded(
    lake: "Lake", publication: "Publication", rows: "list[ManifestRow]", merged: "Merged"
) -> "tuple[list[ManifestRow], Merged]":
    """Fold what earlier merges took in; return the manifest's rows and what counts as merged by then."""
    from gitpulse_assets.folding import fold_runs

    before = publication.previous.merged if publication.previous else {}
    fold = fold_runs(lake, publication.repo, rows, before)
    names = {*merged, *fold.merged}
    return fold.rows, {name: merged.get(name, {}) | fold.merged.get(name, {}) for name in names}


def options_of(repo: Repo) -> RepoOptions:
    """What the watch list says of the repository; a wrong list ends the step with its line."""
    try:
        return repo_options(settings_or_failure(), repo)
    except SettingsError as error:
        raise dg.Failure(description=str(error), allow_retries=False) from None


def merge_summary(con: db.DuckDBPyConnection, run_id: str) -> dict[str, int]:
    """Count what was new to the merge and, where the run made a full walk, what that repaired."""
    news = con.sql(load_sql("silver", "merge_news")).to_arrow_table().to_pylist()[0]
    return news | repairs_of(con.table(tables.RECONCILIATION.name).to_arrow_table(), run_id)


def merge_inputs(lake: "Lake", repo: Repo, batches: dict[str, BronzeBatches]) -> "dict[str, ds.Dataset]":
    """Return what `merge_silver` reads: the stored tables and the new batches."""
    stored = {
        f"stored_{name}": dataset for name, dataset in lake.mergeable("silver", repo, MERGED_TABLES).items()
    }
    return stored | {f"bronze_{name}": new.dataset for name, new in batches.items()}


def unchanged(publication: "Publication", changed: dict[str, bool]) -> set[str]:
    """Name the tables that can stay; on a first merge even an empty one is published."""
    published = publication.previous.tables if publication.previous else {}
    return {name for name, is_changed in changed.items() if not is_changed and name in published}


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
    repo = Repo.parse(context.partition_key)
    target = lake.open()
    with lake_errors(target, repo), target.begin("silver", repo) as merge, duckdb.get_connection() as con:
        register_merge(con, target, repo)
        overlap: dict[str, object] = {"overlap_minutes": options_of(repo).overlap_minutes}
        create_table(con, "silver", SYNC_STATE.name, overlap)
        yield from audited(con, [SYNC_STATE], SYNC_STATE_CHECKS)
        (staged,) = stage(con, merge, [SYNC_STATE])
        merge.seal()
        yield dg.Output(staged, output_name=SYNC_STATE.name)


def register_merge(con: db.DuckDBPyConnection, lake: "Lake", repo: Repo) -> None:
    """Put what the statements about the sync state read onto the connection."""
    commit = lake.commit("silver", repo)
    merged = commit.merged if commit else {}
    con.execute("create temp table merged_batch (stream varchar, run_id varchar, merged_count bigint)")
    rows = [(stream, *run) for stream, runs in merged.items() for run in runs.items()]
    if rows:
        con.executemany("insert into merged_batch values (?, ?, ?)", rows)
    con.register("manifest", lake.dataset(bronze.MANIFEST, repo))
    con.register("issue_current", lake.dataset(tables.ISSUE_CURRENT, repo))
