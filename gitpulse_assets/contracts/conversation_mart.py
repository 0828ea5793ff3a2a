"""Columns and rules that several marts of conversations have; who counts: `sql/gold/conversation_act.sql`."""

from gitpulse_assets.contracts.contributors import REACTIONS
from gitpulse_assets.contracts.mart import COUNT, FLAG, REAL, TEXT, TEXT_LIST, Answer, Order
from gitpulse_assets.contracts.model import UTC_TIMESTAMP, Column, Rule, TableContract
from gitpulse_assets.contracts.silver import REPO_COLUMNS

THREAD_NUMBER = Column("issue_number", COUNT, "Number of the issue or pull request.", nullable=False)
THREAD_KEY = ("repo_owner", "repo_name", "issue_number")
IS_PULL_REQUEST = Column("is_pull_request", FLAG, "Whether it is a pull request.", nullable=False)
TITLE = Column("title", TEXT, "Title as last received.")
CREATED_AT = Column("created_at", UTC_TIMESTAMP, "When it was created, UTC.", nullable=False)
FIRST_RESPONSE_AT = Column(
    "first_response_at",
    UTC_TIMESTAMP,
    "First word (comment, submitted review, review comment) at or after the creation by a human other "
    "than the author, UTC. Bots never respond; deleted accounts are one human. Null: none yet.",
)
FIRST_MAINTAINER_RESPONSE_AT = Column(
    "first_maintainer_response_at",
    UTC_TIMESTAMP,
    "The same by a maintainer: OWNER or COLLABORATOR, and members of the organisation on the day of the "
    "word.",
)
TIME_TO_FIRST_RESPONSE = Column(
    "time_to_first_response_seconds", COUNT, "Seconds from created_at to first_response_at."
)
WAITING_SINCE = "waiting_since"

# What a list of threads says beside its mart, so that one can act from it.
BESIDE_THREADS = (
    Column("author_login", TEXT, "Newest known login of who opened it; ghost for a deleted account."),
    Column("label_names", TEXT_LIST, "The labels it has now, sorted.", nullable=False),
    Column("assignee_logins", TEXT_LIST, "Who is assigned to it, sorted.", nullable=False),
    Column(
        "requested_reviewer_logins",
        TEXT_LIST,
        "People whose requested review has neither come nor been called off, sorted; null: an issue, or not "
        "known.",
    ),
    Column("html_url", TEXT, "Its address at GitHub."),
)

RESPONSES_IN_ORDER = Rule(
    "no_response_before_creation",
    "first_response_at < created_at or first_maintainer_response_at < first_response_at"
    " or (first_response_at is null) and first_maintainer_response_at is not null"
    " or (first_response_at is null) <> (time_to_first_response_seconds is null)",
    "No response comes before the creation, and a maintainer's is not before the first.",
)


def waits(of: str, name: str, whose: str) -> tuple[Column, Column, Column]:
    """Median, 90th percentile and Kaplan-Meier median of what `name` measures, in seconds."""
    return (
        Column(
            f"median_{name}_seconds", REAL, f"Median seconds to the {of}, {whose}, of those that had one."
        ),
        Column(f"p90_{name}_seconds", REAL, "Their 90th percentile, interpolated, in seconds."),
        kaplan_meier(of, name),
    )


def kaplan_meier(of: str, name: str) -> Column:
    """The median that counts those without it as longer than they were seen."""
    return Column(
        f"kaplan_meier_median_{name}_seconds",
        REAL,
        f"Seconds within which half of those created in the month had their {of}, by Kaplan and Meier: those "
        "without count as longer than they were seen, until closed or the as-of moment. Null when more than "
        "half outlast that.",
    )


def counted(words: str, what: str) -> tuple[Column, ...]:
    """What makes a thread trending: words, their people, the last of them, and the reactions to it."""
    return (
        Column("rank", COUNT, "1 for the most; ties by the later last one, then the smaller number.", False),
        Column(words, COUNT, f"{what} by humans who are no maintainers.", nullable=False),
        Column("people_count", COUNT, "Distinct people among them.", nullable=False),
        Column("last_counted_at", UTC_TIMESTAMP, "The last of them, UTC.", nullable=False),
        Column("reaction_count", COUNT, "Reactions to it, all kinds; 0 where none were told.", False),
        *(Column(f"reaction_{kind}_count", COUNT, f"Of these, {kind}.", False) for kind in REACTIONS),
    )


def at_least_one(words: str) -> Rule:
    """The rule that nothing is listed without a word, and no more people than words."""
    return Rule(
        "someone_spoke",
        f"{words} < 1 or people_count < 1 or people_count > {words} or rank < 1 or reaction_count < 0",
        "What is listed has at least one word, by at least one person, and a place.",
    )


def listed_threads(
    contract: TableContract,
    *,
    route: str,
    question: str,
    sort: tuple[Order, ...],
    needs_reviews: bool = False,
    needs_members: bool = False,
) -> Answer:
    """The answer that lists a mart's threads, each with what is known of it beside the mart."""
    own = tuple(column for column in contract.columns if column not in REPO_COLUMNS)
    beside = tuple(column for column in BESIDE_THREADS if column.name not in contract.column_names)
    return Answer(route, question, "threads", sort, (*own, *beside), needs_reviews, needs_members)
