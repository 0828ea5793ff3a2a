"""What a process leaves alone, because it did not choose the subject that it belongs to."""

from gitpulse_assets.catalog.subjects import UNCHOSEN
from gitpulse_assets.lake.lake import Lake


def left_by_others(lake: Lake) -> list[str]:
    """The subjects not chosen of which the lake has tables all the same."""
    return sorted(
        {subject for subject, table in UNCHOSEN if next(iter(lake.store.list(f"{table.folder}/")), None)}
    )
