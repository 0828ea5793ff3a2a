"""Makes the marts that a statement alone makes from one repository's silver tables, in one pass over them.

What a mart means stands in its `sql/gold/*.sql` and its module of `marts/`. Nothing here reads or writes
the lake, checks a result or knows Dagster.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType

import duckdb
import pyarrow as pa

from gitpulse_assets.catalog.subjects import SILVER_TABLES
from gitpulse_assets.catalog.tables import MART_TABLES, STATEMENT_MARTS
from gitpulse_assets.catalog.traced import tables_read
from gitpulse_assets.contracts.mart import Mart
from gitpulse_assets.contracts.model import TableContract
from gitpulse_assets.contracts.silver import SYNC_STATE
from gitpulse_assets.lake.duck import run
from gitpulse_assets.setting_values.label_groups import DEFAULT_LABEL_GROUPS, LabelGroup
from gitpulse_assets.transform.columns_read import columns_read
from gitpulse_assets.transform.mart_ranges import Standing, make_ranges
from gitpulse_assets.transform.ranged import MadeTable
from gitpulse_assets.transform.sql_file import create_table
from gitpulse_assets.transform.survival import closure_survival

# What the marts that a statement alone makes read of silver, but for the moment they hold for.
INPUTS: tuple[TableContract, ...] = tuple(
    table
    for table in SILVER_TABLES
    if table is not SYNC_STATE
    and any(table.asset_key in tables_read(mart.contract) for mart in STATEMENT_MARTS)
)

# All that the marts read of silver, and what of it is read once: for the transfers, and for what the verdict
# does not know.
SILVER_INPUTS: tuple[TableContract, ...] = tuple(
    table for table in SILVER_TABLES if any(table.asset_key in tables_read(mart) for mart in MART_TABLES)
)
NOT_COPIED = tuple(table for table in SILVER_INPUTS if table not in INPUTS and table is not SYNC_STATE)

MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True)
class GoldParameters:
    """`as_of_at`: the UTC time the last complete walk began, by GitHub's clock; ages and the spine end there.

    `label_groups`: tried in order, the first that matches names the issue; one that none matches is `other`.
    """

    as_of_at: datetime
    label_groups: tuple[LabelGroup, ...] = DEFAULT_LABEL_GROUPS


def build_gold(
    con: duckdb.DuckDBPyConnection,
    inputs: Mapping[str, object],
    parameters: GoldParameters,
    standing: Mapping[str, Standing] = MappingProxyType({}),
) -> dict[str, MadeTable]:
    """Make each mart that its statement alone makes a temporary table of its name; return what became of it.

    `inputs` maps each name in `INPUTS` to anything DuckDB can register and read twice (Arrow table, dataset).
    They stay as temporary tables too, in the columns that statements and checks read. `standing`: what of a
    mart of ranges is published, by its name; without it all ranges are made.
    Raises KeyError for a missing input and ValueError for an `as_of_at` without time zone.
    """
    if parameters.as_of_at.tzinfo is None:
        raise ValueError(f"as_of_at must carry its time zone, got {parameters.as_of_at.isoformat()}")
    for contract in INPUTS:
        _copy_input(con, contract, inputs[contract.name])
    create_table(con, "gold", "label_name")
    _register_label_groups(con, parameters.label_groups)
    return {
        mart.name: make_ranges(con, mart, inputs, standing.get(mart.name))
        if mart.contract.is_ranged
        else _make_whole(con, mart, parameters.as_of_at)
        for mart in STATEMENT_MARTS
    }


def label_windows(
    con: duckdb.DuckDBPyConnection,
    windows_days: Sequence[int],
    end_at: datetime,
    *,
    is_up_to_now: bool = False,
) -> None:
    """Make `label_window`, the backlog and its flows by label, of the days before `end_at`."""
    parameters = {"windows_days": list(windows_days), "end_at": end_at, "is_up_to_now": is_up_to_now}
    create_table(con, "gold", "label_window", parameters)


def _make_whole(con: duckdb.DuckDBPyConnection, mart: Mart, as_of_at: datetime) -> MadeTable:
    if mart.label_windows_days:
        # They end with the as-of moment itself.
        label_windows(con, mart.label_windows_days, as_of_at + MICROSECOND, is_up_to_now=True)
    if mart.is_of_cohorts:
        closure_survival(con, as_of_at)
    create_table(con, "gold", mart.name, {"as_of_at": as_of_at})
    return MadeTable(is_changed=True)


def _copy_input(con: duckdb.DuckDBPyConnection, contract: TableContract, relation: object) -> None:
    """Copy of an input what is read, once: it may be a dataset on S3, and several statements scan it."""
    columns = ", ".join(columns_read(contract))
    if not columns:
        return
    con.register("incoming", relation)
    run(con, f"create or replace temp table {contract.name} as select {columns} from incoming")
    con.unregister("incoming")


def _register_label_groups(con: duckdb.DuckDBPyConnection, groups: tuple[LabelGroup, ...]) -> None:
    patterns = {
        "position": pa.array(range(len(groups)), pa.int64()),
        "label_group": pa.array([group.name for group in groups], pa.string()),
        "pattern": pa.array([group.pattern for group in groups], pa.string()),
    }
    con.register("label_group_pattern", pa.table(patterns))
