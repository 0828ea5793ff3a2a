"""The order of an issue list and the cursors that walk it.

A cursor names the place after a record, not a page, so a walk goes on rightly although records move.
"""

import base64
import json
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gitpulse_assets.sandbox.model import Issue, Repository

Key = tuple[int, ...]
KEPT_ORDERS = 64


class BadCursor(ValueError):
    """The text is no cursor of this list."""


@dataclass(frozen=True)
class Ordered:
    """Records in ascending order with their keys; a descending list is read from the end."""

    keys: list[Key]
    issues: list[Issue]

    def slice(self, start: int, count: int, *, descending: bool) -> tuple[list[Issue], int]:
        """The records from the list's position `start` on, and the position after them."""
        size = len(self.issues)
        start, end = min(size, start), min(size, start + count)
        if descending:
            return self.issues[size - end : size - start][::-1], end
        return self.issues[start:end], end

    def position_after(self, cursor: str, *, descending: bool) -> int:
        """The list's position right after the cursor's record. Raises BadCursor."""
        key = decode_cursor(cursor)
        if descending:
            return len(self.keys) - bisect_left(self.keys, key)
        return bisect_right(self.keys, key)

    def cursor_at(self, position: int, *, descending: bool) -> str:
        """The cursor of the record at the list's position."""
        index = len(self.keys) - 1 - position if descending else position
        return encode_cursor(self.keys[index])


def encode_cursor(key: Key) -> str:
    """Spell a place in a list as an opaque text that is safe in a URL."""
    return base64.urlsafe_b64encode(b"cursor:v2:" + json.dumps(key).encode()).decode().rstrip("=")


def decode_cursor(cursor: str) -> Key:
    """Read `encode_cursor`'s text. Raises BadCursor."""
    try:
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        return tuple(int(part) for part in json.loads(raw.removeprefix(b"cursor:v2:")))
    except (ValueError, TypeError) as error:
        raise BadCursor(cursor) from error


class Listings:
    """The ordered lists of all repositories, kept until a repository changes."""

    def __init__(self) -> None:
        self._kept: dict[tuple[Any, ...], Ordered] = {}

    def ordered(
        self,
        repository: Repository,
        sort: str,
        *,
        states: frozenset[str],
        since: int | None = None,
        with_pull_requests: bool = True,
    ) -> Ordered:
        """The records of a list in ascending order of `sort` (created, updated or comments)."""
        wanted = (repository.repository_id, repository.version, sort, states, since, with_pull_requests)
        if wanted not in self._kept:
            if len(self._kept) >= KEPT_ORDERS:
                self._kept.clear()
            self._kept[wanted] = self._make(repository, sort, states, since, with_pull_requests)
        return self._kept[wanted]

    def _make(
        self,
        repository: Repository,
        sort: str,
        states: frozenset[str],
        since: int | None,
        with_pull_requests: bool,
    ) -> Ordered:
        # GraphQL lists issues alone, and none twice.
        records = repository.listed if with_pull_requests else repository.issues.values()
        key = _sort_key(repository, sort)
        keyed = [
            (key(place, issue), issue)
            for place, issue in enumerate(records)
            if issue.state in states
            and (since is None or issue.updated_at >= since)
            and (with_pull_requests or not issue.is_pull_request)
        ]
        keyed.sort(key=lambda pair: pair[0])
        return Ordered([key for key, _ in keyed], [issue for _, issue in keyed])


def _sort_key(repository: Repository, sort: str) -> Callable[[int, Issue], Key]:
    if sort == "updated":
        return lambda place, issue: (issue.updated_at, issue.issue_id, place)
    if sort == "comments":
        return lambda place, issue: (issue.comment_count, issue.issue_id, place)
    if repository.rows is not None:
        # A recorded list keeps the order it was recorded in, with the rows it repeats far apart.
        return lambda place, _: (place,)
    return lambda place, issue: (issue.created_at, issue.issue_id)
