"""The checks of the subject's silver tables hold on what a sandbox's people did, and notice each damage."""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from gitpulse_assets.catalog.subjects import MERGED_TABLES
from gitpulse_assets.checks.semantic import SILVER_CHECKS, semantic_result
from gitpulse_assets.lake.duck import connect
from gitpulse_assets.streams import conversations, pull_requests
from gitpulse_assets.transform.audit import audit_sql
from gitpulse_assets_tests.people.test_conversations import REPO, reader_of

DAMAGES = {
    "comments_held_equal_snapshot": (
        "delete from conversation_event where event_type = 'commented'",
        "update issue_current set comment_count = comment_count + 1",
    ),
    "pull_requests_equal_count": (
        "delete from pull_request_current where state = 'merged'",
        "update pull_request_current set state = 'closed' where state = 'open'",
        "update control_total set closed_pull_request_count = closed_pull_request_count + 1",
    ),
    "label_spans_do_not_overlap": (
        "insert into label_span select * replace (span_number + 1 as span_number) from label_span",
        "insert into label_span select * replace (span_number + 1 as span_number, "
        "from_at + interval 1 second as from_at) from label_span where to_at is null",
    ),
    "open_label_spans_equal_snapshot": (
        "delete from label_span where to_at is null",
        "update label_span set to_at = null",
        "delete from issue_labels",
        # By events alone: spans are made from the snapshot, so that they cannot differ from it.
        "delete from conversation_event where event_type = 'labeled'",
        "update conversation_event set label_id = -label_id",
        "update conversation_event set event_type = 'labeled' where event_type = 'unlabeled'",
    ),
}


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """The silver tables after one sync."""
    folder: Path = tmp_path_factory.mktemp("checks")
    reader = reader_of(folder / "lake", 2)
    reader.sync()
    with connect() as con:
        for table in MERGED_TABLES:
            con.register("stored", reader.lake.dataset(table, REPO))
            con.execute(f"create temp table {table.name} as from stored")
        yield con


@pytest.mark.parametrize("name", DAMAGES)
def test_a_check_holds_and_notices_each_damage(published: duckdb.DuckDBPyConnection, name: str):
    assert audit_sql(published, name, {}) == (0, ())
    for damage in DAMAGES[name]:
        published.execute("begin")
        published.execute(damage)
        assert audit_sql(published, name, {})[0], damage
        published.execute("rollback")


def test_threads_whose_comments_are_not_compared_are_named(published: duckdb.DuckDBPyConnection):
    (check,) = (one for one in SILVER_CHECKS if one.name == "comments_held_equal_snapshot")
    assert semantic_result(published, check, {}).metadata["comments_not_compared/count"] == 0
    numbers = {number for (number,) in published.sql("select issue_number from issue_current").fetchall()}
    published.execute("begin")
    published.execute("update conversation_thread set is_complete = false where thread_number = 1")
    published.execute("delete from conversation_thread where thread_number = 2")
    result = semantic_result(published, check, {})
    published.execute("rollback")
    named = {int(row["issue_number"]) for row in result.metadata["comments_not_compared/sample_keys"]}
    assert (result.is_passed, named) == (True, numbers & {1, 2})
    assert result.metadata["comments_not_compared/count"] == len(named) > 0


HIDDEN = """
    update control_total set
        merged_pull_request_count = merged_pull_request_count + 2,
        closed_pull_request_count = closed_pull_request_count + {closed},
        is_known_pull_request_difference = {is_known}
"""


@pytest.mark.parametrize(
    ("damage", "is_passed"),
    [
        (HIDDEN.format(closed=1, is_known=True), True),
        (HIDDEN.format(closed=1, is_known=False), False),
        # What is known to be hidden is no more than it was.
        (
            HIDDEN.format(closed=1, is_known=True)
            + "; delete from pull_request_current where state = 'merged'",
            False,
        ),
        (
            HIDDEN.format(closed=1, is_known=True)
            + "; delete from pull_request_current where state = 'open'",
            False,
        ),
    ],
)
def test_pull_requests_that_github_counts_and_hides_for_good_are_no_warning(
    published: duckdb.DuckDBPyConnection, damage: str, *, is_passed: bool
):
    published.execute("begin")
    published.execute(damage)
    found, _ = audit_sql(published, "pull_requests_equal_count", {})
    published.execute("rollback")
    assert (found == 0) == is_passed


def test_every_check_of_the_subjects_silver_is_damaged_here():
    entities = [*conversations.ENTITIES, *pull_requests.ENTITIES]
    declared = {check.name for entity in entities for merged in entity.tables for check in merged.checks}
    assert declared == set(DAMAGES)


@pytest.mark.parametrize(
    "untold",
    [
        pytest.param("delete from issue_labels where label_id = {0}", id="deleted from the repository"),
        pytest.param(
            "insert into issue_labels by name from (select distinct on (issue_id) * replace (9 as label_id) "
            "from issue_labels as shown where issue_id = (select min(issue_id) from conversation_thread)); "
            "update issue_current set created_at = '2001-01-01' where issue_id in "
            "(select issue_id from issue_labels where label_id = 9)",
            id="on before the first event",
        ),
    ],
)
def test_what_github_tells_by_no_event_is_no_warning(published: duckdb.DuckDBPyConnection, untold: str):
    ((label_id,),) = published.execute("select mode(label_id) from issue_labels").fetchall()
    published.execute("begin")
    published.execute(untold.format(label_id))
    published.execute("delete from label_span where to_at is null")
    published.execute(
        "insert into label_span by name "
        "select issue_id, label_id, null::timestamptz as to_at from issue_labels"
    )
    found = audit_sql(published, "open_label_spans_equal_snapshot", {})
    published.execute("rollback")
    assert found == (0, ())
