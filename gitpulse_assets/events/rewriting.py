"""Changing or removing events of a day that is published: its tables together, in one step.

Only parts that hold such an event are made anew, and of a typed table only the rows of such events: what was
not typed when it was merged is not typed now.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa

from gitpulse_assets.contracts.events import EVENT_HOUR, PUBLIC_EVENT
from gitpulse_assets.contracts.model import TableContract
from gitpulse_assets.events.merge import KEY, publish, published
from gitpulse_assets.events.projection import Projection
from gitpulse_assets.events.staging import staged_hours, staged_rows
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.lake.parts import open_parts, together
from gitpulse_assets.lake.publication import Publication, StagedTable
from gitpulse_assets.place import Day

Row = dict[str, Any]
COLUMNS = ", ".join(PUBLIC_EVENT.column_names)


@dataclass(frozen=True)
class Change:
    """Which events change, and how.

    `condition`: SQL over the columns of `public_event`, true of every such event. `remade`: what each
    becomes, its key as it was; None where they are removed. One that stays as it is changes nothing.
    """

    condition: str
    remade: Callable[[Row], Row] | None = None


def change_rows(lake: Lake, day: Day, changes: Mapping[TableContract, Callable[[Row], Row | None]]) -> None:
    """Publish small tables of a day with each row as it becomes, None: gone; nothing where none changes.

    Raises LakeError where other runs keep publishing the day.
    """

    def attempt(publication: Publication) -> None:
        staged = []
        for contract, become in changes.items():
            parts = open_parts(lake.store, contract, day, publication.previous)
            rows = together(contract, list(parts.values())).to_table().to_pylist()
            left = [new for row in rows if (new := become(row)) is not None]
            if left != rows:
                staged.append(publication.stage(contract, pa.Table.from_pylist(left, contract.arrow_schema)))
        if staged:
            publish(publication, staged)

    published(lake, day, attempt)


def rewrite_day(
    lake: Lake, con: duckdb.DuckDBPyConnection, day: Day, projections: Sequence[Projection], change: Change
) -> int:
    """Publish a day with its events changed; return how many were. Nothing is published where none was.

    Raises LakeError where other runs keep publishing the day.
    """

    def attempt(publication: Publication) -> int:
        return _Rewriting(lake, con, publication, projections, change).run()

    return published(lake, day, attempt)


class _Rewriting:
    """One attempt, on the day as it stands."""

    def __init__(
        self,
        lake: Lake,
        con: duckdb.DuckDBPyConnection,
        publication: Publication,
        projections: Sequence[Projection],
        change: Change,
    ) -> None:
        self._lake, self._con, self._publication = lake, con, publication
        self._projections, self._change = projections, change
        self._staged: list[StagedTable] = []

    def run(self) -> int:
        stored = self._parts(PUBLIC_EVENT)
        changed = {
            part: rows for part, dataset in stored.items() if (rows := self._changed(dataset)).num_rows
        }
        if not changed:
            return 0
        self._con.register("changed", pa.concat_tables(changed.values()))
        self._con.register("rewritten", together(PUBLIC_EVENT, [stored[part] for part in changed]))
        self._con.execute(f"create or replace temp view winner as {self._winner()}")
        self._stage(PUBLIC_EVENT, f"select {COLUMNS} from winner", list(changed))
        for one in self._projections:
            self._stage(one.contract, self._typed(one, list(changed)), list(changed))
        self._stage_hours()
        publish(self._publication, self._staged)
        return sum(rows.num_rows for rows in changed.values())

    def _parts(self, contract: TableContract):
        assert isinstance(self._publication.place, Day)
        return open_parts(self._lake.store, contract, self._publication.place, self._publication.previous)

    def _changed(self, dataset: Any) -> pa.Table:
        """The events of a part that change: as they will be, or, where they are removed, as they are."""
        self._con.register("part", dataset)
        found = self._con.sql(f"select {COLUMNS} from part where {self._change.condition}")
        table = found.to_arrow_table().cast(PUBLIC_EVENT.arrow_schema)
        self._con.unregister("part")
        if self._change.remade is None:
            return table
        rows = [(row, self._change.remade(row)) for row in table.to_pylist()]
        return pa.Table.from_pylist([new for old, new in rows if new != old], PUBLIC_EVENT.arrow_schema)

    def _winner(self) -> str:
        kept = f"select {COLUMNS} from rewritten anti join changed using ({KEY})"
        return kept if self._change.remade is None else f"{kept} union all select {COLUMNS} from changed"

    def _typed(self, one: Projection, parts: Sequence[str]) -> str:
        """The statement of a typed table's rows in the parts made anew."""
        stored, name = self._parts(one.contract), f"kept_{one.contract.name}"
        self._con.register(name, together(one.contract, [stored[part] for part in parts if part in stored]))
        columns = ", ".join(one.contract.column_names)
        own = f"(select event_id, created_at from changed where event_type = '{one.event_type}')"
        kept = f"select {columns} from {name} anti join {own} using (event_id, created_at)"
        if self._change.remade is None:
            return kept
        remade = (
            f"select {columns} from ({one.select('changed')}) semi join {name} using (event_id, created_at)"
        )
        return f"{kept} union all {remade}"

    def _stage(self, contract: TableContract, select: str, parts: Sequence[str]) -> None:
        """Stage the rows as a new part, unless there are none, and take away the parts they were in."""
        self._staged += staged_rows(self._con, self._publication, contract, select, parts)

    def _stage_hours(self) -> None:
        stored = self._parts(EVENT_HOUR)
        hours = together(EVENT_HOUR, list(stored.values()))
        self._staged.append(staged_hours(self._con, self._publication, hours))
