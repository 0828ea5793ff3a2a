"""Holds the marts of a world against the oracle, cell by cell."""

import math
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any

import duckdb
import pyarrow as pa

from gitpulse_assets.lake.duck import connect
from gitpulse_assets.transform.contributors import build_conversations
from gitpulse_assets.watch.watch_list import RepoOptions
from gitpulse_assets_tests.contributors import oracle_people, oracle_pull_requests, oracle_threads
from gitpulse_assets_tests.contributors.silver_rows import silver_rows
from gitpulse_assets_tests.contributors.silver_schemas import SCHEMAS
from gitpulse_assets_tests.contributors.truth import World

Row = dict[str, Any]

# Which repository it is, a world does not say.
OF_REPOSITORY = {"repo_owner", "repo_name"}
NO_ORACLE, NO_MART = "the oracle has no such column", "the mart has no such column"

# Each mart with its oracle and what identifies a row.
ORACLES: dict[str, tuple[Callable[[World], list[Row]], tuple[str, ...]]] = {
    "mart_pull_request_lifecycle": (oracle_pull_requests.lifecycle, ("pull_request_number",)),
    "mart_pull_request_flow": (oracle_pull_requests.flow, ("flow_date",)),
    "mart_pull_request_monthly": (oracle_pull_requests.monthly, ("month",)),
    "mart_first_response": (oracle_threads.first_response, ("issue_number",)),
    "mart_first_response_monthly": (oracle_threads.first_response_monthly, ("month",)),
    "mart_time_in_label": (oracle_threads.time_in_label, ("issue_number", "label_id")),
    "mart_trending_issue": (oracle_threads.trending_issue, ("issue_number",)),
    "mart_trending_pull_request": (oracle_threads.trending_pull_request, ("pull_request_number",)),
    "mart_trending_closed_issue": (oracle_threads.trending_closed_issue, ("issue_number",)),
    "mart_pending_response": (oracle_threads.pending_response, ("issue_number",)),
    "mart_follow_up": (oracle_threads.follow_up, ("issue_number",)),
    "mart_contributor": (oracle_people.contributor, ("person_id",)),
    "mart_contributor_monthly": (oracle_people.contributor_monthly, ("month",)),
}


@dataclass
class Compared:
    """How many cells were compared; of each that differs: mart, row, column, what is, what should be."""

    cells: int = 0
    wrong: list[tuple[str, Any, str, Any, Any]] = field(default_factory=list)

    def add(self, other: "Compared") -> None:
        self.cells += other.cells
        self.wrong += other.wrong


def load(con: duckdb.DuckDBPyConnection, world: World) -> None:
    """Put the silver tables of a world on a connection."""
    rows = silver_rows(world)
    for name, schema in SCHEMAS.items():
        columns = {column: [row.get(column) for row in rows[name]] for column in schema.names}
        con.register("incoming", pa.table(columns, schema))
        con.execute(f"create or replace temp table {name} as from incoming")


def options_of(world: World) -> RepoOptions:
    return RepoOptions(
        bots=world.bots,
        waiting_labels=world.waiting_labels,
        time_zone=world.time_zone,
        holidays=world.calendar,
        response_days=world.response_days,
    )


def marts_of(world: World) -> dict[str, list[Row]]:
    """The rows of every mart by its name."""
    with connect() as con:
        load(con, world)
        build_conversations(con, world.as_of_at, options_of(world))
        return {name: con.table(name).to_arrow_table().to_pylist() for name in ORACLES}


def is_same(made: Any, true: Any) -> bool:
    if isinstance(made, float) and isinstance(true, int | float):
        return math.isclose(made, true, rel_tol=1e-9, abs_tol=1e-9)
    return type(made) is type(true) and made == true


def compared(
    name: str, made: list[Row], true: list[Row], key: tuple[str, ...] = (), untold: Collection[str] = ()
) -> Compared:
    """Every cell of the mart, and every row that one has and the other has not.

    A column that one of the two lacks is wrong, unless it is one of `untold`, which the oracle may leave out.
    """
    key = key or ORACLES[name][1]
    ours = {tuple(row[column] for column in key): row for row in made}
    theirs = {tuple(row[column] for column in key): row for row in true}
    found = Compared()
    if len(ours) != len(made):
        found.wrong.append((name, "rows", "key", len(made), len(ours)))
    for identity in sorted(ours.keys() | theirs.keys()):
        if identity not in ours or identity not in theirs:
            found.cells += 1
            found.wrong.append((name, identity, "row", identity in ours, identity in theirs))
            continue
        left_out = {column for column in untold if column not in theirs[identity]}
        told = ours[identity].keys() | theirs[identity].keys()
        for column in sorted(told - OF_REPOSITORY - left_out):
            made = ours[identity].get(column, NO_MART)
            value = theirs[identity].get(column, NO_ORACLE)
            found.cells += 1
            if not is_same(made, value):
                found.wrong.append((name, identity, column, made, value))
    return found


def judged(world: World) -> Compared:
    """All marts of a world against the oracle."""
    marts, result = marts_of(world), Compared()
    for name, (oracle, _) in ORACLES.items():
        result.add(compared(name, marts[name], oracle(world)))
    return result
