"""`mart_issue_transfer` in plain Python, of a repository whose neighbours nobody watches.

What is linked where they are is held to the moves themselves by `history/links.py`.
"""

from collections.abc import Iterable
from typing import Any

from gitpulse_assets_tests.contributors.truth import Moved

KEY = ("issue_id", "direction")
UNTOLD = ("other_issue_id", "other_state")
# Of one that left: as it was received last, and when it was noticed, where nobody told when.
LEFT_OUT = ("transferred_at", "title", "state", "label_names")


def issue_transfer(moves: Iterable[Moved]) -> list[dict[str, Any]]:
    """A row a move, in the columns that are told of it."""
    return [row(moved) for moved in moves]


def row(moved: Moved) -> dict[str, Any]:
    told: dict[str, Any] = {
        "issue_id": moved.issue_id,
        "direction": moved.direction,
        "issue_number": moved.number,
        "other_repository": moved.other_repository.lower(),
        "other_issue_number": moved.other_number,
        "other_label_names": None if moved.labels is None else sorted(moved.labels),
        "is_linked": False,
        **dict.fromkeys(UNTOLD),
    }
    if moved.at is not None:
        told["transferred_at"] = moved.at
    if moved.now is not None:
        title, state, labels = moved.now
        told |= {"title": title, "state": state, "label_names": sorted(labels)}
    return told
