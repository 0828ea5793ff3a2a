"""The gold assets: the marts people look at, computed from silver in one step and published together.

What a mart means stands in its contract and its `sql/gold/*.sql`.
"""

import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

import dagster as dg
import pyarrow as pa

from gitpulse_assets.assets.markdown import as_markdown
from gitpulse_assets.assets.neighbours import link_transfers
from gitpulse_assets.assets.publishing import audited, stage
from gitpulse_assets.assets.specs import asset_out, inner_deps, read_by
from gitpulse_assets.checks.semantic import GOLD_CHECKS, check_specs
from gitpulse_assets.checks.specs import contract_check_spec
from gitpulse_assets.contracts import silver
from gitpulse_assets.contracts.catalog import MART_TABLES
from gitpulse_assets.io_manager import lake_errors
from gitpulse_assets.lineage.stored import tables_read
from gitpulse_assets.marts.backlog_verdict import MART_BACKLOG_VERDICT
from gitpulse_assets.partitions import repos
from gitpulse_assets.repo import Repo
from gitpulse_assets.resources import DuckDB, LakeResource, settings_or_failure
from gitpulse_assets.transform.gold import INPUTS as COPIED
from gitpulse_assets.transform.gold import GoldParameters, LabelGroup, build_gold
from gitpulse_assets.transform.incomplete import incomplete_slices
from gitpulse_assets.transform.verdict_table import build_verdicts

if TYPE_CHECKING:
    import pyarrow.dataset as ds

AGES = ("median_open_age_days", "p90_open_age_days", "share_open_over_1_year")

INPUTS = tuple(
    table
    for table in silver.SILVER_TABLES
    if any(table.asset_key in tables_read(mart) for mart in MART_TABLES)
)

# Read once, for the transfers and for what the verdict does not know.
NOT_COPIED = tuple(table for table in INPUTS if table not in COPIED and table is not silver.SYNC_STATE)


@dg.multi_asset(
    name="gold",
    deps=read_by(MART_TABLES),
    outs={table.name: asset_out(table) for table in MART_TABLES},
    internal_asset_deps=inner_deps(MART_TABLES),
    check_specs=[*map(contract_check_spec, MART_TABLES), *check_specs(GOLD_CHECKS)],
    partitions_def=repos,
)
def gold(
    context: dg.AssetExecutionContext, lake: LakeResource, duckdb: DuckDB
) -> Iterator[dg.AssetCheckResult | dg.Output]:
    """Rebuild every mart of one repository as of the last complete walk.

    The inputs are opened together, as one merge published them: loaded one by one, half of them could be
    another run's.
    """
    repo = Repo.parse(context.partition_key)
    target = lake.open()
    with lake_errors(target, repo), target.begin("gold", repo) as publication, duckdb.get_connection() as con:
        inputs = target.snapshot("silver", repo, INPUTS).datasets
        parameters = gold_parameters(inputs[silver.SYNC_STATE.name])
        build_gold(con, inputs, parameters)
        for table in NOT_COPIED:
            con.register(table.name, inputs[table.name])
        link_transfers(con, target, repo)
        verdicts = build_verdicts(con, parameters.as_of_at, incomplete_slices(con))
        yield from audited(con, MART_TABLES, GOLD_CHECKS, {"as_of_at": parameters.as_of_at})
        staged = stage(con, publication, MART_TABLES)
        publication.seal()
        for table in staged:
            if table.contract is MART_BACKLOG_VERDICT:
                told = verdict_metadata(verdicts)
                yield dg.Output(
                    table, MART_BACKLOG_VERDICT.name, metadata=told, data_version=answer_version(verdicts)
                )
            else:
                yield dg.Output(table, output_name=table.contract.name)


def verdict_metadata(verdicts: pa.Table) -> dict[str, dg.MetadataValue]:
    """Put the answer itself on the asset's page, a paragraph a window, and its direction for the alerts."""
    metadata: dict[str, dg.MetadataValue] = {}
    for row in verdicts.select(["window_days", "direction", "paragraph"]).to_pylist():
        metadata[f"verdict_{row['window_days']}_days"] = dg.MetadataValue.md(as_markdown(row["paragraph"]))
        metadata[f"direction_{row['window_days']}_days"] = dg.MetadataValue.text(row["direction"])
    return metadata


def answer_version(verdicts: pa.Table) -> dg.DataVersion:
    """Change with the answer, so about once a day: ages and the words that tell them move with every run."""
    rows = verdicts.drop_columns([*AGES, "paragraph"]).to_pylist()
    return dg.DataVersion(hashlib.sha256(repr(rows).encode()).hexdigest()[:16])


def gold_parameters(sync_state: "ds.Dataset") -> GoldParameters:
    """Say as of when the marts hold: the start of the last complete walk, by GitHub's clock.

    Raises dg.Failure where none was published yet.
    """
    rows = sync_state.to_table(columns=["stream", "as_of_at"]).to_pylist()
    as_of_at = next((row["as_of_at"] for row in rows if row["stream"] == "issues"), None)
    if as_of_at is None:
        raise dg.Failure(
            "no complete walk of the issues is published yet; run gitpulse refresh first", allow_retries=False
        )
    groups = (LabelGroup(name, pattern) for name, pattern in settings_or_failure().label_groups)
    return GoldParameters(as_of_at, tuple(groups))
