"""Openings and closings by weekday."""

from gitpulse_assets.contracts.mart import COUNT, TEXT, Answer, Mart, never_negative
from gitpulse_assets.contracts.model import Check, Column, Rule, TableContract
from gitpulse_assets.contracts.silver import REPO_COLUMNS

MART_ISSUE_WEEKDAY_RHYTHM = TableContract(
    layer="gold",
    name="mart_issue_weekday_rhythm",
    description="On which UTC weekdays issues are opened and closed, over the repository's whole history.",
    grain="one row a weekday and event type, always 14",
    key=("repo_owner", "repo_name", "weekday_num", "event_type"),
    order_by=("weekday_num", "event_type"),
    sample=("weekday_num", "event_type"),
    columns=(
        *REPO_COLUMNS,
        Column("weekday_num", COUNT, "Weekday, Monday 0 to Sunday 6, UTC.", nullable=False),
        Column("weekday_name", TEXT, "Its English name.", nullable=False),
        Column("event_type", TEXT, "opened or closed.", nullable=False),
        Column(
            "issue_count",
            COUNT,
            "Sum of opened_count or closed_count of the daily flow over these weekdays, 0 where nothing "
            "happened; an issue closed twice counts twice.",
            nullable=False,
        ),
    ),
    rules=(
        never_negative(("issue_count",)),
        Rule("weekday_from_0_to_6", "not weekday_num between 0 and 6", "Monday is 0, Sunday is 6."),
        Rule(
            "event_type_known",
            "event_type not in ('opened', 'closed')",
            "Only openings and closings are counted.",
        ),
    ),
)

MART = Mart(
    MART_ISSUE_WEEKDAY_RHYTHM,
    checks=(Check("weekday_rhythm_agrees_with_flow"),),
    answer=Answer(
        route="weekday-rhythm",
        question="Count openings and closings by UTC weekday.",
        over="flow",
        sort=(("weekday_num", "ascending"), ("event_type", "descending")),
    ),
)
