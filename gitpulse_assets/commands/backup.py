"""`gitpulse backup` and `gitpulse restore`: a copy of the lake elsewhere, and an empty lake filled from it.

What is copied in which order is `lake/backup.py`'s affair.
"""

from gitpulse_assets.commands.console import refused, say
from gitpulse_assets.commands.exit_codes import DONE, FAILED
from gitpulse_assets.lake.backup import back_up as back_up_store
from gitpulse_assets.lake.backup import restore
from gitpulse_assets.lake.errors import LakeError
from gitpulse_assets.lake.lake import open_store
from gitpulse_assets.lake_address import open_lake, s3_options
from gitpulse_assets.settings import Settings


def back_up(settings: Settings, destination: str) -> int:
    """Bring a copy of the lake up to date, say what was done, and return the exit code."""
    try:
        lake = open_lake(settings)
        target = open_store(destination, s3_options(settings), name="DEST")
        done = back_up_store(lake.store, target)
    except LakeError as error:
        return refused(error, FAILED)
    say(
        f"{target.uri('')}: copied {done.copied_count:,} objects ({done.copied_bytes:,} bytes), removed "
        f"{done.removed_count:,}; it holds {done.object_count:,}"
    )
    for trouble in done.troubles:
        refused(f"{trouble}; the backup keeps what it had of it", FAILED)
    return FAILED if done.troubles else DONE


def restore_lake(settings: Settings, source: str) -> int:
    """Fill the lake that the settings name from a copy, say what was done, and return the exit code."""
    try:
        origin = open_store(source, s3_options(settings), name="SOURCE", is_writable=False)
        lake = open_lake(settings)
        done = restore(origin, lake.store)
    except LakeError as error:
        return refused(error, FAILED)
    say(f"{lake.store.uri('')}: restored {done.object_count:,} objects ({done.size_bytes:,} bytes)")
    for trouble in done.troubles:
        refused(trouble, FAILED)
    if done.troubles:
        return refused("run gitpulse check OWNER/NAME, to see what that means for a repository", FAILED)
    return DONE
