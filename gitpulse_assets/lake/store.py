"""What the lake needs from the place that holds its objects, a folder or a bucket.

A store knows keys, bytes and ETags. It knows nothing of tables, repositories or Parquet.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

import pyarrow as pa

# An object's own identity stands at its end (a Parquet footer, a commit's last fields), so that hashing
# hundreds of megabytes is not needed to tell two versions of a table apart.
TAIL_BYTES = 64 * 1024


@dataclass(frozen=True)
class ListedObject:
    """One object as a listing names it: its key below the lake's root, size in bytes, UTC time of change.

    `version` is another one whenever other bytes take its place, within a clock's tick, too.
    """

    key: str
    size_bytes: int
    modified_at: datetime
    version: str


@dataclass(frozen=True)
class ObjectInfo(ListedObject):
    """One object and its ETag, for which a folder has to read the object's end."""

    etag: str


@dataclass(frozen=True)
class StoredObject:
    """An object's bytes and the ETag they were read under."""

    body: bytes
    etag: str


@dataclass(frozen=True)
class OpenObject:
    """One version of an object, open for random reads: it stays that version or fails, never mixes.

    `fingerprint` is made of the bytes themselves, the same on every store: see `fingerprint_of`.
    """

    file: pa.NativeFile
    etag: str
    size_bytes: int
    fingerprint: str


def fingerprint_of(size_bytes: int, tail: bytes) -> str:
    """Return the hash of an object's size and its last TAIL_BYTES.

    Of a small table that is all, of a large one its footer: its pages have checksums of their own.
    """
    digest = hashlib.blake2b(str(size_bytes).encode(), digest_size=16)
    digest.update(tail[-TAIL_BYTES:])
    return digest.hexdigest()


def file_fingerprint(file: pa.NativeFile) -> str:
    """The fingerprint of an open file."""
    size = file.size()
    return fingerprint_of(size, file.read_at(min(size, TAIL_BYTES), max(0, size - TAIL_BYTES)))


class Store(Protocol):
    """Objects with compare-and-swap.

    Writing methods return the new ETag. With `if_match` the object must still have that ETag, with
    `if_absent` there must be none; otherwise PreconditionFailed and nothing is written. Every object that
    is compared must end in something unique to its writing: an ETag may be a hash of its last 64 KB.
    Anything else that goes wrong is a LakeError.
    """

    @property
    def scratch_folder(self) -> Path:
        """The local folder for files that are to be `put` and are consumed by it."""
        ...

    def uri(self, key: str) -> str:
        """The address of an object for people and other tools."""
        ...

    def check(self, *, is_writable: bool) -> None:
        """Raise LakeError, naming the setting to change, where the lake cannot be used."""
        ...

    def get(self, key: str) -> StoredObject | None:
        """Read an object whole, or None where there is none."""
        ...

    def open(self, key: str) -> OpenObject | None:
        """Open one version of an object for random reads, or None where there is none."""
        ...

    def source(self, key: str) -> str | pa.NativeFile:
        """An object that never changes, as pyarrow's datasets take it; opened when it is read."""
        ...

    def head(self, key: str) -> ObjectInfo | None:
        """Describe an object, or None where there is none."""
        ...

    def put(
        self, key: str, body: bytes | Path, *, if_match: str | None = None, if_absent: bool = False
    ) -> str:
        """Replace an object whole and durably; a file given as `body` is consumed."""
        ...

    def move(self, source: str, target: str, *, if_match: str | None = None, if_absent: bool = False) -> str:
        """Replace `target` by `source`, which may stay; raises ObjectNotFound where `source` is gone."""
        ...

    def list(self, prefix: str) -> Iterator[ListedObject]:
        """Every object whose key starts with `prefix`, a folder ending in `/`, in key order; reads none."""
        ...

    def etags(self, prefix: str) -> dict[str, str]:
        """The ETag of every object whose key starts with `prefix`, by its key: on S3 a request a thousand."""
        ...

    def delete(self, key: str) -> None:
        """Remove an object; nothing happens where there is none."""
        ...

    def delete_prefix(self, prefix: str) -> None:
        """Remove every object below a folder ending in `/`, and the folder itself where there is one."""
        ...


def read_written(store: Store, key: str) -> tuple[bytes | None, str | None]:
    """An object that is replaced whole: its bytes, None where it was never written, and its ETag.

    One of 0 bytes is a write that never happened, since nothing GitPulse writes is empty: SeaweedFS stores
    it for a client killed behind the headers of its request. Its ETag is what the next write replaces.
    """
    stored = store.get(key)
    return (stored.body or None, stored.etag) if stored else (None, None)
