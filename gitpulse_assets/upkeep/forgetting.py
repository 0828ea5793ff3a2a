"""Removing all the lake has of one place; nothing of another is touched.

Whether that may be done now, and what else knows of the place, is the command's affair.
"""

from collections import defaultdict
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.parquet as pq

from gitpulse_assets.contracts.bronze import MANIFEST
from gitpulse_assets.lake import paths
from gitpulse_assets.lake.store import ListedObject, Store
from gitpulse_assets.place import Place


def objects_of(store: Store, place: Place) -> list[ListedObject]:
    """Every object of a place: tables, raw runs, commits, reports, and what merges staged of it.

    In the order to remove them: what was made from others first, so that a crash in between leaves nothing
    that claims to rest on what is gone. The manifest is the last, or a repair would make it again.
    """
    objects = list(store.list(""))
    found = [info for info in objects if paths.place_of(info.key) == place]
    staged = [info for info in objects if info.key.startswith(paths.STAGING)]
    manifest = paths.table_key(MANIFEST, place)
    found.sort(key=lambda info: (info.key != manifest, info.key), reverse=True)
    return [*staged_of(store, place, staged), *found]


def remove(store: Store, place: Place, objects: list[ListedObject]) -> None:
    """Remove the objects in their order, and then the folders that are named after the place."""
    for info in objects:
        store.delete(info.key)
    # The deepest first: some S3 servers (SeaweedFS) list an emptied folder for minutes, unless it is deleted
    # by its own name, which takes an empty one only.
    for folder in sorted(folders_of(place, objects), key=len, reverse=True):
        store.delete_prefix(folder)


def folders_of(place: Place, objects: list[ListedObject]) -> set[str]:
    """The folders from the one named after the place down to that of each object."""
    folder = f"{place.folder}/"
    found: set[str] = set()
    for above, _, below in (info.key.partition(folder) for info in objects if folder in info.key):
        names = below.split("/")[:-1]
        found |= {above + folder + "".join(f"{n}/" for n in names[:depth]) for depth in range(len(names) + 1)}
    return found


def staged_of(store: Store, place: Place, staged: list[ListedObject]) -> Iterator[ListedObject]:
    """The staged objects of merges of the place; a merge is of one, which its first rows name."""
    merges: defaultdict[str, list[ListedObject]] = defaultdict(list)
    for info in staged:
        merges[info.key.removeprefix(paths.STAGING).partition("/")[0]].append(info)
    for infos in merges.values():
        if any(holds_rows_of(store, info, place) for info in infos):
            yield from infos


def holds_rows_of(store: Store, info: ListedObject, place: Place) -> bool:
    """Whether the rows of a Parquet object name the place; those of a day's tables name none."""
    opened = store.open(info.key) if info.key.endswith(".parquet") else None
    if opened is None:
        return False
    try:
        with opened.file as file:
            rows = next(pq.ParquetFile(file).iter_batches(1, columns=list(place.columns)), None)
    except (pa.ArrowInvalid, KeyError):
        # Half written, or no table of ours: a clean-up removes it in time.
        return False
    return rows is not None and rows.to_pylist()[:1] == [place.columns]
