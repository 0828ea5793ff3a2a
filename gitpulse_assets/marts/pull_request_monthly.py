"""How long pull requests wait, how many are merged and who opens them, by month."""

from gitpulse_assets.chosen import CONTRIBUTORS
from gitpulse_assets.contracts.conversation_mart import kaplan_meier, waits
from gitpulse_assets.contracts.mart import (
    COUNT,
    DAY,
    REAL,
    Answer,
    Mart,
    never_negative,
    shares_within_bounds,
)
from gitpulse_assets.contracts.model import Column, Rule, TableContract
from gitpulse_assets.contracts.silver import REPO_COLUMNS

SUBJECT = CONTRIBUTORS

MART_PULL_REQUEST_MONTHLY = TableContract(
    layer="gold",
    name="mart_pull_request_monthly",
    description=(
        "Pull requests by UTC month: responses, reviews and what became of them by the month of the "
        "creation, merges by the month of the merge. Plain medians leave out those that still wait."
    ),
    grain="one row a UTC month, none missing; none without a pull request",
    key=("repo_owner", "repo_name", "month"),
    order_by=("month",),
    sample=("month",),
    columns=(
        *REPO_COLUMNS,
        Column("month", DAY, "First day of the UTC month.", nullable=False),
        Column("opened_count", COUNT, "Pull requests created in the month.", nullable=False),
        Column("merged_count", COUNT, "Pull requests merged in the month.", nullable=False),
        *waits("first response", "first_response", "created in the month"),
        *waits("first review", "first_review", "created in the month"),
        Column("median_merge_seconds", REAL, "Median seconds from creation to merge, merged in the month."),
        Column("p90_merge_seconds", REAL, "Their 90th percentile, interpolated, in seconds."),
        kaplan_meier("merge", "merge"),
        Column("share_merged", REAL, "Share (0 to 1) of those created in the month that are merged by now."),
        Column(
            "share_merged_without_review",
            REAL,
            "Share (0 to 1) of those merged in the month that nobody else had reviewed.",
        ),
        Column(
            "share_by_newcomers",
            REAL,
            "Share (0 to 1) of those that humans created in the month that are their author's first here.",
        ),
        Column(
            "average_seconds_between_opened",
            REAL,
            "Mean seconds between one created in the month and the next; null under two.",
        ),
        Column(
            "average_seconds_between_opened_ever",
            REAL,
            "The same over all of the repository's pull requests; the same in every row.",
        ),
    ),
    rules=(
        never_negative(("opened_count", "merged_count")),
        shares_within_bounds(("share_merged", "share_merged_without_review", "share_by_newcomers")),
        Rule(
            "quantiles_in_order",
            "median_first_response_seconds < 0 or p90_first_response_seconds < median_first_response_seconds"
            " or p90_first_review_seconds < median_first_review_seconds"
            " or p90_merge_seconds < median_merge_seconds",
            "0 <= median <= 90th percentile.",
        ),
    ),
)

MART = Mart(
    MART_PULL_REQUEST_MONTHLY,
    answer=Answer(
        route="pull-request-months",
        question="Say how long pull requests wait for an answer, a review and the merge, by UTC month.",
        over="time",
        sort=(("month", "ascending"),),
        needs_reviews=True,
    ),
)
