"""Removing all the lake has of one repository; nothing of another is touched.

Whether that may be done now, and what else knows of the repository, is the command's affair.
"""

from collections import defaultdict
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.parquet as pq

from gitpulse_assets.contracts.bronze import MANIFEST
from gitpulse_assets.lake import paths
from gitpulse_assets.lake.store import ListedObject, Store
from gitpulse_assets.repo import Repo

PARTITION_COLUMNS = ["repo_owner", "repo_name"]


def objects_of(store: Store, repo: Repo) -> list[ListedObject]:
    """Every object of a repository: tables, raw runs, commits, reports, and what merges staged of it.

    In the order to remove them: what was made from others first, so that a crash in between leaves nothing
    that claims to rest on what is gone. The manifest is the last, or a repair would make it again.
    """
    objects = list(store.list(""))
    found = [info for info in objects if paths.repo_of(info.key) == repo]
    staged = [info for info in objects if info.key.startswith(paths.STAGING)]
    manifest = paths.table_key(MANIFEST, repo)
    found.sort(key=lambda info: (info.key != manifest, info.key), reverse=True)
    return [*staged_of(store, repo, staged), *found]


def remove(store: Store, repo: Repo, objects: list[ListedObject]) -> None:
    """Remove the objects in their order, and then the folders that are named after the repository."""
    for info in objects:
        store.delete(info.key)
    # The deepest first: some S3 servers (SeaweedFS) list an emptied folder for minutes, unless it is deleted
    # by its own name, which takes an empty one only.
    for folder in sorted(folders_of(repo, objects), key=len, reverse=True):
        store.delete_prefix(folder)


def folders_of(repo: Repo, objects: list[ListedObject]) -> set[str]:
    """The folders from the one named after the repository down to that of each object."""
    place = f"{repo.folder}/"
    found: set[str] = set()
    for above, _, below in (info.key.partition(place) for info in objects if place in info.key):
        names = below.split("/")[:-1]
        found |= {above + place + "".join(f"{n}/" for n in names[:depth]) for depth in range(len(names) + 1)}
    return found


def staged_of(store: Store, repo: Repo, staged: list[ListedObject]) -> Iterator[ListedObject]:
    """The staged objects of merges of the repository; a merge is of one, which its first rows name."""
    merges: defaultdict[str, list[ListedObject]] = defaultdict(list)
    for info in staged:
        merges[info.key.removeprefix(paths.STAGING).partition("/")[0]].append(info)
    for infos in merges.values():
        if any(owner_of(store, info) == repo for info in infos):
            yield from infos


def owner_of(store: Store, info: ListedObject) -> Repo | None:
    """Return the repository whose rows a Parquet object holds; None where it holds none of ours."""
    opened = store.open(info.key) if info.key.endswith(".parquet") else None
    if opened is None:
        return None
    try:
        with opened.file as file:
            rows = next(pq.ParquetFile(file).iter_batches(1, columns=PARTITION_COLUMNS), None)
    except (pa.ArrowInvalid, KeyError):
        # Half written, or no table of ours: a clean-up removes it in time.
        return None
    first = rows.to_pylist()[:1] if rows is not None else []
    return Repo(first[0]["repo_owner"], first[0]["repo_name"]) if first else None
