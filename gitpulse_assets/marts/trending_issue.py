"""The open issues that outsiders speak of most."""

from gitpulse_assets.chosen import CONTRIBUTORS
from gitpulse_assets.contracts.conversation_mart import TITLE, at_least_one, counted, listed_threads
from gitpulse_assets.contracts.mart import COUNT, Mart
from gitpulse_assets.contracts.model import Column, Rule, TableContract
from gitpulse_assets.contracts.silver import REPO_COLUMNS

SUBJECT = CONTRIBUTORS

MART_TRENDING_ISSUE = TableContract(
    layer="gold",
    name="mart_trending_issue",
    description=(
        "The 10 open issues with the most comments by humans who are no maintainers in the 7 days of 24 "
        "hours up to the as-of moment."
    ),
    grain="one row an issue, ten at most",
    key=("repo_owner", "repo_name", "issue_number"),
    order_by=("rank",),
    sample=("issue_number",),
    columns=(
        *REPO_COLUMNS,
        Column("issue_number", COUNT, "Number of the issue.", nullable=False),
        TITLE,
        *counted("comment_count", "Comments in the 7 days"),
    ),
    rules=(
        at_least_one("comment_count"),
        Rule("ten_at_most", "rank > 10", "The list has ten places."),
    ),
)

MART = Mart(
    MART_TRENDING_ISSUE,
    answer=listed_threads(
        MART_TRENDING_ISSUE,
        route="trending-issues",
        question="List the open issues that people other than maintainers spoke of most in the last 7 days.",
        sort=(("rank", "ascending"),),
        needs_members=True,
    ),
)
