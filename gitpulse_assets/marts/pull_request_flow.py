"""What came, went and stayed of pull requests, by day."""

from gitpulse_assets.chosen import CONTRIBUTORS
from gitpulse_assets.contracts.mart import COUNT, DAY, Answer, Mart, never_negative
from gitpulse_assets.contracts.model import Check, Column, Rule, TableContract
from gitpulse_assets.contracts.silver import REPO_COLUMNS

SUBJECT = CONTRIBUTORS
COUNTS = (
    Column("opened_count", COUNT, "Pull requests opened on the day, drafts too.", nullable=False),
    Column("ready_count", COUNT, "Open drafts made ready for review on the day.", nullable=False),
    Column("merged_count", COUNT, "Open ones merged on the day.", nullable=False),
    Column("closed_unmerged_count", COUNT, "Open ones closed without a merge on the day.", nullable=False),
    Column(
        "closed_by_commit_count",
        COUNT,
        "Of closed_unmerged_count, those a commit closed, as merge queues and squash landings look.",
        nullable=False,
    ),
    Column("reopened_count", COUNT, "Closed ones opened again on the day.", nullable=False),
    Column(
        "open_at_end",
        COUNT,
        "Open at the next midnight UTC, drafts too; on the last day at the as-of moment.",
        nullable=False,
    ),
    Column("drafts_at_end", COUNT, "Of open_at_end, the drafts.", nullable=False),
    Column("opened_as_draft_count", COUNT, "Of opened_count, those that were drafts.", nullable=False),
    Column("converted_to_draft_count", COUNT, "Open ones made drafts again on the day.", nullable=False),
    Column("draft_closed_count", COUNT, "Drafts closed or merged on the day.", nullable=False),
    Column("draft_reopened_count", COUNT, "Of reopened_count, those that are drafts.", nullable=False),
)

MART_PULL_REQUEST_FLOW = TableContract(
    layer="gold",
    name="mart_pull_request_flow",
    description=(
        "Pull requests opened, readied, merged, closed and reopened by UTC day, and how many are open. "
        "Where no timeline tells it, what the snapshot says takes effect when it was closed or last changed."
    ),
    grain="one row a UTC day, none missing",
    key=("repo_owner", "repo_name", "flow_date"),
    order_by=("flow_date",),
    sample=("flow_date",),
    columns=(*REPO_COLUMNS, Column("flow_date", DAY, "UTC day.", nullable=False), *COUNTS),
    rules=(
        never_negative(tuple(column.name for column in COUNTS)),
        Rule(
            "parts_within_wholes",
            "closed_by_commit_count > closed_unmerged_count or opened_as_draft_count > opened_count"
            " or draft_reopened_count > reopened_count or drafts_at_end > open_at_end"
            " or draft_closed_count > closed_unmerged_count + merged_count",
            "A part is never more than what it is of.",
        ),
    ),
)

MART = Mart(
    MART_PULL_REQUEST_FLOW,
    checks=(
        Check("pull_request_flow_identity"),
        Check("pull_requests_at_end_equal_snapshot"),
    ),
    answer=Answer(
        route="pull-request-flow",
        question=("Give pull requests day by day: opened, merged, closed, and how many were open or drafts."),
        over="time",
        sort=(("flow_date", "ascending"),),
        needs_reviews=True,
    ),
)
