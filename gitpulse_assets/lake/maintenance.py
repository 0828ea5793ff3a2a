"""Cleaning up after runs that died: what was sealed is published, what nobody counts is removed.

How long raw runs are kept is not decided here.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import get_args

from gitpulse_assets.catalog.subjects import BATCHED
from gitpulse_assets.contracts.bronze import MANIFEST
from gitpulse_assets.contracts.model import Layer
from gitpulse_assets.lake import paths
from gitpulse_assets.lake.commit import read_plan
from gitpulse_assets.lake.errors import LakeError
from gitpulse_assets.lake.listing import days_with, organizations_with, repos_with
from gitpulse_assets.lake.manifest import Manifest, counted_keys
from gitpulse_assets.lake.promotion import settle
from gitpulse_assets.lake.publication import MERGE_LIFETIME_SECONDS
from gitpulse_assets.lake.scratch import machine_scratch
from gitpulse_assets.lake.store import ListedObject, Store
from gitpulse_assets.lake.witnesses import Witnesses
from gitpulse_assets.place import Place
from gitpulse_assets.repo import Repo

# Twice a merge's life, so that no clock that is hours wrong lets a living merge lose its staging.
LEFT_OVER_AFTER = timedelta(seconds=2 * MERGE_LIFETIME_SECONDS)


@dataclass(frozen=True)
class CleanedUp:
    """What was cleaned up: publications it finished, and the objects and bytes it removed.

    `troubles` has a line for each publication that could not be finished.
    """

    finished: tuple[tuple[Layer, Place], ...]
    object_count: int
    size_bytes: int
    troubles: tuple[str, ...] = ()


def clean_up(store: Store, older_than: timedelta = LEFT_OVER_AFTER) -> CleanedUp:
    """Finish every publication that was cut short, and remove staging last touched before `older_than`.

    One place's trouble stops no other, and is told in the answer.
    """
    finished: list[tuple[Layer, Place]] = []
    troubles: list[str] = []
    needed: list[str] = []
    for layer, place in _published(store):
        try:
            if settle(store, layer, place).finished_count:
                finished.append((layer, place))
        except LakeError as error:
            troubles.append(str(error))
            needed.append(_needed_staging(store, layer, place))
    limit = datetime.now(UTC) - older_than
    _remove_scratch(store, limit)
    dead = (info for info in _dead_staging(store, limit) if not info.key.startswith(tuple(needed)))
    cleaned = _removed(store, dead)
    return replace(cleaned, finished=tuple(finished), troubles=tuple(troubles))


def clean_up_runs(store: Store, place: Place, older_than: timedelta = LEFT_OVER_AFTER) -> CleanedUp:
    """Remove the batches of a place that its manifest does not count, last touched before `older_than`.

    They are of runs that died between a batch and its row, or while they were thinned out. What anything
    else speaks for stays (`witnesses`), and all does where one of those cannot be read.
    """
    return _removed(store, _uncounted(store, place, datetime.now(UTC) - older_than))


def _needed_staging(store: Store, layer: Layer, place: Place) -> str:
    """Name the staging a publication still needs; where its plan cannot be read, it may be any."""
    try:
        plan, _ = read_plan(store, layer, place)
    except LakeError:
        return paths.STAGING
    return paths.staging_prefix(plan.merge_id) if plan else paths.STAGING


def _removed(store: Store, infos: Iterable[ListedObject]) -> CleanedUp:
    removed = list(infos)
    for info in removed:
        store.delete(info.key)
    return CleanedUp((), len(removed), sum(info.size_bytes for info in removed))


def _remove_scratch(store: Store, limit: datetime) -> None:
    """Remove the files that killed runs were writing on this machine; no store lists those of a bucket."""
    for folder in {store.scratch_folder, machine_scratch()}:
        for path in filter(Path.is_file, folder.rglob("*")):
            with suppress(FileNotFoundError):
                if datetime.fromtimestamp(path.stat().st_mtime, UTC) < limit:
                    path.unlink()


def _dead_staging(store: Store, limit: datetime) -> Iterator[ListedObject]:
    groups: defaultdict[str, list[ListedObject]] = defaultdict(list)
    for info in store.list(paths.STAGING):
        groups[info.key.removeprefix(paths.STAGING).partition("/")[0]].append(info)
    for folder, infos in groups.items():
        old = [info for info in infos if info.modified_at < limit]
        # Scratch and probe files (`_…`) are nobody's merge: each has its own age.
        if folder.startswith("_") or len(old) == len(infos):
            yield from old


def _uncounted(store: Store, place: Place, limit: datetime) -> Iterator[ListedObject]:
    rows = Manifest(store, place).rows()
    counted = {key for row in rows for key in counted_keys(place, row)}
    listed = (info for table in BATCHED.values() for info in store.list(f"{table.folder}/{place.folder}/"))
    left = [info for info in listed if info.key not in counted and info.modified_at < limit]
    if left:
        witnesses = Witnesses(store, place, rows)
        yield from (info for info in left if not witnesses.speak_for(info.key))


def registered_repos(store: Store) -> list[Repo]:
    """The repositories that have a manifest, by owner and name."""
    return repos_with(store, f"{MANIFEST.folder}/", lambda repo: paths.table_key(MANIFEST, repo))


def _published(store: Store) -> Iterator[tuple[Layer, Place]]:
    for layer in get_args(Layer):
        prefix, key = paths.commit_prefix(layer), partial(paths.plan_key, layer)
        kinds = (repos_with, organizations_with, days_with)
        for place in (place for places_with in kinds for place in places_with(store, prefix, key)):
            yield layer, place
