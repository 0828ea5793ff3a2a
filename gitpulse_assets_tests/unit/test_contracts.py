from pathlib import Path

import pyarrow as pa
import pytest

from gitpulse_assets.bi.reference import reference
from gitpulse_assets.catalog.tables import CATALOG, find_contract
from gitpulse_assets.contracts.model import UTC_TIMESTAMP, TableContract

each_contract = pytest.mark.parametrize("contract", CATALOG, ids=lambda c: f"{c.layer}-{c.name}")


def test_the_table_reference_is_the_contracts():
    written = Path(__file__).parents[2] / "docs" / "tables.md"
    assert written.read_text(encoding="utf-8") == reference(), "run `make docs`"


@each_contract
def test_keys_order_and_samples_are_columns(contract: TableContract):
    named = {*contract.key, *contract.order_by, *contract.sample}
    assert named <= set(contract.column_names)
    assert len(contract.column_names) == len(set(contract.column_names))


@each_contract
def test_a_table_begins_with_its_repository(contract: TableContract):
    start = contract.column_names.index("repo_owner")
    assert contract.column_names[start : start + 2] == ("repo_owner", "repo_name")


@each_contract
def test_names_tell_their_types(contract: TableContract):
    for column in contract.columns:
        assert column.name.endswith("_at") == (column.type == UTC_TIMESTAMP) or column.name in {
            "watermark",
            "since",
            "waiting_since",
        }
        assert column.name.endswith("_count") <= (column.type in (pa.int64(), pa.int32()))
        assert column.name.startswith(("is_", "has_")) == (column.type == pa.bool_())


@each_contract
def test_no_decimal_leaks_into_a_table(contract: TableContract):
    assert not any(pa.types.is_decimal(column.type) for column in contract.columns)


def test_an_unknown_table_is_named():
    with pytest.raises(KeyError, match="gold/nothing"):
        find_contract("gold", "nothing")
