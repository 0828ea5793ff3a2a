"""Contracts of public events: one row an event, the hour files they came from, and what each hour holds.

Their place is a UTC day. The typed tables of `event_types.yaml` are declared there and made in
`events/projection.py`.
"""

import pyarrow as pa

from gitpulse_assets.contracts.model import UTC_TIMESTAMP, Column, Rule, TableContract

EVENT_ID = Column("event_id", pa.int64(), "GitHub's id of the event; ids of different years overlap.", False)
EVENT_TYPE = Column("event_type", pa.string(), "GitHub's name of its type, such as PushEvent.", False)
CREATED_AT = Column("created_at", UTC_TIMESTAMP, "When it happened, as GitHub says.", False)
EVENT_KEY = (EVENT_ID.name, EVENT_TYPE.name, CREATED_AT.name)

WHO_AND_WHERE = (
    Column("actor_id", pa.int64(), "Who did it; null where the event does not say."),
    Column("actor_login", pa.string(), "Their login as sent."),
    Column("repository_id", pa.int64(), "Where; null where the event does not say (`repo` may be empty)."),
    Column("repository_name", pa.string(), "owner/name as sent, in GitHub's spelling."),
)

PUBLIC_EVENT = TableContract(
    layer="silver",
    name="public_event",
    description=(
        "Public events of every type, each once over all sources and copies. An import only adds: a longer "
        "copy of an event takes the place of a shorter one, and nothing is ever taken away."
    ),
    grain="one event",
    key=EVENT_KEY,
    order_by=(),
    columns=(
        EVENT_ID,
        EVENT_TYPE,
        CREATED_AT,
        Column("action", pa.string(), "The payload's `action`; null for types without one."),
        *WHO_AND_WHERE,
        Column("org_login", pa.string(), "The organisation's login; null where there is none."),
        Column("first_seen_at", UTC_TIMESTAMP, "When the copy seen first was received.", False),
        Column("first_seen_source", pa.string(), "Where that copy came from.", False),
        Column(
            "payload_bytes", pa.int64(), "Length of `payload_json` in bytes; 0 where there is none.", False
        ),
        Column("payload_json", pa.string(), "The payload of the longest copy, as JSON text."),
        Column(
            "is_forgotten",
            pa.bool_(),
            "Whether somebody was taken out of it, so that no other copy takes its place; null: nobody.",
        ),
    ),
    sample=EVENT_KEY,
    place="day",
)

ARCHIVE_HOUR = TableContract(
    layer="silver",
    name="archive_hour",
    description="The hour files of the archives that were asked for, and what became of each.",
    grain="one hour file of one archive; its day is that of the file's name",
    key=("source", "file_hour_at"),
    order_by=("source", "file_hour_at"),
    columns=(
        Column("source", pa.string(), "The archive's name in GITPULSE_ARCHIVES.", False),
        Column("file_hour_at", UTC_TIMESTAMP, "The hour that the file's name says.", False),
        Column(
            "status",
            pa.string(),
            "whole: read to its end; received: not read yet; missing: the archive has none; empty: it holds "
            "no event; cut_short: it ends before its end; not_gzip: it is something else; damaged: a "
            "checksum inside it is wrong; contradicted: it is not the file that the archive's manifest "
            "names; unreachable: the archive did not answer.",
            False,
        ),
        Column(
            "detail",
            pa.string(),
            "What was found, for people; of a whole file whether somebody was taken out, or its manifest is "
            "silent.",
        ),
        Column("asked_at", UTC_TIMESTAMP, "When the archive was last asked.", False),
        Column("received_at", UTC_TIMESTAMP, "When the file that is kept was received; null where none is."),
        Column("size_bytes", pa.int64(), "Its size; null where none is kept."),
        Column("sha256", pa.string(), "Its checksum in hexadecimal; null where none is kept."),
        Column(
            "is_checksum_confirmed", pa.bool_(), "Whether a manifest of the archive names the same.", False
        ),
        Column("row_count", pa.int64(), "Events in it, copies too; null until it was read whole."),
        Column("unusable_count", pa.int64(), "Lines that are no event; null until it was read whole."),
        Column("added_count", pa.int64(), "Events that no earlier source had brought."),
        Column(
            "kept_repositories",
            pa.list_(pa.string()),
            "The repositories (owner/name, owner/*) whose events alone were kept of it; null: all.",
        ),
        Column(
            "kept_repository_ids",
            pa.list_(pa.int64()),
            "GitHub's ids of these repositories, where they were known: kept under every name; null: all.",
        ),
        Column("kept_types", pa.list_(pa.string()), "The types that alone were kept of it; null: all."),
        Column("first_created_at", UTC_TIMESTAMP, "The earliest `created_at` in it."),
        Column("last_created_at", UTC_TIMESTAMP, "The latest `created_at` in it."),
    ),
    rules=(
        Rule(
            "whole_has_facts",
            "status = 'whole' and (row_count is null or sha256 is null or received_at is null)",
            "What was read whole has its facts.",
        ),
    ),
    sample=("source", "file_hour_at", "status"),
    place="day",
)

ARCHIVE_TYPE = TableContract(
    layer="silver",
    name="archive_type",
    description=(
        "Events of each type in the hour files that were read whole, by how late they came: what is usual "
        "for an archive, and which of its files an hour's events are in."
    ),
    grain="one type and lateness in one hour file",
    key=("source", "file_hour_at", "event_type", "lateness_hours"),
    order_by=("source", "file_hour_at", "event_type", "lateness_hours"),
    columns=(
        Column("source", pa.string(), "The archive's name in GITPULSE_ARCHIVES.", False),
        Column("file_hour_at", UTC_TIMESTAMP, "The hour that the file's name says.", False),
        EVENT_TYPE,
        Column(
            "lateness_hours",
            pa.int64(),
            "Hours from the events' own hour to the file's. 73 and -73 stand for all that are further away: "
            "dates that are not the event's.",
            False,
        ),
        Column("event_count", pa.int64(), "Rows of this type in the file, copies too.", False),
        Column("kept_count", pa.int64(), "Those of them that were kept; null: all."),
    ),
    sample=("source", "file_hour_at", "event_type", "lateness_hours"),
    place="day",
)

ARCHIVE_FEED = TableContract(
    layer="silver",
    name="archive_feed",
    description=(
        "Events of the followed repositories in the hour files that were read whole, whatever is kept of "
        "them: an archive that has fewer than a feed that is proven whole does not have all."
    ),
    grain="one feed, type and lateness in one hour file; one without a type: it was looked for",
    key=("source", "file_hour_at", "repository_name", "event_type", "lateness_hours"),
    order_by=("source", "file_hour_at", "repository_name", "event_type", "lateness_hours"),
    columns=(
        Column("source", pa.string(), "The archive's name in GITPULSE_ARCHIVES.", False),
        Column("file_hour_at", UTC_TIMESTAMP, "The hour that the file's name says.", False),
        Column(
            "repository_name",
            pa.string(),
            "owner/name of the feed in lower case, or owner/*.",
            False,
        ),
        Column("event_type", pa.string(), "GitHub's name of the type; empty: all, counted as 0.", False),
        Column(
            "lateness_hours",
            pa.int64(),
            "Hours from their own hour to the file's, to 73.",
            False,
        ),
        Column("event_count", pa.int64(), "Rows in the file, copies too.", False),
    ),
    sample=("source", "file_hour_at", "repository_name", "event_type"),
    place="day",
)

UNUSABLE_EVENT = TableContract(
    layer="silver",
    name="unusable_event",
    description="Lines of hour files that are no event: the first 1,000 of a file, the others are counted.",
    grain="one line of one hour file",
    key=("source", "file_hour_at", "line_number"),
    order_by=("source", "file_hour_at", "line_number"),
    columns=(
        Column("source", pa.string(), "The archive's name in GITPULSE_ARCHIVES.", False),
        Column("file_hour_at", UTC_TIMESTAMP, "The hour that the file's name says.", False),
        Column("line_number", pa.int64(), "The line in the file, from 1.", False),
        Column(
            "rule",
            pa.string(),
            "not_json, id_missing, type_missing, created_at_unusable: the first.",
            False,
        ),
        Column("line", pa.string(), "The line, its first 2,000 characters.", False),
    ),
    sample=("source", "file_hour_at", "line_number", "rule"),
    place="day",
)

EVENT_HOUR = TableContract(
    layer="silver",
    name="event_hour",
    description="Events held of each hour and type, by their own `created_at`.",
    grain="one hour and type",
    key=("event_hour_at", "event_type"),
    order_by=("event_hour_at", "event_type"),
    columns=(
        Column("event_hour_at", UTC_TIMESTAMP, "The hour's begin.", False),
        EVENT_TYPE,
        Column("event_count", pa.int64(), "Events in `public_event`; 0 where all have ended by age.", False),
    ),
    sample=("event_hour_at", "event_type"),
    place="day",
)

FEED_SPAN = TableContract(
    layer="silver",
    name="feed_span",
    description=(
        "Stretches of time in which every event of a feed was received, a repository's or the public ones of "
        "an organisation: each poll overlapped "
        "with the one before, in both families of event ids. A stretch that goes on at midnight goes on in "
        "the next day's rows. An event may show up in a feed up to 6 hours after its `created_at`."
    ),
    grain="one stretch of one feed in a UTC day",
    key=("repository_name", "span_begin_at"),
    order_by=("repository_name", "span_begin_at"),
    columns=(
        Column(
            "repository_name",
            pa.string(),
            "owner/name of the feed, as it was asked for; owner/* is that of an organisation.",
            False,
        ),
        Column("span_begin_at", UTC_TIMESTAMP, "The poll from which on nothing was missed.", False),
        Column("span_end_at", UTC_TIMESTAMP, "The last poll of the stretch; its day is the row's.", False),
        Column("poll_count", pa.int64(), "Polls of the day that prove it.", False),
        Column(
            "gap_begin_at",
            UTC_TIMESTAMP,
            "The last poll before a gap that ends where the stretch begins; null where it follows another.",
        ),
        Column(
            "gap_reason",
            pa.string(),
            "first_poll: nothing is known of before; code, other: the family of event ids that may have been "
            "missed (code: pushes, creations and deletions of branches and tags), or both, with a comma; "
            "another_repository: the name led to another one before.",
        ),
        Column(
            "is_public",
            pa.bool_(),
            "Whether the events of the last poll that served some are public; an organisation's feed has "
            "no others. Null where none served one so far.",
        ),
    ),
    rules=(
        Rule("span_ends_after_begin", "span_end_at < span_begin_at", "A stretch ends at or after its begin."),
        Rule("gap_before_span", "gap_begin_at > span_begin_at", "A gap lies before its stretch."),
    ),
    sample=("repository_name", "span_begin_at", "span_end_at"),
    place="day",
)

FIREHOSE_EVENT = TableContract(
    layer="silver",
    name="firehose_event",
    description=(
        "Which events of the repositories whose feeds are followed GitHub's firehose showed, too: what share "
        "of all events it shows follows from them. Of others it is not kept."
    ),
    grain="one event",
    key=EVENT_KEY,
    order_by=EVENT_KEY,
    columns=(
        EVENT_ID,
        EVENT_TYPE,
        CREATED_AT,
        Column("repository_name", pa.string(), "owner/name in lower case.", False),
    ),
    sample=EVENT_KEY,
    place="day",
)

STAR_COUNT = TableContract(
    layer="silver",
    name="star_count",
    description=(
        "How many stars a followed repository has, as it says itself: at the first poll of its feed in a UTC "
        "day. The list of those who gave them is closed to others since 2026-07; the count is not."
    ),
    grain="one repository and UTC day",
    key=("repository_name",),
    order_by=("repository_name",),
    columns=(
        Column("repository_name", pa.string(), "owner/name of the feed, as it was asked for.", False),
        Column("counted_at", UTC_TIMESTAMP, "When it was asked.", False),
        Column("star_count", pa.int64(), "`stargazers_count`.", False),
    ),
    rules=(Rule("not_negative", "star_count < 0", "No repository has fewer than no stars."),),
    sample=("repository_name", "counted_at"),
    place="day",
)

EVENT_TABLES = (
    PUBLIC_EVENT,
    EVENT_HOUR,
    ARCHIVE_HOUR,
    ARCHIVE_TYPE,
    ARCHIVE_FEED,
    UNUSABLE_EVENT,
    FEED_SPAN,
    FIREHOSE_EVENT,
    STAR_COUNT,
)
# The check of a day that tells of missing and thin hours.
HOURS_CHECK = "hours_are_whole"
# What polls leave beside the events, and nothing else knows.
POLLED_TABLES = (FEED_SPAN, FIREHOSE_EVENT, STAR_COUNT)
