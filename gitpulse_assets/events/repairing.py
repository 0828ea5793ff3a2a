"""Mending a day of public events: from the events that can be read, and from the hour files that are kept.

    files to be read again noted as received -> the day made anew of what stands -> those files read

Cut short anywhere, a repair is gone on with by doing it again, or by the next backfill of those files' days.
What cannot be read is set aside.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from datetime import UTC, datetime, time, timedelta

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from gitpulse_assets.contracts.events import (
    ARCHIVE_FEED,
    ARCHIVE_HOUR,
    ARCHIVE_TYPE,
    EVENT_HOUR,
    POLLED_TABLES,
    PUBLIC_EVENT,
    UNUSABLE_EVENT,
)
from gitpulse_assets.contracts.model import TableContract
from gitpulse_assets.events.at_work import at_work
from gitpulse_assets.events.backfill import read_kept
from gitpulse_assets.events.ledger import KEPT, HourRow, hour_key, hour_row, hour_rows, put_rows
from gitpulse_assets.events.merge import KEY, publish, published
from gitpulse_assets.events.projection import Projection
from gitpulse_assets.events.staging import staged_hours, staged_rows
from gitpulse_assets.lake import paths
from gitpulse_assets.lake.dataset import empty_dataset, open_table
from gitpulse_assets.lake.duck import session
from gitpulse_assets.lake.hour_name import hour_of
from gitpulse_assets.lake.integrity import Finding, digest_of, table_objects, trouble_of
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.lake.parts import PartsReplaced, parts_of, together
from gitpulse_assets.lake.promotion import commit_in_force
from gitpulse_assets.lake.publication import Publication, StagedTable
from gitpulse_assets.lake.recovery import mend_records, of_kind, set_aside
from gitpulse_assets.lake.store import ListedObject
from gitpulse_assets.place import Day

LEDGERS = (ARCHIVE_HOUR, ARCHIVE_TYPE, ARCHIVE_FEED, UNUSABLE_EVENT)
NOT_KEPT = "the file that was kept is damaged or gone"


def repair_day(
    lake: Lake,
    con: duckdb.DuckDBPyConnection,
    projections: Sequence[Projection],
    day: Day,
    findings: Sequence[Finding],
) -> None:
    """Mend what was found of a day, so far as the lake itself can.

    Raises LakeError while a person is being taken out of public events.
    """
    with at_work(lake.store, "bringing") as sign:
        _repair(lake, con, projections, day, findings, sign)


def _repair(
    lake: Lake,
    con: duckdb.DuckDBPyConnection,
    projections: Sequence[Projection],
    day: Day,
    findings: Sequence[Finding],
    sign: Callable[[], None],
) -> None:
    mend_records(lake.store, day, findings)
    files = {one.key for one in of_kind(findings, "hour_file")}
    tables = {one.key for one in of_kind(findings, "table")}
    is_lost = commit_in_force(lake.store, "silver", day) is None
    if is_lost:
        # Without a commit nobody has looked at what it named.
        standing = table_objects(lake.store, "silver", day)
        tables |= {key for key in standing if trouble_of(lake.store, key)}
    for key in files | tables:
        set_aside(lake.store, key)
    with session(con) as own:
        repair = Repair(lake, own, projections, day)
        repair.note_gone(files)
        if is_lost or tables:
            repair.make_anew({key.split("/")[1] for key in tables}, is_lost=is_lost)
        repair.read_noted(sign)


class Repair:
    """The mending of one day, whose damaged objects are set aside already."""

    def __init__(
        self, lake: Lake, con: duckdb.DuckDBPyConnection, projections: Sequence[Projection], day: Day
    ) -> None:
        self._lake, self._con, self._projections, self._day = lake, con, projections, day
        self._rows = [*self._known_rows()]
        self._are_events_lost = False

    def _known_rows(self) -> Iterator[HourRow]:
        """The rows of the day's files; of a file that no row tells of, what the file itself does."""
        stands = open_table(self._lake.store, ARCHIVE_HOUR, self._day).dataset.to_table().to_pylist()
        known = {hour_key(row): row for row in map(hour_row, stands)}
        yield from known.values()
        for info in self._lake.store.list(paths.HOUR_FILES):
            if paths.day_of(info.key) == self._day and info.key not in known:
                yield from self._row_of_file(info)

    def _row_of_file(self, info: ListedObject) -> Iterator[HourRow]:
        folder, _, name = info.key.rpartition("/")
        if hour_at := hour_of(name):
            yield HourRow(
                source=folder.removeprefix(f"{paths.HOUR_FILES}source=").partition("/")[0],
                file_hour_at=hour_at,
                status="received",
                asked_at=info.modified_at,
                received_at=info.modified_at,
                size_bytes=info.size_bytes,
                sha256=digest_of(self._lake.store, info.key),
            )

    def note_gone(self, keys: Collection[str]) -> None:
        """Note of files that they are not kept any more, so that the archive is asked for them again."""
        gone = [without_file(row) for row in self._rows if hour_key(row) in keys]
        self._rows = [*gone, *(row for row in self._rows if hour_key(row) not in keys)]
        if self._lake.store.head(paths.table_key(ARCHIVE_HOUR, self._day)):
            put_rows(self._lake, self._day, gone)

    def make_anew(self, tables: set[str], *, is_lost: bool) -> None:
        """Publish the day anew of what can be read; the files of what cannot are to be read again."""
        self._are_events_lost = is_lost or PUBLIC_EVENT.name in tables
        if self._are_events_lost:
            self._note_others()
        if is_lost or tables & {PUBLIC_EVENT.name, *(table.name for table in LEDGERS)}:
            self._rows = [to_be_read(self._lake, row) for row in self._rows]
        published(self._lake, self._day, self._publish)

    def _note_others(self) -> None:
        """Note files of other days that may hold events of this one as not read yet."""
        begin = datetime.combine(self._day.event_date, time(), UTC)
        end = begin + timedelta(days=1)
        for day in self._lake.committed_days("silver"):
            rows = readable_rows(self._lake, day) if day != self._day else []
            noted = {row: to_be_read(self._lake, row) for row in rows if overlaps(row, begin, end)}
            put_rows(self._lake, day, [new for old, new in noted.items() if new != old])

    def _publish(self, publication: Publication) -> None:
        objects = list(table_objects(self._lake.store, "silver", self._day))
        events = self._parts(PUBLIC_EVENT, objects)
        self._con.register("standing", together(PUBLIC_EVENT, [self._open(PUBLIC_EVENT, p) for p in events]))
        columns = ", ".join(PUBLIC_EVENT.column_names)
        # With the commit lost, a part may stand beside those whose place it took.
        self._con.execute(
            f"create or replace temp view winner as select {columns} from standing qualify row_number() over "
            f"(partition by {KEY} order by is_forgotten desc nulls last, payload_bytes desc, first_seen_at, "
            "first_seen_source) = 1"
        )
        staged = [*self._stage_events(publication, objects, columns), *self._stage_ledgers(publication)]
        publish(publication, staged)

    def _stage_events(
        self, publication: Publication, objects: Sequence[str], columns: str
    ) -> Iterator[StagedTable]:
        """Stage the events as one part, what is typed of them, and their hours."""
        selects = {PUBLIC_EVENT: f"select {columns} from winner"}
        selects |= {one.contract: one.select("winner") for one in self._projections}
        for contract, select in selects.items():
            for gone in {*self._parts(contract, objects), *parts_of(publication.previous, contract)}:
                publication.remove(contract, gone)
            yield from staged_rows(self._con, publication, contract, select)
        self._con.register("rewritten", empty_dataset(PUBLIC_EVENT))
        yield staged_hours(self._con, publication, self._ended_hours())

    def _ended_hours(self) -> ds.Dataset:
        """The hours whose events have all ended by their age, which no event tells of any more."""
        hours = self._open(EVENT_HOUR, paths.WHOLE).to_table()
        return ds.dataset(hours.filter(pc.field("event_count") == 0))

    def _stage_ledgers(self, publication: Publication) -> Iterator[StagedTable]:
        order = ARCHIVE_HOUR.order_by
        rows = sorted(map(asdict, self._rows), key=lambda row: [row[name] for name in order])
        yield publication.stage(ARCHIVE_HOUR, pa.Table.from_pylist(rows, schema=ARCHIVE_HOUR.arrow_schema))
        for contract in LEDGERS[1:]:
            yield publication.stage(contract, self._open(contract, paths.WHOLE).to_table())
        # Of what feeds brought nothing else is kept: nobody can say that it is all there.
        for contract in POLLED_TABLES:
            kept = empty_dataset(contract) if self._are_events_lost else self._open(contract, paths.WHOLE)
            is_there = self._lake.store.head(paths.table_key(contract, self._day)) is not None
            if is_there or parts_of(publication.previous, contract):
                yield publication.stage(contract, kept.to_table())

    def _parts(self, contract: TableContract, objects: Iterable[str]) -> list[str]:
        folder = f"{contract.folder}/{self._day.folder}/"
        of_table = (key for key in objects if key.startswith(folder))
        return [key.removeprefix(folder).removesuffix(".parquet") for key in of_table]

    def _open(self, contract: TableContract, part: str):
        return open_table(self._lake.store, contract, self._day, part).dataset

    def read_noted(self, sign: Callable[[], None]) -> None:
        """Read the files that wait to be read, of whatever day, and note what cannot be."""
        for day in self._lake.committed_days("silver"):
            for row in [row for row in readable_rows(self._lake, day) if row.status == "received"]:
                sign()
                if self._lake.store.head(hour_key(row)) is None:
                    read = without_file(row)
                else:
                    read = read_kept(self._lake, self._con, self._projections, row)
                if read.status not in KEPT:
                    put_rows(self._lake, day, [read])


def readable_rows(lake: Lake, day: Day) -> list[HourRow]:
    """The rows of a day's files; none where their table is damaged: its repair reads all its files again."""
    with suppress(PartsReplaced):
        return hour_rows(lake, day)
    return []


def to_be_read(lake: Lake, row: HourRow) -> HourRow:
    """The row of a file that is read once more, where it is still kept."""
    is_kept = row.status == "whole" and lake.store.head(hour_key(row)) is not None
    return replace(row, status="received") if is_kept else row


def without_file(row: HourRow) -> HourRow:
    """The row of a file that is not kept any more, and is to be asked for again."""
    facts = {"received_at": None, "size_bytes": None, "sha256": None, "is_checksum_confirmed": False}
    return replace(row, status="missing", detail=NOT_KEPT, **facts)


def overlaps(row: HourRow, begin: datetime, end: datetime) -> bool:
    """Whether a file may hold events of a time."""
    first, last = row.first_created_at, row.last_created_at
    return first is None or last is None or (first < end and last >= begin)
