"""How old issues were when closed, by month."""

from gitpulse_assets.contracts.mart import (
    COUNT,
    DAY,
    REAL,
    Answer,
    Mart,
    never_negative,
    shares_within_bounds,
)
from gitpulse_assets.contracts.model import Check, Column, Rule, TableContract
from gitpulse_assets.contracts.silver import REPO_COLUMNS

MART_ISSUE_CLOSURE_AGE_MONTHLY = TableContract(
    layer="gold",
    name="mart_issue_closure_age_monthly",
    description=(
        "How old issues were when closed, by the UTC month of the closing, and how long closing takes when "
        "the issues still open are counted too. An issue closed more than once belongs to its latest "
        "closing."
    ),
    grain="one row a UTC month, none missing",
    key=("repo_owner", "repo_name", "closed_month"),
    order_by=("closed_month",),
    sample=("closed_month",),
    columns=(
        *REPO_COLUMNS,
        Column("closed_month", DAY, "First day of the UTC month of the closing.", nullable=False),
        Column(
            "closed_issue_count",
            COUNT,
            "Issues whose latest closing took effect in the month and that are closed now; 0 in a quiet "
            "month.",
            nullable=False,
        ),
        Column(
            "median_closure_age_days",
            REAL,
            "Exact median of their closure_age_days. Biased: it leaves out the issues still open, so it "
            "falls when a team closes only the easy ones and rises when it clears old ones. Null without a "
            "closing.",
        ),
        Column(
            "p90_closure_age_days",
            REAL,
            "Exact 90th percentile of their closure_age_days, interpolated; biased as the median is.",
        ),
        Column(
            "share_closed_within_7d",
            REAL,
            "Share (0 to 1) of them closed within 7 days of 24 hours of creation, 7 included.",
        ),
        Column(
            "share_closed_after_90d",
            REAL,
            "Share (0 to 1) of them closed more than 90 days of 24 hours after creation.",
        ),
        Column(
            "kaplan_meier_median_closure_age_days",
            REAL,
            "Days within which half of the issues get closed, by Kaplan and Meier: over the issues created "
            "in the 365 days up to the month's end (in the last month, the as-of moment), those open then "
            "counted as lasting at least that long, those departed as lasting until they left. Null when "
            "more than half outlast what could be observed.",
        ),
        Column("cohort_issue_count", COUNT, "Issues in that estimate.", nullable=False),
        Column(
            "cohort_censored_count",
            COUNT,
            "Those of them not closed by the month's end, whose time to close is known only to be longer.",
            nullable=False,
        ),
    ),
    rules=(
        never_negative(
            ("closed_issue_count", "cohort_censored_count", "cohort_issue_count - cohort_censored_count")
        ),
        shares_within_bounds(("share_closed_within_7d", "share_closed_after_90d")),
        Rule(
            "quantiles_in_order",
            "median_closure_age_days < 0 or p90_closure_age_days < median_closure_age_days",
            "0 <= median <= 90th percentile.",
        ),
    ),
)

MART = Mart(
    MART_ISSUE_CLOSURE_AGE_MONTHLY,
    checks=(Check("closure_months_agree_with_lifecycle"),),
    is_of_cohorts=True,
    answer=Answer(
        route="closure-age",
        question=(
            "Say how old issues were when closed: over the window, and by the months it touches.\n\n"
            "The plain figures leave out the issues still open; Kaplan-Meier counts them."
        ),
        over="closings",
        sort=(("closed_month", "ascending"),),
    ),
)
