"""Audit, then publish: what every step does between computing its tables and putting them in place."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import duckdb
import pyarrow as pa

from gitpulse_assets.checks.result import CheckResult, contract_result
from gitpulse_assets.checks.semantic import SemanticCheck, semantic_result
from gitpulse_assets.contracts.model import TableContract
from gitpulse_assets.lake.duck import rows_of
from gitpulse_assets.lake.errors import LakeError
from gitpulse_assets.lake.parts import parts_of
from gitpulse_assets.lake.paths import WHOLE
from gitpulse_assets.lake.publication import Publication, StagedTable
from gitpulse_assets.lake.ranges import range_part
from gitpulse_assets.transform.audit import audit_table
from gitpulse_assets.transform.ranged import FIRST_NUMBER, WRITTEN, MadeTable, put_down, row_counts

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
    made: Mapping[str, MadeTable] = MappingProxyType({}),
) -> list[CheckResult]:
    """Evaluate every check on the computed tables, the contracts' first."""
    results = [contract_result(table, audit_table(con, table, relation(table, made))) for table in tables]
    return results + [semantic_result(con, check, parameters or {}) for check in checks]


def relation(table: TableContract, made: Mapping[str, MadeTable]) -> str:
    """Where the rows of a table are that a step made."""
    return (made[table.name].relation if table.name in made else "") or table.name


def stage(
    con: duckdb.DuckDBPyConnection,
    publication: Publication,
    tables: Sequence[TableContract],
    unchanged: Collection[str] = (),
    made: Mapping[str, MadeTable] = MappingProxyType({}),
) -> list[StagedTable]:
    """Stage the computed tables in their stored order; those named as unchanged stay as they are.

    Of a table of ranges those objects are staged that `made` says are written.
    """
    return [
        publication.keep(table) if table.name in unchanged else stage_changed(con, publication, table, made)
        for table in tables
    ]


def stage_changed(
    con: duckdb.DuckDBPyConnection,
    publication: Publication,
    table: TableContract,
    made: Mapping[str, MadeTable],
) -> StagedTable:
    """Stage a table, or those of its ranges that are written."""
    if table.is_ranged:
        return stage_ranges(con, publication, table, made[table.name])
    with ordered(con, table, table.name) as rows:
        return publication.stage(table, rows)


def stage_ranges(
    con: duckdb.DuckDBPyConnection, publication: Publication, table: TableContract, made: MadeTable
) -> StagedTable:
    """Stage an object of each range that is written; one without rows takes the place of one that stands.

    Raises LakeError where a row would be lost or doubled by that.
    """
    if made.first_numbers is None:
        replaced = publication.parts(table) | {WHOLE}
    else:
        refuse_misplaced(con, publication, table, made)
        replaced = parts_of(publication.previous, table).keys() & set(map(range_part, made.first_numbers))
    found = put_down(con, table, made.relation or table.name)
    written = (
        found if made.first_numbers is None else [first for first in found if first in made.first_numbers]
    )
    made_from = {range_part(first): told for first, told in made.made_from.items()}
    return publication.stage_parts(table, each_part(con, table, written, replaced), made_from)


def refuse_misplaced(
    con: duckdb.DuckDBPyConnection, publication: Publication, table: TableContract, made: MadeTable
) -> None:
    """Raise LakeError where ranges that stay have other rows than they are stored with.

    Then a row lies in an object of another range than its issue's number, or was not read.
    """
    standing = {part: one.row_count for part, one in parts_of(publication.previous, table).items()}
    written = set(map(range_part, made.first_numbers or ()))
    read = standing.keys() if made.read is None else set(map(range_part, made.read))
    stored = {part: count for part, count in standing.items() if part in read - written and count}
    counts = {
        range_part(first): count for first, count in row_counts(con, made.relation or table.name).items()
    }
    kept = {part: count for part, count in counts.items() if part not in written}
    if kept != stored or written & standing.keys() - read:
        raise LakeError(
            f"{publication.place}: rows of {table.name} lie in another object than that of their issue's "
            f"number; run gitpulse rebuild {publication.place}"
        )


def each_part(
    con: duckdb.DuckDBPyConnection,
    table: TableContract,
    first_numbers: Sequence[int],
    replaced: Collection[str],
) -> Iterator[tuple[str, pa.RecordBatchReader]]:
    """Name the part of each range that has rows, and each that is replaced although it has none."""
    for first_number in first_numbers:
        with ordered(con, table, f"{WRITTEN} where {FIRST_NUMBER} = {first_number}") as rows:
            yield range_part(first_number), rows
    for part in sorted(set(replaced) - set(map(range_part, first_numbers))):
        yield part, table.arrow_schema.empty_table().to_reader()


def ordered(con: duckdb.DuckDBPyConnection, table: TableContract, rows: str) -> pa.RecordBatchReader:
    """Read rows of a table in the contract's columns and order, a batch at a time."""
    columns = ", ".join(f'"{name}"' for name in table.column_names)
    order = ", ".join(f'"{name}"' for name in table.order_by)
    return rows_of(con, f"select {columns} from {rows} order by {order}").to_arrow_reader(ROWS_A_BATCH)
