"""How long issues wait for their first answer, by month."""

from gitpulse_assets.chosen import CONTRIBUTORS
from gitpulse_assets.contracts.conversation_mart import waits
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
LIMITS_DAYS = (1, 3, 7)
SHARES = tuple(f"share_answered_within_{days}d" for days in LIMITS_DAYS)

MART_FIRST_RESPONSE_MONTHLY = TableContract(
    layer="gold",
    name="mart_first_response_monthly",
    description="How long issues wait for their first answer, by the UTC month of their creation.",
    grain="one row a UTC month, none missing; none without an issue",
    key=("repo_owner", "repo_name", "month"),
    order_by=("month",),
    sample=("month",),
    columns=(
        *REPO_COLUMNS,
        Column("month", DAY, "First day of the UTC month of the creation.", nullable=False),
        Column("issue_count", COUNT, "Issues created in the month.", nullable=False),
        Column("answered_count", COUNT, "Of these, those that have a response.", nullable=False),
        *waits("first response", "first_response", "created in the month"),
        *(
            Column(
                name,
                REAL,
                f"Share (0 to 1) answered within {days} days of 24 hours, of those created at least so long "
                "before the as-of moment.",
            )
            for name, days in zip(SHARES, LIMITS_DAYS, strict=True)
        ),
    ),
    rules=(
        never_negative(("answered_count", "issue_count - answered_count")),
        shares_within_bounds(SHARES),
        Rule(
            "quantiles_in_order",
            "median_first_response_seconds < 0 or p90_first_response_seconds < median_first_response_seconds",
            "0 <= median <= 90th percentile.",
        ),
    ),
)

MART = Mart(
    MART_FIRST_RESPONSE_MONTHLY,
    answer=Answer(
        route="first-response-months",
        question="Say how long issues wait for their first answer, by the UTC month of their creation.",
        over="time",
        sort=(("month", "ascending"),),
    ),
)
