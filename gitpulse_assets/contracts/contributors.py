"""Contracts of the subject `contributors`: what people said and did on issues and pull requests.

How a deleted account, a bot and an association are told is the same in every table: see `person` and
`association`.
"""

import pyarrow as pa

from gitpulse_assets.contracts.bronze import FETCHED_AT, RUN_COLUMNS, record_table
from gitpulse_assets.contracts.model import UTC_TIMESTAMP, Column, Rule, TableContract
from gitpulse_assets.contracts.silver import ISSUE_ID, ISSUE_KEY, REPO_COLUMNS, one_of

REVIEW_STATES = ("APPROVED", "CHANGES_REQUESTED", "COMMENTED", "DISMISSED")
REACTIONS = ("plus_1", "minus_1", "laugh", "hooray", "confused", "heart", "rocket", "eyes")

THREAD_NUMBER = Column(
    "thread_number", pa.int64(), "Number of the issue or pull request within the repository.", False
)
PULL_REQUEST_NUMBER = Column(
    "pull_request_number", pa.int64(), "Number of the pull request within the repository.", False
)
IS_PULL_REQUEST = Column("is_pull_request", pa.bool_(), "Whether the thread is a pull request.", False)
FIRST_FETCHED_AT = Column("fetched_at", UTC_TIMESTAMP, "When it was first received.", False)

LAST_FETCHED_AT = Column(
    "last_fetched_at",
    UTC_TIMESTAMP,
    "When its newest record was received; null where none was since this column is kept.",
)


def person(name: str, who: str) -> tuple[Column, Column, Column]:
    """The columns that name somebody; all null for a deleted account, as for nobody."""
    return (
        Column(f"{name}_login", pa.string(), f"Login of {who}; a bot's ends in [bot]. Null: deleted."),
        Column(f"{name}_id", pa.int64(), f"Numeric id of {who}."),
        Column(f"{name}_type", pa.string(), "User, Bot, Organization or Mannequin."),
    )


def association(name: str) -> tuple[Column, Column]:
    """The tie to the repository, which GitHub computes when asked, and whether it is later knowledge."""
    return (
        Column(
            f"{name}_association",
            pa.string(),
            "Tie to the repository as first received: OWNER, MEMBER, COLLABORATOR, NONE ...",
        ),
        Column(
            "is_inferred",
            pa.bool_(),
            "Whether it lies before the first sync, so that the association is of a later day.",
            False,
        ),
    )


def reactions() -> tuple[Column, ...]:
    """How many reactions there are, in all and by kind."""
    return (
        Column("reaction_count", pa.int64(), "Number of reactions; null where not told."),
        *(Column(f"reaction_{kind}_count", pa.int64(), f"Of these, {kind}.") for kind in REACTIONS),
    )


RECEIVED_ISSUE_COMMENT = record_table(
    "issue_comment",
    "Every comment of `GET /issues/comments` as received; its text where GITPULSE_COMMENT_TEXTS asks.",
    Column("comment_id", pa.int64(), "The record's `id`; null where it has no usable one."),
)
RECEIVED_REVIEW_COMMENT = record_table(
    "review_comment",
    "Every comment of `GET /pulls/comments` as received; its text where GITPULSE_COMMENT_TEXTS asks.",
    Column("comment_id", pa.int64(), "The record's `id`; null where it has no usable one."),
)

COMMENT_GONE = TableContract(
    layer="bronze",
    name="comment_gone",
    description=(
        "Comments that a full walk of their list no longer met and that GitHub, asked for each, has not."
    ),
    grain="one comment found gone by one run",
    key=("run_id", "list_name", "comment_id"),
    columns=(
        *RUN_COLUMNS,
        FETCHED_AT,
        Column("list_name", pa.string(), "Its list: `issue_comment` or `review_comment`.", False),
        Column("comment_id", pa.int64(), "GitHub's numeric id of the comment.", False),
    ),
    order_by=("list_name", "comment_id"),
    sample=("list_name", "comment_id"),
)

CONVERSATION_THREAD = TableContract(
    layer="silver",
    name="conversation_thread",
    description="How far the conversation of each issue and pull request is collected, and who opened it.",
    grain="one row an issue or pull request whose conversation was asked for",
    key=ISSUE_KEY,
    order_by=("issue_id",),
    sample=("issue_id", "thread_number"),
    columns=(
        *REPO_COLUMNS,
        ISSUE_ID,
        THREAD_NUMBER,
        IS_PULL_REQUEST,
        *person("author", "who opened it"),
        *association("author"),
        Column("created_at", UTC_TIMESTAMP, "When it was created; null where GitHub served nothing of it."),
        Column("thread_updated_at", UTC_TIMESTAMP, "Its updated_at when it was collected.", False),
        Column("is_complete", pa.bool_(), "Whether every entry came; else it is asked for again.", False),
        Column(
            "is_newer_part",
            pa.bool_(),
            "Whether the newest answer told only what was newer: the next full walk reads all of it again.",
        ),
        Column("whole_at", UTC_TIMESTAMP, "When an answer last told all of it; null where none did."),
        Column(
            "left_out",
            pa.list_(pa.string()),
            "Names of GitHub's GraphQL schema that the server is too old to know; null where none is lost.",
        ),
        Column(
            "first_sync_at",
            UTC_TIMESTAMP,
            "When conversations of the repository were first received; the same in every row.",
            False,
        ),
        Column("run_id", pa.string(), "Run that fetched it.", False),
        Column("fetched_at", UTC_TIMESTAMP, "GitHub's clock (Date header) when it was last fetched.", False),
    ),
)

CONVERSATION_EVENT = TableContract(
    layer="silver",
    name="conversation_event",
    description=(
        "What was said and done on issues and pull requests, in order. A comment that was deleted is gone; "
        "what an issue brought from another repository lies before its transferred event."
    ),
    grain="one row an event, comment or submitted review",
    key=("repo_owner", "repo_name", "event_id"),
    order_by=("issue_id", "occurred_at", "position"),
    sample=("thread_number", "event_id"),
    columns=(
        *REPO_COLUMNS,
        Column("event_id", pa.string(), "GitHub's GraphQL id.", False),
        ISSUE_ID,
        THREAD_NUMBER,
        IS_PULL_REQUEST,
        Column(
            "event_type",
            pa.string(),
            "As REST's timeline names it: closed, merged, labeled, convert_to_draft, commented, reviewed, "
            "review_dismissed ...; kinds that GitHub adds later in the same spelling.",
            False,
        ),
        Column("occurred_at", UTC_TIMESTAMP, "When it happened; of a review, when it was submitted.", False),
        Column("position", pa.int64(), "Order among events of one second: rank in the timeline.", False),
        *person("actor", "who did, said or reviewed it"),
        *association("actor"),
        Column("label_id", pa.int64(), "labeled, unlabeled: numeric id of the label, as in issue_labels."),
        Column("label_name", pa.string(), "The label's name when last received."),
        *person("subject", "the assignee or requested reviewer"),
        Column("subject_team", pa.string(), "Slug of a team whose review was requested."),
        Column("review_id", pa.int64(), "reviewed, review_dismissed: numeric id of the review."),
        Column(
            "review_state",
            pa.string(),
            "reviewed: APPROVED, CHANGES_REQUESTED, COMMENTED or DISMISSED now; review_dismissed: what it "
            "was before.",
        ),
        Column("comment_id", pa.int64(), "commented: numeric id of the comment."),
        Column(
            "edited_at",
            UTC_TIMESTAMP,
            "commented, reviewed: when the text was last edited; of what is old in a thread of over 100 "
            "entries as the next full walk shows it.",
        ),
        Column("closer_type", pa.string(), "closed: Commit, PullRequest or ProjectV2; null: by hand."),
        Column("state_reason", pa.string(), "closed, reopened: completed, not_planned, ..."),
        Column("from_repository", pa.string(), "transferred: owner/name it came from, where told."),
        Column("title_before", pa.string(), "renamed: the title before."),
        Column("title_after", pa.string(), "renamed: the title after."),
        FIRST_FETCHED_AT,
        LAST_FETCHED_AT,
    ),
)

REVIEW = TableContract(
    layer="silver",
    name="review",
    description="The submitted reviews of pull requests, with what each said before it was dismissed.",
    grain="one row a submitted review",
    key=("repo_owner", "repo_name", "review_id"),
    order_by=("issue_id", "submitted_at"),
    sample=("pull_request_number", "review_id"),
    columns=(
        *REPO_COLUMNS,
        Column("review_id", pa.int64(), "GitHub's numeric id of the review.", False),
        ISSUE_ID,
        PULL_REQUEST_NUMBER,
        *person("author", "the reviewer"),
        *association("author"),
        Column("state", pa.string(), "APPROVED, CHANGES_REQUESTED, COMMENTED or DISMISSED now.", False),
        Column(
            "state_submitted",
            pa.string(),
            "The state before it was dismissed; DISMISSED where nothing tells it.",
            False,
        ),
        Column("submitted_at", UTC_TIMESTAMP, "When it was submitted.", False),
        Column("dismissed_at", UTC_TIMESTAMP, "When it was dismissed; null if it never was."),
        *person("dismissed_by", "who dismissed it"),
        Column("edited_at", UTC_TIMESTAMP, "When its text was last edited."),
        FIRST_FETCHED_AT,
        LAST_FETCHED_AT,
    ),
    rules=(
        Rule("state_known", one_of("state", REVIEW_STATES), "The state is one of four."),
        Rule(
            "dismissed_is_dated",
            "dismissed_at is not null and state <> 'DISMISSED'",
            "What was dismissed stays so.",
            is_blocking=False,
        ),
    ),
)

ISSUE_COMMENT = TableContract(
    layer="silver",
    name="issue_comment",
    description=(
        "The comments of issues and pull requests as REST lists them: with reactions and their last update, "
        "and without a token the only source of comments."
    ),
    grain="one row a comment",
    key=("repo_owner", "repo_name", "comment_id"),
    order_by=("comment_id",),
    sample=("thread_number", "comment_id"),
    columns=(
        *REPO_COLUMNS,
        Column("comment_id", pa.int64(), "GitHub's numeric id of the comment.", False),
        THREAD_NUMBER,
        *person("author", "who wrote it"),
        *association("author"),
        Column("created_at", UTC_TIMESTAMP, "When it was written.", False),
        Column("updated_at", UTC_TIMESTAMP, "When it was last changed.", False),
        *reactions(),
        Column("run_id", pa.string(), "Run that fetched this record.", False),
        FIRST_FETCHED_AT,
        LAST_FETCHED_AT,
    ),
)

REVIEW_COMMENT = TableContract(
    layer="silver",
    name="review_comment",
    description="The comments on the lines of pull requests. Each counts from the submission of its review.",
    grain="one row a comment",
    key=("repo_owner", "repo_name", "comment_id"),
    order_by=("comment_id",),
    sample=("pull_request_number", "comment_id"),
    columns=(
        *REPO_COLUMNS,
        Column("comment_id", pa.int64(), "GitHub's numeric id of the comment.", False),
        Column("review_id", pa.int64(), "The review it was submitted with."),
        PULL_REQUEST_NUMBER,
        Column("in_reply_to_id", pa.int64(), "The comment it answers."),
        *person("author", "who wrote it"),
        *association("author"),
        Column("created_at", UTC_TIMESTAMP, "When its draft was written.", False),
        Column(
            "submitted_at",
            UTC_TIMESTAMP,
            "When its review was submitted; null where that is not known, or not before the next refresh.",
        ),
        Column(
            "settled_at", UTC_TIMESTAMP, "By when it was submitted at the latest, as it was first received."
        ),
        Column("updated_at", UTC_TIMESTAMP, "When it was last changed.", False),
        Column("file_path", pa.string(), "The file it is on."),
        *reactions(),
        Column("run_id", pa.string(), "Run that fetched this record.", False),
        FIRST_FETCHED_AT,
        LAST_FETCHED_AT,
    ),
)

LABEL_SHOWN = TableContract(
    layer="silver",
    name="label_shown",
    description=(
        "Every label that a record of the issue list ever showed, and what the newest of them called it: one "
        "that is renamed and then deleted leaves its last name nowhere else."
    ),
    grain="one row a label",
    key=("repo_owner", "repo_name", "label_id"),
    order_by=("label_id",),
    sample=("label_id", "label_name"),
    columns=(
        *REPO_COLUMNS,
        Column("label_id", pa.int64(), "Numeric id of the label, as in issue_labels.", False),
        Column("label_name", pa.string(), "What that record called it.", False),
        Column("issue_id", pa.int64(), "The issue or pull request that it was on.", False),
        Column("shown_at", UTC_TIMESTAMP, "When that record was received.", False),
    ),
)

LABEL_SPAN = TableContract(
    layer="silver",
    name="label_span",
    description=(
        "When an issue or pull request carried a label: from the timeline, held against the snapshot. Spans "
        "end with the thread's departure; of an issue that arrived they begin with its arrival."
    ),
    grain="one row an issue or pull request, label and time it was on",
    key=(*ISSUE_KEY, "label_id", "span_number"),
    order_by=("issue_id", "label_id", "span_number"),
    sample=("thread_number", "label_name", "span_number"),
    columns=(
        *REPO_COLUMNS,
        ISSUE_ID,
        THREAD_NUMBER,
        IS_PULL_REQUEST,
        Column("label_id", pa.int64(), "Numeric id of the label, as in issue_labels.", False),
        Column(
            "label_name",
            pa.string(),
            "The label's name now: by the newest record of what has it, else as it was shown last.",
        ),
        Column("span_number", pa.int64(), "1, 2, ... in order of time.", False),
        Column("from_at", UTC_TIMESTAMP, "When it was put on.", False),
        Column("to_at", UTC_TIMESTAMP, "When it was taken off; null while it is on."),
        *person("added_by", "who put it on"),
        Column("is_from_inferred", pa.bool_(), "Whether no event tells the beginning.", False),
        Column(
            "is_to_inferred",
            pa.bool_(),
            "Whether no event tells the end, which a snapshot showed: the label was deleted, most often.",
            False,
        ),
    ),
    rules=(Rule("ends_after_it_begins", "to_at < from_at", "No span ends before it begins."),),
)

PULL_REQUEST_CURRENT = TableContract(
    layer="silver",
    name="pull_request_current",
    description=(
        "Every pull request as it is now: from the issue list, with what GraphQL adds where it was asked. A "
        "merge is known or it is not there: nothing is assumed."
    ),
    grain="one row a pull request",
    key=ISSUE_KEY,
    order_by=("issue_id",),
    sample=("pull_request_number",),
    columns=(
        *REPO_COLUMNS,
        ISSUE_ID,
        PULL_REQUEST_NUMBER,
        Column("pull_request_id", pa.int64(), "GitHub's numeric id of the pull request itself."),
        Column("pull_request_node_id", pa.string(), "GitHub's GraphQL id."),
        Column("title", pa.string(), "Title as last received."),
        Column("state", pa.string(), "open, closed (and not merged) or merged.", False),
        Column("is_draft", pa.bool_(), "Whether it is a draft; null where GitHub does not say."),
        *person("author", "who opened it"),
        Column("author_association", pa.string(), "The author's tie to the repository as first received."),
        Column("created_at", UTC_TIMESTAMP, "When it was created.", False),
        Column("updated_at", UTC_TIMESTAMP, "When GitHub last changed it.", False),
        Column("closed_at", UTC_TIMESTAMP, "When it was last closed or merged."),
        Column("merged_at", UTC_TIMESTAMP, "When it was merged."),
        *person("merged_by", "who merged it; null where not known"),
        Column("head_ref", pa.string(), "The branch it comes from."),
        Column("base_ref", pa.string(), "The branch it goes to."),
        Column("additions", pa.int64(), "Lines added; null where not known."),
        Column("deletions", pa.int64(), "Lines deleted; null where not known."),
        Column("changed_file_count", pa.int64(), "Files changed; null where not known."),
        Column("commit_count", pa.int64(), "Commits; null where not known."),
        Column("last_closing_at", UTC_TIMESTAMP, "Its last closing by REST's issue events; null: none told."),
        Column("is_last_closing_by_commit", pa.bool_(), "Whether that closing names a commit; null as well."),
        Column(
            "requested_reviewer_logins",
            pa.list_(pa.string()),
            "People whose requested review has neither come nor been called off, sorted; null: not known.",
        ),
        Column("times_reopened", pa.int64(), "How often its conversation says so; null where not known."),
        Column("comment_count", pa.int64(), "Number of comments, as GitHub counts."),
        Column("departed_at", UTC_TIMESTAMP, "When it left the repository; null if present."),
        Column("fetched_at", UTC_TIMESTAMP, "When the newest record of it was fetched.", False),
    ),
    rules=(
        Rule("state_known", one_of("state", ("open", "closed", "merged")), "The state is one of three."),
        Rule(
            "merged_is_dated",
            "(state = 'merged') <> (merged_at is not null)",
            "What is merged has merged_at, and nothing else has.",
        ),
    ),
)

ISSUE_REACTION = TableContract(
    layer="silver",
    name="issue_reaction",
    description="The reactions to the opening text of issues and pull requests, by the issue list.",
    grain="one row an issue or pull request",
    key=ISSUE_KEY,
    order_by=("issue_id",),
    sample=("issue_id",),
    columns=(*REPO_COLUMNS, ISSUE_ID, *reactions(), Column("fetched_at", UTC_TIMESTAMP, "When.", False)),
)

THREAD_OPENING = TableContract(
    layer="silver",
    name="thread_opening",
    description=(
        "How the authors of issues and pull requests were tied to the repository when these were first "
        "received, with a conversation or without: whoever judges an opening goes by it."
    ),
    grain="one row an issue or pull request",
    key=ISSUE_KEY,
    order_by=("issue_id",),
    sample=("issue_id", "author_association"),
    columns=(*REPO_COLUMNS, ISSUE_ID, *association("author"), FIRST_FETCHED_AT),
)
