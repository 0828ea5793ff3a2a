"""When a comment on a line counts from, where no timeline tells its review."""

from datetime import UTC, datetime, timedelta

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
        now() as first_sync_at
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
    schema = REVIEW_COMMENT.arrow_schema
    with connect() as con:
        con.register("received", schema.empty_table().from_pylist(rows, schema))
        for statement in OTHERS.split(";"):
            con.execute(statement)
        sql = load_sql("silver", "review_comment")
        found = con.execute(f"select comment_id, submitted_at from ({sql}) order by comment_id").fetchall()
    assert found == [(1, None), (2, None), (3, AT + DAY), (4, AT + DAY)]
