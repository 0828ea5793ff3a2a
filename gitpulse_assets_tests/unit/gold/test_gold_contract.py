"""Every mart comes out with its contract's columns and types, and keeps its key and rules."""

import pytest

from gitpulse_assets.catalog.tables import STATEMENT_MARTS
from gitpulse_assets.contracts.model import TableContract

TABLES = [mart.contract for mart in STATEMENT_MARTS]


@pytest.fixture(scope="module")
def gold(new_silver, make_gold):
    silver = new_silver()
    silver.issue(1, ("opened", "2024-01-01 10:00"), ("closed", "2024-01-03"), ("reopened", "2024-01-09"))
    silver.issue(2, ("opened", "2024-01-02"), ("closed", "2024-01-20 12:00"), labels=["bug", "P1"])
    silver.issue(3, ("opened", "2024-01-02"), ("deleted", "2024-01-05"), assignees=["ann"])
    silver.issue(4, is_pull_request=True)
    return make_gold(silver, "2024-02-10 08:00")


@pytest.mark.parametrize("contract", TABLES, ids=lambda contract: contract.name)
def test_columns_and_types_are_the_contracts(gold, contract: TableContract):
    schema = gold.con.sql(f"from {contract.name}").to_arrow_table().schema
    assert [(f.name, f.type) for f in schema] == [(f.name, f.type) for f in contract.arrow_schema]


@pytest.mark.parametrize("contract", TABLES, ids=lambda contract: contract.name)
def test_key_is_unique_and_required_columns_are_filled(gold, contract: TableContract):
    key = ", ".join(contract.key)
    assert gold.rows(f"select {key} from {contract.name} group by all having count(*) > 1") == []
    required = [column.name for column in contract.columns if not column.nullable]
    missing = " or ".join(f"{name} is null" for name in required)
    assert gold.rows(f"select * from {contract.name} where {missing}") == []


@pytest.mark.parametrize("contract", TABLES, ids=lambda contract: contract.name)
def test_no_row_breaks_a_rule(gold, contract: TableContract):
    broken = {r.name: gold.rows(f"from {contract.name} where {r.broken_when}") for r in contract.rules}
    assert broken == {rule.name: [] for rule in contract.rules}


def test_rules_speak_when_broken(gold, damaged):
    damaged(gold, "update mart_issue_daily_flow set opened_count = -1, open_at_end = -1")
    damaged(gold, "update mart_issue_closure_age_monthly set share_closed_within_7d = 1.1")
    spoken = [
        rule.name
        for contract in TABLES
        for rule in contract.rules
        if gold.rows(f"from {contract.name} where {rule.broken_when}")
    ]
    assert spoken == ["counts_not_negative", "stock_not_negative", "shares_between_0_and_1"]
