"""Contracts of the silver tables: one current truth per repository, and the ledger of its backlog.

Columns, grain, key and rules only; how the rows are made stands in `sql/silver/`, and what holds between
two tables (orphans, the ledger against the snapshot) in `sql/checks/`.
"""

import pyarrow as pa

from gitpulse_assets.contracts.bronze import COUNTS
from gitpulse_assets.contracts.model import UTC_TIMESTAMP, Column, Rule, TableContract

REPO_COLUMNS = (
    Column("repo_owner", pa.string(), "Owner of the repository as first registered, in lower case.", False),
    Column("repo_name", pa.string(), "Name of the repository as first registered, in lower case.", False),
)
ISSUE_ID = Column(
    "issue_id", pa.int64(), "GitHub's numeric id of the issue; never reused, not even by a transfer.", False
)
ISSUE_NUMBER = Column("issue_number", pa.int64(), "Number of the issue within the repository.", False)
ISSUE_KEY = ("repo_owner", "repo_name", "issue_id")

DEPARTURE_KINDS = ("deleted", "transferred_out", "converted", "unknown")
LEDGER_ENTRIES = ("opened", "reopened", "transferred_in", "returned")
LEDGER_EXITS = ("closed", "converted", "transferred_out", "deleted")
EVENT_KINDS = ("closed", "reopened", "transferred", "converted_to_discussion")
KNOWN_BY = ("event", "snapshot", "inferred")


def one_of(column: str, values: tuple[str, ...]) -> str:
    """The predicate that is true where a column holds something else than the values (null passes)."""
    return f"{column} not in ({', '.join(repr(value) for value in values)})"


ISSUE_CURRENT = TableContract(
    layer="silver",
    name="issue_current",
    is_ranged=True,
    description=(
        "The newest known record of every issue and pull request of a repository. The last write wins: the "
        "greatest updated_at, then the latest fetch, also across runs. Issues that left the repository keep "
        "their row; an issue is open when state = 'open' and departed_at is null."
    ),
    grain="one row an issue or pull request",
    key=ISSUE_KEY,
    order_by=("issue_id",),
    sample=("issue_id", "issue_number"),
    columns=(
        *REPO_COLUMNS,
        ISSUE_ID,
        Column("issue_node_id", pa.string(), "GitHub's GraphQL id."),
        ISSUE_NUMBER,
        Column("title", pa.string(), "Title as last received."),
        Column("state", pa.string(), "open or closed, as GitHub says.", False),
        Column("state_reason", pa.string(), "completed, not_planned, duplicate, reopened, or null."),
        Column(
            "is_reason_told",
            pa.bool_(),
            "Whether the record has a state_reason at all, be it null; false where the server is too old.",
        ),
        Column("is_locked", pa.bool_(), "Whether the conversation is locked."),
        Column("active_lock_reason", pa.string(), "Why it is locked, if a reason was given."),
        Column(
            "is_pull_request",
            pa.bool_(),
            "Whether the record is a pull request: `pull_request` present and not null.",
            False,
        ),
        Column("is_draft", pa.bool_(), "Whether a pull request is a draft; null where GitHub does not say."),
        Column("merged_at", UTC_TIMESTAMP, "When a pull request was merged; null for issues and unmerged."),
        Column("author_id", pa.int64(), "Numeric id of the author; null when the account is gone."),
        Column("author_login", pa.string(), "Login of the author when last received."),
        Column("author_type", pa.string(), "User, Bot, Organization or Mannequin."),
        Column(
            "author_association", pa.string(), "The author's tie to the repository: OWNER, MEMBER, NONE ..."
        ),
        Column("assignee_count", pa.int64(), "Number of distinct assignees."),
        Column("comment_count", pa.int64(), "Number of comments."),
        Column("milestone_title", pa.string(), "Title of the milestone."),
        Column("issue_type", pa.string(), "Name of the issue type, where the organisation uses types."),
        Column("closed_by_login", pa.string(), "Login of who closed it, where the record says so."),
        Column("html_url", pa.string(), "Address of the issue for people."),
        Column(
            "created_at",
            UTC_TIMESTAMP,
            "When it was created; older than its arrival if transferred in.",
            False,
        ),
        Column("updated_at", UTC_TIMESTAMP, "When GitHub last changed it.", False),
        Column(
            "closed_at",
            UTC_TIMESTAMP,
            "When it was last closed; null while open, and now and then when closed.",
        ),
        Column(
            "departed_at",
            UTC_TIMESTAMP,
            "When it left the repository (or was noticed missing); null if present.",
        ),
        Column(
            "departure_kind", pa.string(), "deleted, transferred_out, converted or unknown; null if present."
        ),
        Column("departed_to", pa.string(), "Where a transferred issue went, as owner/name#number."),
        Column("run_id", pa.string(), "Run that fetched this record.", False),
        Column("page_number", pa.int32(), "Page of that run's walk, from 1.", False),
        Column("fetched_at", UTC_TIMESTAMP, "GitHub's clock (Date header) when it was fetched.", False),
    ),
    rules=(
        Rule("state_known", one_of("state", ("open", "closed")), "The state is open or closed."),
        Rule(
            "closed_not_before_created",
            "closed_at < created_at - interval 1 hour",
            "No issue closed more than one hour before it was created. Such a row is reported and stays in "
            "the counts; its closing takes effect at created_at.",
            is_blocking=False,
        ),
        Rule(
            "open_has_no_closed_at",
            "state = 'open' and closed_at is not null",
            "An open issue has no closed_at.",
            is_blocking=False,
        ),
        Rule(
            "departure_kind_known", one_of("departure_kind", DEPARTURE_KINDS), "The departure kind is known."
        ),
        Rule(
            "departure_whole",
            "(departed_at is null) <> (departure_kind is null)",
            "A departed issue has a time and a kind, a present one neither.",
        ),
        Rule("counts_not_negative", "comment_count < 0 or assignee_count < 0", "No count is negative."),
    ),
)

ISSUE_BODY = TableContract(
    layer="silver",
    name="issue_body",
    is_ranged=True,
    description=(
        "The text of every issue and pull request, apart from issue_current so that a few changed records do "
        "not rewrite every body."
    ),
    grain="one row an issue or pull request",
    key=ISSUE_KEY,
    order_by=("issue_id",),
    sample=("issue_id",),
    columns=(
        *REPO_COLUMNS,
        ISSUE_ID,
        Column("body", pa.string(), "Markdown text; null where none was written."),
        Column("body_md5", pa.string(), "MD5 of the text in hexadecimal, to see changes without reading it."),
    ),
    rules=(
        Rule(
            "hash_with_body", "(body is null) <> (body_md5 is null)", "A body has its hash, and only a body."
        ),
    ),
)

ISSUE_LABELS = TableContract(
    layer="silver",
    name="issue_labels",
    is_ranged=True,
    description="The labels an issue or pull request carries now; a row disappears when the label does.",
    grain="one row an issue and label",
    key=(*ISSUE_KEY, "label_id"),
    order_by=("issue_id", "label_id"),
    sample=("issue_id", "label_id"),
    columns=(
        *REPO_COLUMNS,
        ISSUE_ID,
        ISSUE_NUMBER,
        Column(
            "label_id",
            pa.int64(),
            "GitHub's numeric id, which a rename keeps. A label received without one (old records send the "
            "bare name) has a negative id made from its lower-case name.",
            False,
        ),
        Column("label_name", pa.string(), "Name when the issue was last received.", False),
        Column("label_color", pa.string(), "Colour as six hexadecimal digits."),
        Column("label_description", pa.string(), "Description of the label."),
        Column("is_default", pa.bool_(), "Whether GitHub created the label with the repository."),
    ),
)

ISSUE_ASSIGNEES = TableContract(
    layer="silver",
    name="issue_assignees",
    is_ranged=True,
    description="Who an issue or pull request is assigned to now; a row disappears when the assignee does.",
    grain="one row an issue and assigned user",
    key=(*ISSUE_KEY, "user_id"),
    order_by=("issue_id", "user_id"),
    sample=("issue_id", "user_id"),
    columns=(
        *REPO_COLUMNS,
        ISSUE_ID,
        ISSUE_NUMBER,
        Column(
            "user_id",
            pa.int64(),
            "GitHub's numeric id of the user; one received without an id has a negative id made from the "
            "lower-case login.",
            False,
        ),
        Column("user_login", pa.string(), "Login when the issue was last received."),
        Column("user_type", pa.string(), "User, Bot, Organization or Mannequin."),
    ),
)

ISSUE_EVENT = TableContract(
    layer="silver",
    name="issue_event",
    is_ranged=True,
    description=(
        "The lifecycle events of issues as GitHub tells them, from GraphQL timelines and REST issue events, "
        "each once; only the kinds that can move the backlog."
    ),
    grain="one row an event",
    key=(*ISSUE_KEY, "event_id"),
    order_by=("issue_id", "happened_at"),
    sample=("issue_id", "event_id"),
    columns=(
        *REPO_COLUMNS,
        ISSUE_ID,
        Column("issue_number", pa.int64(), "Number of the issue within the repository, where it was told."),
        Column(
            "event_id", pa.string(), "GitHub's GraphQL id of the event, the same from both sources.", False
        ),
        Column("kind", pa.string(), "closed, reopened, transferred or converted_to_discussion.", False),
        Column(
            "happened_at",
            UTC_TIMESTAMP,
            "When it happened; a closing trails closed_at by 1-2 s at times.",
            False,
        ),
        Column(
            "position",
            pa.int64(),
            "Order among events of one second: rank in the timeline, or REST id.",
            False,
        ),
        Column("actor_login", pa.string(), "Login of who did it; null when the account is gone."),
        Column("actor_id", pa.int64(), "Numeric id of who did it."),
        Column("actor_type", pa.string(), "User, Bot, Organization or Mannequin."),
        Column("state_reason", pa.string(), "Reason given, in lower case: completed, not_planned, ..."),
        Column("from_repository", pa.string(), "owner/name a transferred issue came from, where told."),
        Column("source", pa.string(), "graphql or rest_events.", False),
        Column("fetched_at", UTC_TIMESTAMP, "When it was first received.", False),
    ),
    rules=(
        Rule("kind_known", one_of("kind", EVENT_KINDS), "Only lifecycle events are kept."),
        Rule("source_known", one_of("source", ("graphql", "rest_events")), "The source is known."),
    ),
)

LIFECYCLE_COVERAGE = TableContract(
    layer="silver",
    name="lifecycle_coverage",
    is_ranged=True,
    description=(
        "How far the lifecycle of each issue is collected. An issue without a row is known by its snapshots "
        "alone, and one whose record is newer than its row is asked for again by the next refresh."
    ),
    grain="one row an issue whose lifecycle was collected",
    key=("repo_owner", "repo_name", "issue_id"),
    order_by=("issue_id",),
    sample=("issue_id",),
    columns=(
        *REPO_COLUMNS,
        Column("issue_id", pa.int64(), "Id of the issue.", False),
        Column(
            "lifecycle_updated_at",
            UTC_TIMESTAMP,
            "The issue's updated_at when its lifecycle was collected; of REST issue events, when their "
            "walk began.",
            False,
        ),
        Column(
            "is_complete",
            pa.bool_(),
            "Whether every event came; false where GitHub left some out, or no longer serves the oldest.",
            False,
        ),
        Column(
            "left_out",
            pa.list_(pa.string()),
            "Names of GitHub's GraphQL schema that the server is too old to know, so that the lifecycle "
            "lacks what they tell; null where nothing is lost.",
        ),
        Column("fetched_at", UTC_TIMESTAMP, "GitHub's clock (Date header) when it was fetched.", False),
    ),
)

CONTROL_TOTAL = TableContract(
    layer="silver",
    name="control_total",
    description=(
        "GitHub's own count of what is open, before and after each walk that found something new; of those "
        "more than a week older than the newest the last one of a UTC day."
    ),
    grain="one row a walk",
    key=("repo_owner", "repo_name", "run_id"),
    order_by=("fetched_at",),
    sample=("run_id",),
    columns=(
        *REPO_COLUMNS,
        Column("run_id", pa.string(), "Run that walked.", False),
        Column("fetched_at", UTC_TIMESTAMP, "GitHub's clock (Date header) at the second count.", False),
        *COUNTS,
    ),
)


def _repaired(name: str, description: str) -> Column:
    return Column(name, pa.int64(), description, False)


RECONCILIATION = TableContract(
    layer="silver",
    name="reconciliation",
    description=(
        "What each full walk corrected that no incremental walk can see. Counted in issues and pull requests "
        "by the merge that took the walk in; an issue may count in several columns."
    ),
    grain="one row a complete full walk",
    key=("repo_owner", "repo_name", "run_id"),
    order_by=("finished_at",),
    sample=("run_id",),
    columns=(
        *REPO_COLUMNS,
        Column("run_id", pa.string(), "Run that ended the walk.", False),
        Column("since", UTC_TIMESTAMP, "What an incremental walk would have asked for; null at first."),
        Column(
            "finished_at", UTC_TIMESTAMP, "GitHub's clock (Date header) at the walk's last answer.", False
        ),
        Column("page_count", pa.int64(), "Pages of the list.", False),
        Column(
            "unchanged_page_count", pa.int64(), "Of these, unchanged since the full walk before (304).", False
        ),
        _repaired(
            "silent_change_count", "Changed although updated_at did not move, in any of the next ways."
        ),
        _repaired("label_change_count", "Of these, with labels renamed, redescribed, added or removed."),
        _repaired("login_change_count", "Of these, with another login of the author or of assignees."),
        _repaired("state_change_count", "Of these, with another state, state_reason or closed_at."),
        _repaired("other_change_count", "Of these, with another title, body, association, lock or the like."),
        _repaired(
            "overlooked_count",
            "Unknown, or changed with updated_at moving, before `since`: what an earlier walk missed.",
        ),
        _repaired("deleted_count", "Found gone: deleted."),
        _repaired("transferred_out_count", "Found gone: transferred to another repository."),
        _repaired("converted_count", "Found gone: converted to a discussion."),
        _repaired("unknown_count", "Found gone, where to is not told."),
        _repaired("returned_count", "Back after a departure."),
    ),
    rules=(
        Rule(
            "unchanged_within_pages",
            "unchanged_page_count not between 0 and page_count",
            "No more pages are unchanged than there are.",
        ),
    ),
)

ISSUE_SIGHTING = TableContract(
    layer="silver",
    name="issue_sighting",
    is_ranged=True,
    description=(
        "What the snapshots saw: one row each time a record, or its absence, showed an issue in "
        "another state than the sighting before. The ledger infers from it what no event tells."
    ),
    grain="one row an issue and seen change of state",
    key=(*ISSUE_KEY, "sighting_number"),
    order_by=("issue_id", "sighting_number"),
    sample=("issue_id", "sighting_number"),
    columns=(
        *REPO_COLUMNS,
        ISSUE_ID,
        Column("sighting_number", pa.int64(), "1, 2, ... per issue, in the order seen.", False),
        Column("seen_at", UTC_TIMESTAMP, "When the state was first seen (fetched_at).", False),
        Column("state", pa.string(), "open, closed or departed.", False),
        Column("state_reason", pa.string(), "Reason of the state as first seen."),
        Column("closed_at", UTC_TIMESTAMP, "closed_at as seen."),
        Column("updated_at", UTC_TIMESTAMP, "updated_at as first seen; null where it was missed."),
        Column("departure_kind", pa.string(), "deleted, transferred_out, converted or unknown."),
        Column("departed_at", UTC_TIMESTAMP, "When it left, if an event told; else null."),
        Column("departed_to", pa.string(), "Where a transferred issue went, as owner/name#number."),
    ),
    rules=(
        Rule("state_known", one_of("state", ("open", "closed", "departed")), "The state is a known one."),
        Rule(
            "departure_whole",
            "(state = 'departed') <> (departure_kind is not null)",
            "A departure has a kind, a sighting of a present issue has none.",
        ),
    ),
)

ISSUE_TRANSITIONS = TableContract(
    layer="silver",
    name="issue_transitions",
    is_ranged=True,
    description=(
        "The ledger: one row each time an issue (never a pull request) enters or leaves the open backlog. "
        "All history is computed from it. Where no lifecycle events were collected it holds what snapshots "
        "tell: the creation, the last closing, and reopenings noticed between two snapshots."
    ),
    grain="one row an issue and change of the backlog",
    key=(*ISSUE_KEY, "transition_number"),
    order_by=("transitioned_at", "issue_id", "transition_number"),
    sample=("issue_id", "issue_number", "transition_number"),
    columns=(
        *REPO_COLUMNS,
        ISSUE_ID,
        ISSUE_NUMBER,
        Column(
            "transition_number", pa.int64(), "1, 2, ... per issue; odd ones enter, even ones leave.", False
        ),
        Column("transitioned_at", UTC_TIMESTAMP, "When the stock changed.", False),
        Column(
            "kind",
            pa.string(),
            "opened, reopened, transferred_in, returned (enter); closed, converted, transferred_out, deleted "
            "(leave).",
            False,
        ),
        Column("delta", pa.int64(), "Change of the open stock: +1 or -1.", False),
        Column("actor_login", pa.string(), "Login of who did it, where known."),
        Column("actor_id", pa.int64(), "Numeric id of who did it, where known."),
        Column("actor_type", pa.string(), "User, Bot (also by the watch list), Organization or Mannequin."),
        Column("reason", pa.string(), "State reason of a closing; the other repository of a transfer."),
        Column(
            "known_by",
            pa.string(),
            "event: GitHub's event tells it. snapshot: the record's own created_at or closed_at. inferred: "
            "deduced where the two disagree or the moment is not told.",
            False,
        ),
    ),
    rules=(
        Rule("kind_known", one_of("kind", LEDGER_ENTRIES + LEDGER_EXITS), "The kind is known."),
        Rule("known_by_known", one_of("known_by", KNOWN_BY), "How it is known is said."),
        Rule(
            "delta_fits_kind",
            f"delta <> case when kind in ({', '.join(map(repr, LEDGER_ENTRIES))}) then 1 else -1 end",
            "Entering adds one, leaving takes one.",
        ),
        Rule(
            "delta_alternates",
            "delta <> case when transition_number % 2 = 1 then 1 else -1 end",
            "An issue enters before it leaves, and by turns.",
        ),
    ),
)

REPOSITORY = TableContract(
    layer="silver",
    name="repository",
    description="The repository itself as GitHub describes it, with the names it had before.",
    grain="one row a repository",
    key=("repo_owner", "repo_name"),
    order_by=("repo_owner", "repo_name"),
    sample=("repo_owner", "repo_name"),
    columns=(
        *REPO_COLUMNS,
        Column("repository_id", pa.int64(), "GitHub's numeric id: the identity, whatever the name.", False),
        Column("repository_node_id", pa.string(), "GitHub's GraphQL id."),
        Column("repository_full_name", pa.string(), "owner/name in GitHub's spelling.", False),
        Column("former_names", pa.list_(pa.string()), "Other full names seen before, sorted.", False),
        Column("is_archived", pa.bool_(), "Whether the repository is archived."),
        Column("is_fork", pa.bool_(), "Whether the repository is a fork."),
        Column("has_issues", pa.bool_(), "Whether issues are enabled."),
        Column("default_branch", pa.string(), "Name of the default branch."),
        Column("html_url", pa.string(), "Address of the repository for people."),
        Column(
            "open_issues_and_pull_requests_count",
            pa.int64(),
            "GitHub's own count of open issues and pull requests.",
        ),
        Column("created_at", UTC_TIMESTAMP, "When the repository was created."),
        Column("fetched_at", UTC_TIMESTAMP, "When this was fetched.", False),
    ),
)

SYNC_STATE = TableContract(
    layer="silver",
    name="sync_state",
    description=(
        "How far each stream of a repository is collected and merged. Moved only after the silver checks "
        "passed, so the next run starts from what is truly published."
    ),
    grain="one row a repository and stream",
    key=("repo_owner", "repo_name", "stream"),
    order_by=("stream",),
    sample=("stream",),
    columns=(
        *REPO_COLUMNS,
        Column(
            "stream", pa.string(), "Name of the bronze table collected: issues, issue_timeline, ...", False
        ),
        Column(
            "watermark",
            UTC_TIMESTAMP,
            "The next walk asks for what changed since; null before the first complete.",
        ),
        Column("as_of_at", UTC_TIMESTAMP, "GitHub's clock when the last complete walk started."),
        Column("etag", pa.string(), "ETag of the unchanged probe taken before the last complete walk."),
        Column("last_merged_run_id", pa.string(), "Last run merged into silver.", False),
        Column("walk_kind", pa.string(), "full, incremental or unchanged."),
        Column("finished_at", UTC_TIMESTAMP, "When the last merged run finished."),
        Column("record_count", pa.int64(), "Records the last merged run received."),
    ),
    rules=(
        Rule(
            "walk_kind_known",
            one_of("walk_kind", ("full", "incremental", "unchanged")),
            "The kind of walk is known.",
        ),
        Rule(
            "watermark_not_ahead",
            "watermark > as_of_at",
            "The watermark is not ahead of the walk it stands for.",
        ),
    ),
)

QUARANTINE = TableContract(
    layer="silver",
    name="quarantine",
    description=(
        "Received records that could not be used and are not yet replaced by a good one, with the rule they "
        "break. A known issue whose newest record is here keeps its older row."
    ),
    grain="one row an unusable record: the newest an issue, or each different one without an id",
    key=("repo_owner", "repo_name", "stream", "run_id", "page_number", "record_number"),
    order_by=("stream", "fetched_at", "page_number", "record_number"),
    sample=("stream", "run_id", "page_number", "record_number", "issue_id"),
    columns=(
        *REPO_COLUMNS,
        Column("run_id", pa.string(), "Run that fetched it.", False),
        Column(
            "stream", pa.string(), "Bronze table it came from: issues, issue_timeline or repository.", False
        ),
        Column(
            "page_number", pa.int32(), "Page of that run's walk, from 1 (0 where there are no pages).", False
        ),
        Column(
            "record_number", pa.int32(), "Record on the page, from 1 (0 where there are no pages).", False
        ),
        Column("fetched_at", UTC_TIMESTAMP, "When it was fetched.", False),
        Column("issue_id", pa.int64(), "Id of the issue, where one can be read."),
        Column("rule", pa.string(), "Name of the first rule it breaks.", False),
        Column("detail", pa.string(), "What was wrong, for people."),
        Column("payload_json", pa.string(), "The record as received.", False),
    ),
)
