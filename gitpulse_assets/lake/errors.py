"""What can go wrong in the lake; str() of each is one line that says what, where and what to do."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class LakeError(Exception):
    """The lake cannot do what was asked."""


class ObjectNotFound(LakeError):
    """There is no object of this name."""


class PreconditionFailed(LakeError):
    """The object is no longer (or already) the one the caller expected; nothing was written."""


class TableOutdated(LakeError):
    """A table was stored under an older contract, and only making it anew can bring it under today's."""


class PublicationConflict(LakeError):
    """Another merge of the same repository was published first; nothing of this one was."""


class ObjectDamaged(LakeError):
    """An object is not what was written, or gone although others speak of it."""


class ObjectReplaced(LakeError):
    """The object was replaced while it was being read; opening it again reads the new one."""


_REASONS = {
    errno.EMFILE: "this process may open no more files: raise its limit (ulimit -n), then run again",
    errno.ENFILE: "the system may open no more files: raise its limit, then run again",
    errno.ENOSPC: "the disk is full: free space, then run again (what was published before is untouched)",
    errno.EDQUOT: "the disk quota is used up: free space, then run again",
    errno.EFBIG: "the file is larger than this system allows",
    errno.EACCES: "permission denied: make the folder writable or set GITPULSE_LAKE_URL to another one",
    errno.EPERM: "permission denied: make the folder writable or set GITPULSE_LAKE_URL to another one",
    errno.EROFS: "the file system is read-only: set GITPULSE_LAKE_URL to a writable folder",
    errno.ENOTDIR: "a file stands where a folder is needed: set GITPULSE_LAKE_URL to a folder",
    errno.EEXIST: "a file stands where a folder is needed: set GITPULSE_LAKE_URL to a folder",
}


@contextmanager
def folder_errors(place: str | Path) -> Iterator[None]:
    """Turn the operating system's errors into one line that names the place and the way out."""
    try:
        yield
    except OSError as error:
        words = error.strerror or str(error)
        reason = _REASONS.get(error.errno or 0, f"{words}: set GITPULSE_LAKE_URL to a folder you may write")
        raise LakeError(f"{place}: {reason}") from error
