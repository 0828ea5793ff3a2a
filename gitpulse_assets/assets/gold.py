"""The gold assets: the marts people look at, computed from silver in one step and published together.

What a mart means stands in its contract and its `sql/gold/*.sql`.
"""

from collections.abc import Iterator

import dagster as dg
import pyarrow.dataset as ds

from gitpulse_assets.assets.publishing import audited, stage
from gitpulse_assets.assets.specs import asset_out
from gitpulse_assets.checks.semantic import GOLD_CHECKS, check_specs
from gitpulse_assets.checks.specs import contract_check_spec
from gitpulse_assets.contracts import silver
from gitpulse_assets.contracts.gold import GOLD_TABLES
from gitpulse_assets.partitions import repos
from gitpulse_assets.repo import Repo
from gitpulse_assets.resources import DuckDB, LakeResource, settings_or_failure
from gitpulse_assets.transform.gold import GoldParameters, LabelGroup, build_gold

INPUTS = (
    silver.REPOSITORY,
    silver.ISSUE_CURRENT,
    silver.ISSUE_LABELS,
    silver.ISSUE_ASSIGNEES,
    silver.ISSUE_TRANSITIONS,
    silver.SYNC_STATE,
)


@dg.multi_asset(
    name="gold",
    ins={table.name: dg.AssetIn(list(table.asset_key)) for table in INPUTS},
    outs={table.name: asset_out(table) for table in GOLD_TABLES},
    check_specs=[*map(contract_check_spec, GOLD_TABLES), *check_specs(GOLD_CHECKS)],
    partitions_def=repos,
)
def gold(
    context: dg.AssetExecutionContext,
    lake: LakeResource,
    duckdb: DuckDB,
    repository: ds.Dataset,
    issue_current: ds.Dataset,
    issue_labels: ds.Dataset,
    issue_assignees: ds.Dataset,
    issue_transitions: ds.Dataset,
    sync_state: ds.Dataset,
) -> Iterator[dg.AssetCheckResult | dg.Output]:
    """Rebuild every mart of one repository as of the last complete walk."""
    repo = Repo.parse(context.partition_key)
    with lake.open().begin("gold", repo) as publication, duckdb.get_connection() as con:
        inputs = {
            "repository": repository,
            "issue_current": issue_current,
            "issue_labels": issue_labels,
            "issue_assignees": issue_assignees,
            "issue_transitions": issue_transitions,
        }
        parameters = gold_parameters(sync_state)
        build_gold(con, inputs, parameters)
        yield from audited(con, GOLD_TABLES, GOLD_CHECKS, {"as_of_at": parameters.as_of_at})
        staged = stage(con, publication, GOLD_TABLES)
        publication.seal()
        for table in staged:
            yield dg.Output(table, output_name=table.contract.name)


def gold_parameters(sync_state: ds.Dataset) -> GoldParameters:
    """Say as of when the marts hold: the start of the last complete walk, by GitHub's clock."""
    rows = sync_state.to_table(columns=["stream", "as_of_at"]).to_pylist()
    as_of_at = next(row["as_of_at"] for row in rows if row["stream"] == "issues")
    groups = (LabelGroup(name, pattern) for name, pattern in settings_or_failure().label_groups)
    return GoldParameters(as_of_at, tuple(groups))
