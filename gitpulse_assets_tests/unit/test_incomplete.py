"""What the verdict says it does not know."""

from collections.abc import Iterator

import duckdb
import pytest

from gitpulse_assets.lake.duck import connect
from gitpulse_assets.transform.incomplete import incomplete_slices

SNAPSHOT_ONLY = "history: snapshot only, earlier closings and reopenings are missing"


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with connect() as opened:
        opened.execute(
            "create table issue_current (issue_id bigint, is_pull_request boolean, departure_kind varchar,"
            " updated_at timestamptz)"
        )
        opened.execute(
            "create table lifecycle_coverage (issue_id bigint, lifecycle_updated_at timestamptz,"
            " is_complete boolean)"
        )
        opened.execute("create table quarantine (stream varchar)")
        yield opened


def add_issue(
    con: duckdb.DuckDBPyConnection, issue_id: int, day: int, departure_kind: str | None = None
) -> None:
    at = f"2026-01-{day:02} 00:00:00+00"
    con.execute("insert into issue_current values (?, false, ?, ?)", [issue_id, departure_kind, at])


def add_lifecycle(
    con: duckdb.DuckDBPyConnection, issue_id: int, day: int, *, is_complete: bool = True
) -> None:
    at = f"2026-01-{day:02} 00:00:00+00"
    con.execute("insert into lifecycle_coverage values (?, ?, ?)", [issue_id, at, is_complete])


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
    con.execute("insert into quarantine values ('issues'), ('issues')")
    assert incomplete_slices(con) == [
        "1 issue whose lifecycle GitHub did not give whole",
        "1 issue that departed, nobody knows where to",
        "2 records that could not be read (see quarantine)",
    ]
