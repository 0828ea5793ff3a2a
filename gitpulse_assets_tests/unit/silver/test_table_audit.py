"""The audit of a table against its contract, and of the files in sql/checks."""

import pyarrow as pa
import pytest

from gitpulse_assets.catalog.tables import CATALOG, find_contract
from gitpulse_assets.contracts.model import Column, Rule, TableContract
from gitpulse_assets.contracts.silver import ISSUE_TRANSITIONS
from gitpulse_assets.lake.duck import connect
from gitpulse_assets.transform.audit import audit_sql, audit_table

CONTRACT = TableContract(
    layer="silver",
    name="thing",
    description="Things.",
    grain="one row a thing",
    key=("repo_name", "thing_id"),
    columns=(
        Column("repo_name", pa.string(), "Name.", False),
        Column("thing_id", pa.int64(), "Id.", False),
        Column("size", pa.int64(), "Size.", False),
        Column("note", pa.string(), "Note."),
    ),
    order_by=("thing_id",),
    rules=(
        Rule("size_positive", "size <= 0", "Sizes are positive."),
        Rule("has_note", "note = ''", "Notes are not empty.", is_blocking=False),
    ),
    sample=("thing_id",),
)


@pytest.fixture
def audit():
    con = connect()

    def run(rows):
        con.execute(
            "create or replace table thing (repo_name varchar, thing_id bigint, size bigint, note varchar)"
        )
        if rows:
            con.executemany("insert into thing values (?, ?, ?, ?)", rows)
        return audit_table(con, CONTRACT, "thing")

    yield run
    con.close()


def test_a_whole_table_passes(audit):
    found = audit([("r", 1, 1, None), ("r", 2, 1, "x")])
    assert (found.row_count, found.broken, found.is_passed) == (2, (), True)
    names = [rule.name for rule in found.rules]
    assert names == ["key_not_null", "key_unique", "size_not_null", "size_positive", "has_note"]


def test_an_empty_table_passes(audit):
    assert audit([]).is_passed


@pytest.mark.parametrize(
    ("row", "rule", "sample"),
    [
        ((None, 2, 1, None), "key_not_null", {"thing_id": 2}),
        (("r", 1, 1, None), "key_unique", {"repo_name": "r", "thing_id": 1, "row_count": 2}),
        (("r", 2, None, None), "size_not_null", {"thing_id": 2}),
        (("r", 2, 0, None), "size_positive", {"thing_id": 2}),
    ],
)
def test_a_broken_row_is_counted_and_sampled(audit, row, rule, sample):
    found = audit([("r", 1, 1, None), row])
    (broken,) = found.broken
    assert (broken.name, broken.broken_count, broken.samples) == (rule, 1, (sample,))
    assert not found.is_passed


def test_a_broken_rule_that_does_not_block_lets_the_table_pass(audit):
    found = audit([("r", 1, 1, "")])
    assert found.is_passed
    assert [rule.name for rule in found.broken] == ["has_note"]


def test_no_more_than_twenty_rows_are_sampled(audit):
    found = audit([("r", number, 0, None) for number in range(50)])
    (broken,) = found.broken
    assert broken.broken_count == 50
    assert [row["thing_id"] for row in broken.samples] == list(range(20))


def test_a_check_returns_its_broken_rows():
    con = connect()
    con.register("issue_transitions", ISSUE_TRANSITIONS.arrow_schema.empty_table())
    assert audit_sql(con, "ledger_alternates") == (0, ())
    columns = (
        "'a' as repo_owner, 'r' as repo_name, 1 as issue_id, 1 as issue_number, now() as transitioned_at"
    )
    con.execute(
        f"create temp table closings as "
        f"select {columns}, 'closed' as kind, -1 as delta, 1 as transition_number"
    )
    con.unregister("issue_transitions")
    con.execute("create temp view issue_transitions as from closings")
    count, (row,) = audit_sql(con, "ledger_alternates")
    assert (count, row["issue_id"], row["kind"]) == (1, 1, "closed")
    con.close()


def test_every_rule_of_every_contract_is_sql_on_its_columns():
    con = connect()
    for contract in CATALOG:
        con.register(contract.name, contract.arrow_schema.empty_table())
        found = audit_table(con, contract, contract.name)
        assert (found.row_count, found.broken) == (0, ()), contract.name
        con.unregister(contract.name)
    con.close()


def test_a_contract_is_found_by_layer_and_name():
    assert find_contract("silver", "issue_transitions") is ISSUE_TRANSITIONS
    with pytest.raises(KeyError, match="gold/issue_transitions"):
        find_contract("gold", "issue_transitions")
