"""What became of each hour file: the tables of a day that tell of it, from `archive_hour` on."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from gitpulse_assets.contracts.events import ARCHIVE_FEED, ARCHIVE_HOUR, ARCHIVE_TYPE, UNUSABLE_EVENT
from gitpulse_assets.contracts.model import TableContract
from gitpulse_assets.events.incoming import Facts
from gitpulse_assets.events.merge import publish, published
from gitpulse_assets.lake import paths
from gitpulse_assets.lake.commit import Commit
from gitpulse_assets.lake.hour_name import file_name
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.lake.parts import open_parts, parts_of, together
from gitpulse_assets.lake.promotion import settle
from gitpulse_assets.lake.publication import Publication
from gitpulse_assets.place import Day
from gitpulse_assets.setting_values.archives import Kept

Tables = Mapping[TableContract, pa.Table]

# Nothing was seen to come three days late: such a date is the pull request's, not the event's.
UNTRUE_HOURS = 73

# Statuses of a file that lies in the lake: it need not be asked for again.
KEPT = ("whole", "received")


@dataclass(frozen=True, kw_only=True)
class HourRow:
    """One hour file; the columns are described in `contracts.events.ARCHIVE_HOUR`."""

    source: str
    file_hour_at: datetime
    status: str
    asked_at: datetime
    detail: str | None = None
    received_at: datetime | None = None
    size_bytes: int | None = None
    sha256: str | None = None
    is_checksum_confirmed: bool = False
    row_count: int | None = None
    unusable_count: int | None = None
    added_count: int | None = None
    kept_repositories: Sequence[str] | None = None
    kept_repository_ids: Sequence[int] | None = None
    kept_types: Sequence[str] | None = None
    first_created_at: datetime | None = None
    last_created_at: datetime | None = None

    @property
    def kept(self) -> Kept:
        """Which of its events are kept."""
        repositories, types = self.kept_repositories, self.kept_types
        return Kept(
            None if repositories is None else tuple(repositories), None if types is None else tuple(types)
        )

    @property
    def day(self) -> Day:
        """The day of the file's name, where its row stands."""
        return Day(self.file_hour_at.astimezone(UTC).date())


def hour_key(row: HourRow) -> str:
    """Where a file that is kept lies."""
    return paths.hour_file_key(row.source, row.day, file_name(row.file_hour_at))


def hour_rows(lake: Lake, day: Day) -> list[HourRow]:
    """The hour files of a day that were asked for, for a run that goes on with them.

    A publication that was cut short is finished first.
    """
    commit = settle(lake.store, "silver", day).commit
    parts = open_parts(lake.store, ARCHIVE_HOUR, day, commit)
    return [
        hour_row(record) for record in together(ARCHIVE_HOUR, list(parts.values())).to_table().to_pylist()
    ]


def put_rows(lake: Lake, day: Day, rows: Sequence[HourRow]) -> None:
    """Add or replace rows of files of one day, by themselves."""

    def put(publication: Publication) -> None:
        table = _replaced(lake, publication.previous, day, ARCHIVE_HOUR, [asdict(row) for row in rows], rows)
        publish(publication, [publication.stage(ARCHIVE_HOUR, table)])

    if rows:
        published(lake, day, put)


def with_file(lake: Lake, commit: Commit | None, row: HourRow, facts: Facts) -> Tables:
    """The day's tables with what is known of one file in the place of what was known before."""
    named = {"source": row.source, "file_hour_at": row.file_hour_at}
    own = {ARCHIVE_HOUR: [asdict(row)], ARCHIVE_TYPE: [named | one for one in type_rows(row, facts)]}
    if facts.followed or parts_of(commit, ARCHIVE_FEED):
        own[ARCHIVE_FEED] = [named | one for one in feed_rows(row, facts)]
    if facts.unusable or parts_of(commit, UNUSABLE_EVENT):
        own[UNUSABLE_EVENT] = [named | one for one in facts.unusable]
    return {
        contract: _replaced(lake, commit, row.day, contract, rows, [row]) for contract, rows in own.items()
    }


def type_rows(row: HourRow, facts: Facts) -> Iterator[dict[str, Any]]:
    """What `archive_type` has of a file."""
    kept = lateness(row, facts.kept_counts)
    for what, count in lateness(row, facts.hour_counts).items():
        columns = {"event_type": what[0], "lateness_hours": what[1]}
        yield columns | {"event_count": count, "kept_count": kept[what]}


def feed_rows(row: HourRow, facts: Facts) -> Iterator[dict[str, Any]]:
    """What `archive_feed` has of a file: a row of each feed that was looked for, and what was found."""
    looked = {(one["feed_name"], "", 0): 0 for one in facts.followed}
    for (name, kind, hours), count in (looked | lateness(row, facts.feed_counts)).items():
        columns = {"repository_name": name, "event_type": kind}
        yield columns | {"lateness_hours": hours, "event_count": count}


def lateness(row: HourRow, counts: Mapping[Any, int]) -> Counter[Any]:
    """Rows of a file by what they are of and how late: the hours from their own to the file's, to a bound.

    `counts`: those by the begin of their own hour, which is the last of a key.
    """
    found: Counter[Any] = Counter()
    for (*what, event_hour_at), count in counts.items():
        hours = (row.file_hour_at - event_hour_at) // timedelta(hours=1)
        found[*what, max(-UNTRUE_HOURS, min(hours, UNTRUE_HOURS))] += count
    return found


def _replaced(
    lake: Lake,
    commit: Commit | None,
    day: Day,
    contract: TableContract,
    own: Iterable[Mapping[str, Any]],
    of: Iterable[HourRow],
) -> pa.Table:
    """A table of the day whose rows of some files are replaced by others."""
    parts = open_parts(lake.store, contract, day, commit)
    stored: Iterable[dict[str, Any]] = together(contract, list(parts.values())).to_table().to_pylist()
    gone = {(row.source, row.file_hour_at) for row in of}
    kept = [record for record in stored if (record["source"], record["file_hour_at"]) not in gone]
    rows = sorted([*kept, *own], key=lambda record: [record[name] for name in contract.order_by])
    return pa.Table.from_pylist(rows, schema=contract.arrow_schema)


def hour_row(record: Mapping[str, Any]) -> HourRow:
    """A row of `archive_hour`, with the columns that are known today."""
    known = HourRow.__dataclass_fields__
    return HourRow(**{name: value for name, value in record.items() if name in known})


def in_words(row: HourRow) -> str:
    """What became of an hour file, in one line."""
    name = f"{row.source} {row.file_hour_at:%Y-%m-%d %H}:00"
    if row.status != "whole":
        return f"{name}: {row.status.replace('_', ' ')}: {row.detail}"
    unusable = f", {row.unusable_count:,} lines unusable" if row.unusable_count else ""
    detail = f"; {row.detail}" if row.detail else ""
    return f"{name}: {row.row_count:,} events, {row.added_count:,} new{unusable}{detail}"
