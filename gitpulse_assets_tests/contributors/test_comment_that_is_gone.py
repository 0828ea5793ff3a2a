"""A comment that a list still has and its whole conversation lacks was deleted, unless it came meanwhile."""

from datetime import UTC, datetime, timedelta

import pytest

from gitpulse_assets.contracts.contributors import ISSUE_COMMENT
from gitpulse_assets.lake.duck import connect
from gitpulse_assets.transform.sql_file import load_sql

READ_AT = datetime(2026, 6, 30, 12, tzinfo=UTC)
RECORDS = """
    create temp table issue_comment_record as
    select
        * exclude (author_login, author_id, author_type),
        {login: author_login, id: author_id, type: author_type} as author, null::varchar as rule,
        1::bigint as run_sequence, 1::integer as page_number, 1::integer as record_number
    from received
"""
OTHERS = """
    create temp table stored_issue_comment as from received where false;
    create temp table touched_comment as select 1::bigint as comment_id;
    create temp table conversation_event as select 2::bigint as comment_id, 'commented' as event_type;
    create temp table bronze_comment_gone as
    select 2::bigint as comment_id, 'issue_comment' as list_name, now() as fetched_at
"""
THREAD = """
    create temp table conversation_thread as
    select 7::bigint as thread_number, true as is_complete, $1::timestamptz as fetched_at,
        $1::timestamptz as first_sync_at
"""


@pytest.mark.parametrize(("age", "kept"), [(59, [1]), (60, [1]), (61, [])])
def test_a_comment_of_the_minute_in_which_its_thread_was_read_is_not_taken_for_deleted(age, kept):
    written_at = READ_AT - timedelta(seconds=age)
    row = {"repo_owner": "acme", "repo_name": "rocket", "comment_id": 1, "thread_number": 7,
           "created_at": written_at, "updated_at": written_at, "fetched_at": READ_AT}  # fmt: skip
    schema = ISSUE_COMMENT.arrow_schema
    with connect() as con:
        con.register("received", schema.empty_table().from_pylist([row], schema))
        for statement in (RECORDS, *OTHERS.split(";")):
            con.execute(statement)
        con.execute(THREAD, [READ_AT])
        found = con.execute(f"select comment_id from ({load_sql('silver', 'issue_comment')})").fetchall()
    assert [comment_id for (comment_id,) in found] == kept
