"""The names under which a run tells what others look up in its events: alerts, the command line, batches."""

# Marks the failure of a run that somebody stopped.
INTERRUPTED = "is_interrupted"
# Says of a collection that it found nothing, so that nothing was made.
NOTHING_CHANGED = "nothing_changed"
# Marks one that a limit of GitHub's stopped, until when: what was fetched stays, and is gone on with.
LIMITED = "limited_until"
# Marks one that no other run will mend, since a setting leads to no API.
MISUSED = "is_misused"


def shown_verdict(window_days: int) -> str:
    """Under which name the asset's page shows a window's paragraph."""
    return f"verdict_{window_days}_days"


def shown_direction(window_days: int) -> str:
    """Under which name the asset's page shows a window's direction."""
    return f"direction_{window_days}_days"
