"""The graph as a diff to review: every asset and check, what they promise, and what loading them costs."""

import subprocess
import sys

import dagster as dg
import pytest
from syrupy.assertion import SnapshotAssertion

from gitpulse_assets.assets.events import DAY_TABLES
from gitpulse_assets.catalog.tables import CATALOG
from gitpulse_assets.catalog.traced import tables_read
from gitpulse_assets.partitions import event_days
from gitpulse_assets.runs.kinds import REPORT_KEY


def specs(defs: dg.Definitions) -> dict[str, dg.AssetSpec]:
    return {spec.key.to_user_string(): spec for spec in defs.resolve_all_asset_specs()}


def test_graph_is_the_reviewed_one(defs: dg.Definitions, snapshot: SnapshotAssertion):
    shown = {
        name: {
            "deps": sorted(dep.asset_key.to_user_string() for dep in spec.deps),
            "group": spec.group_name,
            "kinds": sorted(spec.kinds),
            "owners": list(spec.owners),
            "partitions": "event days" if spec.partitions_def == event_days else spec.partitions_def.name,
        }
        for name, spec in sorted(specs(defs).items())
    }
    assert shown == snapshot


def test_checks_are_the_reviewed_ones(defs: dg.Definitions, snapshot: SnapshotAssertion):
    keys = defs.resolve_asset_graph().asset_check_keys
    assert sorted(f"{key.asset_key.to_user_string()}:{key.name}" for key in keys) == snapshot


HEAVY = ("altair", "apprise", "boto3", "fastapi", "httpx", "jwt", "pyarrow.dataset", "pyarrow.parquet")


def test_loading_the_definitions_loads_nothing_that_only_a_step_needs():
    statement = f"import sys, gitpulse_assets.definitions; print(*({set(HEAVY)} & set(sys.modules)))"
    told = subprocess.run([sys.executable, "-c", statement], capture_output=True, text=True, check=True)
    assert told.stdout.split() == []


def test_every_contract_is_an_asset_and_the_report_is_one_more(defs: dg.Definitions):
    keys = {"/".join(contract.asset_key) for contract in (*CATALOG, *DAY_TABLES)}
    assert set(specs(defs)) == keys | {"/".join(REPORT_KEY)}


@pytest.mark.parametrize("contract", [*CATALOG, *DAY_TABLES], ids=lambda contract: contract.name)
def test_every_asset_is_described(defs: dg.Definitions, contract):
    spec = specs(defs)["/".join(contract.asset_key)]
    schema = spec.metadata["dagster/column_schema"]
    assert spec.description
    assert [column.name for column in schema.columns] == list(contract.column_names)
    assert all(column.description for column in schema.columns)


def test_every_table_hangs_on_exactly_what_its_sql_reads(defs: dg.Definitions):
    found = specs(defs)
    for table in (contract for contract in CATALOG if contract.layer != "bronze"):
        spec = found["/".join(table.asset_key)]
        deps = {tuple(dep.asset_key.path) for dep in spec.deps}
        assert deps == set(tables_read(table)), table.name


def test_a_column_of_a_mart_is_followed_to_the_payload_that_github_sent(defs: dg.Definitions):
    shown, found = specs(defs), set[tuple[str, str]]()
    waiting = {("gold/mart_issue_daily_flow", "opened_count")}
    while waiting:
        table, column = waiting.pop()
        lineage = shown[table].metadata.get("dagster/column_lineage", dg.TableColumnLineage({}))
        deps = lineage.deps_by_column.get(column, ())
        waiting |= {(dep.asset_key.to_user_string(), dep.column_name) for dep in deps} - found
        found |= waiting
    assert ("silver/issue_transitions", "kind") in found
    assert {
        ("bronze/issues", "payload_json.state"),
        ("bronze/issue_timeline", "payload_json.event"),
        ("bronze/issue_timeline", "payload_json.timelineItems.nodes.__typename"),
    } <= found


def test_every_check_has_the_partitions_of_its_asset(defs: dg.Definitions):
    """Otherwise the last repository to finish would own the verdict of all."""
    graph = defs.resolve_asset_graph()
    for key in graph.asset_check_keys:
        assert graph.get(key).partitions_def == graph.get(key.asset_key).partitions_def
