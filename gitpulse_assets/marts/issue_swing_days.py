"""The days that moved the backlog most."""

import pyarrow as pa

from gitpulse_assets.contracts.mart import (
    COUNT,
    DAY,
    FLOW_COLUMNS,
    FLOW_NAMES,
    TEXT,
    Answer,
    Mart,
    never_negative,
)
from gitpulse_assets.contracts.model import Check, Column, Rule, TableContract
from gitpulse_assets.contracts.silver import REPO_COLUMNS

MART_ISSUE_SWING_DAYS = TableContract(
    layer="gold",
    name="mart_issue_swing_days",
    description=(
        "The days that moved the backlog most: the 10 largest by net_change each way, with the issues "
        "behind them. A day without net change is none; of days that moved it equally, the later ranks "
        "first."
    ),
    grain="one row a direction and rank",
    key=("repo_owner", "repo_name", "direction", "swing_rank"),
    order_by=("direction", "swing_rank"),
    sample=("direction", "swing_rank", "flow_date"),
    columns=(
        *REPO_COLUMNS,
        Column("direction", TEXT, "up when the backlog grew, down when it shrank.", nullable=False),
        Column("swing_rank", COUNT, "1 for the day that moved it most, to 10.", nullable=False),
        Column("flow_date", DAY, "The UTC day.", nullable=False),
        Column("net_change", COUNT, "As in the daily flow, in issues; never 0.", nullable=False),
        *FLOW_COLUMNS,
        Column("open_at_end", COUNT, "As in the daily flow, in issues.", nullable=False),
        Column(
            "issue_numbers",
            pa.list_(pa.int64()),
            "Numbers, ascending, of the issues that moved the backlog in this direction that day: on a day "
            "up those that entered it, on a day down those that left. One that did both is in neither list.",
            nullable=False,
        ),
        Column(
            "offset_issue_numbers",
            pa.list_(pa.int64()),
            "Numbers, ascending, of those that moved it the other way; issue_numbers less these is the net "
            "change.",
            nullable=False,
        ),
    ),
    rules=(
        never_negative((*FLOW_NAMES, "open_at_end")),
        Rule(
            "direction_is_that_of_net_change",
            "direction <> if(net_change > 0, 'up', 'down') or net_change = 0",
            "Up days grew the backlog, down days shrank it, unmoved days are none.",
        ),
        Rule("rank_from_1_to_10", "not swing_rank between 1 and 10", "Ranks run from 1 to 10."),
    ),
)

MART = Mart(
    MART_ISSUE_SWING_DAYS,
    checks=(Check("swing_days_agree_with_flow"),),
    answer=Answer(
        route="swing-days",
        question="Name the ten days each way that moved the backlog most, with the numbers of their issues.",
        over="flow",
        sort=(("direction", "descending"), ("swing_rank", "ascending")),
    ),
)
