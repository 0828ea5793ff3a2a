"""A list by update, walked in several segments at once: each from a moment on, until the next one's begins.

Nobody knows how the updates lie in time, and GitHub tells no count. So the walk begins with one segment, and
whenever a further page may be asked for at once, the one that seems longest is parted at half of the time
that is left of it: the first page of the new one is a page that had to be asked for anyway.

A record that is updated meanwhile moves behind all of them, into the rest of the list, which is walked when
they have ended (`lists.py`). What is stored, and in which order, is decided there, too.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import msgspec

from gitpulse_assets.collect.at_once import Question
from gitpulse_assets.collect.list_end import ListCut
from gitpulse_assets.collect.walk import ReadPage
from gitpulse_assets.github.errors import GitHubError
from gitpulse_assets.github.links import is_by_cursor

# Shorter lists are walked as one: parting costs half a page, and ETags of its pages are worth more.
PAGES_MIN = 10
# A segment of which fewer pages seem to be left is not parted.
PAGES_LEFT_MIN = 4
# Of ten years the 2^32nd part is less than a second.
SHARES_MAX = 5


class NoSegments(GitHubError):
    """The server knows no cursors: of counted pages by update one lacks a record whenever one moves."""


class Stored(msgspec.Struct, frozen=True):
    """A segment as the manifest has it: where it goes on, and up to when; null: to the list's end."""

    next_url: str
    until: dt.datetime | None


_DECODER = msgspec.json.Decoder(tuple[Stored, ...])


def read_stored(text: str | None) -> tuple[Stored, ...]:
    """Read the segments that a manifest's row has left."""
    return _DECODER.decode(text) if text else ()


def stored_text(segments: Sequence[Stored]) -> str | None:
    """What the manifest keeps of segments."""
    return msgspec.json.encode(segments).decode() if segments else None


class Segment:
    """One segment, as far as it has come and as far as it is stored; `whole`: what it was parted from."""

    def __init__(self, stored: Stored, pages: Iterator[ReadPage], whole: "Segment | None" = None) -> None:
        assert stored.until is not None
        self._whole = whole
        self._miss_count = 0
        self.stored: Stored | None = stored
        self.until = stored.until
        self.pages = pages
        self.is_asked = False
        self.last_url: str | None = None
        self._at: dt.datetime | None = None
        self._page_seconds = 0.0

    @property
    def is_over(self) -> bool:
        """Whether its last page has come."""
        return self.last_url is not None

    def came_to(self, updates: Sequence[dt.datetime]) -> None:
        """Go on to the last update of a page."""
        if updates and self._at is None and self._whole is not None:
            is_empty = updates[0] >= self.until
            self._whole._miss_count = self._whole._miss_count + 1 if is_empty else 0
        if updates:
            self._page_seconds = (updates[-1] - (self._at or updates[0])).total_seconds()
            self._at = updates[-1]

    @property
    def pages_left(self) -> float:
        """How many pages seem to be left of it, by the time that the last one took up; 0 where not known."""
        seconds = (self.until - self._at).total_seconds() if self._at else 0.0
        return seconds / max(self._page_seconds, 1.0)

    def half(self) -> dt.datetime | None:
        """The moment to part what is left at, in whole seconds; None where there is none between.

        It is half of it, and ever sooner while nothing lies behind: the square of the share each time, so
        that a year of which the updates fill an hour costs some pages, not one for each halving.
        """
        if self._at is None:
            return None
        share = 2 ** (2 ** min(self._miss_count, SHARES_MAX))
        half = (self._at + (self.until - self._at) / share).replace(microsecond=0)
        return half if self._at < half < self.until else None

    def keep(self, page: "SegmentPage") -> None:
        """Note that a page is stored."""
        next_url = None if page.page.url == self.last_url else page.page.next_url
        self.stored = Stored(next_url, self.until) if next_url else None


@dataclass(frozen=True)
class SegmentPage(ReadPage):
    """A page of a segment."""

    segment: Segment


class Segments:
    """The segments of a walk: which page is asked for next, and which one is parted.

    `pages`: walks on from an address; `address`: that of what was updated from a moment on; `newest_at`: asks
    when a record was updated last. What was updated from `as_of_at` on has moved since the walk began, and
    ends no segment.
    """

    def __init__(
        self,
        segments: Iterable[Stored],
        as_of_at: dt.datetime,
        at_once: int,
        *,
        pages: Callable[[str], Iterator[ReadPage]],
        address: Callable[[dt.datetime], str],
        newest_at: Callable[[], dt.datetime | None],
    ) -> None:
        self._as_of_at, self._at_once = as_of_at, at_once
        self._pages, self._address, self._newest_at = pages, address, newest_at
        self._segments = [Segment(stored, pages(stored.next_url)) for stored in segments]

    def question(self) -> Question[SegmentPage] | None:
        """The next page of a segment of which none is under way, else the first of a new one."""
        segment = next((one for one in self._segments if not one.is_asked and not one.is_over), None)
        segment = segment or self._parted()
        if segment is None:
            return None
        segment.is_asked = True
        return lambda: page_of(segment)

    def take(self, answer: SegmentPage) -> None:
        """Take a page in; raises ListCut where it cannot be the last one, though no further follows."""
        segment, page = answer.segment, answer.page
        segment.is_asked = False
        if page.is_capped or (page.next_url is not None and not is_by_cursor(page.next_url)):
            raise NoSegments(f"{page.url} leads on by no cursor")
        all_updates = [head.updated_at for head in answer.heads if head.updated_at is not None]
        updates = [at for at in all_updates if at < self._as_of_at]
        segment.came_to(updates)
        if updates and updates[-1] >= segment.until:
            segment.last_url = page.url
        elif page.next_url is None:
            self._prove_end(segment, all_updates, page.url)
            segment.last_url = page.url

    def _prove_end(self, segment: Segment, updates: Sequence[dt.datetime], url: str) -> None:
        """What stands behind the segment was met, or is there no more."""
        if any(at >= segment.until for at in updates):
            return
        newest_at = self._newest_at()
        if newest_at is not None and newest_at >= segment.until:
            raise ListCut(
                f"{url} ends the list, which goes on to {newest_at:%Y-%m-%d %H:%M:%S} UTC; nothing is "
                "published from a list cut short, and the next run asks for the page again"
            )

    def _parted(self) -> Segment | None:
        """A new segment, of the second half of the one that is longest; None where none is worth it."""
        unended = [segment for segment in self._segments if not segment.is_over]
        longest = max(unended, key=lambda segment: segment.pages_left, default=None)
        if longest is None or len(unended) >= self._at_once or longest.pages_left < PAGES_LEFT_MIN:
            return None
        half = longest.half()
        if half is None:
            return None
        url = self._address(half)
        segment = Segment(Stored(url, longest.until), self._pages(url), longest)
        longest.until = half
        self._segments.append(segment)
        return segment

    def keep(self, pages: Iterable[SegmentPage]) -> tuple[Stored, ...]:
        """Note that pages are stored; return what is left of the segments then."""
        for page in pages:
            page.segment.keep(page)
        left = [(segment, segment.stored) for segment in self._segments]
        return tuple(Stored(stored.next_url, segment.until) for segment, stored in left if stored)


def page_of(segment: Segment) -> SegmentPage:
    """Ask for the next page of a segment; waits for the answer."""
    read = next(segment.pages)
    return SegmentPage(read.page, read.heads, read.lacked_count, segment)
