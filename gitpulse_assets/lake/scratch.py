"""This machine's folder for files nobody keeps: uploads in the making, what DuckDB spills."""

import os
import stat
from contextlib import suppress
from pathlib import Path
from tempfile import gettempdir

from gitpulse_assets.lake.errors import LakeError


def machine_scratch() -> Path:
    """Return the folder, made if need be: one a user, where `clean_up` finds what a killed run left.

    Raises LakeError where it cannot be made, or is not this user's alone.
    """
    folder = Path(gettempdir()) / f"gitpulse-{os.getuid()}"
    try:
        with suppress(FileExistsError):
            folder.mkdir(mode=0o700)
        found = folder.lstat()
    except OSError as error:
        raise LakeError(f"{folder}: {error.strerror}: set TMPDIR to a folder you may write") from error
    # Anybody may have made it first: its name is known, and the temporary folder is everybody's.
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise LakeError(
            f"{folder}: not a folder that only this user may use: "
            "remove it, or set TMPDIR to a folder of your own"
        )
    return folder
