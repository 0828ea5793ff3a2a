"""Bringing the hour files of archives into the lake, day by day, hour by hour; going on where a run stopped.

    asked -> kept as received -> noted -> read whole -> its days merged -> noted as whole

A run that is killed between any two of these does the next one again, which changes nothing that is done.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta

import duckdb

from gitpulse_assets.events.at_work import at_work
from gitpulse_assets.events.feed_state import feeds
from gitpulse_assets.events.fetching import ArchiveUnreachable, Fetcher
from gitpulse_assets.events.hour_file import UnreadableFile
from gitpulse_assets.events.incoming import Facts, Incoming
from gitpulse_assets.events.ledger import KEPT, HourRow, Tables, hour_key, hour_rows, put_rows, with_file
from gitpulse_assets.events.merge import merge_day
from gitpulse_assets.events.projection import Projection
from gitpulse_assets.lake.commit import Commit
from gitpulse_assets.lake.damage import damaged
from gitpulse_assets.lake.duck import session
from gitpulse_assets.lake.errors import LakeError
from gitpulse_assets.lake.hour_name import file_name
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.place import Day
from gitpulse_assets.processes.stopping import stop_if_wished
from gitpulse_assets.setting_values.archives import WATCHED, Archive, Kept
from gitpulse_assets.watch.state import membership

UNCONFIRMED = "the archive's manifest names no checksum of it"
Told = Callable[[HourRow], None]


@dataclass(frozen=True)
class Backfill:
    """Everything a backfill works with."""

    lake: Lake
    con: duckdb.DuckDBPyConnection
    fetcher: Fetcher
    projections: Sequence[Projection]
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    def days(
        self, archives: Sequence[Archive], first: date, last: date, told: Told = lambda row: None
    ) -> list[HourRow]:
        """Bring every hour of the days from `first` to `last`, both included; each file is told when done.

        Raises LakeError while a person is being taken out of public events.
        """
        with at_work(self.lake.store, "bringing") as sign:
            return [row for day in days_from(first, last) for row in self.day(archives, day, told, sign)]

    def day(
        self, archives: Sequence[Archive], event_date: date, told: Told, sign: Callable[[], None]
    ) -> list[HourRow]:
        """Bring the hours of a day that are over, of every archive that serves it."""
        known = {(row.source, row.file_hour_at): row for row in hour_rows(self.lake, Day(event_date))}
        found: list[HourRow] = []
        kept = {archive: kept_of(self.lake, archive) for archive in archives if archive.serves(event_date)}
        for hour_at in self._hours(event_date):
            for archive in archives:
                if archive in kept:
                    stop_if_wished()
                    row = self.hour(archive, hour_at, known.get((archive.name, hour_at)), kept[archive], sign)
                    found.append(row)
                    told(row)
        # What is not there is noted once a day: asking for it again would lose nothing.
        put_rows(self.lake, Day(event_date), [row for row in found if row.status not in KEPT])
        return found

    def _hours(self, event_date: date) -> Iterator[datetime]:
        begin = datetime.combine(event_date, time(), UTC)
        hours = (begin + timedelta(hours=number) for number in range(24))
        return (hour_at for hour_at in hours if hour_at + timedelta(hours=1) <= self.now())

    def hour(
        self,
        archive: Archive,
        hour_at: datetime,
        known: HourRow | None,
        kept: Kept,
        sign: Callable[[], None],
    ) -> HourRow:
        """Bring one hour file; what is known to be whole costs nothing, what was not is asked for again.

        One that was read whole, of which more is to be kept now, is read again as it was received.
        """
        if known and known.status == "whole" and not self._keeps_more(known, kept):
            return known
        sign()
        row = known if known and known.status in KEPT else self._receive(archive, hour_at, sign)
        if row.status not in KEPT:
            return row
        # What was kept when it was read before, also by a repair that reads it again, stays.
        kept = kept.joined(row.kept) if row.row_count is not None else kept
        row = replace(
            row,
            kept_repositories=kept.repositories,
            kept_repository_ids=ids_of(self.lake, kept, row.kept_repository_ids or ()),
            kept_types=kept.types,
        )
        return read_kept(self.lake, self.con, self.projections, row)

    def _keeps_more(self, known: HourRow, kept: Kept) -> bool:
        """Whether more is to be kept now of a file that was read, and that is still there."""
        return not known.kept.has(kept) and self.lake.store.head(hour_key(known)) is not None

    def _receive(self, archive: Archive, hour_at: datetime, sign: Callable[[], None]) -> HourRow:
        """Fetch a file and keep it as received; what is not there, or cannot be the file, is noted."""
        now = self.now()
        row = HourRow(source=archive.name, file_hour_at=hour_at, status="missing", asked_at=now)
        path = self.lake.store.scratch_folder / f"{archive.name}-{file_name(hour_at)}.{now.timestamp()}"
        try:
            fetched = self.fetcher.fetch(archive, hour_at, path)
            sign()
            if fetched is None:
                row = replace(row, detail="the archive has no such file")
            elif fetched.promised_sha256 not in (None, fetched.sha256):
                row = replace(row, status="contradicted", detail=f"its SHA-256 is {fetched.sha256}")
            else:
                self.lake.store.put(hour_key(row), path)
                row = replace(
                    row,
                    status="received",
                    received_at=now,
                    size_bytes=fetched.size_bytes,
                    sha256=fetched.sha256,
                    is_checksum_confirmed=fetched.promised_sha256 is not None,
                    detail=UNCONFIRMED if archive.manifest and fetched.promised_sha256 is None else None,
                )
        except ArchiveUnreachable as error:
            row = replace(row, status="unreachable", detail=str(error))
        finally:
            path.unlink(missing_ok=True)
        if row.status == "received":
            put_rows(self.lake, row.day, [row])
        return row


def read_kept(
    lake: Lake, con: duckdb.DuckDBPyConnection, projections: Sequence[Projection], row: HourRow
) -> HourRow:
    """Read a file that is kept and merge what it holds; of a torn one nothing is merged."""
    key = hour_key(row)
    opened = lake.store.open(key)
    if opened is None:
        raise damaged(lake.store, key, "gone, although it was received")
    # The private ones too, which no archive has: they are left out where hours are judged.
    followed = feeds(lake.store).load().followed()
    scratch = lake.store.scratch_folder
    kept_ids = row.kept_repository_ids or ()
    with session(con) as own, Incoming(scratch, projections, row.kept, followed, kept_ids) as incoming:
        try:
            with opened.file as file:
                incoming.read_file(own, file, row.source, row.received_at or row.asked_at)
        except UnreadableFile as error:
            return replace(row, status=error.status, detail=str(error))
        return _merge(lake, own, incoming, row)


def _merge(lake: Lake, con: duckdb.DuckDBPyConnection, incoming: Incoming, row: HourRow) -> HourRow:
    """Merge the days of a file, that of its name last, together with the word that it is whole."""
    earlier = sorted(incoming.facts.dates - {row.day.event_date})
    added = sum(merge_day(lake, con, incoming, day).added_count for day in earlier)
    whole = _whole(row, incoming.facts)

    def counted(own: int) -> int:
        # Read again after damage, it brings what it had brought before.
        return added + own if row.added_count is None else row.added_count

    def beside(commit: Commit | None, own: int) -> Tables:
        return with_file(lake, commit, replace(whole, added_count=counted(own)), incoming.facts)

    own = merge_day(lake, con, incoming, row.day.event_date, beside)
    return replace(whole, added_count=counted(own.added_count))


def kept_of(lake: Lake, archive: Archive) -> Kept:
    """Which events of an archive are kept, with the watched repositories by their names.

    Raises LakeError where those are asked for, and none is watched.
    """
    kept = archive.kept
    if kept.repositories is None or WATCHED not in kept.repositories:
        return kept
    watched = membership(lake.store).load().watched_keys
    if not watched:
        raise LakeError(f"{archive.name}: it keeps what is watched, and nothing is; set GITPULSE_REPOS")
    return Kept(tuple(sorted({*kept.repositories, *watched} - {WATCHED})), kept.types)


def ids_of(lake: Lake, kept: Kept, known: Sequence[int]) -> tuple[int, ...] | None:
    """The ids of the repositories that are kept, with those known before; None where all are kept.

    By its name alone a repository that is watched would be lost when it is called otherwise.
    """
    if kept.repositories is None:
        return None
    members = membership(lake.store).load().members.items()
    named = [(name, one.repository_id) for key, one in members for name in (key, one.name.lower())]
    named += [(one["feed_name"], one["repository_id"]) for one in feeds(lake.store).load().followed()]
    found = {an_id for name, an_id in named if an_id is not None and name in kept.repositories}
    return tuple(sorted(found.union(known)))


def days_from(first: date, last: date) -> Iterator[date]:
    """The days from `first` to `last`, both included."""
    return (first + timedelta(days=number) for number in range((last - first).days + 1))


def refusal(archives: Sequence[Archive], first: date, last: date) -> str | None:
    """Why there is nothing to bring; None where there is."""
    if not archives:
        return "GITPULSE_ARCHIVES names no archive; for example mine=/data/hours 2026-01-01.."
    if not any(archive.serves(day) for day in days_from(first, last) for archive in archives):
        served = "; ".join(f"{a.name} serves {a.first}..{a.last or ''}" for a in archives)
        return f"no archive serves a day from {first} to {last}: {served}"
    return None


def _whole(row: HourRow, facts: Facts) -> HourRow:
    return replace(
        row,
        status="whole",
        row_count=facts.row_count,
        unusable_count=facts.unusable_count,
        first_created_at=facts.first_created_at,
        last_created_at=facts.last_created_at,
    )
