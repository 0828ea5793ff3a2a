"""The closed issues that outsiders still speak of."""

from gitpulse_assets.chosen import CONTRIBUTORS
from gitpulse_assets.contracts.conversation_mart import TITLE, at_least_one, counted, listed_threads
from gitpulse_assets.contracts.mart import COUNT, Mart
from gitpulse_assets.contracts.model import UTC_TIMESTAMP, Column, TableContract
from gitpulse_assets.contracts.silver import REPO_COLUMNS

SUBJECT = CONTRIBUTORS

MART_TRENDING_CLOSED_ISSUE = TableContract(
    layer="gold",
    name="mart_trending_closed_issue",
    description=(
        "All closed issues with comments by humans who are no maintainers after closed_at in the 14 days "
        "of 24 hours up to the as-of moment."
    ),
    grain="one row an issue",
    key=("repo_owner", "repo_name", "issue_number"),
    order_by=("rank",),
    sample=("issue_number",),
    columns=(
        *REPO_COLUMNS,
        Column("issue_number", COUNT, "Number of the issue.", nullable=False),
        TITLE,
        Column("closed_at", UTC_TIMESTAMP, "When it was last closed, UTC.", nullable=False),
        *counted("comment_count", "Comments after closed_at in the 14 days"),
    ),
    rules=(at_least_one("comment_count"),),
)

MART = Mart(
    MART_TRENDING_CLOSED_ISSUE,
    answer=listed_threads(
        MART_TRENDING_CLOSED_ISSUE,
        route="trending-closed-issues",
        question="List the closed issues that people other than maintainers spoke of in the last 14 days.",
        sort=(("rank", "ascending"),),
        needs_members=True,
    ),
)
