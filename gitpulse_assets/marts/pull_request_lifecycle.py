"""Every pull request with who answered, who reviewed, and how it ended."""

from gitpulse_assets.chosen import CONTRIBUTORS
from gitpulse_assets.contracts.conversation_mart import (
    CREATED_AT,
    FIRST_MAINTAINER_RESPONSE_AT,
    FIRST_RESPONSE_AT,
    RESPONSES_IN_ORDER,
    TIME_TO_FIRST_RESPONSE,
    TITLE,
    listed_threads,
)
from gitpulse_assets.contracts.mart import COUNT, FLAG, TEXT, TEXT_LIST, Mart, never_negative
from gitpulse_assets.contracts.model import UTC_TIMESTAMP, Check, Column, Rule, TableContract
from gitpulse_assets.contracts.silver import REPO_COLUMNS, one_of

SUBJECT = CONTRIBUTORS
STATES = ("open", "closed", "merged")

MART_PULL_REQUEST_LIFECYCLE = TableContract(
    layer="gold",
    name="mart_pull_request_lifecycle",
    description=(
        "Every pull request with when it was ready, answered, reviewed, approved and merged, and by whom. "
        "Those that GitHub no longer has are left out."
    ),
    grain="one row a pull request",
    key=("repo_owner", "repo_name", "pull_request_number"),
    order_by=("pull_request_number",),
    sample=("pull_request_number",),
    columns=(
        *REPO_COLUMNS,
        Column("pull_request_number", COUNT, "Number of the pull request.", nullable=False),
        TITLE,
        Column("state", TEXT, "open, closed (unmerged) or merged; known, never assumed.", nullable=False),
        Column("author_login", TEXT, "Newest known login of the author; ghost for a deleted account."),
        Column("is_draft", FLAG, "Whether it is a draft, closed or not; null where GitHub does not say."),
        CREATED_AT,
        Column(
            "ready_at",
            UTC_TIMESTAMP,
            "When it last left draft, else created_at, UTC; null while a draft or when closed as one.",
        ),
        FIRST_RESPONSE_AT,
        FIRST_MAINTAINER_RESPONSE_AT,
        Column(
            "first_review_at",
            UTC_TIMESTAMP,
            "First review submitted at or after the creation by a human other than the author, UTC.",
        ),
        Column(
            "approved_at",
            UTC_TIMESTAMP,
            "First approval by a human other than the author, submitted at or before merged_at and not "
            "dismissed by then, UTC; null unless merged.",
        ),
        Column(
            "merged_at",
            UTC_TIMESTAMP,
            "When it was merged, UTC, its creation if GitHub dates it before; null unless merged.",
        ),
        Column("closed_at", UTC_TIMESTAMP, "When it was closed or merged, UTC, likewise; null while open."),
        Column(
            "merged_by_login", TEXT, "Login of who merged it; null unless merged, where unknown or deleted."
        ),
        Column(
            "review_count",
            COUNT,
            "Submitted reviews by humans other than the author, dismissed ones too.",
            nullable=False,
        ),
        Column("reviewer_logins", TEXT_LIST, "Their authors, each once, sorted; ghost if deleted.", False),
        Column(
            "comment_count", COUNT, "Issue comments that exist, as GitHub counts them; no review comments."
        ),
        Column(
            "times_reopened", COUNT, "How often it was reopened; null where its conversation was never told."
        ),
        Column(
            "is_self_merged",
            FLAG,
            "Whether its author merged it; null unless merged and its conversation was told, false where an "
            "account is deleted or unknown.",
        ),
        Column(
            "is_merged_without_review",
            FLAG,
            "Whether no human other than the author had reviewed it by merged_at; null unless merged and its "
            "conversation was told.",
        ),
        TIME_TO_FIRST_RESPONSE,
        Column(
            "review_seconds", COUNT, "Seconds from first_review_at to merged_at; null unless merged after it."
        ),
        Column(
            "first_bot_response_at",
            UTC_TIMESTAMP,
            "First word by a bot other than the author, UTC. Beside the responses: it is none.",
        ),
        Column(
            "is_closed_by_commit",
            FLAG,
            "Whether it is closed unmerged and a commit closed it last, as merge queues and squash landings "
            "look; false, too, where its conversation was never told.",
            nullable=False,
        ),
        Column(
            "open_seconds",
            COUNT,
            "Whole seconds it was open, reopenings added, up to the as-of moment.",
            nullable=False,
        ),
    ),
    rules=(
        never_negative(("review_count", "times_reopened", "open_seconds")),
        Rule("state_known", one_of("state", STATES), "The state is open, closed or merged."),
        Rule(
            "merged_has_time",
            "(state = 'merged') <> (merged_at is not null)",
            "Merged is what has merged_at, and nothing else.",
        ),
        RESPONSES_IN_ORDER,
        Rule(
            "of_merged_only",
            "merged_at is null and coalesce("
            "approved_at is not null or is_self_merged is not null or is_merged_without_review is not null"
            " or review_seconds is not null, false)"
            " or merged_at is not null and times_reopened is not null"
            " and (is_self_merged is null or is_merged_without_review is null)",
            "How it was merged is said of merged ones, and of each whose conversation was told.",
        ),
        Rule(
            "reviewers_and_reviews",
            "(review_count = 0) <> (len(reviewer_logins) = 0) or len(reviewer_logins) > review_count",
            "Reviews have reviewers, never more than there are reviews.",
        ),
    ),
)

MART = Mart(
    MART_PULL_REQUEST_LIFECYCLE,
    checks=(Check("responses_are_of_others"),),
    answer=listed_threads(
        MART_PULL_REQUEST_LIFECYCLE,
        route="pull-requests",
        question="List pull requests with who answered and reviewed and how they ended, the newest first.",
        sort=(("pull_request_number", "descending"),),
        needs_reviews=True,
        needs_members=True,
    ),
)
