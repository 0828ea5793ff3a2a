"""Reading everything a repository has, and saying of each bad object what is lost with it and what mends it.

Nothing is changed here; how a finding is mended stands in `recovery.py`.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, get_args

import pyarrow as pa

from gitpulse_assets.contracts.bronze import BRONZE, ISSUE_PAGE, MANIFEST
from gitpulse_assets.contracts.catalog import CATALOG
from gitpulse_assets.contracts.model import Layer
from gitpulse_assets.contracts.silver import RECONCILIATION
from gitpulse_assets.lake import paths
from gitpulse_assets.lake.commit import Commit, CommittedTable, Plan, read_commit, read_plan
from gitpulse_assets.lake.damage import GONE, read_whole
from gitpulse_assets.lake.errors import LakeError, ObjectDamaged, ObjectNotFound
from gitpulse_assets.lake.manifest import Manifest, ManifestRow
from gitpulse_assets.lake.promotion import commit_in_force
from gitpulse_assets.lake.store import Store
from gitpulse_assets.lake.witnesses import folded_places
from gitpulse_assets.repo import Repo

Kind = Literal["manifest", "batch", "plan", "commit", "table"]

STREAMS = {table.name: table for table in BRONZE if table is not MANIFEST}
EXAMINATIONS = 3

LOST = {
    "manifest": "what runs cost and how long they took, and how far an unfinished walk had come",
    "batch": "the raw records of this batch that no other holds; the tables keep what they took from them",
    "plan": "nothing",
    "commit": "nothing",
    "table": "nothing",
}
REMEDY = {
    "manifest": "made again from the batches, which all count again",
    "batch": "set aside, an empty one in its place; `gitpulse refresh --full` fetches what GitHub still has",
    "plan": "removed; the commit and its tables stay in force",
    "commit": "written again from the plan, or, without one, the tables are made anew from bronze",
    "table": "made anew from bronze",
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
    return Finding(kind, key, store.uri(key), damage, lost or LOST[kind], REMEDY[kind])


def examine(store: Store, repo: Repo) -> list[Finding]:
    """Read every object of a repository that counts, and return what is wrong, in the order to mend it.

    Raises LakeError where the lake cannot be asked.
    """
    found = [*examine_bronze(store, repo)]
    for layer in get_args(Layer):
        if layer != "bronze":
            found += examine_layer(store, layer, repo)
    return found


def examine_bronze(store: Store, repo: Repo) -> Iterator[Finding]:
    """What is wrong with the manifest, and with the batches it counts; of a lost one, with all there are."""
    key = paths.table_key(MANIFEST, repo)
    listed = listed_batches(store, repo)
    try:
        rows = Manifest(store, repo).rows()
        counted = [key for row in rows for key in counted_keys(repo, row)]
    except ObjectDamaged as error:
        rows, counted = [], [batch for batches in listed.values() for batch in batches]
        yield finding(store, "manifest", key, what(error, store, key))
    if rows and (lacking := sorted(merged_runs(store, repo, listed) - accounted_runs(store, repo, rows))):
        yield finding(
            store, "manifest", key, f"lacks {len(lacking)} merged runs that lie in bronze ({lacking[0]}, …)"
        )
    for batch in dict.fromkeys(counted):
        if trouble := trouble_of(store, batch):
            is_page = batch.startswith(f"{ISSUE_PAGE.folder}/")
            lost = "nothing: the next full walk asks for every page" if is_page else None
            yield finding(store, "batch", batch, trouble, lost)


def counted_keys(repo: Repo, row: ManifestRow) -> Iterator[str]:
    """The batches that a row of the manifest counts."""
    for table, count in ((STREAMS[row.stream], row.batch_count), (ISSUE_PAGE, row.page_batch_count)):
        for number in range(1, count + 1):
            yield paths.batch_key(table, repo, row.run_id, number)


def listed_batches(store: Store, repo: Repo) -> dict[tuple[str, str], list[str]]:
    """Every batch there is, by stream and run, in order."""
    found: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for table in STREAMS.values():
        for info in store.list(f"{table.folder}/{repo.folder}/"):
            if place := paths.batch_place(info.key):
                found[table.name, place[0]].append(info.key)
    return dict(found)


def merged_runs(store: Store, repo: Repo, listed: Iterable[tuple[str, str]]) -> set[str]:
    """The runs with batches in bronze that silver's commit names; none where it cannot be read."""
    try:
        commit = commit_in_force(store, "silver", repo)
    except ObjectDamaged:
        return set()
    there = set(listed)
    merged = commit.merged if commit else {}
    return {run_id for stream, runs in merged.items() for run_id in runs if (stream, run_id) in there}


def accounted_runs(store: Store, repo: Repo, rows: Iterable[ManifestRow]) -> set[str]:
    """The runs the manifest knows, those among them for which a fold stands."""
    known = list(rows)
    try:
        return {run_id for _, run_id in folded_places(store, repo, known)} | {row.run_id for row in known}
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


def examine_layer(store: Store, layer: Layer, repo: Repo) -> list[Finding]:
    """What is wrong with the plan, the commit and the tables of a layer.

    A publication under way is nothing wrong: what it moves in between is looked at again.
    """
    found: list[Finding] = []
    for _ in range(EXAMINATIONS):
        found = []
        plan, plan_etag = _record(store, paths.plan_key(layer, repo), "plan", found, layer, repo)
        commit, etag = _record(store, paths.commit_key(layer, repo), "commit", found, layer, repo)
        if commit is None and not found:
            commit = commit_in_force(store, layer, repo)
        if commit is None and not found:
            found += _lost_commit(store, layer, repo, plan)
        if isinstance(commit, Commit) and (plan is None or plan.merge_id == commit.merge_id):
            found += _bad_tables(store, layer, repo, commit)
        if not found or (plan_etag, etag) == _etags(store, layer, repo):
            break
    return found


def _record(
    store: Store, key: str, kind: Literal["plan", "commit"], found: list[Finding], layer: Layer, repo: Repo
) -> tuple[Plan | Commit | None, str | None]:
    read = read_plan if kind == "plan" else read_commit
    try:
        return read(store, layer, repo)
    except ObjectDamaged as error:
        found.append(finding(store, kind, key, what(error, store, key)))
        info = store.head(key)
        return None, info.etag if info else None


def _etags(store: Store, layer: Layer, repo: Repo) -> tuple[str | None, str | None]:
    infos = (store.head(key(layer, repo)) for key in (paths.plan_key, paths.commit_key))
    plan, commit = (info.etag if info else None for info in infos)
    return plan, commit


def _lost_commit(store: Store, layer: Layer, repo: Repo, plan: Plan | Commit | None) -> Iterator[Finding]:
    """A commit that is gone although its tables stand, or can be put in their place no more."""
    tables = [paths.table_key(contract, repo) for contract in CATALOG if contract.layer == layer]
    if any(store.head(key) for key in tables) or plan is not None:
        yield finding(store, "commit", paths.commit_key(layer, repo), GONE)


def _bad_tables(store: Store, layer: Layer, repo: Repo, commit: Commit) -> Iterator[Finding]:
    for name, committed in commit.tables.items():
        key = paths.published_key(layer, name, repo)
        if trouble := _table_trouble(store, key, committed):
            is_log = (layer, name) == RECONCILIATION.asset_key
            lost = "the log of what full walks repaired" if is_log else None
            yield finding(store, "table", key, trouble, lost)


def _table_trouble(store: Store, key: str, committed: CommittedTable) -> str | None:
    if trouble := trouble_of(store, key):
        return trouble
    opened = store.open(key)
    return committed.difference(opened) if opened else GONE
