"""Tables of every contract with a value of every type, written as the product writes them."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from gitpulse_assets.catalog.tables import CATALOG
from gitpulse_assets.contracts.model import TableContract
from gitpulse_assets.lake import paths
from gitpulse_assets.lake.parquet import write_parquet
from gitpulse_assets.marts.backlog_verdict import MART_BACKLOG_VERDICT
from gitpulse_assets.marts.issue_daily_flow import MART_ISSUE_DAILY_FLOW
from gitpulse_assets.repo import Repo

ROW_COUNT = 4
RUN = "run-1"
Row = dict[str, Any]
# How many rows of each repository: an empty table among them, and the names that readers stumble over.
PLAIN = {Repo("acme", "rocket"): ROW_COUNT, Repo("acme", "empty"): 0, Repo("zeta", "a.b"): 3}
DIGITS = {Repo("microsoft", "2048"): ROW_COUNT}
NULL = {Repo("acme", "null"): ROW_COUNT, Repo("acme", "rocket"): ROW_COUNT}
NAMED = (MART_ISSUE_DAILY_FLOW, MART_BACKLOG_VERDICT)
LAKES = {"plain": (CATALOG, PLAIN), "digits": (NAMED, DIGITS), "null": (NAMED, NULL)}
OLD, NEW = Repo("acme", "anvil"), Repo("acme", "rocket")


def value(kind: pa.DataType, number: int) -> Any:
    """A value of the type, another for each number; lists of 0 to 2 items."""
    if pa.types.is_list(kind):
        return [value(kind.value_type, number + item) for item in range(number % 3)]
    if pa.types.is_struct(kind):
        return {field.name: value(field.type, number) for field in kind}
    made = {
        pa.string(): f"text {number} ☃",
        pa.bool_(): number % 2 == 0,
        pa.date32(): date(2026, 1, 1) + timedelta(days=number),
        pa.float64(): number + 0.5,
        pa.timestamp("us", "UTC"): datetime(2026, 1, 1, 12, 0, 0, 123456, UTC) + timedelta(days=number),
    }
    return made.get(kind, number)


def rows(contract: TableContract, repo: Repo, count: int) -> list[Row]:
    """Rows of a table; in the last one everything is null that may be."""
    names = {"repo_owner": repo.owner, "repo_name": repo.name}
    return [
        {
            column.name: names[column.name]
            if column.name in names
            else None
            if column.nullable and number == count - 1
            else value(column.type, number)
            for column in contract.columns
        }
        for number in range(count)
    ]


def put(root: Path, contract: TableContract, repo: Repo, count: int) -> None:
    """Write the table of one repository where the lake has it."""
    is_batched = contract.layer == "bronze" and contract.name != "manifest"
    key = paths.batch_key(contract, repo, RUN, 1) if is_batched else paths.table_key(contract, repo)
    path = root / key
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pa.Table.from_pylist(rows(contract, repo, count), contract.arrow_schema)
    write_parquet(path, contract, table.to_batches(), table.schema, RUN)


def put_all(root: Path) -> None:
    """Write every lake, each below its name."""
    for name, (contracts, counts) in LAKES.items():
        for contract in contracts:
            for repo, count in counts.items():
                put(root / name, contract, repo, count)
    for contract in NAMED:
        put(root / "mixed", before(contract), OLD, ROW_COUNT)
        put(root / "mixed", contract, NEW, ROW_COUNT)


def before(contract: TableContract) -> TableContract:
    """The contract as it was when its last column was not there."""
    return replace(contract, columns=contract.columns[:-1])


def expected(contract: TableContract, counts: Mapping[Repo, int]) -> list[Row]:
    """All rows of a table in a lake."""
    return [row for repo, count in counts.items() for row in rows(contract, repo, count)]
