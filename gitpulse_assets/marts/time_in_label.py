"""How long each label was on each issue and pull request."""

from gitpulse_assets.chosen import CONTRIBUTORS
from gitpulse_assets.contracts.conversation_mart import (
    IS_PULL_REQUEST,
    THREAD_KEY,
    THREAD_NUMBER,
    listed_threads,
)
from gitpulse_assets.contracts.mart import COUNT, FLAG, ID, TEXT, Mart, never_negative
from gitpulse_assets.contracts.model import UTC_TIMESTAMP, Column, Rule, TableContract
from gitpulse_assets.contracts.silver import REPO_COLUMNS

SUBJECT = CONTRIBUTORS

MART_TIME_IN_LABEL = TableContract(
    layer="gold",
    name="mart_time_in_label",
    description=(
        "How long and how often each label was on each issue or pull request. A transfer ends the spans "
        "of the old home; labels carried along begin at the arrival."
    ),
    grain="one row an issue or pull request and label it has or had",
    key=(*THREAD_KEY, "label_id"),
    order_by=("issue_number", "label_id"),
    sample=("issue_number", "label_name"),
    columns=(
        *REPO_COLUMNS,
        THREAD_NUMBER,
        IS_PULL_REQUEST,
        Column("label_id", ID, "GitHub's numeric id of the label, which a rename keeps.", nullable=False),
        Column("label_name", TEXT, "Its name as it is now."),
        Column("first_entered_at", UTC_TIMESTAMP, "When it was first put on, UTC.", nullable=False),
        Column("last_entered_at", UTC_TIMESTAMP, "When it was last put on, UTC.", nullable=False),
        Column("times_entered", COUNT, "How often it was put on.", nullable=False),
        Column(
            "total_seconds",
            COUNT,
            "Whole seconds it was on, all spans added, also while closed, up to the as-of moment.",
            nullable=False,
        ),
        Column("is_in_label", FLAG, "Whether it is on now.", nullable=False),
    ),
    rules=(
        never_negative(("times_entered - 1", "total_seconds")),
        Rule("entered_in_order", "last_entered_at < first_entered_at", "The first is not after the last."),
    ),
)

MART = Mart(
    MART_TIME_IN_LABEL,
    answer=listed_threads(
        MART_TIME_IN_LABEL,
        route="time-in-label",
        question="List how long and how often labels were on issues and pull requests, the longest first.",
        sort=(("total_seconds", "descending"), ("issue_number", "ascending"), ("label_id", "ascending")),
        needs_reviews=True,
    ),
)
