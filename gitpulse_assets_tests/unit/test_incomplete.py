"""What the verdict says it does not know."""

from collections.abc import Iterator
from datetime import UTC, datetime

import duckdb
import pyarrow as pa
import pytest

from gitpulse_assets.contracts.silver import CONTROL_TOTAL
from gitpulse_assets.lake.duck import connect
from gitpulse_assets.transform.incomplete import incomplete_slices

SNAPSHOT_ONLY = "history: snapshot only, earlier closings, reopenings and transfers are missing"


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with connect() as opened:
        opened.execute(
            "create temp table issue_current (issue_id bigint, issue_number bigint, is_pull_request boolean,"
            " departure_kind varchar, updated_at timestamptz, state varchar, departed_at timestamptz,"
            " fetched_at timestamptz, is_reason_told boolean)"
        )
        opened.execute(
            "create temp table lifecycle_coverage (issue_id bigint, lifecycle_updated_at timestamptz,"
            " is_complete boolean, left_out varchar[])"
        )
        opened.execute("create temp table quarantine (stream varchar)")
        opened.register("control_total", CONTROL_TOTAL.arrow_schema.empty_table())
        yield opened


def add_issue(
    con: duckdb.DuckDBPyConnection, issue_id: int, day: int, departure_kind: str | None = None
) -> None:
    at = f"2026-01-{day:02} 00:00:00+00"
    departed_at = at if departure_kind else None
    con.execute(
        "insert into issue_current values (?, ?, false, ?, ?, 'open', ?, ?, true)",
        [issue_id, issue_id, departure_kind, at, departed_at, at],
    )


def add_lifecycle(
    con: duckdb.DuckDBPyConnection, issue_id: int, day: int, *, is_complete: bool = True
) -> None:
    at = f"2026-01-{day:02} 00:00:00+00"
    con.execute("insert into lifecycle_coverage values (?, ?, ?, null)", [issue_id, at, is_complete])


def test_nothing_is_missing_where_every_lifecycle_is_as_new_as_its_record(con):
    add_issue(con, 1, day=2)
    add_lifecycle(con, 1, day=2)
    assert incomplete_slices(con) == []


def test_without_any_lifecycle_the_history_is_the_snapshots(con):
    add_issue(con, 1, day=2)
    assert incomplete_slices(con) == [SNAPSHOT_ONLY]


def test_an_empty_repository_misses_nothing(con):
    assert incomplete_slices(con) == []


def test_a_lifecycle_older_than_its_record_is_told(con):
    """As after a token was taken away: what moved the record is not known."""
    for issue_id in (1, 2):
        add_issue(con, issue_id, day=3)
    add_lifecycle(con, 1, day=3)
    add_lifecycle(con, 2, day=2)
    assert incomplete_slices(con) == ["1 issue whose lifecycle is not collected as far as its record"]


def test_cut_lifecycles_unexplained_departures_and_bad_records_are_told(con):
    add_issue(con, 1, day=2, departure_kind="unknown")
    add_lifecycle(con, 1, day=2, is_complete=False)
    con.execute("update lifecycle_coverage set left_out = ['stateReason', 'newerThanThis']")
    con.execute("insert into quarantine values ('issues'), ('issues')")
    assert incomplete_slices(con) == [
        "1 issue whose lifecycle GitHub did not give whole: #1",
        "1 issue that departed, nobody knows where to",
        "2 records that could not be read (see quarantine)",
        "1 issue of which the server is too old to tell newerThanThis",
        "1 issue of which the server is too old to tell why they were closed, beyond what their records say",
    ]


@pytest.mark.parametrize(
    ("has_pull_requests", "is_quiet", "told"),
    [
        (False, True, "why GitHub counts 1,204 open issues and we, also after walking its whole lists, 1"),
        (
            True,
            True,
            "why GitHub counts 1,204 open issues and pull requests and we, also after walking its whole "
            "lists, 1",
        ),
        (False, False, None),
    ],
)
def test_a_count_that_github_at_rest_contradicts_is_told(con, has_pull_requests, is_quiet, told):
    """Ours is what the merged table holds: here the collector had counted as GitHub did."""
    add_issue(con, 1, day=2)
    add_lifecycle(con, 1, day=2)
    row = {
        "repo_owner": "o",
        "repo_name": "n",
        "run_id": "r",
        "fetched_at": datetime(2026, 1, 3, tzinfo=UTC),
        "has_pull_requests": has_pull_requests,
        "open_count_before": 1204,
        "open_count_after": 1204,
        "is_quiet": is_quiet,
        "our_count": 1204,
    }
    con.register("control_total", pa.Table.from_pylist([row], CONTROL_TOTAL.arrow_schema))
    assert incomplete_slices(con) == ([told] if told else [])
