"""Makes the marts of the subject `contributors` from the silver tables on a connection.

What each means stands in its `sql/gold/*.sql`; who counts, in `conversation_act.sql` alone.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from fnmatch import fnmatchcase

import duckdb

from gitpulse_assets.transform.sql_file import create_table

DEFAULT_WAITING_LABELS = ("pending*response*", "pending-close*", "needs-info*", "waiting*")
DEFAULT_RESPONSE_DAYS = 2

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


@dataclass(frozen=True)
class ConversationOptions:
    """What the watch list says of answering in a repository.

    `bots`: logins, in lower case, that count as bots beside GitHub's own. `waiting_labels`: shell patterns on
    a label's whole name, letter case aside. `time_zone`: an IANA name, and `holidays`: the days that are no
    business days in it. `response_days`: business days within which people are promised an answer.
    """

    bots: tuple[str, ...] = ()
    waiting_labels: tuple[str, ...] = DEFAULT_WAITING_LABELS
    time_zone: str = "UTC"
    holidays: tuple[date, ...] = ()
    response_days: int = DEFAULT_RESPONSE_DAYS


def build_conversations(
    con: duckdb.DuckDBPyConnection, as_of_at: datetime, options: ConversationOptions
) -> None:
    """Make the subject's relations and marts as temporary tables; its silver tables lie on the connection."""
    parameters = {
        "as_of_at": as_of_at,
        "bots": list(options.bots),
        "waiting_labels": waiting_names(con, options.waiting_labels),
        "time_zone": options.time_zone,
        "holidays": list(options.holidays),
        "response_days": options.response_days,
    }
    for name in STATEMENTS:
        create_table(con, "gold", name, parameters)


def waiting_names(con: duckdb.DuckDBPyConnection, patterns: Iterable[str]) -> list[str]:
    """The names of labels that are on something now and that one of the patterns fits."""
    # Here and not in SQL: DuckDB's GLOB goes by bytes, so that its ? is half of an é.
    rows = con.execute("select distinct label_name from label_span where to_at is null").fetchall()
    lowered = [pattern.lower() for pattern in patterns]
    names = [str(name) for (name,) in rows if name is not None]
    return sorted(name for name in names if any(fnmatchcase(name.lower(), some) for some in lowered))
