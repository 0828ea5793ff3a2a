"""What the merge makes is what the contracts say, and the contracts can be read by people."""

import pytest

from gitpulse_assets.catalog.subjects import MERGED_TABLES, SILVER_TABLES
from gitpulse_assets.catalog.tables import CATALOG
from gitpulse_assets.contracts.silver import DEPARTURE_KINDS, SYNC_STATE, one_of
from gitpulse_assets.lake.parquet import check_schema


def test_every_merged_table_has_the_columns_and_types_of_its_contract(lake, issue, timeline):
    person = {"login": "bob", "id": 2, "type": "User"}
    lake.run(
        issue(labels=["bug"], assignees=[person], state="closed", closed_at="2024-01-02T00:00:00Z"),
        issue(2, comments="many"),
        timelines=[timeline(1, ("Closed", "2024-01-02T00:00:00Z"))],
        departures=[{"issue_id": 1001, "kind": "deleted"}],
        repository={"id": 7, "full_name": "acme/rocket"},
    ).merge()
    for contract in MERGED_TABLES:
        check_schema(contract, lake.stored[f"stored_{contract.name}"].schema)


def test_every_table_but_the_sync_state_is_made_once():
    made = sorted(contract.name for contract in MERGED_TABLES)
    assert made == sorted(contract.name for contract in SILVER_TABLES if contract is not SYNC_STATE)


@pytest.mark.parametrize("contract", SILVER_TABLES, ids=lambda contract: contract.name)
def test_a_contract_names_only_its_own_columns(contract):
    assert {*contract.key, *contract.order_by, *contract.sample} <= set(contract.column_names)
    assert len(set(contract.column_names)) == len(contract.columns)
    assert contract.column_names[:2] == ("repo_owner", "repo_name")
    assert all(column.description.endswith(".") for column in contract.columns)


def test_no_two_tables_of_a_layer_share_a_name():
    assert len({contract.asset_key for contract in CATALOG}) == len(CATALOG)


def test_one_of_is_broken_by_any_other_value():
    assert one_of("kind", DEPARTURE_KINDS) == (
        "kind not in ('deleted', 'transferred_out', 'converted', 'unknown')"
    )
