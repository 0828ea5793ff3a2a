"""This machine's folder for files nobody keeps: uploads in the making, what DuckDB spills."""

import os
from pathlib import Path
from tempfile import gettempdir

from gitpulse_assets.lake.errors import folder_errors


def machine_scratch() -> Path:
    """Return the folder, made if need be: one a user, where `sweep` finds what a killed run left.

    Raises LakeError where it cannot be made.
    """
    folder = Path(gettempdir()) / f"gitpulse-{os.getuid()}"
    with folder_errors(folder):
        folder.mkdir(mode=0o700, exist_ok=True)
    return folder
