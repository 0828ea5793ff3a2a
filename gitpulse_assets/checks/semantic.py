"""The checks no single contract can say: what must hold between tables.

A check is a statement in `sql/checks/` that returns the rows that break it; its header says what it
proves. Rules about one table's own rows belong in its contract; marts and entities name their checks.
"""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import duckdb

from gitpulse_assets.catalog.subjects import MAKING
from gitpulse_assets.catalog.tables import MARTS
from gitpulse_assets.checks.result import SAMPLE_KEYS, CheckResult, shown
from gitpulse_assets.contracts import silver
from gitpulse_assets.contracts.model import TableContract
from gitpulse_assets.transform.audit import audit_sql
from gitpulse_assets.transform.sql_file import load_sql


@dataclass(frozen=True)
class SemanticCheck:
    """One statement of `sql/checks/` and the table whose check it is."""

    name: str
    table: TableContract
    is_blocking: bool = True
    beside: str = ""

    @property
    def description(self) -> str:
        """The comment at the head of the statement."""
        lines = itertools.takewhile(
            lambda line: line.startswith("--"), load_sql("checks", self.name).splitlines()
        )
        return " ".join(line.removeprefix("--").strip() for line in lines)


SILVER_CHECKS = tuple(
    SemanticCheck(check.name, merged.contract, check.is_blocking, check.beside)
    for _, merged in MAKING
    for check in merged.checks
)

SYNC_STATE_CHECKS = (
    SemanticCheck("sync_state_agrees", silver.SYNC_STATE),
    SemanticCheck("walk_is_recent", silver.SYNC_STATE, is_blocking=False),
)

GOLD_CHECKS = tuple(
    SemanticCheck(check.name, mart.contract, check.is_blocking, check.beside)
    for mart in MARTS
    for check in mart.checks
)


def semantic_result(
    con: duckdb.DuckDBPyConnection, check: SemanticCheck, parameters: Mapping[str, object]
) -> CheckResult:
    """Run the check's statement on the tables of this connection; no row means that it holds."""
    count, samples = audit_sql(con, check.name, parameters)
    metadata: dict[str, Any] = {"broken_count": count}
    if samples:
        metadata[SAMPLE_KEYS] = shown(samples)
    if check.beside:
        metadata |= told_beside(con, check.beside, parameters)
    return CheckResult(
        check.table,
        check.name,
        is_passed=not count,
        is_error=check.is_blocking,
        description=f"{count} rows break it. {check.description}" if count else check.description,
        metadata=metadata,
        is_blocking=check.is_blocking,
    )


def told_beside(
    con: duckdb.DuckDBPyConnection, name: str, parameters: Mapping[str, object]
) -> dict[str, Any]:
    """How many rows a statement names that a check says nothing of, and the first 20 of them."""
    count, samples = audit_sql(con, name, parameters)
    return {f"{name}/count": count, f"{name}/{SAMPLE_KEYS}": shown(samples)}
