"""The open pull requests that outsiders speak of most."""

from gitpulse_assets.chosen import CONTRIBUTORS
from gitpulse_assets.contracts.conversation_mart import TITLE, at_least_one, counted, listed_threads
from gitpulse_assets.contracts.mart import COUNT, Mart
from gitpulse_assets.contracts.model import Column, Rule, TableContract
from gitpulse_assets.contracts.silver import REPO_COLUMNS

SUBJECT = CONTRIBUTORS

MART_TRENDING_PULL_REQUEST = TableContract(
    layer="gold",
    name="mart_trending_pull_request",
    description=(
        "The 10 open pull requests with the most words (comments, reviews, review comments) by humans "
        "who are no maintainers in the 7 days of 24 hours up to the as-of moment."
    ),
    grain="one row a pull request, ten at most",
    key=("repo_owner", "repo_name", "pull_request_number"),
    order_by=("rank",),
    sample=("pull_request_number",),
    columns=(
        *REPO_COLUMNS,
        Column("pull_request_number", COUNT, "Number of the pull request.", nullable=False),
        TITLE,
        *counted("word_count", "Words in the 7 days"),
    ),
    rules=(
        at_least_one("word_count"),
        Rule("ten_at_most", "rank > 10", "The list has ten places."),
    ),
)

MART = Mart(
    MART_TRENDING_PULL_REQUEST,
    answer=listed_threads(
        MART_TRENDING_PULL_REQUEST,
        route="trending-pull-requests",
        question=(
            "List the open pull requests that people other than maintainers spoke of most in the last 7 days."
        ),
        sort=(("rank", "ascending"),),
        needs_reviews=True,
        needs_members=True,
    ),
)
