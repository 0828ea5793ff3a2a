"""A lake in memory that is merged run by run, and the records GitHub would send."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from gitpulse_assets.catalog.subjects import COLLECTED, MERGED_TABLES
from gitpulse_assets.lake.duck import connect
from gitpulse_assets.transform.audit import audit_sql, audit_table
from gitpulse_assets.transform.silver import merge_silver
from gitpulse_assets_tests.unit.silver.stories import REGISTERED, Outcomes, play

Record = dict[str, Any]
Payload = Record | str

START = datetime(2024, 1, 1, tzinfo=UTC)
REPO = {"repo_owner": "acme", "repo_name": "rocket"}
PAGE_LENGTH = 100


def text_of(payload: Payload) -> str:
    return payload if isinstance(payload, str) else json.dumps(payload)


def make_issue(number: int = 1, /, **fields: Any) -> Record:
    """A record of the issue list as GitHub sends it; `fields` replace its own, `...` leaves a key out."""
    record = {
        "id": 1000 + number,
        "node_id": f"I_{number}",
        "number": number,
        "title": f"Issue {number}",
        "body": "Text",
        "user": {"login": "ada", "id": 1, "type": "User"},
        "labels": [],
        "state": "open",
        "state_reason": None,
        "locked": False,
        "active_lock_reason": None,
        "assignee": None,
        "assignees": [],
        "milestone": None,
        "comments": 0,
        "created_at": "2024-01-01T00:00:00Z",
        "updated_at": "2024-01-01T00:00:00Z",
        "closed_at": None,
        "author_association": "NONE",
        "html_url": f"https://github.com/acme/rocket/issues/{number}",
        **fields,
    }
    return {key: value for key, value in record.items() if value is not ...}


@dataclass
class Lake:
    """The stored silver tables, and the bronze of runs not merged yet."""

    con: duckdb.DuckDBPyConnection = field(default_factory=connect)
    stored: dict[str, pa.Table] = field(default_factory=dict)
    bronze: dict[str, list[Record]] = field(default_factory=dict)
    run_ids: list[str] = field(default_factory=list)
    counts: dict[tuple[str, str], int] = field(default_factory=dict)

    def run(
        self,
        *issues: Payload,
        at: str | datetime | Iterable[datetime] = START,
        run_id: str | None = None,
        timelines: Iterable[Record] = (),
        departures: Iterable[Record] = (),
        repository: Payload | None = None,
    ) -> "Lake":
        """Add a run that received these records, all at one time or each at its own."""
        run_id = run_id or f"run-{len(self.run_ids) + 1}"
        self.run_ids += [run_id] if run_id not in self.run_ids else []
        moment = as_time(at) if isinstance(at, str | datetime) else START
        times = [moment] * len(issues) if isinstance(at, str | datetime) else list(at)
        for payload, when in zip(issues, times, strict=True):
            known = payload if isinstance(payload, dict) and isinstance(payload.get("id"), int) else {}
            self._add("issues", run_id, when, issue_id=known.get("id"), payload_json=text_of(payload))
        for timeline in timelines:
            self._add(
                "issue_timeline", run_id, moment, **{"source": "graphql", "is_complete": True, **timeline}
            )
        for gone in departures:
            fixed = {"evidence": "nodes", "payload_json": "{}", "issue_number": gone["issue_id"] - 1000}
            self._add("departure", run_id, moment, **{**fixed, **gone})
        if repository is not None:
            self._add("repository", run_id, moment, payload_json=text_of(repository))
        return self

    def _add(self, table: str, run_id: str, fetched_at: datetime, **fields: Any) -> None:
        rows = self.bronze.setdefault(table, [])
        place = self.counts.get((table, run_id), 0)
        self.counts[table, run_id] = place + 1
        page = {"page_number": place // PAGE_LENGTH + 1, "record_number": place % PAGE_LENGTH + 1}
        rows.append({**REPO, "run_id": run_id, "fetched_at": fetched_at, **page, **fields})

    def merge(self) -> dict[str, bool]:
        """Merge all runs added since the last merge, store every table, and return what changed."""
        new = {
            f"bronze_{contract.name}": pa.Table.from_pylist(
                self.bronze.pop(contract.name, []), contract.arrow_schema
            )
            for contract in COLLECTED
        }
        self.con.close()
        self.con = connect()
        made = merge_silver(self.con, {**self.stored, **new}, self.run_ids)
        self.stored = {
            f"stored_{contract.name}": self.con.sql(f"select * from {contract.name}").to_arrow_table()
            for contract in MERGED_TABLES
        }
        return {name: one.is_changed for name, one in made.items()}

    def rows(self, table: str, *columns: str) -> list[Any]:
        """The rows of a merged table in its key's order: tuples of the columns, or one column's values."""
        contract = next(contract for contract in MERGED_TABLES if contract.name == table)
        chosen = columns or contract.column_names
        found = self.con.sql(
            f"select {', '.join(chosen)} from {table} order by {', '.join(contract.key)}"
        ).fetchall()
        if len(columns) == 1:
            return [row[0] for row in found]
        return found if columns else [dict(zip(chosen, row, strict=True)) for row in found]

    def issue(self, number: int = 1) -> Record:
        (row,) = [row for row in self.rows("issue_current") if row["issue_number"] == number]
        return row

    def ledger(self, number: int = 1) -> list[tuple[str, str]]:
        """The transitions of an issue as (kind, time)."""
        return self.ledgers().get(number, [])

    def ledgers(self) -> dict[int, list[tuple[str, str]]]:
        """The transitions of every issue that has any, by its number."""
        found: dict[int, list[tuple[str, str]]] = {}
        columns = ("issue_number", "kind", "transitioned_at")
        for number, kind, moment in self.rows("issue_transitions", *columns):
            found.setdefault(number, []).append((kind, moment.strftime("%Y-%m-%dT%H:%M:%SZ")))
        return found

    def broken_rules(self) -> list[str]:
        """The names of the contracts' rules and of the ledger's checks that the merged tables break."""
        audits = [audit_table(self.con, contract, contract.name) for contract in MERGED_TABLES]
        rules = [f"{audit.table_name}.{rule.name}" for audit in audits for rule in audit.broken]
        checks = (
            "ledger_alternates",
            "no_issue_open_before_arrival",
            "ledger_state_equals_snapshot",
            "no_orphan_labels",
            "no_orphan_assignees",
        )
        return rules + [check for check in checks if audit_sql(self.con, check)[0]]


def as_time(moment: str | datetime) -> datetime:
    return datetime.fromisoformat(moment) if isinstance(moment, str) else moment


def make_timeline(number: int, *events: tuple[str, str] | Record, **fields: Any) -> Record:
    """The timeline of an issue as GraphQL tells it; an event is (typename without Event, time) or a node."""
    nodes = []
    for place, event in enumerate(events):
        node = event if isinstance(event, dict) else {"__typename": f"{event[0]}Event", "createdAt": event[1]}
        nodes.append({"id": f"E_{number}_{node['createdAt']}_{place}", "actor": None, **node})
    payload = {
        "id": f"I_{number}",
        "databaseId": 1000 + number,
        "number": number,
        "timelineItems": {"nodes": nodes},
    }
    return {"issue_id": 1000 + number, "issue_number": number, "payload_json": json.dumps(payload), **fields}


def make_event(number: int, event: str, created_at: str, event_id: int = 1, **fields: Any) -> Record:
    """A REST issue event as it stands in bronze."""
    actor = {"login": "bob", "id": 2, "type": "User"}
    payload = {
        "id": event_id,
        "node_id": f"R_{event_id}",
        "event": event,
        "created_at": created_at,
        "actor": actor,
    }
    return {
        "issue_id": 1000 + number,
        "issue_number": number,
        "source": "rest_events",
        "payload_json": json.dumps({**payload, **fields}),
    }


@pytest.fixture
def new_lake() -> Iterator[Callable[[], Lake]]:
    """Makes empty lakes, for tests that need several."""
    made: list[Lake] = []

    def make() -> Lake:
        made.append(Lake())
        return made[-1]

    yield make
    for lake in made:
        lake.con.close()


@pytest.fixture
def lake(new_lake: Callable[[], Lake]) -> Lake:
    return new_lake()


@pytest.fixture(scope="session")
def load_lake() -> Callable[[], Lake]:
    """Makes an empty lake that its user closes, for fixtures of wider scope."""
    return Lake


@pytest.fixture(scope="module")
def outcomes(request: pytest.FixtureRequest, clock: Callable[[float], datetime]) -> Iterator[Outcomes]:
    """How the module's stories went, told together."""
    makers = {"issue": make_issue, "timeline": make_timeline, "event": make_event, "clock": clock}
    shared = Lake()
    yield play(REGISTERED[request.module.__name__], shared, makers)
    broken = shared.broken_rules()
    shared.con.close()
    assert broken == []


@pytest.fixture(scope="session")
def issue() -> Callable[..., Record]:
    return make_issue


@pytest.fixture(scope="session")
def timeline() -> Callable[..., Record]:
    return make_timeline


@pytest.fixture(scope="session")
def event() -> Callable[..., Record]:
    return make_event


@pytest.fixture(scope="session")
def clock() -> Callable[[float], datetime]:
    """The time so many hours after the start of the year."""
    return lambda hours: START + timedelta(hours=hours)
