"""The backlog day by day."""

from gitpulse_assets.contracts.mart import (
    COUNT,
    DAY,
    FLOW_COLUMNS,
    FLOW_NAMES,
    LEDGER_NOTE,
    Answer,
    Mart,
    never_negative,
)
from gitpulse_assets.contracts.model import Check, Column, Rule, TableContract
from gitpulse_assets.contracts.silver import REPO_COLUMNS

MART_ISSUE_DAILY_FLOW = TableContract(
    layer="gold",
    name="mart_issue_daily_flow",
    description=(
        "The backlog day by day: what entered and left it, and how many issues were open at the end. UTC "
        "days, none missing, from the first day of the ledger to the as-of day; a repository without issues "
        "has one row of zeros on the as-of day."
    ),
    grain="one row a UTC day",
    key=("repo_owner", "repo_name", "flow_date"),
    order_by=("flow_date",),
    sample=("flow_date",),
    columns=(
        *REPO_COLUMNS,
        Column("flow_date", DAY, "The UTC day.", nullable=False),
        *FLOW_COLUMNS,
        Column(
            "net_change",
            COUNT,
            "Issues: opened + reopened + transferred in + returned - closed - converted - transferred out - "
            "deleted.",
            nullable=False,
        ),
        Column(
            "cumulative_net_change",
            COUNT,
            "Sum of net_change from the first day to this one, in issues.",
            nullable=False,
        ),
        Column(
            "open_at_end",
            COUNT,
            "Issues open at the next midnight UTC; on the last day at the as-of moment. Summed from the "
            f"ledger's own +1 and -1, apart from the counts by kind. {LEDGER_NOTE}",
            nullable=False,
        ),
        Column(
            "rolling_7d_opened",
            COUNT,
            "Sum of opened_count alone (no reopened, transferred in or returned ones) over this day and the "
            "six before it; over fewer in the first six days.",
            nullable=False,
        ),
        Column(
            "rolling_7d_closed",
            COUNT,
            "Sum of closed_count alone over the same days.",
            nullable=False,
        ),
        Column(
            "rolling_7d_net_change",
            COUNT,
            "Sum of net_change, so of all eight flows, over the same days; not rolling_7d_opened less "
            "rolling_7d_closed where an issue was reopened, moved, converted or deleted.",
            nullable=False,
        ),
    ),
    rules=(
        never_negative((*FLOW_NAMES, "rolling_7d_opened", "rolling_7d_closed")),
        Rule("stock_not_negative", "open_at_end < 0", "Never fewer than 0 issues are open."),
    ),
)

MART = Mart(
    MART_ISSUE_DAILY_FLOW,
    checks=(
        Check("no_day_missing"),
        Check("net_change_identity"),
        Check("ledger_identity"),
        Check("open_at_end_equals_snapshot"),
    ),
    answer=Answer(
        route="daily-flow",
        question="Give the backlog day by day: what entered, what left, how many were open at the end.",
        over="days",
        sort=(("flow_date", "ascending"),),
    ),
)
