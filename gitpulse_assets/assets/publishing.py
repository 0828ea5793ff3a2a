"""Audit, then publish: what every step does between computing its tables and handing them to Dagster."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import dagster as dg
import duckdb
import pyarrow as pa

from gitpulse_assets.checks.semantic import SemanticCheck, semantic_result
from gitpulse_assets.checks.specs import blocking_failures, contract_result, refuse_to_publish
from gitpulse_assets.contracts.model import TableContract
from gitpulse_assets.transform.audit import audit_table

if TYPE_CHECKING:
    from gitpulse_assets.lake.publication import Publication, StagedTable

ROWS_A_BATCH = 2_048


def audited(
    con: duckdb.DuckDBPyConnection,
    tables: Sequence[TableContract],
    checks: Sequence[SemanticCheck],
    parameters: Mapping[str, object] | None = None,
) -> Iterator[dg.AssetCheckResult]:
    """Evaluate every check on the computed tables and yield the results.

    Raises dg.Failure at the end when a blocking one failed, so that nothing is published.
    """
    results = [contract_result(table, audit_table(con, table, table.name)) for table in tables]
    results += [semantic_result(con, check, parameters or {}) for check in checks]
    yield from results
    if failures := list(blocking_failures(results)):
        raise refuse_to_publish(failures)


def stage(
    con: duckdb.DuckDBPyConnection,
    publication: "Publication",
    tables: Sequence[TableContract],
    unchanged: Collection[str] = (),
) -> "list[StagedTable]":
    """Stage the computed tables in their stored order; those named as unchanged stay as they are."""
    return [
        publication.keep(table) if table.name in unchanged else publication.stage(table, ordered(con, table))
        for table in tables
    ]


def ordered(con: duckdb.DuckDBPyConnection, table: TableContract) -> pa.RecordBatchReader:
    """Read a computed table in the contract's columns and order, a batch at a time."""
    columns = ", ".join(f'"{name}"' for name in table.column_names)
    order = ", ".join(f'"{name}"' for name in table.order_by)
    return con.sql(f'select {columns} from "{table.name}" order by {order}').to_arrow_reader(ROWS_A_BATCH)
