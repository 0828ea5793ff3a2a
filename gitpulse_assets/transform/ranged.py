"""Which objects of the tables of ranges a merge reads and writes, and the rows that come into each.

A row is in the range of its issue's number in `issue_current`, in every table, and whatever happens to an
issue happens to its own rows: a merge that knows which issues it touches needs no row of another range.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import duckdb

from gitpulse_assets.contracts.model import TableContract
from gitpulse_assets.contracts.silver import ISSUE_CURRENT
from gitpulse_assets.contracts.stream import Merged
from gitpulse_assets.lake.duck import run
from gitpulse_assets.lake.ranges import UNNUMBERED, first_number_sql
from gitpulse_assets.transform.sql_file import run_into

FIRST_NUMBER = "first_number"
# The rows of a table that are written, with the range of each.
WRITTEN = "written_row"
# What counts issues, and where each lay before the merge: of all there are, whatever a merge reads else.
KNOWN = "known_issue"
# The same behind the merge: of the ranges that it read, and of the others.
ALL_ISSUES = "all_issue"
COUNTED = "state, departed_at, is_pull_request, fetched_at"


@dataclass(frozen=True)
class MadeTable:
    """A table of a merge: whether any of its objects is written.

    `first_numbers`: of a table of ranges those that are written, by their first number; None: all. `read`: of
    which the relation has the rows; None: of all. `relation`: where its rows are, if not in that of its name.
    `made_from`: of all that a range's rows follow from, by its first number; what the commit says of it.
    """

    is_changed: bool
    first_numbers: frozenset[int] | None = None
    read: frozenset[int] | None = None
    relation: str = ""
    made_from: Mapping[int, str] = field(default_factory=dict[int, str])


def know_all(con: duckdb.DuckDBPyConnection) -> None:
    """Make KNOWN of the stored issues."""
    run_into(con, KNOWN, f"select issue_id, issue_number, {COUNTED} from stored_{ISSUE_CURRENT.name}")


def touched_ranges(con: duckdb.DuckDBPyConnection) -> frozenset[int]:
    """The ranges in which the issues lie, or will, of which records and lifecycles came.

    By the numbers that they had and that they are told with; always UNNUMBERED, where rows lie of issues
    that come by their number, or without one.
    """
    told = "select issue_id, issue_number from %s"
    record, timeline = told % "issue_record where rule is null", told % "timeline_record"
    numbers = f"""
        with told as ({record} union all {timeline})
        select issue_number from told
        union all
        select issue_number from {KNOWN} semi join told using (issue_id)
    """
    found = run(
        con,
        f"select distinct {first_number_sql('issue_number')} from ({numbers}) as number "
        "where issue_number is not null",
    )
    return frozenset(first for (first,) in found.fetchall()) | {UNNUMBERED}


def count_all(con: duckdb.DuckDBPyConnection, read: Collection[int] | None) -> None:
    """Have ALL_ISSUES be what counts issues: the merged ones, and those of the ranges that were not read."""
    others = (
        "false" if read is None else f"not list_contains({sorted(read)}, {first_number_sql('issue_number')})"
    )
    run(
        con,
        f"create or replace temp view {ALL_ISSUES} as select {COUNTED} from {ISSUE_CURRENT.name} "
        f"union all select {COUNTED} from {KNOWN} where {others}",
    )


def find_moved(con: duckdb.DuckDBPyConnection) -> None:
    """Make `moved_issue` of those that lie in another range than before, or in one for the first time."""
    before, now = (first_number_sql(f"{name}.issue_number") for name in ("before", "now"))
    run_into(
        con,
        "moved_issue",
        f"select issue_id from {ISSUE_CURRENT.name} as now left join {KNOWN} as before using (issue_id) "
        f"where {before} <> {now}",
    )


def in_ranges(
    con: duckdb.DuckDBPyConnection, merged: Merged, *, is_anew: bool, read: frozenset[int] | None
) -> MadeTable:
    """Which ranges of a table are written; `is_anew`: all."""
    first_numbers = None if is_anew else _written(con, merged)
    return MadeTable(is_anew or bool(first_numbers), first_numbers, read)


def _written(con: duckdb.DuckDBPyConnection, merged: Merged) -> frozenset[int]:
    """The ranges where rows of a table came, changed or went."""
    name = merged.contract.name
    touched = f"{_changed(merged)} union select issue_id from moved_issue semi join {name} using (issue_id)"
    sides = " union ".join(
        f"select {first_number_sql('issue.issue_number')} "
        f"from (from touched semi join {rows} using (issue_id)) as had "
        f"left join {side} as issue using (issue_id)"
        for rows, side in ((f"stored_{name}", KNOWN), (name, ISSUE_CURRENT.name))
    )
    return frozenset(first for (first,) in run(con, f"with touched as ({touched}) {sides}").fetchall())


def _changed(merged: Merged) -> str:
    """The SQL of the issues whose rows the delta has otherwise than they are stored, in whatever order."""
    name = merged.contract.name
    columns = ", ".join(c for c in merged.contract.column_names if c not in merged.told_by)
    delta, stored = (
        f"select issue_id, {sign} * hash({columns})::hugeint as row_hash, {sign} as row_count from {rows}"
        for sign, rows in (
            (1, f"{name}_delta"),
            (-1, f"stored_{name} semi join {merged.scope} using (issue_id)"),
        )
    )
    return (
        f"select issue_id from ({delta} union all {stored}) as side "
        "group by issue_id having sum(row_hash) <> 0 or sum(row_count) <> 0"
    )


def row_counts(con: duckdb.DuckDBPyConnection, rows: str) -> dict[int, int]:
    """How many rows of a table's relation lie in each range."""
    found = run(
        con,
        f"select {first_number_sql('issue.issue_number')}, count(*) from {rows} "
        f"left join {ISSUE_CURRENT.name} as issue using (issue_id) group by all",
    )
    return dict(found.fetchall())


def put_down(con: duckdb.DuckDBPyConnection, table: TableContract, rows: str) -> list[int]:
    """Make WRITTEN of a table's rows, with the range of each; return the first numbers, in order.

    Their ranges are looked up once they lie there, and each range is sorted alone: joined or sorted at once,
    the texts of a million issues are more than DuckDB may hold.
    """
    columns = ", ".join(table.column_names)
    run_into(con, WRITTEN, f"select {columns}, {UNNUMBERED}::bigint as {FIRST_NUMBER} from {rows}")
    number = first_number_sql("issue.issue_number")
    run(
        con,
        f"update {WRITTEN} set {FIRST_NUMBER} = {number} from {ISSUE_CURRENT.name} as issue "
        f"where {WRITTEN}.issue_id = issue.issue_id",
    )
    found = run(con, f"select distinct {FIRST_NUMBER} from {WRITTEN} order by 1").fetchall()
    return [first for (first,) in found]
