"""The lake in a local folder: durable replacement by rename, compare-and-swap by a short file lock."""

import fcntl
import hashlib
import os
import shutil
import stat
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from gitpulse_assets.lake.errors import LakeError, ObjectNotFound, PreconditionFailed, folder_errors
from gitpulse_assets.lake.store import (
    ListedObject,
    ObjectInfo,
    OpenObject,
    StoredObject,
    file_fingerprint,
)

# A bounded number of lock files serves any number of repositories; a lock is held for microseconds.
LOCK_COUNT = 64

# Titles and texts of private repositories lie here, too.
PRIVATE = 0o700

SCRATCH = "_staging/_scratch"
LOCKS = "_locks"


def _unless_gone(error: BaseException) -> None:
    """Raise the error again, unless another run removed the file or folder first."""
    if not isinstance(error, FileNotFoundError):
        raise error


def _modified_at(found: os.stat_result) -> datetime:
    return datetime.fromtimestamp(found.st_mtime, tz=UTC)


def _version(found: os.stat_result) -> str:
    # A new file is made while the old one is there: two that follow each other are never the same inode.
    return f"{found.st_ino}-{found.st_ctime_ns}"


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _make_folder(folder: Path, mode: int) -> None:
    """Create a folder with its parents so that they survive a power cut."""
    if folder.is_dir():
        return
    _make_folder(folder.parent, mode)
    folder.mkdir(mode=PRIVATE, exist_ok=True)
    # Found empty by a `delete` beside it, it may be gone already.
    with suppress(FileNotFoundError):
        folder.chmod(mode)
    _sync_folder(folder.parent)


def _put_in_place(source: Path, target: Path, mode: int) -> None:
    """Rename a file into its folder, which a `delete` beside it may just have found empty."""
    while True:
        _make_folder(target.parent, mode)
        try:
            source.replace(target)
            return
        except FileNotFoundError:
            if target.parent.is_dir() or not source.exists():
                raise


class FolderStore:
    """Objects are files below `root`; a reader that has one open keeps reading that version."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()

    @property
    def _mode(self) -> int:
        """Who may enter what is made: whoever may enter the root; a new one is its user's alone."""
        return stat.S_IMODE(self.root.stat().st_mode) if self.root.exists() else PRIVATE

    @property
    def scratch_folder(self) -> Path:
        folder = self.root / SCRATCH
        with folder_errors(folder):
            _make_folder(folder, self._mode)
        return folder

    def uri(self, key: str) -> str:
        return str(self.root / key)

    def check(self, *, is_writable: bool) -> None:
        if not is_writable:
            if self.root.exists() and not os.access(self.root, os.R_OK | os.X_OK):
                raise LakeError(f"{self.root}: not readable: set GITPULSE_LAKE_URL to a folder you may read")
            return
        probe = f"{SCRATCH}/probe-{uuid.uuid4().hex}"
        self.put(probe, b"")
        self.delete(probe)

    def get(self, key: str) -> StoredObject | None:
        opened = self.open(key)
        if opened is None:
            return None
        with folder_errors(self.root / key), opened.file as file:
            return StoredObject(file.read_at(opened.size_bytes, 0), opened.etag)

    def open(self, key: str) -> OpenObject | None:
        with folder_errors(self.root / key):
            try:
                file = pa.OSFile(str(self.root / key), "rb")
            except FileNotFoundError:
                return None
            # The fingerprint is the ETag: a copied lake keeps its ETags.
            fingerprint = file_fingerprint(file)
            return OpenObject(file, fingerprint, file.size(), fingerprint)

    def source(self, key: str) -> str:
        return str(self.root / key)

    def head(self, key: str) -> ObjectInfo | None:
        opened = self.open(key)
        if opened is None:
            return None
        with folder_errors(self.root / key), opened.file as file:
            found = os.fstat(file.fileno())
            return ObjectInfo(key, found.st_size, _modified_at(found), _version(found), opened.etag)

    def put(
        self, key: str, body: bytes | Path, *, if_match: str | None = None, if_absent: bool = False
    ) -> str:
        with folder_errors(self.root / key):
            source = body if isinstance(body, Path) else self._spool(body)
            try:
                return self._replace(source, key, if_match=if_match, if_absent=if_absent)
            finally:
                source.unlink(missing_ok=True)

    def move(self, source: str, target: str, *, if_match: str | None = None, if_absent: bool = False) -> str:
        with folder_errors(self.root / target):
            try:
                return self._replace(self.root / source, target, if_match=if_match, if_absent=if_absent)
            except FileNotFoundError as error:
                raise ObjectNotFound(f"{self.root / source}: there is no such file") from error

    def list(self, prefix: str) -> Iterator[ListedObject]:
        # Texts and not Paths: half of a question's time, where hundreds of days are listed, was making these.
        with folder_errors(self.root / prefix):
            paths = [
                os.path.join(folder, name)  # noqa: PTH118
                for folder, _, names in os.walk(self.root / prefix, onerror=_unless_gone)
                for name in names
            ]
        for path in sorted(paths, key=lambda path: path.split("/")):
            if listed := self._listed(path):
                yield listed

    def etags(self, prefix: str) -> dict[str, str]:
        return {listed.key: info.etag for listed in self.list(prefix) if (info := self.head(listed.key))}

    def delete(self, key: str) -> None:
        path = self.root / key
        with folder_errors(path):
            path.unlink(missing_ok=True)
            # As in a bucket, a folder is there while it holds something: a year of runs would leave 70,000.
            # Not that of scratch: another process is about to write there.
            if path.parent != self.root / SCRATCH:
                with suppress(OSError):
                    path.parent.rmdir()

    def delete_prefix(self, prefix: str) -> None:
        with folder_errors(self.root / prefix):
            shutil.rmtree(self.root / prefix, onerror=lambda function, path, raised: _unless_gone(raised[1]))

    def _listed(self, path: str) -> ListedObject | None:
        with folder_errors(path), suppress(FileNotFoundError):
            found = os.stat(path)  # noqa: PTH116
            key = path[len(f"{self.root}/") :]
            return ListedObject(key, found.st_size, _modified_at(found), _version(found))
        return None

    def _spool(self, body: bytes) -> Path:
        path = self.scratch_folder / uuid.uuid4().hex
        path.write_bytes(body)
        return path

    def _replace(self, source: Path, key: str, *, if_match: str | None, if_absent: bool) -> str:
        target = self.root / key
        with pa.OSFile(str(source), "rb") as file:
            os.fsync(file.fileno())
            etag = file_fingerprint(file)
        source.chmod(self._mode & 0o666)
        if if_match is None and not if_absent:
            _put_in_place(source, target, self._mode)
        else:
            with self._lock(key):
                self._compare(key, None if if_absent else if_match)
                _put_in_place(source, target, self._mode)
        _sync_folder(target.parent)
        return etag

    def _compare(self, key: str, expected_etag: str | None) -> None:
        found = self.head(key)
        if (found.etag if found else None) != expected_etag:
            raise PreconditionFailed(f"{self.root / key}: another run replaced it")

    @contextmanager
    def _lock(self, key: str) -> Iterator[None]:
        """Hold one of the lock files; the system frees it when the process dies."""
        number = int.from_bytes(hashlib.blake2b(key.encode(), digest_size=4).digest()) % LOCK_COUNT
        path = self.root / LOCKS / f"{number:02d}.lock"
        _make_folder(path.parent, self._mode)
        with path.open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
