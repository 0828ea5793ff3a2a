"""Merging events into a day: each event once, whatever brought it and however often; nothing is taken away.

What came is held against the keys that are stored. New events make a new part of the day's tables; a part is
made anew only where a longer or earlier copy of one of its events came, or where small parts are many.
Merging the same events again changes nothing, so that a merge that was killed is simply done again.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TypeVar

import duckdb
import pyarrow as pa

from gitpulse_assets.contracts.events import EVENT_HOUR, PUBLIC_EVENT
from gitpulse_assets.contracts.model import TableContract
from gitpulse_assets.events.incoming import Incoming
from gitpulse_assets.events.projection import Projection
from gitpulse_assets.events.staging import staged_hours, staged_rows
from gitpulse_assets.lake.commit import Commit
from gitpulse_assets.lake.duck import literal
from gitpulse_assets.lake.errors import LakeError, PublicationConflict
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.lake.parts import PartsReplaced, open_parts, parts_of, together
from gitpulse_assets.lake.publication import Publication, StagedTable
from gitpulse_assets.place import Day
from gitpulse_assets.transform.audit import audit_table
from gitpulse_assets.transform.sql_file import create_table, load_sql

ATTEMPTS = 8

# Eight parts of about the same size become one, so that a row is written again once for each eightfold
# growth: hundreds of polls leave a handful of parts. Larger parts stay as they are.
PARTS_OF_A_SIZE = 8
LARGEST_COMPACTED_ROWS = 250_000

# Tables that are published in the same step as the events.
Beside = Callable[[Commit | None, int], Mapping[TableContract, pa.Table]]

KEY = ", ".join(PUBLIC_EVENT.key)

Result = TypeVar("Result")


class AuditFailed(LakeError):
    """What was to be published breaks a rule that nothing published may break."""


@dataclass(frozen=True)
class MergedDay:
    """What a merge did to a day: events that were new, and whether anything was published."""

    day: Day
    added_count: int
    is_changed: bool


def merge_day(
    lake: Lake,
    con: duckdb.DuckDBPyConnection,
    incoming: Incoming,
    event_date: date,
    beside: Beside = lambda commit, added: {},
) -> MergedDay:
    """Publish what came of one UTC day, and `beside` it tables of the same day, in one step.

    `beside` makes them of the commit the merge builds on and the number of events that are new.

    Raises AuditFailed before anything was published, and LakeError where the lake cannot be used.
    """

    def merged(publication: Publication) -> MergedDay:
        return _Merge(lake, con, incoming, publication).run(beside)

    return published(lake, Day(event_date), merged)


class _Merge:
    """One attempt: the day as it stands, and what is put beside it."""

    def __init__(
        self, lake: Lake, con: duckdb.DuckDBPyConnection, incoming: Incoming, publication: Publication
    ) -> None:
        self._lake, self._con, self._incoming, self._publication = lake, con, incoming, publication
        self._before: Commit | None = publication.previous
        assert isinstance(publication.place, Day)
        self._day = publication.place
        self._staged: list[StagedTable] = []

    def run(self, beside: Beside) -> MergedDay:
        with self._views():
            added = self._added()
            rewritten = self._rewritten()
            is_changed = bool(added or rewritten)
            if is_changed:
                self._stage(rewritten)
            for contract, table in beside(self._before, added).items():
                self._staged.append(self._publication.stage(contract, table))
            if self._staged:
                publish(self._publication, self._staged)
            return MergedDay(self._day, added, is_changed)

    @contextmanager
    def _views(self):
        """Register what came of the day, and the keys that are stored, as far as they can meet."""
        stored = open_parts(self._lake.store, PUBLIC_EVENT, self._day, self._before)
        path = self._incoming.path(PUBLIC_EVENT)
        self._con.execute(
            "create or replace temp view incoming as "
            f"select * from read_parquet({literal(str(path))}) where {self._of_day()}"
        )
        first, last = self._con.execute("select min(created_at), max(created_at) from incoming").fetchall()[0]
        registered: list[str] = []
        columns = f"{KEY}, payload_bytes, first_seen_at, is_forgotten"
        selects = [f"select {columns}, null::varchar as stored_part from incoming limit 0"]
        for number, (part, dataset) in enumerate(stored.items()):
            name = f"stored_{number}"
            self._con.register(name, dataset)
            registered.append(name)
            selects.append(
                f"select {columns}, '{part}' as stored_part from {name} "
                f"where created_at between {_moment(first)} and {_moment(last)}"
            )
        joined = " union all ".join(f"({select})" for select in selects)
        self._con.execute(f"create or replace temp view stored as {joined}")
        create_table(self._con, "events", "contested")
        try:
            yield
        finally:
            for name in registered:
                self._con.unregister(name)

    def _of_day(self) -> str:
        begin = datetime.combine(self._day.event_date, time(), UTC)
        return f"created_at >= {_moment(begin)} and created_at < {_moment(begin + timedelta(days=1))}"

    def _added(self) -> int:
        """How many events are new."""
        return _one(
            self._con,
            f"select (select count(*) from (select {KEY} from incoming anti join contested using ({KEY}))) "
            "+ (select count(*) from contested where stored_part is null)",
        )

    def _rewritten(self) -> list[str]:
        """The parts to be made anew: those with an event that changes, and small ones that are many."""
        changed = self._con.execute(
            "select distinct stored_part from contested where stored_part is not null and is_change"
        ).fetchall()
        return sorted({row[0] for row in changed} | set(many_small(_row_counts(self._before))))

    def _stage(self, rewritten: Sequence[str]) -> None:
        stored = open_parts(self._lake.store, PUBLIC_EVENT, self._day, self._before)
        self._con.register("rewritten", together(PUBLIC_EVENT, [stored[part] for part in rewritten]))
        columns = ", ".join(PUBLIC_EVENT.column_names)
        self._con.execute(
            "create or replace temp view candidate as "
            f"select {columns} from incoming union all select {columns} from rewritten"
        )
        create_table(self._con, "events", "resolved", {"rewritten": list(rewritten)})
        self._con.execute(f"create or replace temp view winner as {load_sql('events', 'winner')}")
        self._audit()
        self._stage_rows(PUBLIC_EVENT, f"select {columns} from winner", rewritten)
        for one in self._typed_here(rewritten):
            select = self._typed(one.contract, one.event_type, one.select("resolved"), rewritten)
            self._stage_rows(one.contract, select, rewritten)
        self._stage_hours()
        self._refuse_disagreement(rewritten)

    def _typed_here(self, rewritten: Sequence[str]) -> Iterable[Projection]:
        """The typed tables that can have rows in the new part: each costs statements, whatever its rows."""
        came = self._incoming.facts.event_types
        for one in self._incoming.projections:
            if one.event_type in came or not parts_of(self._before, one.contract).keys().isdisjoint(
                rewritten
            ):
                yield one

    def _audit(self) -> None:
        audit = audit_table(self._con, PUBLIC_EVENT, "winner")
        if not audit.is_passed:
            raise AuditFailed(
                f"{self._day}: {audit.broken[0].description} ({audit.broken[0].broken_count} rows)"
            )

    def _typed(
        self, contract: TableContract, event_type: str, resolved: str, rewritten: Sequence[str]
    ) -> str:
        """The statement of a typed table's rows: those typed before, but for events of several copies."""
        kept = open_parts(self._lake.store, contract, self._day, self._before)
        name = f"kept_{contract.name}"
        self._con.register(name, together(contract, [kept[part] for part in rewritten if part in kept]))
        columns = ", ".join(contract.column_names)
        path = literal(str(self._incoming.path(contract)))
        return (
            f"with typed_before as (select {columns} from read_parquet({path}) "
            f"where {self._of_day()} union all select {columns} from {name}), "
            f"several as (select event_id, created_at from contested where event_type = '{event_type}') "
            f"select {columns} from typed_before anti join several using (event_id, created_at) "
            f"union all ({resolved})"
        )

    def _stage_rows(self, contract: TableContract, select: str, rewritten: Sequence[str]) -> None:
        """Stage a table's new part unless it is empty, and take away those it replaces."""
        self._staged += staged_rows(self._con, self._publication, contract, select, rewritten)

    def _stage_hours(self) -> None:
        stored = open_parts(self._lake.store, EVENT_HOUR, self._day, self._before)
        hours = together(EVENT_HOUR, list(stored.values()))
        self._staged.append(staged_hours(self._con, self._publication, hours))

    def _refuse_disagreement(self, rewritten: Sequence[str]) -> None:
        """Raise AuditFailed where the counts of the hours are not those of the events."""
        kept = sum(rows for part, rows in _row_counts(self._before).items() if part not in rewritten)
        new = sum(staged.rows for staged in self._staged if staged.contract is PUBLIC_EVENT)
        counted = _one(self._con, "select coalesce(sum(event_count), 0)::bigint from event_hour")
        if counted != kept + new:
            raise AuditFailed(f"{self._day}: {counted} events by hours, but {kept + new} events")


def _row_counts(commit: Commit | None) -> dict[str, int]:
    return {part: table.row_count for part, table in parts_of(commit, PUBLIC_EVENT).items()}


def many_small(row_counts: Mapping[str, int]) -> Iterable[str]:
    """The smallest parts of about one size that have become so many that they are put together."""
    sizes: defaultdict[int, list[str]] = defaultdict(list)
    for part, rows in row_counts.items():
        if rows <= LARGEST_COMPACTED_ROWS:
            sizes[int(math.log(max(rows, 1), PARTS_OF_A_SIZE))].append(part)
    crowded = [sizes[size] for size in sorted(sizes) if len(sizes[size]) >= PARTS_OF_A_SIZE]
    return crowded[0] if crowded else []


def published(lake: Lake, day: Day, attempt: Callable[[Publication], Result]) -> Result:
    """Publish tables of a day, and try again on what another run published meanwhile.

    Raises LakeError where others keep publishing.
    """
    for _ in range(ATTEMPTS):
        with suppress(PublicationConflict, PartsReplaced), lake.begin("silver", day) as publication:
            return attempt(publication)
    raise LakeError(f"{day}: other runs keep publishing events of this day; run again")


def publish(publication: Publication, staged: Sequence[StagedTable]) -> None:
    """Seal a merge and put all it staged in place."""
    publication.seal()
    for table in staged:
        publication.promote(table)


def _moment(at: datetime | None) -> str:
    """A time as SQL has it; null where there is none."""
    return f"timestamptz '{at.isoformat()}'" if at else "null"


def _one(con: duckdb.DuckDBPyConnection, statement: str) -> int:
    return con.execute(statement).fetchall()[0][0]
