"""The bronze tables: what was received from GitHub, exactly as received, and the manifest of the runs.

Nothing here is parsed beyond what finding a record again needs; typing is silver's work.
"""

import pyarrow as pa

from gitpulse_assets.contracts.model import UTC_TIMESTAMP, Column, Rule, TableContract

RUN_COLUMNS = (
    Column("run_id", pa.string(), "The run that received the record.", nullable=False),
    Column("repo_owner", pa.string(), "The repository's owner, lower case.", nullable=False),
    Column("repo_name", pa.string(), "The repository's name, lower case.", nullable=False),
)
_PLACE = (
    Column("page_number", pa.int32(), "The page of the walk, from 1.", nullable=False),
    Column("record_number", pa.int32(), "The record's place on its page, from 1.", nullable=False),
)
FETCHED_AT = Column(
    "fetched_at", UTC_TIMESTAMP, "The UTC time in the `Date` header of the answer.", nullable=False
)
_PLACE_RULE = Rule(
    "place_counts_from_1", "page_number < 1 or record_number < 1", "Pages and records are counted from 1."
)


def record_table(name: str, description: str, *heads: Column) -> TableContract:
    """Return the table of a list's records as received; `heads` are what is read of each when it comes."""
    return TableContract(
        layer="bronze",
        name=name,
        description=description,
        grain="one received record",
        key=("run_id", "page_number", "record_number"),
        columns=(
            *RUN_COLUMNS,
            *_PLACE,
            FETCHED_AT,
            *heads,
            Column("payload_json", pa.string(), "The record's bytes exactly as received.", nullable=False),
        ),
        order_by=("page_number", "record_number"),
        rules=(_PLACE_RULE,),
        sample=("run_id", "page_number", "record_number"),
    )


ISSUES = record_table(
    "issues",
    "Every record of the issue lists as received, pull requests included.",
    Column("issue_id", pa.int64(), "The record's `id`; null where it has no usable one."),
    Column("issue_updated_at", UTC_TIMESTAMP, "The record's `updated_at`; null where it has no usable one."),
    Column("issue_state", pa.string(), "The record's `state`, so that counting needs no payload."),
    Column("is_pull_request", pa.bool_(), "Whether the record is a pull request's."),
)

ISSUE_PAGE = TableContract(
    layer="bronze",
    name="issue_page",
    description=(
        "The pages of full walks of the issue list. The next full walk asks for each only if it changed. "
        "Belongs to the `issues` stream: a page counts together with its records."
    ),
    grain="one page of a full walk",
    key=("run_id", "page_number"),
    columns=(
        *RUN_COLUMNS,
        _PLACE[0],
        FETCHED_AT,
        Column("url", pa.string(), "The address asked.", nullable=False),
        Column("etag", pa.string(), "The page's ETag, which stands for its records."),
        Column("next_url", pa.string(), "Where the walk went on; null on the last page."),
        Column(
            "cursor_record_id",
            pa.int64(),
            "The id of the record after which `next_url` goes on; null at the end.",
        ),
        Column(
            "is_unchanged", pa.bool_(), "Whether GitHub said 304: the records came earlier.", nullable=False
        ),
        Column(
            "records_run_id", pa.string(), "The run whose batches hold the page's records.", nullable=False
        ),
        Column(
            "records_page_number", pa.int32(), "The page of that run that holds them, from 1.", nullable=False
        ),
    ),
    order_by=("page_number",),
    rules=(
        Rule(
            "records_are_own_unless_unchanged",
            "not is_unchanged and (records_run_id <> run_id or records_page_number <> page_number)",
            "Only the records of an unchanged page lie in another run's batches.",
        ),
        Rule("unchanged_has_etag", "is_unchanged and etag is null", "Without an ETag nothing is unchanged."),
    ),
    sample=("run_id", "page_number"),
)

REPOSITORY = TableContract(
    layer="bronze",
    name="repository",
    description="Answers of `GET /repos/{owner}/{repo}` as received.",
    grain="one answer",
    key=("run_id", "fetched_at"),
    columns=(
        *RUN_COLUMNS,
        FETCHED_AT,
        Column("repository_id", pa.int64(), "The answer's `id`; null where it has no usable one."),
        Column("payload_json", pa.string(), "The answer's body exactly as received.", nullable=False),
    ),
    order_by=("fetched_at",),
    sample=("run_id", "fetched_at"),
)

ISSUE_TIMELINE = TableContract(
    layer="bronze",
    name="issue_timeline",
    description="What was received about the lifecycle of issues: GraphQL timelines, or REST issue events.",
    grain="one issue's timeline (graphql) or one event (rest_events) of an answer",
    key=("run_id", "page_number", "record_number"),
    columns=(
        *RUN_COLUMNS,
        *_PLACE,
        FETCHED_AT,
        Column("issue_id", pa.int64(), "The issue's REST id (GraphQL `databaseId`); null where not told."),
        Column("issue_number", pa.int64(), "The issue's number; null where not told."),
        Column("source", pa.string(), "`graphql` or `rest_events`.", nullable=False),
        Column(
            "is_complete", pa.bool_(), "Whether the payload holds every page of the timeline.", nullable=False
        ),
        Column(
            "left_out",
            pa.list_(pa.string()),
            "Names of GitHub's GraphQL schema that the server is too old to know, so that the payload lacks "
            "what they tell; null where nothing is lost.",
        ),
        Column(
            "payload_json",
            pa.string(),
            "graphql: the issue's node with the timeline nodes of all its pages, or `errors` that say why "
            "GitHub served none; rest_events: one event.",
            nullable=False,
        ),
    ),
    order_by=("page_number", "record_number"),
    rules=(
        _PLACE_RULE,
        Rule("source_is_known", "source not in ('graphql', 'rest_events')", "The source is one of two."),
    ),
    sample=("run_id", "page_number", "record_number", "issue_number"),
)

EVENT_WALK = TableContract(
    layer="bronze",
    name="event_walk",
    description=(
        "That a walk of the repository's REST issue events ended, and which events are received since. Its "
        "events are records of `issue_timeline`."
    ),
    grain="one walk of the issue events",
    key=("run_id",),
    columns=(
        *RUN_COLUMNS,
        FETCHED_AT,
        Column("as_of_at", UTC_TIMESTAMP, "The `Date` of the walk's first answer.", nullable=False),
        Column(
            "complete_since_at",
            UTC_TIMESTAMP,
            "Every event between this and `as_of_at` is received; null: every event there ever was.",
        ),
        Column(
            "whole_walk_at",
            UTC_TIMESTAMP,
            "`as_of_at` of the last walk that read the list to its end, this one or an earlier one; what was "
            "hidden then and came back since was read by none.",
            nullable=False,
        ),
        Column("newest_event_id", pa.int64(), "The greatest event id received; the next walk ends there."),
        Column("is_capped", pa.bool_(), "Whether GitHub served only the newest events.", nullable=False),
        Column("page_count", pa.int64(), "Pages walked.", nullable=False),
        Column(
            "lacked_count",
            pa.int64(),
            "Events by which pages of this walk, and of the whole one that it adds to, were short; null: "
            "written by an older version.",
        ),
        Column(
            "is_known_lack",
            pa.bool_(),
            "Whether a walk of an earlier run lacked some too: GitHub hides them then. Null as above.",
        ),
    ),
    order_by=("fetched_at",),
    sample=("run_id",),
)

DEPARTURE = TableContract(
    layer="bronze",
    name="departure",
    description="What was found out about issues and open pull requests that a full walk no longer met.",
    grain="one issue or pull request found gone by one run",
    key=("run_id", "issue_id"),
    columns=(
        *RUN_COLUMNS,
        FETCHED_AT,
        Column("issue_id", pa.int64(), "The issue's REST id.", nullable=False),
        Column("issue_number", pa.int64(), "The issue's number.", nullable=False),
        Column(
            "kind", pa.string(), "`deleted`, `transferred_out`, `converted` or `unknown`.", nullable=False
        ),
        Column("departed_at", UTC_TIMESTAMP, "When it left, where an event tells; else null."),
        Column(
            "departed_to", pa.string(), "Where a transferred issue is now, `owner/name#number`; else null."
        ),
        Column("evidence", pa.string(), "What told: `nodes`, `rest_301`, `rest_410` or so.", nullable=False),
        Column("payload_json", pa.string(), "The answer that told, as received.", nullable=False),
    ),
    order_by=("issue_id",),
    rules=(
        Rule(
            "kind_is_known",
            "kind not in ('deleted', 'transferred_out', 'converted', 'unknown')",
            "The kind is one of four.",
        ),
    ),
    sample=("issue_id", "issue_number", "kind"),
)

# GitHub's counts and ours, in bronze and in silver.
COUNTS = (
    Column(
        "has_pull_requests",
        pa.bool_(),
        "Whether the counts include open pull requests, as the only count without a token does.",
        nullable=False,
    ),
    Column("open_count_before", pa.int64(), "Open by GitHub before the walk.", nullable=False),
    Column("open_count_after", pa.int64(), "Open by GitHub after the walk.", nullable=False),
    Column("is_quiet", pa.bool_(), "Whether nothing was updated between the two counts.", nullable=False),
    Column("our_count", pa.int64(), "Open by what we have collected, after the walk.", nullable=False),
    Column(
        "is_whole_walk",
        pa.bool_(),
        "Whether the walk between them was a full one that reached the list's end; null: written by an "
        "older version.",
    ),
    Column(
        "is_known_difference",
        pa.bool_(),
        "Whether two full walks ended with this difference, which is GitHub's then; null as above.",
    ),
    Column(
        "repository_difference",
        pa.int64(),
        "Our open issues and pull requests minus the repository's `open_issues_count` of the same run; "
        "null where it was not told.",
    ),
    Column(
        "issue_count_after",
        pa.int64(),
        "Issues by GitHub after the walk, open and closed; null without a token, and as above.",
    ),
    Column(
        "lacked_count",
        pa.int64(),
        "Records by which pages of the last full walk, and of those since, were short; null as above.",
    ),
    Column(
        "missing_count",
        pa.int64(),
        "Issues, open and closed, that GitHub counts and its lists lack; 0 where the open ones differ by as "
        "many, `lacked_count` where no count tells. Null as above.",
    ),
    Column(
        "is_known_missing",
        pa.bool_(),
        "Whether walks of two runs lacked some: GitHub hides them then. Null as above.",
    ),
    *(
        Column(
            f"{state}_pull_request_count",
            pa.int64(),
            f"GitHub's count of {words}, before and after; null where it changed, or was not asked for.",
        )
        for state, words in (
            ("open", "open pull requests"),
            ("merged", "merged pull requests"),
            ("closed", "pull requests closed without a merge"),
        )
    ),
    *(
        Column(
            f"our_{state}_pull_request_count",
            pa.int64(),
            f"Our count of {words}, after the walk; null where GitHub's is, or by an older version.",
        )
        for state, words in (("open", "open pull requests"), ("closed", "closed and merged pull requests"))
    ),
    Column(
        "is_known_pull_request_difference",
        pa.bool_(),
        "Whether two full walks ended with ours so far from GitHub's, whose difference it is then; null as "
        "these.",
    ),
)

CONTROL_TOTAL = TableContract(
    layer="bronze",
    name="control_total",
    description="GitHub's own count of what is open, taken before and after a walk.",
    grain="one walk that found something new",
    key=("run_id",),
    columns=(
        *RUN_COLUMNS,
        FETCHED_AT,
        *COUNTS,
    ),
    order_by=("fetched_at",),
    sample=("run_id", "open_count_before", "open_count_after"),
)

RECONCILIATION = TableContract(
    layer="bronze",
    name="reconciliation",
    description="That a full walk ended, after what it missed was asked about.",
    grain="one complete full walk",
    key=("run_id",),
    columns=(
        *RUN_COLUMNS,
        FETCHED_AT,
        Column(
            "walk_run_ids",
            pa.list_(pa.string()),
            "The runs that made the walk, the one that ended it first.",
            nullable=False,
        ),
        Column(
            "since",
            UTC_TIMESTAMP,
            "What an incremental walk would have asked for in its place; null at the first sync.",
        ),
        Column("finished_at", UTC_TIMESTAMP, "When the walk ended.", nullable=False),
        Column("page_count", pa.int64(), "Pages walked.", nullable=False),
        Column("unchanged_page_count", pa.int64(), "Of these, unchanged (304).", nullable=False),
    ),
    order_by=("fetched_at",),
    sample=("run_id",),
)

MANIFEST = TableContract(
    layer="bronze",
    name="manifest",
    description="What each run fetched of each stream, and how it ended.",
    grain="one run and stream",
    key=("run_id", "stream"),
    columns=(
        *RUN_COLUMNS,
        Column("stream", pa.string(), "The bronze table the run filled.", nullable=False),
        Column("sequence", pa.int64(), "Grows with each registration in the repository.", nullable=False),
        Column(
            "status",
            pa.string(),
            "`running`, `complete`, `partial` or `failed`; `folded` where the row stands for several runs, "
            "which `folded_run` lists.",
            nullable=False,
        ),
        Column("walk_kind", pa.string(), "`full`, `incremental` or `unchanged`.", nullable=False),
        Column("since", UTC_TIMESTAMP, "The `since` the walk asked for; null for none."),
        Column("as_of_at", UTC_TIMESTAMP, "The `Date` of the walk's first answer."),
        Column("started_at", UTC_TIMESTAMP, "When the run began with the stream.", nullable=False),
        Column("finished_at", UTC_TIMESTAMP, "When it ended; null while it runs, or where it died."),
        Column("page_count", pa.int64(), "Pages walked and stored.", nullable=False),
        Column(
            "unchanged_page_count",
            pa.int64(),
            "Of these, as an earlier full walk received them (304): none of their records came.",
            nullable=False,
        ),
        Column("record_count", pa.int64(), "Records received and stored.", nullable=False),
        Column("pull_request_count", pa.int64(), "Of these, pull requests.", nullable=False),
        Column(
            "lacked_count",
            pa.int64(),
            "Records by which pages were shorter than asked for, twice, though more followed; null: written "
            "by an older version.",
        ),
        Column("request_count", pa.int64(), "HTTP requests sent.", nullable=False),
        Column("quota_cost", pa.int64(), "Units of GitHub's quota used.", nullable=False),
        Column(
            "batch_count", pa.int64(), "Batches that count; further ones in the lake do not.", nullable=False
        ),
        Column(
            "page_batch_count",
            pa.int64(),
            "Batches of `issue_page` that count; only full walks of `issues` have any.",
            nullable=False,
        ),
        Column("is_capped", pa.bool_(), "Whether a page limit or cap cut the walk.", nullable=False),
        Column("first_updated_at", UTC_TIMESTAMP, "The earliest `updated_at` received."),
        Column("last_updated_at", UTC_TIMESTAMP, "The latest `updated_at` received."),
        Column("next_url", pa.string(), "The link to go on with; null where the walk reached its end."),
        Column(
            "segments",
            pa.string(),
            "JSON: of a list walked in segments, where each that is not walked whole goes on (`next_url`), "
            "and up to which update (`until`; null: to the end, when the others are walked). `next_url` "
            "begins the list anew then. Null: walked as one.",
        ),
        Column("etag", pa.string(), "The ETag of the unchanged probe taken before the walk."),
        Column("resumed_run_id", pa.string(), "The cut-short run that this one goes on with."),
        Column("error", pa.string(), "Why the run is partial or failed, in one line."),
    ),
    order_by=("sequence",),
    rules=(
        Rule(
            "status_is_known",
            "status not in ('running', 'complete', 'partial', 'failed', 'folded')",
            "The status is one of five.",
        ),
        Rule(
            "cut_short_is_not_complete",
            "status = 'complete' and (next_url is not null or is_capped or finished_at is null)",
            "A walk cut short by a page limit, a cap or an error is never complete.",
        ),
    ),
    sample=("run_id", "stream", "status"),
)

FOLDED_RUN = TableContract(
    layer="bronze",
    name="folded_run",
    description=(
        "The manifest's rows of runs that were folded: what they fetched lies together, and each record "
        "still names its own run."
    ),
    grain="one folded run and stream",
    key=("run_id", "stream"),
    columns=MANIFEST.columns,
    order_by=("sequence",),
    sample=("run_id", "stream", "status"),
)
