"""Everyone who acted in the repository."""

from gitpulse_assets.chosen import CONTRIBUTORS
from gitpulse_assets.contracts.mart import COUNT, FLAG, ID, TEXT, Answer, Mart, never_negative
from gitpulse_assets.contracts.model import UTC_TIMESTAMP, Column, Rule, TableContract
from gitpulse_assets.contracts.silver import REPO_COLUMNS

SUBJECT = CONTRIBUTORS
COUNTS = (
    Column("issues_opened", COUNT, "Issues they opened.", nullable=False),
    Column("pull_requests_opened", COUNT, "Pull requests they opened.", nullable=False),
    Column("pull_requests_merged", COUNT, "Of these, those that were merged.", nullable=False),
    Column("review_count", COUNT, "Reviews they submitted on the pull requests of others.", nullable=False),
    Column("comment_count", COUNT, "Comments and review comments they wrote.", nullable=False),
)

MART_CONTRIBUTOR = TableContract(
    layer="gold",
    name="mart_contributor",
    description=(
        "Every human who opened, commented or reviewed in the repository, and how much; in no order of "
        "merit. Bots are left out, deleted accounts are one person, threads that left do not count."
    ),
    grain="one row a person",
    key=("repo_owner", "repo_name", "person_id"),
    order_by=("person_id",),
    sample=("person_id",),
    columns=(
        *REPO_COLUMNS,
        Column(
            "person_id",
            ID,
            "GitHub's numeric id of the account; 0 for all deleted ones, negative where only a login is "
            "known.",
            nullable=False,
        ),
        Column("person_login", TEXT, "Newest known login; ghost for deleted accounts."),
        Column("first_act_at", UTC_TIMESTAMP, "First opening or word here, UTC.", nullable=False),
        Column("last_act_at", UTC_TIMESTAMP, "Last opening or word here, UTC.", nullable=False),
        *COUNTS,
        Column(
            "is_maintainer",
            FLAG,
            "Whether they maintain the repository at the as-of moment: a member of the organisation then, or "
            "OWNER or COLLABORATOR by the association of the last act (MEMBER, too, where members are "
            "unknown).",
            nullable=False,
        ),
    ),
    rules=(
        never_negative(tuple(column.name for column in COUNTS)),
        Rule(
            "merged_were_opened",
            "pull_requests_merged > pull_requests_opened",
            "No more were merged than opened.",
        ),
        Rule("acts_in_order", "last_act_at < first_act_at", "The first act is not after the last."),
    ),
)

MART = Mart(
    MART_CONTRIBUTOR,
    answer=Answer(
        route="contributors",
        question="List everyone who opened, commented or reviewed here, by name and in no order of merit.",
        over="people",
        sort=(("person_login", "ascending"), ("person_id", "ascending")),
        needs_reviews=True,
        needs_members=True,
    ),
)
