"""Every issue with when it was first answered, and by whom it could have been."""

from gitpulse_assets.chosen import CONTRIBUTORS
from gitpulse_assets.contracts.conversation_mart import (
    CREATED_AT,
    FIRST_MAINTAINER_RESPONSE_AT,
    FIRST_RESPONSE_AT,
    RESPONSES_IN_ORDER,
    TIME_TO_FIRST_RESPONSE,
    TITLE,
    listed_threads,
)
from gitpulse_assets.contracts.mart import COUNT, FLAG, TEXT, Mart
from gitpulse_assets.contracts.model import UTC_TIMESTAMP, Column, Rule, TableContract
from gitpulse_assets.contracts.silver import REPO_COLUMNS

SUBJECT = CONTRIBUTORS

MART_FIRST_RESPONSE = TableContract(
    layer="gold",
    name="mart_first_response",
    description=(
        "When each issue was first answered. Only words answer: no label, no assignment, no closing. One "
        "that arrived counts from its old created_at with the words of its old home; those that left are "
        "left out."
    ),
    grain="one row an issue, never a pull request",
    key=("repo_owner", "repo_name", "issue_number"),
    order_by=("issue_number",),
    sample=("issue_number",),
    columns=(
        *REPO_COLUMNS,
        Column("issue_number", COUNT, "Number of the issue.", nullable=False),
        TITLE,
        Column("state", TEXT, "open or closed.", nullable=False),
        CREATED_AT,
        Column("closed_at", UTC_TIMESTAMP, "When it was last closed, UTC; null while open."),
        FIRST_RESPONSE_AT,
        FIRST_MAINTAINER_RESPONSE_AT,
        TIME_TO_FIRST_RESPONSE,
        Column("is_censored", FLAG, "Whether it has no response yet.", nullable=False),
        Column(
            "is_closed_without_response",
            FLAG,
            "Whether it is closed and had no response at or before closed_at.",
            nullable=False,
        ),
    ),
    rules=(
        RESPONSES_IN_ORDER,
        Rule(
            "censored_has_no_response",
            "is_censored <> (first_response_at is null)",
            "Censored is what has no response.",
        ),
        Rule(
            "closed_without_response_is_closed",
            "is_closed_without_response and state <> 'closed'",
            "Only a closed issue is closed without a response.",
        ),
    ),
)

MART = Mart(
    MART_FIRST_RESPONSE,
    answer=listed_threads(
        MART_FIRST_RESPONSE,
        route="first-responses",
        question="List issues with when they were first answered, the newest first.",
        sort=(("issue_number", "descending"),),
        needs_members=True,
    ),
)
