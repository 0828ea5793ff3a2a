"""Audit, then publish: what every step does between computing its tables and putting them in place."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import duckdb
import pyarrow as pa

from gitpulse_assets.checks.result import CheckResult, contract_result
from gitpulse_assets.checks.semantic import SemanticCheck, semantic_result
from gitpulse_assets.contracts.model import TableContract
from gitpulse_assets.lake.duck import rows_of
from gitpulse_assets.lake.publication import Publication, StagedTable
from gitpulse_assets.transform.audit import audit_table

ROWS_A_BATCH = 2_048


@dataclass(frozen=True)
class Made:
    """What a step made: the results of its checks, and its tables, sealed and ready to be promoted in order.

    `summary`: what it counted, by the table that shows it and by name.
    """

    checks: list[CheckResult]
    tables: list[StagedTable]
    summary: Mapping[str, Mapping[str, int | str]] = field(default_factory=dict)

    def publish(self) -> None:
        """Put every table in its place; the last one commits the merge."""
        for table in self.tables:
            table.publication.promote(table)


def audited(
    con: duckdb.DuckDBPyConnection,
    tables: Sequence[TableContract],
    checks: Sequence[SemanticCheck],
    parameters: Mapping[str, object] | None = None,
) -> list[CheckResult]:
    """Evaluate every check on the computed tables, the contracts' first."""
    results = [contract_result(table, audit_table(con, table, table.name)) for table in tables]
    return results + [semantic_result(con, check, parameters or {}) for check in checks]


def stage(
    con: duckdb.DuckDBPyConnection,
    publication: Publication,
    tables: Sequence[TableContract],
    unchanged: Collection[str] = (),
) -> list[StagedTable]:
    """Stage the computed tables in their stored order; those named as unchanged stay as they are."""
    return [
        publication.keep(table) if table.name in unchanged else publication.stage(table, ordered(con, table))
        for table in tables
    ]


def ordered(con: duckdb.DuckDBPyConnection, table: TableContract) -> pa.RecordBatchReader:
    """Read a computed table in the contract's columns and order, a batch at a time."""
    columns = ", ".join(f'"{name}"' for name in table.column_names)
    order = ", ".join(f'"{name}"' for name in table.order_by)
    rows = rows_of(con, f'select {columns} from "{table.name}" order by {order}')
    return rows.to_arrow_reader(ROWS_A_BATCH)
