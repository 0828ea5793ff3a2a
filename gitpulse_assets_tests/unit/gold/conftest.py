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

from gitpulse_assets.contracts.model import UTC_TIMESTAMP
from gitpulse_assets.lake.duck import connect
from gitpulse_assets.transform.gold import GoldParameters, build_gold
from gitpulse_assets.transform.sql_file import PARAMETER, load_sql

REPO = {"repo_owner": "acme", "repo_name": "rocket"}
REPO_FIELDS = [("repo_owner", pa.string()), ("repo_name", pa.string())]
ENTERING = ("opened", "reopened", "transferred_in", "returned")
DEPARTING = ("converted", "transferred_out", "deleted")

TEXT = (
    "issue_node_id",
    "title",
    "state",
    "state_reason",
    "active_lock_reason",
    "author_login",
    "author_type",
)
MORE_TEXT = ("author_association", "milestone_title", "issue_type", "closed_by_login", "html_url", "run_id")
TIMES = ("created_at", "updated_at", "closed_at", "departed_at", "fetched_at")
SCHEMAS = {
    "repository": pa.schema(REPO_FIELDS),
    "issue_current": pa.schema(
        REPO_FIELDS
        + [(name, pa.int64()) for name in ("issue_id", "issue_number", "author_id")]
        + [(name, pa.int64()) for name in ("assignee_count", "comment_count")]
        + [(name, pa.string()) for name in (*TEXT, *MORE_TEXT, "departure_kind", "departed_to")]
        + [(name, pa.bool_()) for name in ("is_locked", "is_pull_request")]
        + [(name, UTC_TIMESTAMP) for name in TIMES]
        + [("page_number", pa.int32())]
    ),
    "issue_labels": pa.schema(
        [*REPO_FIELDS, ("issue_id", pa.int64()), ("label_id", pa.int64()), ("label_name", pa.string())]
    ),
    "issue_assignees": pa.schema(
        [*REPO_FIELDS, ("issue_id", pa.int64()), ("user_id", pa.int64()), ("user_login", pa.string())]
    ),
    "issue_transitions": pa.schema(
        REPO_FIELDS
        + [(name, pa.int64()) for name in ("issue_id", "issue_number", "transition_number", "delta")]
        + [("transitioned_at", UTC_TIMESTAMP), ("kind", pa.string())]
    ),
}


def at(text: str) -> datetime:
    """A UTC time from `2024-01-31` or `2024-01-31 23:59`."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@dataclass
class Silver:
    """Silver rows of one repository, added issue by issue."""

    rows: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: {name: [] for name in SCHEMAS})

    def issue(self, number: int, *history: tuple[str, str | datetime], **fields: Any) -> "Silver":
        """Add issue `number` (id 1000 + number) with its ledger, `("opened", "2024-01-01")` and so on."""
        moves = [(kind, at(when) if isinstance(when, str) else when) for kind, when in history]
        for position, (kind, when) in enumerate(moves, start=1):
            self._add(
                "issue_transitions", number, transition_number=position, transitioned_at=when, kind=kind
            )
            self.rows["issue_transitions"][-1]["delta"] = 1 if kind in ENTERING else -1
        for name in fields.pop("labels", ()):
            self._add("issue_labels", number, label_id=abs(hash(name)) % 10**9 + 1, label_name=name)
        for login in fields.pop("assignees", ()):
            self._add("issue_assignees", number, user_id=len(login), user_login=login)
        self._add("issue_current", number, **{**_state(moves), "is_pull_request": False, **fields})
        return self

    def _add(self, table: str, number: int, **fields: Any) -> None:
        self.rows[table].append({**REPO, "issue_id": 1000 + number, "issue_number": number, **fields})

    def tables(self) -> dict[str, object]:
        self.rows["repository"] = [REPO]
        return {
            name: pa.Table.from_pylist(
                [{key: row.get(key) for key in SCHEMAS[name].names} for row in rows], schema=SCHEMAS[name]
            )
            for name, rows in self.rows.items()
        }


def _state(moves: list[tuple[str, datetime]]) -> dict[str, Any]:
    if not moves:
        return {"state": "closed", "created_at": at("2024-01-01"), "closed_at": at("2024-01-02")}
    kind, when = moves[-1]
    state: dict[str, Any] = {
        "state": "open",
        "created_at": moves[0][1],
        "updated_at": when,
        "fetched_at": when,
    }
    if kind == "closed":
        state |= {"state": "closed", "closed_at": when}
    if kind in DEPARTING:
        state |= {"departed_at": when, "departure_kind": kind}
    return state


@dataclass(frozen=True)
class Gold:
    """The connection that holds gold's tables and the inputs they were made from."""

    con: duckdb.DuckDBPyConnection

    def rows(self, query: str) -> list[dict[str, Any]]:
        return self.con.sql(query).to_arrow_table().to_pylist()

    def column(self, query: str) -> list[Any]:
        return [row[0] for row in self.con.execute(query).fetchall()]


def broken_rows(gold: Gold, check: str, as_of: str) -> list[dict[str, Any]]:
    """The rows `sql/checks/<check>.sql` finds."""
    statement = load_sql("checks", check)
    parameters = {"as_of_at": at(as_of)} if "as_of_at" in PARAMETER.findall(statement) else None
    return gold.con.sql(statement, params=parameters).to_arrow_table().to_pylist()


@pytest.fixture
def make_gold() -> Iterator[Callable[..., Gold]]:
    """`make_gold(silver, "2024-02-01 12:00")`: gold as of that UTC time."""
    opened: list[duckdb.DuckDBPyConnection] = []

    def make(silver: Silver, as_of: str | datetime, **parameters: Any) -> Gold:
        con = connect()
        opened.append(con)
        as_of_at = at(as_of) if isinstance(as_of, str) else as_of
        build_gold(con, silver.tables(), GoldParameters(as_of_at, **parameters))
        return Gold(con)

    yield make
    for con in opened:
        con.close()


@pytest.fixture
def check() -> Callable[[Gold, str, str], list[dict[str, Any]]]:
    """`check(gold, name, as_of)`: the rows that break it."""
    return broken_rows


@pytest.fixture
def silver() -> Silver:
    """An empty repository."""
    return Silver()
