"""GitHub's count against the merged table: what is contradicted, and what is only shown with its reason."""

from collections.abc import Iterator
from datetime import UTC, datetime

import duckdb
import pyarrow as pa
import pytest

from gitpulse_assets.checks.control_total import control_total_result
from gitpulse_assets.contracts.silver import CONTROL_TOTAL
from gitpulse_assets.lake.duck import connect

COUNTED_AT = datetime(2026, 1, 3, tzinfo=UTC)
LATER = datetime(2026, 1, 4, tzinfo=UTC)


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    """One open issue, one that is closed, one that departed, and an open pull request."""
    with connect() as opened:
        opened.execute(
            "create temp table issue_current as select * from (values"
            " ('open', null, false, timestamptz '2026-01-02'), ('closed', null, false, '2026-01-02'),"
            " ('open', timestamptz '2026-01-02', false, '2026-01-01'), ('open', null, true, '2026-01-02')"
            ") as issue (state, departed_at, is_pull_request, fetched_at)"
        )
        yield opened


def count(
    con: duckdb.DuckDBPyConnection,
    before: int,
    after: int,
    *,
    is_quiet: bool = True,
    has_pull_requests: bool = False,
) -> None:
    """Let GitHub have counted so; the collector, before the merge, had counted the same."""
    row = {"repo_owner": "o", "repo_name": "n", "run_id": "r", "fetched_at": COUNTED_AT, "our_count": after}
    row |= {"open_count_before": before, "open_count_after": after}
    row |= {"is_quiet": is_quiet, "has_pull_requests": has_pull_requests}
    con.register("control_total", pa.Table.from_pylist([row], CONTROL_TOTAL.arrow_schema))


@pytest.mark.parametrize(
    ("before", "after", "is_quiet", "has_pull_requests", "is_passed", "reason"),
    [
        (1, 1, True, False, True, "equal"),
        (2, 2, True, True, True, "equal"),
        (5, 5, True, False, False, "GitHub at rest counts otherwise"),
        (1, 1, True, True, False, "GitHub at rest counts otherwise"),
        (4, 5, True, False, True, "GitHub's count changed during the walk"),
        (5, 5, False, False, True, "something was updated during the walk"),
    ],
)
def test_the_merged_table_is_what_github_is_held_against(
    con, before, after, is_quiet, has_pull_requests, is_passed, reason
):
    count(con, before, after, is_quiet=is_quiet, has_pull_requests=has_pull_requests)
    result = control_total_result(con)
    assert (result.is_passed, result.description) == (is_passed, reason)
    assert result.metadata["merged_count"] == 1 + has_pull_requests
    assert result.metadata["difference"] == 1 + has_pull_requests - after


def test_a_count_is_not_held_against_records_that_came_after_it(con):
    """As when a run died between its walk and its count, and silver alone was made again."""
    con.execute("insert into issue_current values ('open', null, false, ?)", [LATER])
    count(con, 1, 1)
    result = control_total_result(con)
    assert (result.is_passed, result.description) == (
        True,
        "GitHub was counted before the newest records came",
    )


def test_before_the_first_count_nothing_is_contradicted(con):
    con.register("control_total", CONTROL_TOTAL.arrow_schema.empty_table())
    result = control_total_result(con)
    assert (result.is_passed, result.description) == (True, "no walk was counted yet")
