"""Counts the rows that break what a contract promises, or what a file of `sql/checks/` proves.

Says what is broken, not what follows from it: blocking, reporting and publishing are the callers'.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import duckdb

from gitpulse_assets.contracts.model import TableContract
from gitpulse_assets.lake.duck import run
from gitpulse_assets.transform.sql_file import create_table, load_sql, named

SAMPLE_COUNT = 20

Row = dict[str, Any]


@dataclass(frozen=True)
class RuleAudit:
    """How many rows break one rule, and up to 20 of them by their sample columns."""

    name: str
    description: str
    is_blocking: bool
    broken_count: int
    samples: tuple[Row, ...] = ()

    @property
    def is_kept(self) -> bool:
        """Whether no row breaks the rule."""
        return self.broken_count == 0


@dataclass(frozen=True)
class TableAudit:
    """What an audit of one table found: the number of its rows, and every rule of its contract."""

    table_name: str
    row_count: int
    rules: tuple[RuleAudit, ...]

    @property
    def is_passed(self) -> bool:
        """Whether no blocking rule is broken."""
        return all(rule.is_kept for rule in self.rules if rule.is_blocking)

    @property
    def broken(self) -> tuple[RuleAudit, ...]:
        """The rules that some row breaks."""
        return tuple(rule for rule in self.rules if not rule.is_kept)


@dataclass(frozen=True)
class _Promise:
    """`broken_when`: true for each row that breaks it; none where rows break it together."""

    name: str
    description: str
    is_blocking: bool
    counted: str
    sampled: str
    broken_when: str = ""


def audit_table(con: duckdb.DuckDBPyConnection, contract: TableContract, table_name: str) -> TableAudit:
    """Count the rows of a relation that break its contract; what breaks no rule is read once.

    Whether any row breaks any rule is asked first: to plan a count a rule costs DuckDB some ten times that.

    The rules are, in this order: `key_not_null`, `key_unique` (rows in excess), `<column>_not_null` for the
    further columns that may not be null, and the contract's own.
    """
    promises = _promises(contract, table_name)
    row_count, is_kept = _glance(con, contract, table_name, promises)
    counts = [0] * len(promises) if is_kept else _broken_counts(con, table_name, promises)
    rules = tuple(
        RuleAudit(p.name, p.description, p.is_blocking, count, _sample(con, p.sampled) if count else ())
        for p, count in zip(promises, counts, strict=True)
    )
    return TableAudit(contract.name, row_count, rules)


def audit_sql(
    con: duckdb.DuckDBPyConnection, name: str, parameters: Mapping[str, object] | None = None
) -> tuple[int, tuple[Row, ...]]:
    """Run `sql/checks/<name>.sql`; return how many rows it finds broken, and up to 20 of them."""
    # Nearly always there are none, and to count them is less work than to keep them.
    statement = load_sql("checks", name)
    asked = named(statement, parameters)
    if not run(con, f"select count(*) from ({statement}\n)", asked).fetchall()[0][0]:
        return 0, ()
    broken_count = create_table(con, "checks", name, asked)
    return broken_count, _sample(con, f'select * from "{name}"')


def _glance(
    con: duckdb.DuckDBPyConnection, contract: TableContract, table_name: str, promises: list[_Promise]
) -> tuple[int, bool]:
    """Count the rows, and say whether every promise is kept."""
    broken = " or ".join(f"({promise.broken_when})" for promise in promises if promise.broken_when)
    counts = f"count(*) filter (where {broken}), {_excess(contract)}"
    found = run(con, f"select count(*), {counts} from {table_name}").fetchall()[0]
    return found[0], found[1:] == (0, 0)


def _broken_counts(
    con: duckdb.DuckDBPyConnection, table_name: str, promises: list[_Promise]
) -> tuple[int, ...]:
    counts = ", ".join(promise.counted for promise in promises)
    return run(con, f"select {counts} from {table_name}").fetchall()[0]


def _excess(contract: TableContract) -> str:
    """How many rows have a key that another row has too, but for one of each."""
    return f"count(*) - count(distinct ({', '.join(contract.key)},))"


def _promises(contract: TableContract, table_name: str) -> list[_Promise]:
    sample = ", ".join(contract.sample or contract.key)

    def promise(name: str, broken_when: str, description: str, is_blocking: bool = True) -> _Promise:
        return _Promise(
            name,
            description,
            is_blocking,
            f"count(*) filter (where {broken_when})",
            f"select {sample} from {table_name} where {broken_when}",
            broken_when,
        )

    key = ", ".join(contract.key)
    one_null = " or ".join(f"{column} is null" for column in contract.key)
    required = [c for c in contract.columns if not c.nullable and c.name not in contract.key]
    return [
        promise("key_not_null", one_null, f"No row without its key ({key})."),
        _Promise(
            "key_unique",
            f"No two rows with the same key ({key}).",
            True,
            _excess(contract),
            f"select {key}, count(*) as row_count from {table_name} group by all having count(*) > 1",
        ),
        *(promise(f"{c.name}_not_null", f"{c.name} is null", f"{c.name} is never null.") for c in required),
        *(promise(r.name, r.broken_when, r.description, r.is_blocking) for r in contract.rules),
    ]


def _sample(con: duckdb.DuckDBPyConnection, rows: str) -> tuple[Row, ...]:
    found = run(con, f"select * from ({rows}) order by all limit {SAMPLE_COUNT}")
    names = [column[0] for column in found.description or ()]
    return tuple(dict(zip(names, row, strict=True)) for row in found.fetchall())
