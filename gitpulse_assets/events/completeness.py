"""Which hours of public events are whole, thin or missing, by what each archive usually brings.

Nothing of it is stored: a later file changes what is known of an hour and of the 28 days after it. Who reads
the three small tables of a day that this follows from, and when, is not decided here.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import duckdb
import pyarrow as pa

from gitpulse_assets.contracts.events import ARCHIVE_HOUR, ARCHIVE_TYPE, EVENT_HOUR, EVENT_TYPE
from gitpulse_assets.contracts.model import UTC_TIMESTAMP, Column, TableContract
from gitpulse_assets.events.ledger import UNTRUE_HOURS
from gitpulse_assets.transform.sql_file import create_table

# The tables that a judgement follows from.
JUDGED_BY = (ARCHIVE_HOUR, ARCHIVE_TYPE, EVENT_HOUR)

EVER = datetime(1970, 1, 1, tzinfo=UTC)
ALWAYS = (EVER, datetime(9999, 1, 1, tzinfo=UTC))

# docs/adr/0019-whole-and-thin-hours.md says why these.
HISTORY_DAYS = 28
RULE: dict[str, float | int] = {
    "history_days": HISTORY_DAYS,
    "compared_least": 3,
    "usual_quantile": 0.75,
    "thin_below": 0.5,
    # Of what whole feeds tell of: an hour that is known to lack one event is not whole.
    "share_of_feeds": 1.0,
    "deviations": 3,
    "late_share": 0.001,
    "untrue_hours": UNTRUE_HOURS,
}

EVENT_HOUR_VERDICT = TableContract(
    layer="silver",
    name="event_hour_verdict",
    description=(
        "Whether what is held of an hour is all there is, as far as the archives' own history tells; "
        "computed when it is asked for, for the hours of the time asked for."
    ),
    grain="one hour and type",
    key=("event_hour_at", "event_type"),
    order_by=("event_hour_at", "event_type"),
    columns=(
        Column("event_hour_at", UTC_TIMESTAMP, "The hour's begin.", False),
        EVENT_TYPE,
        Column("event_count", pa.int64(), "Events in `public_event`.", False),
        Column(
            "usual_count",
            pa.float64(),
            "What the archive that brings most usually has at this hour of the day; null without a history.",
        ),
        Column(
            "verdict",
            pa.string(),
            "whole, thin or missing (no archive's file of this hour was read, or its events have ended).",
            False,
        ),
        Column(
            "reason",
            pa.string(),
            "Why it is not whole: no_file; ended: its events were removed by their age; "
            "later_files: files that late events come in are not there; "
            "filtered: not all of them was kept; feeds_have_more: a feed that is whole has events that the "
            "archive lacks; few_events: fewer than half the usual; no_history: nothing to compare with; "
            "some_feeds: not every feed that is followed is whole then; young: what happened then may still "
            "show up in them; sample: they are whole, and the firehose brought some of what happened "
            "elsewhere.",
        ),
    ),
    sample=("event_hour_at", "event_type", "verdict"),
    place="day",
)


def days_needed(first: date, last: date) -> tuple[date, date]:
    """The first and last day whose tables tell of the hours of some days."""
    return first - timedelta(days=HISTORY_DAYS), last + timedelta(hours=UNTRUE_HOURS)


def days_told_of(day: date) -> list[date]:
    """The same seen from the tables of one day: the days of whose hours they tell."""
    first, last = day - timedelta(hours=UNTRUE_HOURS), day + timedelta(days=HISTORY_DAYS)
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def judge_hours(
    con: duckdb.DuckDBPyConnection,
    first_hour_at: datetime,
    last_hour_at: datetime,
    event_types: Sequence[str] = (),
    repository: str | None = None,
    *,
    repository_id: int | None = None,
    named_in: tuple[datetime, datetime] = ALWAYS,
    with_filters: bool = True,
) -> None:
    """Make the table `event_hour_verdict` of the hours from the first to the last, both included.

    The relations `archive_hour`, `archive_type` and `event_hour` hold `days_needed`, `archive_feed` the days
    whose files may have events of these hours, and `feed_event` what is held of feeds that are whole.
    `event_types` are judged though nothing is held of them. `repository`: owner/name in lower case, where it
    alone is asked for, with its id and the hours, from the first to the last, in which it is known to have
    borne that name; without `with_filters` hours are whole of which an archive's files are, whatever is
    kept of them.
    """
    asked = {
        "first_hour_at": first_hour_at,
        "last_hour_at": last_hour_at,
        "event_types": list(event_types),
        "repository": repository,
        "repository_id": repository_id,
        "named_from": named_in[0],
        "named_to": named_in[1],
        "with_filters": with_filters,
    }
    create_table(con, "events", "event_hour_verdict", {**asked, **RULE})
