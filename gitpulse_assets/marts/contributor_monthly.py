"""How many people are active, new and back, and on how few the merges rest, by month."""

from gitpulse_assets.chosen import CONTRIBUTORS
from gitpulse_assets.contracts.mart import COUNT, DAY, Answer, Mart, never_negative
from gitpulse_assets.contracts.model import Column, Rule, TableContract
from gitpulse_assets.contracts.silver import REPO_COLUMNS

SUBJECT = CONTRIBUTORS

MART_CONTRIBUTOR_MONTHLY = TableContract(
    layer="gold",
    name="mart_contributor_monthly",
    description="How many humans acted in each UTC month: in all, for the first time, again, and only once.",
    grain="one row a UTC month, none missing; none without an act of a human",
    key=("repo_owner", "repo_name", "month"),
    order_by=("month",),
    sample=("month",),
    columns=(
        *REPO_COLUMNS,
        Column("month", DAY, "First day of the UTC month.", nullable=False),
        Column(
            "active_count", COUNT, "Humans who opened, commented or reviewed in the month.", nullable=False
        ),
        Column("new_count", COUNT, "Of these, those who never had here before.", nullable=False),
        Column(
            "returning_count",
            COUNT,
            "Of these, those with an act after 180 days of 24 hours or more without one.",
            nullable=False,
        ),
        Column(
            "one_time_count",
            COUNT,
            "Of these, those whose only act ever it was, more than 90 days of 24 hours before the as-of "
            "moment.",
            nullable=False,
        ),
        Column(
            "absence_factor",
            COUNT,
            "The smallest number of humans who opened half of the pull requests merged in the 365 days "
            "up to the month's end (in the last month: the as-of moment), bots' left out; null without one.",
        ),
    ),
    rules=(
        never_negative(("active_count", "new_count", "returning_count", "one_time_count")),
        Rule(
            "parts_of_the_active",
            "new_count + returning_count > active_count or one_time_count > new_count",
            "New, returning and one-time people are among the active.",
        ),
        Rule("someone_is_absent", "absence_factor < 1", "Half of something takes one person at least."),
    ),
)

MART = Mart(
    MART_CONTRIBUTOR_MONTHLY,
    answer=Answer(
        route="contributor-months",
        question=(
            "Count by UTC month who was active, new, back or here only once, and on how few the merges rest."
        ),
        over="time",
        sort=(("month", "ascending"),),
        needs_reviews=True,
    ),
)
