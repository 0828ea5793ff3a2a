"""A small hand-written repository in silver's form, and the gold made from it.

`Silver` keeps state, ledger and labels in step, so that a test says only what happened to which issue.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from gitpulse_assets.checks.semantic import GOLD_CHECKS, SILVER_CHECKS, SYNC_STATE_CHECKS
from gitpulse_assets.contracts.silver import ISSUE_EVENT, LEDGER_ENTRIES
from gitpulse_assets.lake.duck import connect
from gitpulse_assets.transform.audit import audit_sql
from gitpulse_assets.transform.gold import INPUTS, GoldParameters, build_gold

DEPARTING = ("converted", "transferred_out", "deleted")
SCHEMAS = {contract.name: contract.arrow_schema for contract in INPUTS}


def utc(time: str | datetime) -> datetime:
    """A UTC time from `2024-01-31` or `2024-01-31 23:59`; a datetime stays as it is."""
    return datetime.fromisoformat(time).replace(tzinfo=UTC) if isinstance(time, str) else time


@dataclass
class Silver:
    """Silver rows of one repository, added issue by issue."""

    repo_name: str = "rocket"
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: {name: [] for name in SCHEMAS})
    made: dict[str, pa.Table] | None = None

    def issue(self, number: int, *history: tuple[str, str | datetime], **fields: Any) -> "Silver":
        """Add issue `number` (id 1000 + number) with its ledger, `("opened", "2024-01-01")` and so on.

        `labels` (name or (id, name)) and `assignees` (logins) go to their tables, the rest to issue_current.
        """
        moves = [(kind, utc(when)) for kind, when in history]
        for position, (kind, when) in enumerate(moves, start=1):
            delta = 1 if kind in LEDGER_ENTRIES else -1
            moved = {"transition_number": position, "transitioned_at": when, "kind": kind, "delta": delta}
            self._add("issue_transitions", number, moved)
        for label in fields.pop("labels", ()):
            label_id, name = label if isinstance(label, tuple) else (sum(label.encode()), label)
            self._add("issue_labels", number, {"label_id": label_id, "label_name": name})
        for user_id, login in enumerate(fields.pop("assignees", ())):
            self._add("issue_assignees", number, {"user_id": user_id, "user_login": login})
        times = {name: utc(value) for name, value in fields.items() if name.endswith("_at") and value}
        self._add("issue_current", number, {**_state(moves), **fields, **times})
        return self

    def _add(self, table: str, number: int, fields: dict[str, Any]) -> None:
        key = {"repo_owner": "acme", "repo_name": self.repo_name, "issue_id": 1000 + number}
        self.rows[table].append({**key, "issue_number": number, **fields})

    def tables(self) -> dict[str, pa.Table]:
        """The tables `made` elsewhere, else those of the rows."""
        if self.made is not None:
            return self.made
        repository = {"repo_owner": "acme", "repo_name": self.repo_name}
        rows = {**self.rows, "repository": [repository]}
        return {
            name: pa.table({c: [row.get(c) for row in rows[name]] for c in schema.names}, schema)
            for name, schema in SCHEMAS.items()
        }


def _state(moves: list[tuple[str, datetime]]) -> dict[str, Any]:
    first = moves[0][1] if moves else utc("2024-01-01")
    kind, when = moves[-1] if moves else ("closed", first)
    return {
        "state": "closed" if kind == "closed" else "open",
        "is_pull_request": False,
        "created_at": first,
        "updated_at": when,
        "closed_at": when if kind == "closed" else None,
        "departed_at": when if kind in DEPARTING else None,
        "departure_kind": kind if kind in DEPARTING else None,
        "run_id": "run-1",
        "page_number": 1,
        "fetched_at": when,
    }


@dataclass(frozen=True)
class Gold:
    """The connection that holds gold's tables and the inputs they were made from."""

    con: duckdb.DuckDBPyConnection

    def rows(self, query: str) -> list[dict[str, Any]]:
        return self.con.sql(query).to_arrow_table().to_pylist()

    def column(self, query: str) -> list[Any]:
        return [row[0] for row in self.con.execute(query).fetchall()]


def broken_rows(gold: Gold, check: str, as_of: str | datetime) -> list[dict[str, Any]]:
    """The rows `sql/checks/<check>.sql` finds, up to the audit's sample."""
    broken_count, sample = audit_sql(gold.con, check, {"as_of_at": utc(as_of)})
    assert (broken_count > 0) == (len(sample) > 0)
    return list(sample)


@pytest.fixture(scope="module")
def make_gold() -> Iterator[Callable[..., Gold]]:
    """`make_gold(silver, "2024-02-01 12:00")`: gold as of that UTC time; the one made before is closed."""
    latest: list[duckdb.DuckDBPyConnection] = []

    def make(silver: Silver, as_of: str | datetime, time_zone: str = "UTC", **parameters: Any) -> Gold:
        while latest:
            latest.pop().close()
        con = connect()
        latest.append(con)
        con.execute(f"set TimeZone = '{time_zone}'")
        build_gold(con, silver.tables(), GoldParameters(utc(as_of), **parameters))
        # Silver's own checks read columns that no mart does.
        for name, table in silver.tables().items():
            con.register("whole", table)
            con.execute(f"create or replace temp table {name} as from whole")
        con.register("no_event", ISSUE_EVENT.arrow_schema.empty_table())
        con.execute("create temp table issue_event as from no_event")
        return Gold(con)

    yield make
    while latest:
        latest.pop().close()


@pytest.fixture(scope="module")
def check() -> Callable[[Gold, str, str], list[dict[str, Any]]]:
    """`check(gold, name, as_of)`: the rows that break it."""
    return broken_rows


@pytest.fixture(scope="session")
def every_check() -> tuple[str, ...]:
    """Every check that a refresh makes of silver, of the sync state and of gold."""
    checks = (*SILVER_CHECKS, *SYNC_STATE_CHECKS, *GOLD_CHECKS)
    return tuple(check.name for check in checks)


@pytest.fixture(scope="module")
def new_silver() -> Callable[..., Silver]:
    """`new_silver()`: an empty repository."""
    return Silver


@pytest.fixture
def silver(new_silver: Callable[..., Silver]) -> Silver:
    """An empty repository."""
    return new_silver()


@pytest.fixture
def at() -> Callable[[str | datetime], datetime]:
    """`at("2024-01-31 23:59")`: that UTC time."""
    return utc


@pytest.fixture
def damaged() -> Iterator[Callable[[Gold, str], Gold]]:
    """`damaged(gold, statement)`: gold after the statement, until the test ends."""
    touched: list[Gold] = []

    def damage(gold: Gold, statement: str) -> Gold:
        if gold not in touched:
            touched.append(gold)
            gold.con.begin()
        gold.con.execute(statement)
        return gold

    yield damage
    for gold in touched:
        gold.con.rollback()
