"""The pages an earlier walk left known, and where a walk comes back to them after a record left or came.

Decides addresses only: asking for them is `pages.py`'s work, storing what is known the callers'.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import msgspec


class _Record(msgspec.Struct):
    id: int | None = None


@dataclass(frozen=True)
class KnownPage:
    """What an earlier walk kept of a page: its ETag and, since a 304 has no Link, its next address.

    `cursor_record_id` is the id of the record after which the next address goes on.
    """

    etag: str
    next_url: str | None
    cursor_record_id: int | None = None


@dataclass(frozen=True)
class Detour:
    """A known address behind the record `after_id`; the record that follows it now is `next_id`."""

    url: str
    after_id: int
    next_id: int | None


class EarlierWalk:
    """An earlier walk, and where a walk that strayed from its addresses comes back to them.

    A record that left or came moves the borders, and so the addresses, of every later page, but not what
    follows a given record: so once a known page's last record is met again, the walk can go on behind it at
    the known address. Without this, one deletion would cost every later page.
    """

    def __init__(self, pages: Mapping[str, KnownPage]) -> None:
        self._urls = frozenset(pages)
        # A 304 has no Link, so the last known page could not tell that one has been added behind it.
        followed = {url: page for url, page in pages.items() if page.next_url is not None}
        self._pages = list(followed.values())
        self._place_of = {url: place for place, url in enumerate(followed)}
        # The borders that may lie on the page asked last: a list that repeats a record must not lead far.
        self._near = range(0)
        self._asked: set[str] = set()

    def page_at(self, url: str) -> KnownPage | None:
        """The known page of the address the walk has come to."""
        self._asked.add(url)
        place = self._place_of.get(url)
        if place is not None:
            self._near = range(place, place + 1)
            return self._pages[place]
        self._near = range(self._near.start, self._near.stop + 1) if self._near else self._near
        return None

    def detour(self, records: Sequence[bytes], next_url: str | None) -> Detour | None:
        """Where to come back from a page whose link leads to no known address; its tail is met twice."""
        if next_url is None or next_url in self._urls or not self._near:
            return None
        near = self._pages[self._near.start : self._near.stop]
        borders = {known.cursor_record_id: known.next_url for known in near}
        ids = [record_id(record) for record in records]
        for after_id, next_id in reversed(list(pairwise(ids))):
            url = borders.get(after_id)
            if after_id is not None and url is not None and url not in self._asked:
                return Detour(url, after_id, next_id)
        return None

    def etag(self, url: str) -> str | None:
        """What to ask for an address by, if it is known."""
        place = self._place_of.get(url)
        return self._pages[place].etag if place is not None else None


def record_id(record: bytes) -> int | None:
    """The `id` of a record; None where it has no usable one."""
    try:
        return msgspec.json.decode(record, type=_Record).id
    except msgspec.DecodeError:
        return None
