"""What a run's full walk repaired, as numbers and in one line; how it is counted stands in `sql/silver/`."""

from collections.abc import Mapping

import pyarrow as pa

from gitpulse_assets.contracts.silver import RECONCILIATION

COUNTS = tuple(name for name in RECONCILIATION.column_names if name.endswith("_count"))
SILENT_WORDS = {
    "label_change_count": "labels",
    "login_change_count": "logins",
    "state_change_count": "states",
    "other_change_count": "others",
}
REPAIR_WORDS = {
    "silent_change_count": "changed silently",
    "overlooked_count": "overlooked before",
    "deleted_count": "deleted",
    "transferred_out_count": "transferred out",
    "converted_count": "converted to a discussion",
    "unknown_count": "gone, where to is unknown",
    "returned_count": "returned",
}


def repairs_of(walks: pa.Table, run_id: str) -> dict[str, int]:
    """Return the counts of the full walk the run ended, from `silver/reconciliation`; empty without one."""
    found = [walk for walk in walks.to_pylist() if walk["run_id"] == run_id]
    return {name: found[0][name] for name in COUNTS} if found else {}


def repair_line(counts: Mapping[str, int]) -> str:
    """Say what a full walk repaired; only what is not zero is named."""
    pages = f"full walk of {counts['page_count']} pages, {counts['unchanged_page_count']} of them unchanged"
    said = [f"{counts[name]} {words}" for name, words in REPAIR_WORDS.items() if counts[name]]
    silent = [f"{words} {counts[name]}" for name, words in SILENT_WORDS.items() if counts[name]]
    if silent:
        said[0] += f" ({', '.join(silent)})"
    return f"{pages}: {', '.join(said) or 'nothing to repair'}"
