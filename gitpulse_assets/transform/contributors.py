"""Makes the marts of the subject `contributors` from the silver tables on a connection.

What each means stands in its `sql/gold/*.sql`; who counts, in `conversation_act.sql` alone.
"""

from collections.abc import Iterable
from datetime import date, datetime
from fnmatch import fnmatchcase

import duckdb

from gitpulse_assets.calendars import holidays_of
from gitpulse_assets.transform.sql_file import create_table
from gitpulse_assets.watch.watch_list import RepoOptions

# Relations and marts, each after what it reads.
STATEMENTS = (
    "conversation_act",
    "pull_request_step",
    "mart_pull_request_lifecycle",
    "mart_pull_request_flow",
    "mart_first_response",
    "thread_wait",
    "month_wait",
    "mart_pull_request_monthly",
    "mart_first_response_monthly",
    "mart_time_in_label",
    "outside_word",
    "mart_trending_issue",
    "mart_trending_pull_request",
    "mart_trending_closed_issue",
    "unanswered_word",
    "mart_pending_response",
    "mart_follow_up",
    "mart_contributor",
    "mart_contributor_monthly",
)


def build_conversations(con: duckdb.DuckDBPyConnection, as_of_at: datetime, options: RepoOptions) -> None:
    """Make the subject's relations and marts as temporary tables; its silver tables lie on the connection."""
    parameters = {
        "as_of_at": as_of_at,
        "bots": list(options.bots),
        "waiting_labels": waiting_names(con, options.waiting_labels),
        "time_zone": options.time_zone,
        "holidays": holidays_since(con, options.holidays, as_of_at),
        "response_days": options.response_days,
    }
    for name in STATEMENTS:
        create_table(con, "gold", name, parameters)


def without_members(con: duckdb.DuckDBPyConnection) -> None:
    """Say that no organisation's members are known: who is a member goes by association."""
    columns = "user_id bigint, from_date date, to_date date, first_look_at timestamptz"
    con.execute(f"create or replace temp table organization_member ({columns})")


def waiting_names(con: duckdb.DuckDBPyConnection, patterns: Iterable[str]) -> list[str]:
    """The names of labels that are on something now and that one of the patterns fits."""
    # Here and not in SQL: DuckDB's GLOB goes by bytes, so that its ? is half of an é.
    rows = con.execute("select distinct label_name from label_span where to_at is null").fetchall()
    lowered = [pattern.lower() for pattern in patterns]
    names = [str(name) for (name,) in rows if name is not None]
    return sorted(name for name in names if any(fnmatchcase(name.lower(), some) for some in lowered))


def holidays_since(con: duckdb.DuckDBPyConnection, calendar: str, as_of_at: datetime) -> list[date]:
    """The holidays of a calendar since the repository's first thread; none without a calendar."""
    if not calendar:
        return []
    ((first,),) = con.execute("select year(min(created_at)) from issue_current").fetchall()
    return list(holidays_of(calendar, range(first or as_of_at.year, as_of_at.year + 1)))
