"""Carrying a sealed plan out, by whoever comes first: the merge itself or a later run after a crash.

From the moment its plan is sealed a merge will be published; every step here can be done twice, also by two
processes at once. A plan is only ever followed by another one after its own commit was written, so a plan
that is no longer the newest needs nothing more.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from gitpulse_assets.contracts.model import Layer
from gitpulse_assets.lake import paths
from gitpulse_assets.lake.commit import (
    Commit,
    CommittedTable,
    Plan,
    PlannedTable,
    read_commit,
    read_plan,
)
from gitpulse_assets.lake.damage import damaged
from gitpulse_assets.lake.errors import LakeError, ObjectNotFound, PreconditionFailed
from gitpulse_assets.lake.parquet import MERGE_ID
from gitpulse_assets.lake.sealed import encode
from gitpulse_assets.lake.store import Store
from gitpulse_assets.place import Place

logger = logging.getLogger(__name__)

# Each further attempt means that something outside GitPulse wrote the object in between.
REPLACE_ATTEMPTS = 5

# Each further attempt means that another run sealed a merge in between.
SETTLE_ATTEMPTS = 10


@dataclass(frozen=True)
class Settled:
    """A moment at which no publication was under way: the newest plan, carried out, and its commit."""

    commit: Commit | None
    commit_etag: str | None
    plan_etag: str | None
    finished_count: int


def settle(store: Store, layer: Layer, place: Place) -> Settled:
    """Finish whatever merge was sealed and died, or is slow, and say on what the next one builds.

    The plan's ETag is of the very read that was found carried out: taken in a second read it could be of a
    plan sealed meanwhile, which the next seal would then replace before anybody carried it out.
    """
    for finished_count in range(SETTLE_ATTEMPTS):
        plan, plan_etag = read_plan(store, layer, place)
        found, commit_etag = read_commit(store, layer, place)
        if plan is None or (found is not None and found.merge_id == plan.merge_id):
            return Settled(found, commit_etag, plan_etag, finished_count)
        logger.warning(
            "%s: finishing the publication of %s by merge %s, which was cut short",
            place,
            layer,
            plan.merge_id,
        )
        finish(store, plan)
    raise LakeError(f"{place}: other runs keep publishing {layer}; run again")


def finish(store: Store, plan: Plan) -> None:
    """Promote every table of a sealed plan, then commit it."""
    etags = {table.name: promote(store, plan, table) for table in plan.tables}
    commit(store, plan, etags)


def promote(store: Store, plan: Plan, table: PlannedTable) -> str | None:
    """Put one staged table in its place and return its ETag; None where a later merge is published."""
    staged = table.staged
    if staged is None:
        return table.etag

    def move(etag: str | None) -> str:
        return store.move(staged, table.key, if_match=etag, if_absent=etag is None)

    try:
        return _replace(store, plan, table.key, table.etag, move, lambda: _own_etag(store, plan, table))
    except ObjectNotFound as error:
        if (etag := _own_etag(store, plan, table)) is not None:
            return etag
        if _is_superseded(store, plan):
            return None
        raise damaged(
            store,
            paths.plan_key(plan.layer, plan.place),
            f"the publication of {plan.layer} was cut short, and {store.uri(staged)} is gone",
        ) from error


def commit(store: Store, plan: Plan, etags: Mapping[str, str | None]) -> None:
    """Write the commit of a plan whose tables are all in place, and remove what it staged."""
    made = _carried_out(plan, etags)
    if made is not None:
        # Before the commit: a reader of whole folders sees what was replaced for as short as can be, and
        # a crash in between is carried on from the plan.
        for gone in plan.removed:
            store.delete(gone)
        key = paths.commit_key(plan.layer, plan.place)
        body = encode(made)

        def put(etag: str | None) -> str:
            return store.put(key, body, if_match=etag, if_absent=etag is None)

        def own_etag() -> str | None:
            found, etag = read_commit(store, plan.layer, plan.place)
            return etag if found is not None and found.merge_id == plan.merge_id else None

        _replace(store, plan, key, plan.commit_etag, put, own_etag)
    try:
        store.delete_prefix(paths.staging_prefix(plan.merge_id))
    except LakeError as error:
        # The merge is published; what is left over goes with the next maintenance.
        logger.warning("%s: %s", plan.place, error)


def commit_in_force(store: Store, layer: Layer, place: Place) -> Commit | None:
    """Which tables belong together now; None where nothing was published.

    Where the commit's writing never happened, it is read from its plan, all of whose tables are in place.
    """
    found, etag = read_commit(store, layer, place)
    if found is not None or etag is None:
        return found
    plan, _ = read_plan(store, layer, place)
    return _carried_out(plan, {t.name: _own_etag(store, plan, t) for t in plan.tables}) if plan else None


def _carried_out(plan: Plan, etags: Mapping[str, str | None]) -> Commit | None:
    """Return the commit of a plan, None where not all of its tables are in place."""
    tables = {
        t.name: CommittedTable(etag, t.row_count, t.size_bytes, t.contract, t.fingerprint, t.made_from)
        for t in plan.tables
        if (etag := etags[t.name]) is not None
    }
    if len(tables) < len(plan.tables):
        return None
    return Commit(tables=plan.carried | tables, merged=plan.merged, made=plan.made, merge_id=plan.merge_id)


def _own_etag(store: Store, plan: Plan, table: PlannedTable) -> str | None:
    """The ETag of a table that is as its plan wants it; None where it is not, or not any more."""
    if table.staged is None:
        return table.etag
    merge_id, etag = _merge_id(store, table.key)
    return etag if merge_id == plan.merge_id else None


def _replace(
    store: Store,
    plan: Plan,
    key: str,
    etag: str | None,
    write: Callable[[str | None], str],
    own_etag: Callable[[], str | None],
) -> str | None:
    """Write an object over the version with `etag`, unless that was done already by another process.

    The object may differ for one more reason: something other than GitPulse wrote it. The plan is the truth
    then, and safe to go on with: the version seen *before* the plan proved to be the newest still is no later
    merge's, and it is the one that gets replaced.
    """
    for _ in range(REPLACE_ATTEMPTS):
        try:
            return write(etag)
        except PreconditionFailed:
            found = store.head(key)
            if (own := own_etag()) is not None:
                return own
            if _is_superseded(store, plan):
                return None
            etag = found.etag if found else None
            logger.warning("%s: not as this merge found it; replacing it", store.uri(key))
    raise LakeError(
        f"{store.uri(key)}: something other than GitPulse keeps writing it; stop that and run again"
    )


def _is_superseded(store: Store, plan: Plan) -> bool:
    newest, _ = read_plan(store, plan.layer, plan.place)
    return newest is None or newest.merge_id != plan.merge_id


def _merge_id(store: Store, key: str) -> tuple[str | None, str | None]:
    """The merge that wrote a table, and the ETag of the version that says so."""
    opened = store.open(key)
    if opened is None:
        return None, None
    with opened.file as file:
        try:
            metadata = pq.read_metadata(file).metadata or {}
        except pa.ArrowInvalid:
            return None, opened.etag
    return metadata.get(MERGE_ID, b"").decode(), opened.etag
