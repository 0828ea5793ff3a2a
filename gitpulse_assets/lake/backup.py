"""Backing a lake up while it is in use, and filling an empty one from the copy.

A copy holds objects by their SHA-256 and one index that says which key of the lake each is. A repository is
copied as of one commit: what a run publishes or thins out meanwhile makes the copy of that repository begin
again, which copies only what changed. What is stored no more leaves the copy with its next index.
"""

import hashlib
import logging
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import get_args

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from gitpulse_assets.contracts.bronze import MANIFEST
from gitpulse_assets.contracts.model import Layer
from gitpulse_assets.lake import paths
from gitpulse_assets.lake.commit import Commit
from gitpulse_assets.lake.damage import GONE, damaged, reading
from gitpulse_assets.lake.errors import (
    LakeError,
    ObjectDamaged,
    ObjectNotFound,
    ObjectReplaced,
    PreconditionFailed,
)
from gitpulse_assets.lake.integrity import counted_keys
from gitpulse_assets.lake.listing import days_with, organizations_with
from gitpulse_assets.lake.manifest import Manifest
from gitpulse_assets.lake.promotion import Settled, settle
from gitpulse_assets.lake.sealed import NotAsWritten, decode, encode
from gitpulse_assets.lake.store import ObjectInfo, Store
from gitpulse_assets.place import Day, Organization, Place
from gitpulse_assets.repo import Repo

logger = logging.getLogger(__name__)

INDEX = "index.json"
OBJECTS = "objects/"
# In a lake that is being filled: a restore that was cut short begins again.
MARK = "_restore.json"
WATCH = "_watch/"
# Nobody's data: what runs and this machine need for the moment.
TRANSIENT = (paths.STAGING, paths.AT_WORK, "_locks/", MARK)
# Each further one means that something was published or thinned out while the repository was copied.
COPY_ATTEMPTS = 30
COPY_WAIT_SECONDS = 0.2
CHUNK_BYTES = 8 * 1024 * 1024

PUBLISHED: tuple[Layer, ...] = tuple(layer for layer in get_args(Layer) if layer != "bronze")


class Copied(msgspec.Struct, frozen=True):
    """An object of a copy: its SHA-256 and size, and the version of the lake's object it was made of."""

    digest: str
    size_bytes: int
    etag: str
    modified_at: datetime


class Index(msgspec.Struct, frozen=True):
    """What a copy holds, by the lake's keys."""

    made_at: datetime
    objects: dict[str, Copied] = {}
    version: int = 1


@dataclass(frozen=True)
class BackedUp:
    """What a backup copied, how many objects the copy holds, and how many left it.

    `troubles` has a line for each repository that is damaged: the copy keeps it as it was before.
    """

    copied_count: int
    copied_bytes: int
    object_count: int
    removed_count: int
    troubles: tuple[str, ...]


@dataclass(frozen=True)
class Restored:
    """What a restore did; `troubles` names the objects of the copy that are damaged or gone."""

    object_count: int
    size_bytes: int
    troubles: tuple[str, ...]


class Changed(LakeError):
    """What belongs together was replaced while it was copied."""


def back_up(store: Store, target: Store) -> BackedUp:
    """Bring the copy in `target` up to date with the lake; after a LakeError the copy is as before."""
    refuse_nested(store, target)
    before, index_etag = read_index(target)
    if before is None:
        # Objects without an index are of a first backup that was cut short.
        refuse_filled(target, "holds something that is no backup; name an empty place", OBJECTS)
    copy = Copy(store, target, before.objects if before else {})
    for place in (*repos_of(store), *organizations_of(store), *days_of(store)):
        copy.place(place)
    copy.hour_files()
    copy.watch_list()
    index = Index(datetime.now(UTC), copy.objects)
    try:
        target.put(INDEX, encode(index), if_match=index_etag, if_absent=index_etag is None)
    except PreconditionFailed as error:
        raise LakeError(f"{target.uri('')}: another backup was made meanwhile; run it again") from error
    removed_count = prune(target, index)
    return BackedUp(
        copy.copied_count, copy.copied_bytes, len(index.objects), removed_count, tuple(copy.troubles)
    )


def restore(source: Store, store: Store) -> Restored:
    """Fill an empty lake from a copy, what others refer to first, so that it is whole at every moment.

    Each object is held against its digest. One that is damaged is left out and told: what refers to it then
    says so, as `gitpulse check` does.
    """
    index, _ = read_index(source)
    if index is None:
        raise LakeError(f"{source.uri('')}: there is no backup; name the place gitpulse backup was given")
    if store.head(MARK) is None:
        refuse_filled(store, "is not empty; set GITPULSE_LAKE_URL to an empty place to restore to")
    store.put(MARK, msgspec.json.encode({"began_at": datetime.now(UTC)}))
    etags: dict[str, str] = {}
    troubles: list[str] = []
    for key in sorted(index.objects, key=rank):
        try:
            etags[key] = put_back(source, store, key, index.objects[key], etags)
        except (ObjectDamaged, ObjectNotFound) as error:
            troubles.append(str(error))
    store.delete(MARK)
    size_bytes = sum(index.objects[key].size_bytes for key in etags)
    return Restored(len(etags), size_bytes, tuple(troubles))


def rank(key: str) -> tuple[int, str]:
    """The order of restoring: batches and tables, then the manifests that count them, then the commits."""
    if key.endswith("/_commit.json"):
        return 2, key
    return int(key.startswith(f"{MANIFEST.folder}/")), key


def put_back(source: Store, store: Store, key: str, copied: Copied, etags: Mapping[str, str]) -> str:
    """Put an object of a copy in its place and return its new ETag."""
    path = store.scratch_folder / uuid.uuid4().hex
    try:
        _, digest = download(source, object_key(copied.digest), path)
        if digest != copied.digest:
            uri = source.uri(object_key(copied.digest))
            raise ObjectDamaged(f"{uri}: not what was copied of {key}: the backup is damaged there")
        return store.put(key, with_etags(path, key, etags) if key.endswith("/_commit.json") else path)
    finally:
        path.unlink(missing_ok=True)


def with_etags(path: Path, key: str, etags: Mapping[str, str]) -> bytes:
    """A commit that names the tables by their ETags in this lake."""
    commit = decode(path.read_bytes(), Commit)
    layer, place = key.partition("/")[0], paths.place_of(key)
    if layer not in PUBLISHED or place is None:
        return path.read_bytes()
    tables = {
        name: msgspec.structs.replace(
            table, etag=etags.get(paths.published_key(layer, name, place), table.etag)
        )
        for name, table in commit.tables.items()
    }
    return encode(msgspec.structs.replace(commit, tables=tables))


def refuse_nested(store: Store, target: Store) -> None:
    """Raise LakeError where one of the two lies within the other, and a copy would become part of itself."""
    here, there = (f"{one.uri('').rstrip('/')}/" for one in (store, target))
    if here.startswith(there) or there.startswith(here):
        raise LakeError(f"{there}: lies within the lake, or the lake within it; name another place")


def refuse_filled(store: Store, reason: str, *allowed: str) -> None:
    """Raise LakeError where anything but what is allowed, or needed for the moment, lies in a place."""
    if any(not info.key.startswith((*TRANSIENT, *allowed)) for info in store.list("")):
        raise LakeError(f"{store.uri('')}: {reason}")


def read_index(target: Store) -> tuple[Index | None, str | None]:
    """The index of a copy and its ETag; (None, None) where there is none."""
    stored = target.get(INDEX)
    if stored is None:
        return None, None
    try:
        return decode(stored.body, Index), stored.etag
    except NotAsWritten as error:
        raise LakeError(
            f"{target.uri(INDEX)}: not the index of a backup ({error}); make a backup elsewhere"
        ) from error


def prune(target: Store, index: Index) -> int:
    """Remove the objects of a copy that its index does not name; return how many."""
    named = {object_key(one.digest) for one in index.objects.values()}
    gone = [info.key for info in target.list(OBJECTS) if info.key not in named]
    for key in gone:
        target.delete(key)
    return len(gone)


def object_key(digest: str) -> str:
    """Where a copy keeps an object: its name is what `sha256sum` says of it."""
    return f"{OBJECTS}{digest[:2]}/{digest}"


def download(store: Store, key: str, path: Path) -> tuple[str, str]:
    """Write one version of an object to a file and return its ETag and SHA-256."""
    opened = store.open(key)
    if opened is None:
        raise ObjectNotFound(f"{store.uri(key)}: there is no such object")
    digest = hashlib.sha256()
    with path.open("wb") as file, opened.file as source:
        for start in range(0, opened.size_bytes, CHUNK_BYTES):
            chunk = source.read_at(min(CHUNK_BYTES, opened.size_bytes - start), start)
            digest.update(chunk)
            file.write(chunk)
    return opened.etag, digest.hexdigest()


def repos_of(store: Store) -> list[Repo]:
    """Every repository of which anything was fetched or published, by owner and name."""
    prefixes = (f"{MANIFEST.folder}/", *map(paths.commit_prefix, PUBLISHED))
    found = {paths.repo_of(info.key) for prefix in prefixes for info in store.list(prefix)}
    return sorted(repo for repo in found if repo)


def organizations_of(store: Store) -> list[Organization]:
    """Every organisation of which members were published."""
    prefix, key = paths.commit_prefix("silver"), partial(paths.commit_key, "silver")
    return organizations_with(store, prefix, key)


def days_of(store: Store) -> list[Day]:
    """Every day of which events were published."""
    return days_with(store, paths.commit_prefix("silver"), partial(paths.commit_key, "silver"))


class Copy:
    """One backup at work: what it found, by the lake's keys, and how much of that it copied."""

    def __init__(self, store: Store, target: Store, before: Mapping[str, Copied]) -> None:
        self._store, self._target, self._before = store, target, before
        self._there = {info.key for info in target.list(OBJECTS)}
        self._seen: dict[str, Copied] = {}
        self.objects: dict[str, Copied] = {}
        self.copied_count = self.copied_bytes = 0
        self.troubles: list[str] = []

    def place(self, place: Place) -> None:
        """Copy a place between two publications; of a damaged one, keep what was copied before."""
        try:
            self.objects |= self._place(place)
        except ObjectDamaged as error:
            self.troubles.append(str(error))
            self.objects |= {k: v for k, v in self._before.items() if paths.place_of(k) == place}

    def hour_files(self) -> None:
        """Copy the archives' files, after the days whose tables speak of them."""
        for info in self._store.list(paths.HOUR_FILES):
            if copied := self._latest(info.key):
                self.objects[info.key] = copied

    def watch_list(self) -> None:
        """Copy who is watched, and what the looks found: each object is whole by itself."""
        for info in self._store.list(WATCH):
            if copied := self._latest(info.key):
                self.objects[info.key] = copied

    def _place(self, place: Place) -> dict[str, Copied]:
        for _ in range(COPY_ATTEMPTS):
            try:
                before = self._commits(place)
                found = dict(self._together(place, before))
                if self._commits(place) == before:
                    return found
            except (Changed, ObjectNotFound, ObjectReplaced) as error:
                logger.info("%s: copied again: %s", place, error)
            time.sleep(COPY_WAIT_SECONDS)
        raise LakeError(
            f"{place}: it is published anew faster than it can be copied; run gitpulse backup again"
        )

    def _commits(self, place: Place) -> dict[Layer, Settled]:
        """What is published; a publication that was cut short is finished, as any run would."""
        return {layer: self._settled(layer, place) for layer in PUBLISHED}

    def _settled(self, layer: Layer, place: Place) -> Settled:
        return replace(settle(self._store, layer, place), finished_count=0)

    def _together(self, place: Place, layers: Mapping[Layer, Settled]) -> Iterator[tuple[str, Copied]]:
        """Copy what belongs together.

        The manifest is read after the commits, so that it counts all they name, and before the batches, one
        of which may be gone by then: the caller begins again.
        """
        for layer, settled in layers.items():
            yield from self._layer(layer, place, settled)
        if isinstance(place, Repo):
            yield from self._bronze(place)

    def _bronze(self, repo: Repo) -> Iterator[tuple[str, Copied]]:
        rows, etag = Manifest(self._store, repo).versioned_rows()
        if etag is not None:
            yield self._copy(paths.table_key(MANIFEST, repo), etag)
        for key in dict.fromkeys(key for row in rows for key in counted_keys(repo, row)):
            yield self._named(key, None, lambda: Manifest(self._store, repo).versioned_rows()[1] == etag)
        yield from self._by_themselves(repo)

    def _layer(self, layer: Layer, place: Place, settled: Settled) -> Iterator[tuple[str, Copied]]:
        if settled.commit and settled.commit_etag:
            yield self._copy(paths.commit_key(layer, place), settled.commit_etag)
            for name, table in settled.commit.tables.items():
                key = paths.published_key(layer, name, place)
                yield self._named(key, table.etag, lambda: self._settled(layer, place) == settled)

    def _named(self, key: str, etag: str | None, is_named: Callable[[], bool]) -> tuple[str, Copied]:
        """Copy an object that a commit or the manifest names.

        Raises ObjectDamaged where it is gone, or not the one, though what names it is as before: nothing of
        ours takes an object away, or replaces one of a commit, before that.
        """
        try:
            return self._copy(key, etag)
        except (Changed, ObjectNotFound) as error:
            is_gone = isinstance(error, ObjectNotFound)
            if not (is_gone or etag) or not is_named():
                raise
            raise damaged(self._store, key, GONE if is_gone else "not what was published") from error

    def _by_themselves(self, repo: Repo) -> Iterator[tuple[str, Copied]]:
        """Copy the report, and what a repair set aside."""
        for folder in (f"{paths.report_key(repo).rpartition('/')[0]}/", paths.DAMAGED):
            for info in self._store.list(folder):
                if paths.repo_of(info.key) == repo and (copied := self._latest(info.key)):
                    yield info.key, copied

    def _latest(self, key: str) -> Copied | None:
        """Copy an object that stands for itself; None where it was removed."""
        for _ in range(COPY_ATTEMPTS):
            try:
                return self._copy(key, None)[1]
            except ObjectNotFound:
                return None
            except (Changed, ObjectReplaced):
                time.sleep(COPY_WAIT_SECONDS)
        raise LakeError(f"{self._store.uri(key)}: other runs keep replacing it; run gitpulse backup again")

    def _copy(self, key: str, etag: str | None) -> tuple[str, Copied]:
        """Copy one object, unless the copy has this very version; raises Changed where it is another one."""
        info = self._store.head(key)
        if info is None:
            raise ObjectNotFound(f"{self._store.uri(key)}: gone")
        if etag not in (None, info.etag):
            raise Changed(f"{self._store.uri(key)}: replaced")
        known = self._seen.get(key) or self._before.get(key)
        if known is None or not self._is_held(known, info):
            known = self._seen[key] = self._copied(info)
        return key, known

    def _is_held(self, known: Copied, info: ObjectInfo) -> bool:
        # A folder's ETag is of an object's end: what was rewritten in place is told by its time.
        is_same = (known.etag, known.modified_at) == (info.etag, info.modified_at)
        return is_same and object_key(known.digest) in self._there

    def _copied(self, info: ObjectInfo) -> Copied:
        path = self._target.scratch_folder / uuid.uuid4().hex
        try:
            etag, digest = download(self._store, info.key, path)
            if etag != info.etag:
                raise Changed(f"{self._store.uri(info.key)}: replaced")
            self._refuse_damaged(info.key, path)
            size_bytes = path.stat().st_size
            if (key := object_key(digest)) not in self._there:
                self._target.put(key, path)
                self._there.add(key)
                self.copied_count, self.copied_bytes = self.copied_count + 1, self.copied_bytes + size_bytes
            return Copied(digest, size_bytes, etag, info.modified_at)
        finally:
            path.unlink(missing_ok=True)

    def _refuse_damaged(self, key: str, path: Path) -> None:
        """Raise ObjectDamaged for a Parquet file that cannot be read: no good copy goes for a bad one."""
        if key.endswith(".parquet") and not key.startswith(paths.DAMAGED):
            with reading(self._store, key), pa.OSFile(str(path), "rb") as file:
                for _ in pq.ParquetFile(file, page_checksum_verification=True).iter_batches():
                    pass
