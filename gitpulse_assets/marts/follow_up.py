"""Who waits for a maintainer, and for how many business days."""

from gitpulse_assets.chosen import CONTRIBUTORS
from gitpulse_assets.contracts.conversation_mart import (
    IS_PULL_REQUEST,
    THREAD_KEY,
    THREAD_NUMBER,
    TITLE,
    listed_threads,
)
from gitpulse_assets.contracts.mart import COUNT, FLAG, Mart, never_negative
from gitpulse_assets.contracts.model import UTC_TIMESTAMP, Column, TableContract
from gitpulse_assets.contracts.silver import REPO_COLUMNS

SUBJECT = CONTRIBUTORS

MART_FOLLOW_UP = TableContract(
    layer="gold",
    name="mart_follow_up",
    description=(
        "Open issues and pull requests, no drafts, in which no maintainer spoke after a word of a human "
        "who is none; the opening counts as a word."
    ),
    grain="one row an issue or pull request",
    key=THREAD_KEY,
    order_by=("issue_number",),
    sample=("issue_number",),
    columns=(
        *REPO_COLUMNS,
        THREAD_NUMBER,
        IS_PULL_REQUEST,
        TITLE,
        Column(
            "waiting_since",
            UTC_TIMESTAMP,
            "The first such word after the last of a maintainer, UTC; of a pull request not before ready_at.",
            nullable=False,
        ),
        Column(
            "business_days_waiting",
            COUNT,
            "Days after that day and up to the as-of day, Monday to Friday and no holiday, in the time "
            "zone and by the holidays that the watch list names.",
            nullable=False,
        ),
        Column("is_overdue", FLAG, "Whether that is more than the watch list's response_days.", False),
    ),
    rules=(never_negative(("business_days_waiting",)),),
)

MART = Mart(
    MART_FOLLOW_UP,
    answer=listed_threads(
        MART_FOLLOW_UP,
        route="follow-up",
        question=(
            "List the issues and pull requests that wait for a maintainer, the overdue first, of each the "
            "latest at the top."
        ),
        sort=(
            ("is_overdue", "descending"),
            ("waiting_since", "descending"),
            ("issue_number", "descending"),
        ),
        needs_reviews=True,
        needs_members=True,
    ),
)
