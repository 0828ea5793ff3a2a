"""The columns of the answers, in words: the marts' own, and those that only an answer has."""

import pyarrow as pa

from gitpulse_assets.contracts.mart import FLOW_COLUMNS, in_window
from gitpulse_assets.contracts.model import Column
from gitpulse_assets.marts.issue_closure_age_monthly import MART as CLOSURE_AGE
from gitpulse_assets.marts.issue_lifecycle import MART_ISSUE_LIFECYCLE

COUNT, REAL, TEXT = pa.int64(), pa.float64(), pa.string()


def _count(name: str, description: str) -> Column:
    return Column(name, COUNT, description, False)


CLOSURE_WINDOW = tuple(column for column in CLOSURE_AGE.answer_columns if column.name != "closed_month")
SUMMARY = (
    Column("start_date", pa.date32(), "First UTC day of the window.", False),
    Column("end_date", pa.date32(), "Its last.", False),
    _count("window_days", "Its length in days."),
    _count("observed_days", "Days of it since the history began."),
    *map(in_window, FLOW_COLUMNS),
    _count("net_change", "open_at_end - open_at_start."),
    _count("open_at_end", "Issues open at the end of the last day."),
    _count("rolling_7d_opened", "Opened in the last 7 days of the window."),
    _count("rolling_7d_closed", "Closed in the same days."),
    _count("rolling_7d_net_change", "Change of the backlog in the same days, by all eight flows."),
    _count("open_at_start", "Issues open at the start of the first day."),
    _count("open_now_count", "Issues open at the as-of moment."),
    Column("opened_per_week", REAL, "opened_count per 7 days of the window.", False),
    Column("closed_per_week", REAL, "closed_count per 7 days of the window.", False),
    Column("net_change_per_week", REAL, "net_change per 7 days of the window.", False),
    *CLOSURE_WINDOW,
)
_LIFECYCLE = {column.name: column for column in MART_ISSUE_LIFECYCLE.columns}
ISSUES = (
    _LIFECYCLE["issue_number"],
    _LIFECYCLE["title"],
    Column("state", TEXT, "open, closed, or departed (transferred, converted or deleted).", False),
    *(
        _LIFECYCLE[name]
        for name in (
            "state_reason",
            "author_login",
            "label_names",
            "assignee_logins",
            "comment_count",
            "created_at",
            "updated_at",
            "closed_at",
            "closure_age_days",
        )
    ),
    Column("open_age_days", REAL, "Days from created_at to the as-of moment; null unless open."),
    *(
        _LIFECYCLE[name]
        for name in ("times_reopened", "departed_at", "departure_kind", "departed_to", "html_url")
    ),
)
REPOSITORIES = (
    Column("repository", TEXT, "owner/name in GitHub's spelling.", False),
    Column("is_complete", pa.bool_(), "Whether there are answers, and for a whole walk of the list.", False),
    Column("note", TEXT, "What is lacking, and what to do about it."),
    Column("is_watched", pa.bool_(), "Whether it is on the watch list, else retired; null without a list."),
    Column("as_of_at", pa.timestamp("us", "UTC"), "The moment the answers hold for; null without any."),
    Column(
        "seen_at",
        pa.timestamp("us", "UTC"),
        "When GitHub was last seen not to have changed since; null where the last walk found something.",
    ),
    Column("published_at", pa.timestamp("us", "UTC"), "When they were published."),
    Column("open_count", COUNT, "Issues open at that moment."),
    Column(
        "direction", TEXT, "Of the 90 days to the last complete one: growing, shrinking, flat or unclear."
    ),
    Column("net_change", COUNT, "Exact change of the backlog in them."),
    Column("pace_per_week", REAL, "Issues a week the backlog gains, bulk movements set aside."),
    Column("pace_low_per_week", REAL, "Lower end of its 95 % interval."),
    Column("pace_high_per_week", REAL, "Upper end of its 95 % interval."),
    Column("paragraph", TEXT, "The verdict in words."),
)
