"""One merge of new bronze batches into the stored silver tables of one repository.

Only what the new batches touch is parsed and computed; every other row is carried over as stored, and a table
in which nothing changed is not made at all. What the rows mean stands in `sql/silver/`. Reading bronze,
auditing and publishing are the callers'.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

import duckdb
import pyarrow as pa

from gitpulse_assets.catalog.subjects import COLLECTED, ENTITIES, MAKING, MERGED_TABLES
from gitpulse_assets.contracts.model import TableContract
from gitpulse_assets.contracts.stream import Entity, Merged
from gitpulse_assets.lake.duck import at_most_threads, run
from gitpulse_assets.transform.entities import statement
from gitpulse_assets.transform.files_in_turn import FilesInTurn
from gitpulse_assets.transform.ranged import (
    MadeTable,
    count_all,
    find_moved,
    in_ranges,
    know_all,
    touched_ranges,
)
from gitpulse_assets.transform.sql_file import load_sql, run_into

if TYPE_CHECKING:
    import pyarrow.dataset as ds

# Only the payloads are read from here on of what comes in pages.
READ_BY_FILE = tuple(
    table for table in COLLECTED if {"record_number", "payload_json"} <= set(table.column_names)
)

PARSING_THREADS = 2

# What says which issues a merge touches, and is made before any of their stored rows is read.
TELLING = ("issue_record", "timeline_record")

Input: TypeAlias = "ds.Dataset | pa.Table"
Inputs = Mapping[str, Input]
# Opens the stored tables of ranges, those parts that have the ranges of these first numbers.
OpenRanges = Callable[[frozenset[int]], Inputs]


def merge_silver(
    con: duckdb.DuckDBPyConnection,
    inputs: Inputs,
    run_ids: Sequence[str],
    *,
    open_ranges: OpenRanges | None = None,
    is_anew: bool = False,
) -> dict[str, MadeTable]:
    """Merge bronze batches, on a fresh connection; return for each table what became of it.

    `inputs` holds the stored tables as `stored_<table>` and the new batches as `bronze_<table>`; what is
    absent counts as empty. `run_ids` are the repository's runs in the manifest's order (those merged before
    may be among them). `open_ranges`: opens the stored tables of ranges, where those will do in which the
    issues lie that the batches tell of; of `inputs` there is `stored_issue_current` whole all the same.
    `is_anew`: every object of a table of ranges is written, changed or not.

    Afterwards each table is a relation of `con` under its contract's name and columns, a view of the stored
    one where nothing changed: the inputs must outlive it. Of a table of ranges it has the rows of those that
    were read. Raises ValueError for a batch of a run that `run_ids` does not name.
    """
    _register(con, inputs, run_ids)
    know_all(con)
    read = None
    # Each further thread that parses payloads would hold another 100 MB and more.
    with at_most_threads(con, PARSING_THREADS):
        for step in dict.fromkeys((*TELLING, *(step for entity in ENTITIES for step in entity.steps))):
            run_into(con, step, statement(step))
            if open_ranges and step == TELLING[-1]:
                read = touched_ranges(con)
                inputs = {**inputs, **open_ranges(read)}
                _register_stored(con, inputs)
    changed = {merged.contract.name: _made(con, entity, merged, inputs) for entity, merged in MAKING}
    count_all(con, read)
    find_moved(con)
    return {
        merged.contract.name: in_ranges(con, merged, is_anew=is_anew, read=read)
        if merged.contract.is_ranged
        else MadeTable(changed[merged.contract.name])
        for _, merged in MAKING
    }


def _made(con: duckdb.DuckDBPyConnection, entity: Entity | None, merged: Merged, inputs: Inputs) -> bool:
    """Make one table, and what it needs before; return whether it changed."""
    for name in merged.before:
        run_into(con, name, statement(name))
    is_stored = _has_rows(inputs.get(f"stored_{merged.contract.name}"))
    return _merge_table(con, merged, entity.key if entity else "", is_stored)


def is_news(con: duckdb.DuckDBPyConnection, entity: Entity, inputs: Inputs, run_ids: Sequence[str]) -> bool:
    """Say whether received records of an entity that names its `news` tell anything that is not stored of it.

    On a fresh connection; the inputs are those of `merge_silver` that are the entity's.
    """
    _register(con, inputs, run_ids)
    for step in entity.steps:
        run_into(con, step, statement(step))
    return bool(con.execute(load_sql("silver", entity.news)).fetchall())


def _register(con: duckdb.DuckDBPyConnection, inputs: Inputs, run_ids: Sequence[str]) -> None:
    import pyarrow.dataset as ds

    order = {
        "run_id": pa.array(run_ids, pa.string()),
        "run_sequence": pa.array(range(len(run_ids)), pa.int64()),
    }
    con.register("run_order", pa.table(order))
    _register_stored(con, inputs)
    for contract in COLLECTED:
        name = f"bronze_{contract.name}"
        _register_table(con, contract, name, inputs.get(name))
    _refuse_unknown_runs(con)
    for contract in READ_BY_FILE:
        name = f"bronze_{contract.name}"
        if isinstance(source := inputs.get(name), ds.FileSystemDataset):
            con.register(name, FilesInTurn(source))


def _register_stored(con: duckdb.DuckDBPyConnection, inputs: Inputs) -> None:
    for contract in MERGED_TABLES:
        name = f"stored_{contract.name}"
        _register_table(con, contract, name, inputs.get(name))


def _refuse_unknown_runs(con: duckdb.DuckDBPyConnection) -> None:
    names = [f"bronze_{contract.name}" for contract in COLLECTED]
    runs = " union all ".join(f"select '{name}' as name, run_id from {name}" for name in names)
    found = run(con, f"select distinct name, run_id from ({runs}) anti join run_order using (run_id)")
    if unknown := sorted(found.fetchall()):
        told = ", ".join(f"{name} of {run_id}" for name, run_id in unknown)
        raise ValueError(f"batches of runs that run_ids does not name: {told}")


def _register_table(
    con: duckdb.DuckDBPyConnection, contract: TableContract, name: str, source: "Input | None"
) -> None:
    """Register an input; one that is absent has no rows, columns that it lacks are null."""
    empty = contract.arrow_schema.empty_table()
    if source is None or set(contract.column_names) <= set(source.schema.names):
        con.register(name, empty if source is None else source)
        return
    con.register(f"{name}_received", source)
    con.register(f"{name}_empty", empty)
    filled = f"from {name}_received union all by name from {name}_empty"
    con.execute(f"create or replace temp view {name} as {filled}")


def _has_rows(source: "Input | None") -> bool:
    """Whether an input has any row, by what its files say of themselves."""
    if source is None:
        return False
    return (source.num_rows if isinstance(source, pa.Table) else source.count_rows()) > 0


def _merge_table(con: duckdb.DuckDBPyConnection, merged: Merged, key: str, is_stored: bool) -> bool:
    """Make one table from its delta and the stored rows outside the scope; return whether it changed.

    `is_stored`: whether it has stored rows; else there is nothing to compare with or to carry over.
    """
    contract, scope = merged.contract, merged.scope
    name, columns = contract.name, ", ".join(contract.column_names)
    kind = "view" if merged.told_by else "table"
    made = run(con, f"create or replace temp {kind} {name}_delta as {statement(name)}").fetchall()
    inside = f"semi join {scope} using ({key})" if scope else ""
    if _is_same(con, merged, f"stored_{name} {inside}") if is_stored else _is_empty(con, name, made):
        run(con, f"create or replace temp view {name} as select {columns} from stored_{name}")
        return False
    is_carried = scope is not None and is_stored
    carried = f"select {columns} from stored_{name} anti join {scope} using ({key}) union all"
    kind = "table" if is_carried and not merged.told_by else "view"
    run(
        con,
        f"create or replace temp {kind} {name} as {carried if is_carried else ''} "
        f"select {columns} from {name}_delta",
    )
    return True


def _is_empty(con: duckdb.DuckDBPyConnection, name: str, made: list[tuple[int]]) -> bool:
    """Say whether a table's delta has no row; `made` counts them where it was made a table."""
    return (made or run(con, f"select count(*) from {name}_delta").fetchall()) == [(0,)]


def _is_same(con: duckdb.DuckDBPyConnection, merged: Merged, stored: str) -> bool:
    """Say whether a table's delta has the stored rows, by their number and an order-free hash of them."""
    contract = merged.contract
    columns = ", ".join(name for name in contract.column_names if name not in merged.told_by)
    fingerprint = f"select (count(*), sum(hash({columns})::hugeint)) as rows from"
    return run(
        con,
        f"select one.rows is not distinct from other.rows from ({fingerprint} {contract.name}_delta) as one, "
        f"({fingerprint} {stored}) as other",
    ).fetchall() == [(True,)]
