"""How long public events are kept, by their type: `maintain` removes older ones from the tables.

A kept hour file holds events of every type. It goes as soon as one of them is past its time, or reading it
again would bring those back; what became of it stays told in `archive_hour`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import duckdb

from gitpulse_assets.contracts.events import EVENT_HOUR, FIREHOSE_EVENT, STAR_COUNT, UNUSABLE_EVENT
from gitpulse_assets.contracts.model import TableContract
from gitpulse_assets.events.forgetting import begun_days
from gitpulse_assets.events.ledger import hour_key, hour_rows
from gitpulse_assets.events.projection import Projection
from gitpulse_assets.events.rewriting import Change, Row, change_rows, rewrite_day
from gitpulse_assets.lake import paths
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.lake.parts import open_parts, parts_of, together
from gitpulse_assets.lake.promotion import settle
from gitpulse_assets.place import Day
from gitpulse_assets.setting_values.event_ages import EventAges


@dataclass(frozen=True)
class Expired:
    """What was removed of one day: events, and kept hour files."""

    day: Day
    event_count: int
    file_count: int


def expired(
    lake: Lake,
    con: duckdb.DuckDBPyConnection,
    projections: Sequence[Projection],
    ages: EventAges,
    today: date,
) -> list[Expired]:
    """Remove what is past its time by `today` (UTC); a call that was cut short is done again by the next."""
    days = begun_days(lake) if ages.least else []
    old = [day for day in days if (today - day.event_date) > timedelta(days=ages.least)]
    files = kept_files(lake) if old else {}
    found: list[Expired] = []
    for day in old:
        # First: read again, they would bring its events back.
        file_count = remove_files(lake, day, files.get(day, []))
        age_days = (today - day.event_date).days
        found.append(
            Expired(day, remove_events(lake, con, projections, ages.condition(age_days), day), file_count)
        )
        remove_beside(lake, day, ages, age_days)
    return [one for one in found if one.event_count or one.file_count]


def kept_files(lake: Lake) -> dict[Day, list[str]]:
    """The keys of the kept hour files, by the day of their names."""
    found: dict[Day, list[str]] = {}
    for info in lake.store.list(paths.HOUR_FILES):
        if day := paths.day_of(info.key):
            found.setdefault(day, []).append(info.key)
    return found


def remove_files(lake: Lake, day: Day, keys: Sequence[str]) -> int:
    """Remove the kept files of a day that were read whole; others wait to be read, or are asked for again."""
    rows = hour_rows(lake, day) if keys else []
    whole = {hour_key(row) for row in rows if row.status == "whole"}
    gone = [key for key in keys if key in whole]
    for key in gone:
        lake.store.delete(key)
    return len(gone)


def remove_beside(lake: Lake, day: Day, ages: EventAges, age_days: int) -> None:
    """Remove what stands beside a day's events: lines of its files, the firehose's keys, counts of stars.

    A count of stars is held against the events of their giving, and ends with them.
    """
    becomes: dict[TableContract, Callable[[Row], Row | None]] = {
        UNUSABLE_EVENT: lambda row: None,
        FIREHOSE_EVENT: lambda row: None if ages.is_past(row["event_type"], age_days) else row,
        STAR_COUNT: lambda row: None if ages.is_past("WatchEvent", age_days) else row,
    }
    commit = lake.commit("silver", day)
    # Most old days have nothing of it any more, and a publication is begun by several requests.
    if any(table.row_count for contract in becomes for table in parts_of(commit, contract).values()):
        change_rows(lake, day, becomes)


def remove_events(
    lake: Lake, con: duckdb.DuckDBPyConnection, projections: Sequence[Projection], condition: str, day: Day
) -> int:
    """Remove a day's events that meet the condition, if it has any."""
    # Small, and tells whether the events need be looked at.
    parts = open_parts(lake.store, EVENT_HOUR, day, settle(lake.store, "silver", day).commit)
    con.register("held", together(EVENT_HOUR, list(parts.values())))
    is_any = con.execute(f"select 1 from held where event_count > 0 and ({condition}) limit 1").fetchall()
    con.unregister("held")
    return rewrite_day(lake, con, day, projections, Change(condition)) if is_any else 0
