"""One merge of new bronze batches into the stored silver tables of one repository.

Only what the new batches touch is parsed and computed; every other row is carried over as stored, and a table
in which nothing changed is not made at all. What the rows mean stands in `sql/silver/`. Reading bronze,
auditing and publishing are the callers'.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

import duckdb
import pyarrow as pa

from gitpulse_assets.contracts.bronze import CONTROL_TOTAL as BRONZE_CONTROL_TOTAL
from gitpulse_assets.contracts.bronze import DEPARTURE, EVENT_WALK, ISSUE_TIMELINE, ISSUES
from gitpulse_assets.contracts.bronze import RECONCILIATION as BRONZE_RECONCILIATION
from gitpulse_assets.contracts.bronze import REPOSITORY as BRONZE_REPOSITORY
from gitpulse_assets.contracts.model import TableContract
from gitpulse_assets.contracts.silver import (
    CONTROL_TOTAL,
    ISSUE_ASSIGNEES,
    ISSUE_BODY,
    ISSUE_CURRENT,
    ISSUE_EVENT,
    ISSUE_LABELS,
    ISSUE_SIGHTING,
    ISSUE_TRANSITIONS,
    LIFECYCLE_COVERAGE,
    QUARANTINE,
    RECONCILIATION,
    REPOSITORY,
)
from gitpulse_assets.lake.duck import run
from gitpulse_assets.transform.file_stream import FileStream
from gitpulse_assets.transform.sql_file import create_table, load_sql

if TYPE_CHECKING:
    import pyarrow.dataset as ds

BRONZE_INPUTS: tuple[TableContract, ...] = (
    ISSUES,
    BRONZE_REPOSITORY,
    ISSUE_TIMELINE,
    EVENT_WALK,
    DEPARTURE,
    BRONZE_CONTROL_TOTAL,
    BRONZE_RECONCILIATION,
)

# What is made on the way, in this order.
STEPS = (
    "issue_record",
    "timeline_record",
    "departure_record",
    "event_record",
    "repository_record",
    "issue_winner",
    "touched_issue",
    "record_assignee",
)

# Only their payloads are read from here on.
READ_BY_FILE = (ISSUES, ISSUE_TIMELINE)

# The tables in the order they are made, each with the relation of the issues it is made anew for; the others'
# rows are carried over. None: the table is small and made anew whole.
MAKING: tuple[tuple[TableContract, str | None], ...] = (
    (REPOSITORY, None),
    (ISSUE_SIGHTING, "touched_issue"),
    (ISSUE_CURRENT, "touched_issue"),
    (ISSUE_BODY, "issue_winner"),
    (ISSUE_LABELS, "issue_winner"),
    (ISSUE_ASSIGNEES, "issue_winner"),
    (ISSUE_EVENT, "touched_issue"),
    (ISSUE_TRANSITIONS, "ledger_issue"),
    (QUARANTINE, None),
    (LIFECYCLE_COVERAGE, None),
    (CONTROL_TOTAL, None),
    (RECONCILIATION, None),
)

# What a merge publishes, each table behind those it is made from; the sync state moves in a step of its own.
MERGED_TABLES = tuple(contract for contract, _ in MAKING)

# What a table needs beside its inputs and the tables made before it.
STEP_BEFORE = {ISSUE_TRANSITIONS.name: "ledger_issue", RECONCILIATION.name: "repair"}

# A body is compared by its hash, and copied only once: when it is written.
NOT_COMPARED = frozenset({"body"})
NOT_COPIED = frozenset({ISSUE_BODY.name})

PARSING_THREADS = 2

Source: TypeAlias = "ds.Dataset | pa.Table"


def merge_silver(
    con: duckdb.DuckDBPyConnection, inputs: Mapping[str, Source], run_ids: Sequence[str]
) -> dict[str, bool]:
    """Merge bronze batches, on a fresh connection; return for each table whether it changed.

    `inputs` holds the stored tables as `stored_<table>` and the new batches as `bronze_<table>`; what is
    absent counts as empty. `run_ids` are the repository's runs in the manifest's order (those merged before
    may be among them). Afterwards each table is a relation of `con` under its contract's name and columns, a
    view of the stored one where nothing changed: the inputs must outlive it. Raises ValueError for a batch
    of a run that `run_ids` does not name.
    """
    _register(con, inputs, run_ids)
    # Each further thread that parses payloads would hold another 100 MB and more.
    con.execute(f"set threads = {PARSING_THREADS}")
    try:
        for step in STEPS:
            create_table(con, "silver", step)
    finally:
        con.execute("reset threads")
    changed: dict[str, bool] = {}
    for contract, scope in MAKING:
        if contract.name in STEP_BEFORE:
            create_table(con, "silver", STEP_BEFORE[contract.name])
        changed[contract.name] = _merge_table(con, contract, scope)
    return changed


def is_repository_news(
    con: duckdb.DuckDBPyConnection, stored: "Source", received: "Source", run_ids: Sequence[str]
) -> bool:
    """Say whether answers about the repository tell anything that is not stored of it.

    On a fresh connection; the sources are as in `merge_silver`.
    """
    _register(con, {"stored_repository": stored, "bronze_repository": received}, run_ids)
    create_table(con, "silver", "repository_record")
    return bool(con.execute(load_sql("silver", "repository_news")).fetchall())


def _register(con: duckdb.DuckDBPyConnection, inputs: Mapping[str, Source], run_ids: Sequence[str]) -> None:
    import pyarrow.dataset as ds

    order = {
        "run_id": pa.array(run_ids, pa.string()),
        "run_sequence": pa.array(range(len(run_ids)), pa.int64()),
    }
    con.register("run_order", pa.table(order))
    for contract in MERGED_TABLES:
        name = f"stored_{contract.name}"
        _register_table(con, contract, name, inputs.get(name))
    for contract in BRONZE_INPUTS:
        name = f"bronze_{contract.name}"
        _register_table(con, contract, name, inputs.get(name))
    _refuse_unknown_runs(con)
    for contract in READ_BY_FILE:
        name = f"bronze_{contract.name}"
        if isinstance(source := inputs.get(name), ds.FileSystemDataset):
            con.register(name, FileStream(source))


def _refuse_unknown_runs(con: duckdb.DuckDBPyConnection) -> None:
    names = [f"bronze_{contract.name}" for contract in BRONZE_INPUTS]
    runs = " union all ".join(f"select '{name}' as name, run_id from {name}" for name in names)
    found = run(con, f"select distinct name, run_id from ({runs}) anti join run_order using (run_id)")
    if unknown := sorted(found.fetchall()):
        told = ", ".join(f"{name} of {run_id}" for name, run_id in unknown)
        raise ValueError(f"batches of runs that run_ids does not name: {told}")


def _register_table(
    con: duckdb.DuckDBPyConnection, contract: TableContract, name: str, source: "Source | None"
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


def _merge_table(con: duckdb.DuckDBPyConnection, contract: TableContract, scope: str | None) -> bool:
    """Make one table from its delta and the stored rows outside the scope; return whether it changed."""
    name, columns = contract.name, ", ".join(contract.column_names)
    kind = "view" if name in NOT_COPIED else "table"
    run(con, f"create or replace temp {kind} {name}_delta as {load_sql('silver', name)}")
    inside = f"semi join {scope} using (issue_id)" if scope else ""
    if _is_same(con, contract, f"{name}_delta", f"stored_{name} {inside}"):
        run(con, f"create or replace temp view {name} as select {columns} from stored_{name}")
        return False
    is_carried = scope is not None and run(con, f"select 1 from stored_{name} limit 1").fetchall()
    carried = f"select {columns} from stored_{name} anti join {scope} using (issue_id) union all"
    kind = "table" if is_carried and name not in NOT_COPIED else "view"
    run(
        con,
        f"create or replace temp {kind} {name} as {carried if is_carried else ''} "
        f"select {columns} from {name}_delta",
    )
    return True


def _is_same(con: duckdb.DuckDBPyConnection, contract: TableContract, one: str, other: str) -> bool:
    """Say whether two relations have the same rows, by their number and an order-free hash of them."""
    columns = ", ".join(name for name in contract.column_names if name not in NOT_COMPARED)
    fingerprint = f"select (count(*), sum(hash({columns})::hugeint)) as rows from"
    return run(
        con,
        f"select one.rows is not distinct from other.rows from ({fingerprint} {one}) as one, "
        f"({fingerprint} {other}) as other",
    ).fetchall() == [(True,)]
