"""Every issue with its ages, its labels and where it went."""

from gitpulse_assets.contracts.mart import (
    COUNT,
    DAY,
    FLAG,
    LEDGER_NOTE,
    NOT_OF_ISSUES,
    REAL,
    TEXT,
    TEXT_LIST,
    Mart,
    never_negative,
)
from gitpulse_assets.contracts.model import UTC_TIMESTAMP, Check, Column, Rule, TableContract
from gitpulse_assets.contracts.silver import ISSUE_CURRENT

MART_ISSUE_LIFECYCLE = TableContract(
    layer="gold",
    name="mart_issue_lifecycle",
    is_ranged=True,
    description=(
        "Every issue with its present state, its ages and what its labels say. Departed issues stay, with "
        "departed_at; they are not open."
    ),
    grain="one row an issue, never a pull request",
    key=("repo_owner", "repo_name", "issue_id"),
    order_by=("issue_number",),
    sample=("issue_number", "issue_id"),
    columns=(
        *(column for column in ISSUE_CURRENT.columns if column.name not in NOT_OF_ISSUES),
        Column("created_date", DAY, "UTC day of created_at.", nullable=False),
        Column(
            "closed_date",
            DAY,
            "UTC day the latest closing took effect: that of closed_at, but never before created_at; where "
            "GitHub says closed without a time, that of the ledger's last closing or of updated_at. Null "
            "while open.",
        ),
        Column("is_open", FLAG, "Whether its state is open and it has not departed.", nullable=False),
        Column("is_closed", FLAG, "Whether its state is closed.", nullable=False),
        Column(
            "closure_age_days",
            REAL,
            "Days from created_at to the latest closing, from exact seconds (two minutes across midnight are "
            "0.0014), 0 where GitHub dates the closing earlier. Null while open.",
        ),
        Column(
            "first_closed_at",
            UTC_TIMESTAMP,
            "When it was first closed here, UTC, also if reopened since; a closing before it was transferred "
            f"in counts only if it was the latest. {LEDGER_NOTE}",
        ),
        Column("times_reopened", COUNT, f"How often it was reopened. {LEDGER_NOTE}", nullable=False),
        Column(
            "open_since_at",
            UTC_TIMESTAMP,
            "When the stretch began, UTC, that it is in this backlog now: opened, reopened, arrived or "
            f"returned. Null where it is not in it. {LEDGER_NOTE}",
        ),
        Column(
            "past_open_seconds",
            COUNT,
            "Whole seconds of the stretches that it was in this backlog before, all added; 0 for one that "
            "arrived closed. With the seconds since open_since_at, all it ever was in it. "
            f"{LEDGER_NOTE}",
            nullable=False,
        ),
        Column(
            "label_names",
            TEXT_LIST,
            "Names of its labels as they are now, sorted; empty without one.",
            nullable=False,
        ),
        Column(
            "label_group",
            TEXT,
            "First of the configured groups (bug, feature, docs, question) whose pattern one of its labels "
            "matches, else other.",
            nullable=False,
        ),
        Column(
            "assignee_logins",
            TEXT_LIST,
            "Logins of its assignees, sorted; empty without one.",
            nullable=False,
        ),
    ),
    rules=(
        never_negative(("times_reopened", "past_open_seconds")),
        Rule("closure_age_not_negative", "closure_age_days < 0", "An age is never below 0 days."),
        Rule("not_open_and_closed", "is_open and is_closed", "An issue is not open and closed at once."),
        Rule(
            "closed_has_age",
            "is_closed <> (closure_age_days is not null) or is_closed <> (closed_date is not null)",
            "A closed issue has a closing day and an age, another has neither.",
        ),
        Rule(
            "first_closing_of_closed",
            "is_closed and first_closed_at is null",
            "A closed issue was closed a first time.",
        ),
    ),
)

MART = Mart(
    MART_ISSUE_LIFECYCLE,
    checks=(
        Check("no_pull_request_in_marts"),
        Check("lifecycle_rows_equal_issues"),
    ),
)
