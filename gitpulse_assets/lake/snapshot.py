"""Tables that belong together: several tables of one layer as one and the same merge published them."""

import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass

import pyarrow.dataset as ds

from gitpulse_assets.contracts.model import Layer, TableContract
from gitpulse_assets.lake import paths
from gitpulse_assets.lake.commit import Commit, CommittedTable, read_plan
from gitpulse_assets.lake.damage import GONE, damaged
from gitpulse_assets.lake.dataset import OpenTable, open_object, open_table
from gitpulse_assets.lake.errors import LakeError
from gitpulse_assets.lake.parts import parts_of, standing_parts, together
from gitpulse_assets.lake.promotion import commit_in_force
from gitpulse_assets.lake.store import Store
from gitpulse_assets.place import Place
from gitpulse_assets.processes.stopping import pause

# A promotion moves a dozen objects; one that takes longer was cut short and waits for the next refresh.
WAIT_SECONDS = 10.0
# To put an object in its place takes S3 a request to read it and one to write it.
WAIT_SECONDS_AN_OBJECT = 0.1
POLL_SECONDS = 0.1


@dataclass(frozen=True)
class Snapshot:
    """Datasets by table name, and the commit they belong to; None where nothing was published yet.

    `parts`: of the tables of ranges each part by itself.
    """

    commit: Commit | None
    datasets: dict[str, ds.Dataset]
    parts: dict[str, dict[str, ds.Dataset]]


def open_snapshot(
    store: Store,
    layer: Layer,
    place: Place,
    contracts: Iterable[TableContract],
    parts: Collection[str] | None = None,
    *,
    is_held: bool = True,
) -> Snapshot:
    """Open tables of one merge, waiting while another one is being published.

    Tables the merge did not have are empty. `parts`: which of a table of ranges are opened, None: all. Not
    `is_held`: no file stays open, and one that is replaced before it is read cannot be read.
    Raises LakeError where the publication does not end.
    """
    wanted, end = list(contracts), 0.0
    while True:
        commit = commit_in_force(store, layer, place)
        tables = {
            contract: _opened(store, contract, place, commit, parts, is_held=is_held) for contract in wanted
        }
        stray = _stray(commit, {name: one for objects in tables.values() for name, one in objects.items()})
        if stray is None:
            return Snapshot(
                commit,
                {contract.name: _as_one(contract, objects) for contract, objects in tables.items()},
                {
                    contract.name: _by_part(contract, tables[contract])
                    for contract in wanted
                    if contract.is_ranged
                },
            )
        refuse_damaged(store, layer, place, commit, stray)
        end = end or time.monotonic() + _patience_seconds(store, layer, place)
        if time.monotonic() > end:
            raise _unpublished(layer, place)
        pause(POLL_SECONDS)


def _patience_seconds(store: Store, layer: Layer, place: Place) -> float:
    """For how long a publication may be under way: of a million issues some five hundred objects."""
    plan, _ = read_plan(store, layer, place)
    return WAIT_SECONDS + WAIT_SECONDS_AN_OBJECT * len(plan.tables if plan else ())


def open_published(
    store: Store, layer: Layer, place: Place, contracts: Iterable[TableContract]
) -> dict[str, ds.Dataset]:
    """Open each table, as it lies there now; raises ObjectDamaged where no merge published one so."""
    commit = commit_in_force(store, layer, place)
    return {c.name: _as_one(c, _published(store, layer, c, place, commit)) for c in contracts}


def _published(
    store: Store, layer: Layer, contract: TableContract, place: Place, commit: Commit | None
) -> dict[str, OpenTable]:
    """The objects of a table; all of the next merge, where one of several is.

    What was sealed will be published, also where its publication was cut short and nobody has carried it on.
    """
    end = 0.0
    while True:
        objects = _opened(store, contract, place, commit)
        # A commit of an older version does not name what another step published.
        named = {name: one for name, one in objects.items() if commit is None or name in commit.tables}
        stray = _stray(commit, named)
        if stray is None:
            return objects
        refuse_damaged(store, layer, place, commit, stray)
        found = _sealed(store, layer, contract, place) if contract.is_ranged else objects
        if found is not None:
            return found
        end = end or time.monotonic() + WAIT_SECONDS
        if time.monotonic() > end:
            raise _unpublished(layer, place)
        pause(POLL_SECONDS)
        commit = commit_in_force(store, layer, place)


def _sealed(store: Store, layer: Layer, contract: TableContract, place: Place) -> dict[str, OpenTable] | None:
    """The objects of a table as the newest plan has them, in place or staged; None where they move on."""
    plan, _ = read_plan(store, layer, place)
    planned = {table.name: table for table in plan.tables} if plan else {}
    tables = (plan.carried if plan else {}) | planned
    found: dict[str, OpenTable] = {}
    for name in (name for name in tables if paths.part_of(contract, name) is not None):
        staged = planned[name].staged if name in planned else None
        table = open_object(store, contract, staged) if staged else None
        if table is None or table.opened is None:
            table = open_object(store, contract, paths.published_key(layer, name, place))
        if table.opened is None or table.opened.fingerprint != tables[name].fingerprint:
            return None
        found[name] = table
    return found or None


def _opened(
    store: Store,
    contract: TableContract,
    place: Place,
    commit: Commit | None,
    parts: Collection[str] | None = None,
    *,
    is_held: bool = True,
) -> dict[str, OpenTable]:
    """The objects of a table, by the names that a commit has for them; what lies there where it is lost."""
    found: Iterable[str] = ()
    if contract.is_ranged:
        found = parts_of(commit, contract) if commit else standing_parts(store, contract, place)
    named = [*found] or [paths.WHOLE]
    return {
        paths.published_name(contract, part): open_table(store, contract, place, part, is_held=is_held)
        for part in named
        if parts is None or not contract.is_ranged or part in parts
    }


def _as_one(contract: TableContract, objects: dict[str, OpenTable]) -> ds.Dataset:
    found = [table.dataset for table in objects.values()]
    return found[0] if len(found) == 1 else together(contract, found)


def _by_part(contract: TableContract, objects: dict[str, OpenTable]) -> dict[str, ds.Dataset]:
    named = ((paths.part_of(contract, name), table.dataset) for name, table in objects.items())
    return {part: dataset for part, dataset in named if part is not None}


def open_standing(store: Store, contract: TableContract, place: Place) -> ds.Dataset:
    """Open every object of a table that lies there, whatever commits say."""
    parts = (standing_parts(store, contract, place) if contract.is_ranged else []) or [paths.WHOLE]
    return _as_one(contract, {part: open_table(store, contract, place, part) for part in parts})


def _unpublished(layer: Layer, place: Place) -> LakeError:
    return LakeError(
        f"{place}: {layer} is being published, or its publication was cut short; refresh it again"
    )


def refuse_damaged(
    store: Store, layer: Layer, place: Place, commit: Commit | None, stray: tuple[str, OpenTable]
) -> None:
    """Raise ObjectDamaged for a table that differs from its commit though no publication is under way.

    The commit must have been read before the table: with its plan still the newest after both, no merge can
    have moved the table in between.
    """
    plan, _ = read_plan(store, layer, place)
    if (plan.merge_id if plan else None) not in (commit.merge_id if commit else None, None):
        return
    newest = commit_in_force(store, layer, place)
    if (newest and newest.merge_id) != (commit and commit.merge_id):
        return
    name, table = stray
    key = paths.published_key(layer, name, place)
    committed = commit.tables.get(name) if commit else None
    raise damaged(store, key, _difference(committed, table) or GONE)


def _stray(commit: Commit | None, tables: dict[str, OpenTable]) -> tuple[str, OpenTable] | None:
    """The first table that is not as its commit says, with its name."""
    committed = commit.tables if commit else {}
    differing = (item for item in tables.items() if _difference(committed.get(item[0]), item[1]))
    return next(differing, None)


def _difference(committed: CommittedTable | None, table: OpenTable) -> str | None:
    if committed is None:
        return None if table.opened is None else "no commit names it"
    return committed.difference(table.opened) if table.opened else GONE
