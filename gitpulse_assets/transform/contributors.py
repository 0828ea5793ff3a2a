"""Makes the marts of the subject `contributors` from the silver tables on a connection.

What each means stands in its `sql/gold/*.sql`; who counts, in `conversation_act.sql` alone.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from fnmatch import fnmatchcase

import duckdb

from gitpulse_assets.calendars import holidays_of
from gitpulse_assets.transform.sql_file import create_table
from gitpulse_assets.watch.watch_list import DEFAULT_WAITING_LABELS, RepoOptions

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
    """The names of labels that are or were on something and that one of the patterns fits."""
    names = label_names(con)
    return sorted({name for pattern in patterns for name in names if fits(pattern, name)})


def unfit_patterns(con: duckdb.DuckDBPyConnection, patterns: Sequence[str]) -> list[str]:
    """The patterns that fit no label there is or was, of those that somebody wrote."""
    if tuple(patterns) == DEFAULT_WAITING_LABELS:
        return []
    names = label_names(con)
    return [pattern for pattern in patterns if not any(fits(pattern, name) for name in names)]


def label_names(con: duckdb.DuckDBPyConnection) -> list[str]:
    """The names, as they are now, of labels that are or were on something."""
    rows = con.execute("select distinct label_name from label_span where label_name is not null").fetchall()
    return [name for (name,) in rows]


def fits(pattern: str, name: str) -> bool:
    """Whether a shell pattern fits a whole name, letter case aside."""
    # Here and not in SQL: DuckDB's GLOB goes by bytes, so that its ? is half of an é.
    return fnmatchcase(name.lower(), pattern.lower())


def holidays_since(con: duckdb.DuckDBPyConnection, calendar: str, as_of_at: datetime) -> list[date]:
    """The holidays of a calendar since the repository's first thread; none without a calendar."""
    if not calendar:
        return []
    ((first,),) = con.execute("select year(min(created_at)) from issue_current").fetchall()
    return list(holidays_of(calendar, range(first or as_of_at.year, as_of_at.year + 1)))
