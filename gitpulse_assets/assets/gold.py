"""The gold assets: the marts people look at, computed from silver in one step and published together.

What a mart means stands in its contract and its `sql/gold/*.sql`.
"""

import hashlib
from collections.abc import Iterator

import dagster as dg
import pyarrow as pa

from gitpulse_assets.assets.publishing import checked
from gitpulse_assets.assets.silver import options_of
from gitpulse_assets.assets.specs import asset_out, inner_deps, read_by
from gitpulse_assets.catalog.tables import MART_TABLES
from gitpulse_assets.checks.semantic import GOLD_CHECKS
from gitpulse_assets.checks.specs import check_specs, contract_check_spec
from gitpulse_assets.io_manager import lake_errors
from gitpulse_assets.marts.backlog_verdict import MART_BACKLOG_VERDICT
from gitpulse_assets.partitions import repos
from gitpulse_assets.repo import Repo
from gitpulse_assets.resources import DuckDB, LakeResource, settings_or_failure
from gitpulse_assets.texts.markdown import as_markdown

AGES = ("median_open_age_days", "p90_open_age_days", "share_open_over_1_year")


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
    """Rebuild every mart of one repository as of the last complete walk."""
    from gitpulse_assets.pipeline.marts import make_marts

    repo = Repo.parse(context.partition_key)
    settings = settings_or_failure()
    options = options_of(repo, settings)
    with lake_errors(), duckdb.get_connection(settings) as con:
        made = yield from checked(
            lambda: make_marts(
                con, lake.open(settings), repo, label_groups=settings.label_groups, options=options
            )
        )
    for table in made.tables:
        if table.contract is MART_BACKLOG_VERDICT:
            told = verdict_metadata(made.verdicts)
            version = answer_version(made.verdicts)
            yield dg.Output(table, MART_BACKLOG_VERDICT.name, metadata=told, data_version=version)
        else:
            yield dg.Output(table, output_name=table.contract.name)


def shown_verdict(window_days: int) -> str:
    """Under which name the asset's page shows a window's paragraph."""
    return f"verdict_{window_days}_days"


def shown_direction(window_days: int) -> str:
    """Under which name the asset's page shows a window's direction."""
    return f"direction_{window_days}_days"


def verdict_metadata(verdicts: pa.Table) -> dict[str, dg.MetadataValue]:
    """Put the answer itself on the asset's page, a paragraph a window, and its direction for the alerts."""
    metadata: dict[str, dg.MetadataValue] = {}
    for row in verdicts.select(["window_days", "direction", "paragraph"]).to_pylist():
        metadata[shown_verdict(row["window_days"])] = dg.MetadataValue.md(as_markdown(row["paragraph"]))
        metadata[shown_direction(row["window_days"])] = dg.MetadataValue.text(row["direction"])
    return metadata


def answer_version(verdicts: pa.Table) -> dg.DataVersion:
    """Change with the answer, so about once a day: ages and the words that tell them move with every run."""
    rows = verdicts.drop_columns([*AGES, "paragraph"]).to_pylist()
    return dg.DataVersion(hashlib.sha256(repr(rows).encode()).hexdigest()[:16])
