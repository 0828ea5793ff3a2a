"""Cuts long lists of keys, of which a database takes only so many in a statement."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

Item = TypeVar("Item")

# SQLite takes 32,766 parameters, older ones 999.
KEYS_A_QUERY = 500


def chunks(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    """Yield the items in order, at most KEYS_A_QUERY at once."""
    for start in range(0, len(items), KEYS_A_QUERY):
        yield items[start : start + KEYS_A_QUERY]
