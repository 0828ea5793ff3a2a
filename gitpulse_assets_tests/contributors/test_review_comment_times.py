"""When a comment on a line counts from, where no timeline tells its review."""

from datetime import UTC, datetime, timedelta

import pytest

from gitpulse_assets.contracts.contributors import REVIEW_COMMENT
from gitpulse_assets.lake.duck import connect
from gitpulse_assets.transform.sql_file import load_sql

AT = datetime(2013, 5, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
OTHERS = """
    create temp table review_comment_record as select
        * exclude (author_login, author_id, author_type),
        {login: author_login, id: author_id, type: author_type} as author, null::varchar as rule,
        1::bigint as run_sequence, 1::integer as page_number, 1::integer as record_number
    from received;
    create temp table stored_review_comment as from received where false;
    create temp table conversation_event as
    select 0::bigint as review_id, 'reviewed' as event_type, now() as occurred_at;
    create temp table bronze_comment_gone as
    select 0::bigint as comment_id, '' as list_name, now() as fetched_at;
    create temp table conversation_thread as
    select unnest([5, 9])::bigint as thread_number, true as is_complete, true as is_pull_request,
        now() as first_sync_at, now() as fetched_at, false as is_newer_part, null::timestamptz as whole_at
"""


def comment(number: int, pull_request: int, review_id: int | None, at: datetime) -> dict[str, object]:
    times = dict.fromkeys(("created_at", "updated_at", "fetched_at"), at)
    ids = {"comment_id": number, "pull_request_number": pull_request, "review_id": review_id}
    return {"repo_owner": "acme", "repo_name": "rocket", **ids, **times}


def test_comments_from_before_there_were_reviews_count_each_from_its_own_time():
    rows = [
        comment(1, 5, None, AT),
        comment(2, 9, None, AT + 900 * DAY),
        comment(3, 9, 7, AT),
        comment(4, 9, 7, AT + DAY),
    ]
    assert submitted(rows) == [None, None, AT + DAY, AT + DAY]


HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)


@pytest.mark.parametrize(
    ("written_at", "updated_at", "thread", "expected"),
    [
        pytest.param(AT, AT, {}, AT, id="a reply, since when the whole thread was read"),
        pytest.param(AT, AT + DAY + HOUR, {}, None, id="submitted after the thread was read"),
        pytest.param(
            AT,
            AT + HOUR,
            {"is_newer_part": True, "whole_at": AT - DAY},
            None,
            id="begun before what is newer",
        ),
        pytest.param(
            AT, AT + SECOND, {"is_newer_part": True, "whole_at": AT - DAY}, AT, id="a reply, by what is newer"
        ),
        pytest.param(AT, AT + HOUR, {"is_newer_part": True}, AT, id="a lake of before there was whole_at"),
        pytest.param(
            AT, AT + HOUR, {"is_newer_part": True, "whole_at": AT + 2 * HOUR}, AT, id="read whole since"
        ),
        pytest.param(
            AT, AT + HOUR, {"is_complete": False, "whole_at": AT + 2 * HOUR}, AT, id="then read in part"
        ),
        pytest.param(AT, AT, {"is_complete": False}, None, id="never read whole"),
    ],
)
def test_a_review_that_only_a_comment_names_is_a_replys_once_a_reading_since_it_was_submitted_lacks_it(
    written_at: datetime, updated_at: datetime, thread: dict[str, object], expected: datetime | None
):
    """The list of comments is read an hour and a day after the draft, the thread an hour before."""
    listed = {"updated_at": updated_at, "fetched_at": AT + DAY + HOUR}
    found = submitted([comment(1, 5, 7, written_at) | listed], {"fetched_at": AT + DAY} | thread)
    assert found == [expected]


def test_a_reply_that_is_edited_after_its_thread_was_read_stays_where_it_was():
    row = comment(1, 5, 7, AT) | {"fetched_at": AT + HOUR}
    edited = row | {"updated_at": AT + 2 * DAY, "fetched_at": AT + 3 * DAY}
    assert submitted([row, edited], {"fetched_at": AT + SECOND}) == [AT]


def submitted(rows: list[dict[str, object]], thread: dict[str, object] | None = None) -> list[object]:
    """From when the comments count, in order; `thread`: what is told of each pull request's conversation."""
    schema = REVIEW_COMMENT.arrow_schema
    with connect() as con:
        con.register("received", schema.empty_table().from_pylist(rows, schema))
        for statement in OTHERS.split(";"):
            con.execute(statement)
        for name, value in (thread or {}).items():
            con.execute(f"update conversation_thread set {name} = $1", [value])
        sql = load_sql("silver", "review_comment")
        found = con.execute(f"select submitted_at from ({sql}) order by comment_id").fetchall()
    return [at for (at,) in found]
