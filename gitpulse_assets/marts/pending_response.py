"""What was asked for and has come: whom a maintainer owes the next word."""

from gitpulse_assets.chosen import CONTRIBUTORS
from gitpulse_assets.contracts.conversation_mart import (
    IS_PULL_REQUEST,
    THREAD_KEY,
    THREAD_NUMBER,
    TITLE,
    listed_threads,
)
from gitpulse_assets.contracts.mart import REAL, Mart, never_negative
from gitpulse_assets.contracts.model import UTC_TIMESTAMP, Column, TableContract
from gitpulse_assets.contracts.silver import REPO_COLUMNS

SUBJECT = CONTRIBUTORS

MART_PENDING_RESPONSE = TableContract(
    layer="gold",
    name="mart_pending_response",
    description=(
        "Open issues and pull requests that carry a waiting label (patterns in the watch list) and whose "
        "last word by a human is not a maintainer's and came at or after the earliest waiting label "
        "still on. No word since, no row."
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
            "The first word after the label and after the last of a maintainer, UTC.",
            nullable=False,
        ),
        Column(
            "waiting_days", REAL, "Days (seconds / 86,400) from then to the as-of moment.", nullable=False
        ),
    ),
    rules=(never_negative(("waiting_days",)),),
)

MART = Mart(
    MART_PENDING_RESPONSE,
    answer=listed_threads(
        MART_PENDING_RESPONSE,
        route="pending-responses",
        question=(
            "List the issues and pull requests that carry a waiting label and were answered "
            "to it, the latest first."
        ),
        sort=(("waiting_since", "descending"), ("issue_number", "descending")),
        needs_reviews=True,
        needs_members=True,
    ),
)
