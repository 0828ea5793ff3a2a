"""The backlog and its flows by label."""

from gitpulse_assets.contracts.mart import (
    COUNT,
    ID,
    LEDGER_NOTE,
    REAL,
    TEXT,
    Answer,
    Mart,
    never_negative,
    shares_within_bounds,
)
from gitpulse_assets.contracts.model import Column, TableContract
from gitpulse_assets.contracts.silver import REPO_COLUMNS

MART_BACKLOG_BY_LABEL = TableContract(
    layer="gold",
    name="mart_backlog_by_label",
    description=(
        "The open backlog and its latest flows by the labels issues have now. An issue counts under each of "
        "its labels, so rows do not add up to the backlog; flows are of issues that have the label now, "
        "whenever they got it."
    ),
    grain="one row a label some issue has now, and one for issues without label",
    key=("repo_owner", "repo_name", "label_id"),
    order_by=("label_id",),
    sample=("label_id", "label_name"),
    columns=(
        *REPO_COLUMNS,
        Column("label_id", ID, "GitHub's id of the label; 0 for issues without label.", nullable=False),
        Column(
            "label_name",
            TEXT,
            "Its name on the record read last; (no label) for issues without label.",
            nullable=False,
        ),
        Column("issue_count", COUNT, "Issues with the label, in any state.", nullable=False),
        Column("open_issue_count", COUNT, "Issues with the label that are open.", nullable=False),
        Column(
            "share_of_open",
            REAL,
            "Share (0 to 1) of the open issues that have the label; null when none is open.",
        ),
        Column(
            "opened_28d_count",
            COUNT,
            "Openings (not reopenings) in the 28 days of 24 hours before the as-of moment.",
            nullable=False,
        ),
        Column("closed_28d_count", COUNT, f"Closings in the same 28 days. {LEDGER_NOTE}", nullable=False),
        Column(
            "net_change_28d",
            COUNT,
            "Change of the backlog by these issues in the same 28 days, by all eight flows.",
            nullable=False,
        ),
        Column("opened_90d_count", COUNT, "Openings in the 90 days before the as-of moment.", nullable=False),
        Column("closed_90d_count", COUNT, f"Closings in the same 90 days. {LEDGER_NOTE}", nullable=False),
        Column(
            "net_change_90d",
            COUNT,
            "Change of the backlog by these issues in the same 90 days, by all eight flows.",
            nullable=False,
        ),
    ),
    rules=(
        never_negative(
            (
                "open_issue_count",
                "issue_count - open_issue_count",
                "opened_28d_count",
                "closed_28d_count",
                "opened_90d_count - opened_28d_count",
                "closed_90d_count - closed_28d_count",
            )
        ),
        shares_within_bounds(("share_of_open",)),
    ),
)

MART = Mart(
    MART_BACKLOG_BY_LABEL,
    label_windows_days=(28, 90),
    answer=Answer(
        route="labels",
        question="Count the backlog and the window's flows by label.",
        over="labels",
        columns=(
            Column("label_name", TEXT, "Name of the label; (no label) for issues without one.", False),
            Column("open_issue_count", COUNT, "Issues with the label open at the window's end.", False),
            Column("share_of_open", REAL, "Their share (0 to 1) of all open issues; null when none is open."),
            Column(
                "opened_count", COUNT, "Opened in the window, of the issues that have the label now.", False
            ),
            Column("closed_count", COUNT, "Closed in the window.", False),
            Column(
                "net_change",
                COUNT,
                "Change of the backlog by these issues in the window, by all eight flows.",
                False,
            ),
        ),
    ),
)
