"""Reading everything a place has, and saying of each bad object what is lost with it and what mends it.

Nothing is changed here; how a finding is mended stands in `recovery.py`, of a day in `events/repairing.py`.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

import pyarrow as pa

from gitpulse_assets.catalog.subjects import BATCHED
from gitpulse_assets.catalog.tables import CATALOG
from gitpulse_assets.contracts.bronze import FOLDED_RUN, ISSUE_PAGE, MANIFEST
from gitpulse_assets.contracts.events import ARCHIVE_HOUR
from gitpulse_assets.contracts.model import Layer
from gitpulse_assets.contracts.silver import RECONCILIATION
from gitpulse_assets.lake import paths
from gitpulse_assets.lake.commit import Commit, CommittedTable, Plan, read_commit, read_plan
from gitpulse_assets.lake.damage import GONE, read_whole
from gitpulse_assets.lake.dataset import open_table
from gitpulse_assets.lake.errors import LakeError, ObjectDamaged, ObjectNotFound
from gitpulse_assets.lake.hour_name import file_name
from gitpulse_assets.lake.manifest import Manifest, ManifestRow, counted_keys
from gitpulse_assets.lake.parts import parts_of, standing_parts
from gitpulse_assets.lake.promotion import commit_in_force
from gitpulse_assets.lake.store import Store
from gitpulse_assets.lake.witnesses import runs_in_folds
from gitpulse_assets.place import Day, Organization, Place
from gitpulse_assets.repo import Repo

Kind = Literal["manifest", "batch", "plan", "commit", "table", "stray", "hour_file"]

PUBLISHED: tuple[Layer, ...] = ("silver", "gold")
EXAMINATIONS = 3
CHUNK_BYTES = 8 * 1024 * 1024

LOST = {
    "manifest": "what runs cost and how long they took, and how far an unfinished walk had come",
    "batch": "the raw records of this batch that no other holds; the tables keep what they took from them",
    "plan": "nothing",
    "commit": "nothing",
    "table": "nothing",
    "stray": "nothing",
    "hour_file": "nothing of the tables; the file itself, where the archive has it no more",
}
LOST_WITH_BATCH = {
    ISSUE_PAGE.name: "nothing: the next full walk asks for every page",
    FOLDED_RUN.name: "how folded runs ended and what they cost",
}
# Of a day of events other things are lost with a table than of a repository.
LOST_OF_DAY = {
    "public_event": "its events that no kept hour file holds",
    "archive_hour": "which files were asked for in vain, and whether a manifest confirmed the others",
    "archive_type": "its rows of files that are not kept",
    "archive_feed": "its rows of files that are not kept",
    "unusable_event": "its rows of files that are not kept",
    "feed_span": "since when no event of a feed was missed",
    "star_count": "how many stars the repositories had that day",
    "firehose_event": "what share of the events the firehose showed",
}
STRAY = "no commit names it, and whoever reads the folder whole has its rows beside the table's"
LOST_OF_ORGANIZATION = "since when each is a member, unless a backup has it: the next look is a first one"
REMEDY = {
    "manifest": "made again from the batches, which all count again",
    "batch": "set aside, an empty one in its place; `gitpulse refresh --full` fetches what GitHub still has",
    "plan": "removed; the commit and its tables stay in force",
    "commit": "written again from the plan, or, without one, the tables are made anew from bronze",
    "table": "made anew from what was received",
    "stray": "set aside",
    "hour_file": "set aside; `gitpulse events backfill` asks the archive for it again",
}


@dataclass(frozen=True)
class Finding:
    """A bad object: its key and address, what is wrong, what is lost for good, and what a repair does."""

    kind: Kind
    key: str
    uri: str
    damage: str
    lost: str
    remedy: str


def finding(store: Store, kind: Kind, key: str, damage: str, lost: str | None = None) -> Finding:
    """Describe a bad object by what it is."""
    is_list = key.startswith(f"{FOLDED_RUN.folder}/")
    remedy = "made again from the folded batches" if is_list else REMEDY[kind]
    return Finding(kind, key, store.uri(key), damage, lost or LOST[kind], remedy)


def examine(store: Store, place: Place) -> list[Finding]:
    """Read every object of a place that counts, and return what is wrong, in the order to mend it.

    Raises LakeError where the lake cannot be asked.
    """
    if isinstance(place, Repo):
        found, layers = [*examine_bronze(store, place)], PUBLISHED
    else:
        found, layers = [], PUBLISHED[:1]
    for layer in layers:
        found += examine_layer(store, layer, place)
    if isinstance(place, Day):
        found += examine_hour_files(store, place)
    return found


def examine_bronze(store: Store, place: Place) -> Iterator[Finding]:
    """What is wrong with the manifest, and with the batches it counts; of a lost one, with all there are."""
    key = paths.table_key(MANIFEST, place)
    listed = listed_batches(store, place)
    try:
        rows = Manifest(store, place).rows()
        counted = [key for row in rows for key in counted_keys(place, row)]
    except ObjectDamaged as error:
        rows, counted = [], [batch for batches in listed.values() for batch in batches]
        yield finding(store, "manifest", key, what(error, store, key))
    if rows and (lacking := sorted(merged_runs(store, place, listed) - accounted_runs(store, place, rows))):
        yield finding(
            store, "manifest", key, f"lacks {len(lacking)} merged runs that lie in bronze ({lacking[0]}, …)"
        )
    for batch in dict.fromkeys(counted):
        if trouble := trouble_of(store, batch):
            yield finding(store, "batch", batch, trouble, LOST_WITH_BATCH.get(batch.split("/")[2]))


def examine_hour_files(store: Store, day: Day) -> Iterator[Finding]:
    """What is wrong with the hour files that are kept of a day.

    One that was read whole may be gone: its events stand in the tables.
    """
    for row in kept_hours(store, day):
        name = file_name(row["file_hour_at"])
        key = paths.hour_file_key(row["source"], day, name)
        digest = digest_of(store, key)
        if digest is None and row["status"] == "received":
            yield finding(store, "hour_file", key, GONE)
        if digest is not None and digest != row["sha256"]:
            yield finding(store, "hour_file", key, "not what was received")


def kept_hours(store: Store, day: Day) -> list[dict[str, Any]]:
    """The rows of a day's kept hour files; none where the table is damaged, which is a finding of its own."""
    with suppress(LakeError, pa.ArrowException, OSError):
        rows = open_table(store, ARCHIVE_HOUR, day).dataset.to_table().to_pylist()
        return [row for row in rows if row["sha256"]]
    return []


def digest_of(store: Store, key: str) -> str | None:
    """The SHA-256 of an object; None where there is none."""
    opened = store.open(key)
    if opened is None:
        return None
    digest = hashlib.sha256()
    with opened.file as file:
        for start in range(0, opened.size_bytes, CHUNK_BYTES):
            digest.update(file.read_at(min(CHUNK_BYTES, opened.size_bytes - start), start))
    return digest.hexdigest()


def listed_batches(store: Store, place: Place) -> dict[tuple[str, str], list[str]]:
    """Every batch there is, by stream and run, in order."""
    found: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for table in BATCHED.values():
        for info in store.list(f"{table.folder}/{place.folder}/"):
            if numbered := paths.numbered_batch(info.key):
                found[table.name, numbered[0]].append(info.key)
    return dict(found)


def merged_runs(store: Store, place: Place, listed: Iterable[tuple[str, str]]) -> set[str]:
    """The runs with batches in bronze that silver's commit names; none where it cannot be read."""
    try:
        commit = commit_in_force(store, "silver", place)
    except ObjectDamaged:
        return set()
    there = set(listed)
    merged = commit.merged if commit else {}
    return {run_id for stream, runs in merged.items() for run_id in runs if (stream, run_id) in there}


def accounted_runs(store: Store, place: Place, rows: Iterable[ManifestRow]) -> set[str]:
    """The runs the manifest knows, those among them for which a fold stands."""
    known = list(rows)
    try:
        return {run_id for _, run_id in runs_in_folds(store, place, known)} | {row.run_id for row in known}
    except (LakeError, pa.ArrowException, OSError):
        # The list of folded runs is damaged, which is a finding of its own.
        return {row.run_id for row in known}


def trouble_of(store: Store, key: str) -> str | None:
    """Why an object cannot be read whole, in words; None where it can."""
    try:
        read_whole(store, key)
    except ObjectNotFound:
        return GONE
    except ObjectDamaged as error:
        return what(error, store, key)
    return None


def what(error: ObjectDamaged, store: Store, key: str) -> str:
    """What an error says is wrong, without the address and the advice around it."""
    return str(error).removeprefix(f"{store.uri(key)}: ").rpartition("; run gitpulse")[0] or str(error)


def examine_layer(store: Store, layer: Layer, place: Place) -> list[Finding]:
    """What is wrong with the plan, the commit and the tables of a layer.

    A publication under way is nothing wrong: what it moves in between is looked at again.
    """
    found: list[Finding] = []
    for _ in range(EXAMINATIONS):
        found = []
        plan, plan_etag = _record(store, paths.plan_key(layer, place), "plan", found, layer, place)
        commit, etag = _record(store, paths.commit_key(layer, place), "commit", found, layer, place)
        if commit is None and not found:
            commit = commit_in_force(store, layer, place)
        if commit is None and not found:
            found += _lost_commit(store, layer, place, plan)
        if isinstance(commit, Commit) and (plan is None or plan.merge_id == commit.merge_id):
            found += _bad_tables(store, layer, place, commit)
            found += _strays(store, layer, place, commit)
        if not found or (plan_etag, etag) == _etags(store, layer, place):
            break
    return found


def _record(
    store: Store, key: str, kind: Literal["plan", "commit"], found: list[Finding], layer: Layer, place: Place
) -> tuple[Plan | Commit | None, str | None]:
    read = read_plan if kind == "plan" else read_commit
    try:
        return read(store, layer, place)
    except ObjectDamaged as error:
        found.append(finding(store, kind, key, what(error, store, key)))
        info = store.head(key)
        return None, info.etag if info else None


def _etags(store: Store, layer: Layer, place: Place) -> tuple[str | None, str | None]:
    infos = (store.head(key(layer, place)) for key in (paths.plan_key, paths.commit_key))
    plan, commit = (info.etag if info else None for info in infos)
    return plan, commit


def _lost_commit(store: Store, layer: Layer, place: Place, plan: Plan | Commit | None) -> Iterator[Finding]:
    """A commit that is gone although its tables stand, or can be put in their place no more."""
    if plan is not None or any(store.head(key) for key in _standing(store, layer, place)):
        yield finding(store, "commit", paths.commit_key(layer, place), GONE)


def _standing(store: Store, layer: Layer, place: Place) -> Iterator[str]:
    """The keys at which tables of a place may stand; a day's parts have names of their own."""
    if isinstance(place, Repo):
        yield from (paths.table_key(contract, place) for contract in CATALOG if contract.layer == layer)
    else:
        yield from table_objects(store, layer, place)


def table_objects(store: Store, layer: Layer, place: Place) -> Iterator[str]:
    """Every object of a place's tables, whatever a commit says."""
    for info in store.list(f"{layer}/"):
        if info.key.endswith(".parquet") and paths.place_of(info.key) == place:
            yield info.key


def _bad_tables(store: Store, layer: Layer, place: Place, commit: Commit) -> Iterator[Finding]:
    for name, committed in commit.tables.items():
        key = paths.published_key(layer, name, place)
        if trouble := _table_trouble(store, key, committed):
            yield finding(store, "table", key, trouble, _lost_with(layer, name, place))


def _strays(store: Store, layer: Layer, place: Place, commit: Commit) -> Iterator[Finding]:
    """What lies among the ranges of a repository's tables and is none of them."""
    ranged = (table for table in CATALOG if table.layer == layer and table.is_ranged)
    for contract in ranged if isinstance(place, Repo) else ():
        for part in sorted({*standing_parts(store, contract, place)} - parts_of(commit, contract).keys()):
            yield finding(store, "stray", paths.table_key(contract, place, part), STRAY)


def _lost_with(layer: Layer, name: str, place: Place) -> str | None:
    if isinstance(place, Organization):
        return LOST_OF_ORGANIZATION
    if isinstance(place, Day):
        return LOST_OF_DAY.get(name.partition("/")[0])
    is_log = (layer, name) == RECONCILIATION.asset_key
    return "the log of what full walks repaired" if is_log else None


def _table_trouble(store: Store, key: str, committed: CommittedTable) -> str | None:
    if trouble := trouble_of(store, key):
        return trouble
    opened = store.open(key)
    return committed.difference(opened) if opened else GONE
