"""Walking a list page by page, each page's records cut out as received.

Holds one page at a time. Which list, in which order, and what to do with the records is the callers' affair.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

import httpx
import msgspec

from gitpulse_assets.github.detours import Detour, EarlierWalk, KnownPage, record_id
from gitpulse_assets.github.errors import (
    AnswerUnusable,
    CursorRefused,
    IssuesDisabled,
    RepositoryNotFound,
    Unanswered,
)
from gitpulse_assets.github.links import (
    PAGE_SIZES,
    grown,
    is_counted,
    is_dense,
    page_after,
    page_number,
    page_size,
    place,
    rows_up_to,
    same_origin,
    shrunk,
)
from gitpulse_assets.github.reply import Reply
from gitpulse_assets.github.target import Target
from gitpulse_assets.github.transport import Transport

logger = logging.getLogger(__name__)

# GitHub's words for "this list goes on, but not for you", whichever list it is.
CAP_WORDS = ("pagination is limited", "pagination with the page parameter is not supported")
# A larger page that could not be had is not tried again before so many smaller ones came.
PAGES_BEFORE_GROWING = 5


@dataclass(frozen=True)
class Asked:
    """An answer and the address it is of: another than was meant where smaller pages were asked for."""

    url: str
    reply: Reply


@dataclass(frozen=True)
class Page:
    """One page of a list.

    `number` counts from 1 in this walk; `url` is the address asked; `records` are the JSON texts exactly as
    received; `cursor_record_id` is the id of the one after which `next_url` goes on. `is_unchanged`: GitHub
    said 304, so the records are those of the earlier walk and not here.
    `is_capped`: GitHub serves nothing beyond, although there may be more; the walk is not complete.
    `last_number`: the number of the list's last page, where GitHub counts its pages.
    """

    number: int
    url: str
    next_url: str | None
    date: datetime
    etag: str | None
    records: list[bytes] = field(repr=False)
    is_unchanged: bool = False
    is_capped: bool = False
    cursor_record_id: int | None = None
    last_number: int | None = None


class Trail:
    """The pages a walk has come by, and what of a further one does not go with them.

    A list's last page cannot be told from one whose `Link` was lost when it is full, nor an end from an
    answer without records.
    """

    def __init__(self) -> None:
        self.first: Page | None = None
        self._before: Page | None = None
        self._places: set[frozenset[tuple[str, str]]] = set()
        self._row_count_told = 0

    def add(self, page: Page) -> None:
        """Go on from a page."""
        self.first = self.first or page
        self._before = page
        self._places.add(place(page.url))
        self.told_by(page)

    def told_by(self, page: Page) -> None:
        """Keep how many rows a counted list has: at least those before its last page, and one more."""
        if page.last_number is not None:
            self._row_count_told = (page.last_number - 1) * page_size(page.url) + 1
        elif page.next_url is None and not is_full(page):
            self._row_count_told = rows_up_to(page.url) - page_size(page.url) + 1

    def doubt(self, page: Page) -> str:
        """Say what is worth a second question; nothing where the page is as it should be."""
        if page.is_capped or page.is_unchanged:
            return self.refusal(page)
        if page.next_url is None and is_full(page):
            return "is full, and yet the last of its list"
        if page.next_url is None and not page.records and (self._before or is_counted(page.url)):
            return "is empty, though a page led to it" if self._before else "is empty"
        if is_short(page):
            return f"holds {len(page.records)} records of {page_size(page.url)}, though more follow"
        return self.refusal(page)

    def refusal(self, page: Page) -> str:
        """Say why no walk may go on, or end, with the page."""
        if page.next_url is not None and place(page.next_url) in self._places | {place(page.url)}:
            return "names itself, or a page before it, as its next page"
        if page.is_capped or page.is_unchanged:
            return ""
        before = self._before.records if self._before else []
        if page.records and not is_counted(page.url) and set(page.records) <= set(before):
            return "holds the records of the page before it"
        if page.next_url is None and 0 < rows_up_to(page.url) < self._row_count_told:
            return f"ends a list that goes on beyond row {self._row_count_told - 1:,} by its first page"
        return ""


def walk(
    transport: Transport,
    repo: Target,
    first_url: str,
    *,
    is_stored: bool = False,
    known: Mapping[str, KnownPage] | None = None,
    row_cap: int | None = None,
) -> Iterator[Page]:
    """Follow `rel="next"` from `first_url` to the end of the list.

    `is_stored`: the first address comes from an earlier walk and may have expired (CursorRefused).
    `known`: pages of an earlier walk by address and in its order, asked for conditionally but for the last
    one. A page that cannot be believed as it stands is asked for again; one too large to be made comes in
    smaller ones.
    """
    earlier_walk = EarlierWalk(known or {})
    asking = Asking(transport, repo, first_url, is_stored=is_stored, row_cap=row_cap)
    trail = Trail()
    url, reply = first_url, None
    while url is not None:
        reply = reply or asking.reply(url, earlier_walk.etag)
        page = _believed(asking, trail, asking.page(reply, earlier_walk.page_at(reply.url)))
        reply = None
        if detour := earlier_walk.detour(page.records, page.next_url):
            reply = _taken(asking.reply(detour.url, earlier_walk.etag), detour)
        if detour and reply:
            page = replace(page, next_url=detour.url, cursor_record_id=detour.after_id)
        trail.add(page)
        yield page
        url = page.next_url and asking.onward(same_origin(first_url, page.next_url))


class Asking:
    """Asks for the pages of one walk and reads what comes.

    A page is asked for as often as ever at the size that was had last, once at any other: a server that
    answers nothing is not asked at every size again and again.
    """

    def __init__(
        self,
        transport: Transport,
        repo: Target,
        first_url: str,
        *,
        is_stored: bool = False,
        row_cap: int | None = None,
    ) -> None:
        self._transport, self._repo = transport, repo
        self._is_stored, self._row_cap = is_stored, row_cap
        self._number = 0
        self._size_had = page_size(first_url)
        # A stored address may be one of small pages.
        self._size_max = PAGE_SIZES[0] if is_stored else self._size_had
        self._pages_to_growth = 0

    def reply(self, url: str, etag_of: Callable[[str], str | None] = lambda _: None) -> Asked:
        """The answer of an address, or of the same place in smaller pages where that one cannot be had."""
        is_worn = False
        while True:
            is_larger = page_size(url) > self._size_had
            tries = "one" if is_worn or is_larger else "all"
            try:
                reply = self._transport.get(url, self._repo, etag=etag_of(url), tries=tries)
            except Unanswered as error:
                smaller = shrunk(url) if error.may_be_size else None
                if smaller is None:
                    raise
                logger.warning("%s; going on with %d records a page", error, page_size(smaller))
                url, is_worn = smaller, is_worn or tries == "all"
                self._pages_to_growth = PAGES_BEFORE_GROWING if is_larger else 0
            else:
                self._size_had = page_size(url)
                return Asked(url, reply)

    def onward(self, next_url: str) -> str:
        """The place to go on at, in larger pages again where they had to shrink."""
        if self._pages_to_growth:
            self._pages_to_growth -= 1
            return next_url
        return grown(next_url, self._size_max)

    def page(self, asked: Asked, earlier: KnownPage | None) -> Page:
        """The next page of the walk, as the answer or, where nothing changed, an earlier walk has it."""
        self._number += 1
        if asked.reply.status == 304 and earlier is not None:
            return _unchanged_page(asked.reply, earlier, asked.url, self._number)
        return self._read(asked)

    def again(self, page: Page) -> Page:
        """The page as it comes now, whatever was known of it."""
        return self._read(self.reply(page.url))

    def _read(self, asked: Asked) -> Page:
        is_cursor = self._is_stored or self._number > 1
        return _page(asked.reply, self._repo, asked.url, self._number, is_cursor, self._row_cap)


def _believed(asking: Asking, trail: Trail, page: Page) -> Page:
    """The page, asked for again where something about it is not as in a whole list.

    One answer in thousands lacks its `Link` or some of its records, and looks well. What both answers say is
    taken, but for what would leave records out or never end. Raises AnswerUnusable.
    """
    if not trail.doubt(page):
        return page
    logger.warning("%s %s; asking again", page.url, trail.doubt(page))
    second = asking.again(page)
    if not trail.doubt(second):
        return second
    fuller = max(page, second, key=lambda one: (one.next_url is not None, len(one.records)))
    refusal = trail.refusal(fuller)
    if refusal and fuller.next_url is None and trail.first:
        # Rows that left the list since its first page came make it end earlier.
        trail.told_by(asking.again(trail.first))
        refusal = trail.refusal(fuller)
    if refusal:
        raise AnswerUnusable(f"{fuller.url} {refusal}; run it again to go on")
    if fuller.next_url is None and is_full(fuller) and is_counted(fuller.url):
        return replace(fuller, next_url=page_after(fuller.url))
    # By its ETag it would be called unchanged, and what it lacks never be asked for again.
    return replace(fuller, etag=None) if is_short(fuller) else fuller


def is_short(page: Page) -> bool:
    """Whether a page lacks records in the middle of its list."""
    return lacked_count(page) > 0


def lacked_count(page: Page) -> int:
    """How many records a page has less than it was asked for, though more follow.

    One that is to be asked for again, as its own next, and one that GitHub calls unchanged lack nothing.
    """
    if page.is_unchanged or page.next_url in (None, page.url) or not is_dense(page.url):
        return 0
    return max(0, page_size(page.url) - len(page.records))


def is_full(page: Page) -> bool:
    """Whether a page holds as many records as it was asked to."""
    return 0 < page_size(page.url) <= len(page.records)


def _taken(asked: Asked, detour: Detour) -> Asked | None:
    """The detour's answer, unless it leaves something out: that an address holds is not documented."""
    if asked.reply.status == 304:
        return asked
    records = split(asked.reply) if asked.reply.status == 200 else []
    return asked if records and record_id(records[0]) == detour.next_id else None


def _unchanged_page(reply: Reply, earlier: KnownPage, url: str, number: int) -> Page:
    return Page(
        number=number,
        url=url,
        next_url=earlier.next_url,
        date=reply.date,
        etag=earlier.etag,
        records=[],
        is_unchanged=True,
        cursor_record_id=earlier.cursor_record_id,
    )


def _page(reply: Reply, repo: Target, url: str, number: int, is_cursor: bool, row_cap: int | None) -> Page:
    if is_cap(reply):
        return Page(number, url, None, reply.date, None, [], is_capped=True)
    if is_cursor and reply.status in (404, 422):
        raise CursorRefused(
            f"{url} is no longer served ({reply.status}: {reply.message}); start the walk again"
        )
    found = expect_found(reply, repo)
    next_url = found.next_url
    is_capped = next_url is None and row_cap is not None and rows_up_to(url) >= row_cap
    records = split(found)
    return Page(
        number=number,
        url=url,
        next_url=next_url,
        date=found.date,
        etag=found.etag,
        records=records,
        is_capped=is_capped,
        cursor_record_id=record_id(records[-1]) if records and next_url is not None else None,
        last_number=page_number(found.last_url) if found.last_url else None,
    )


def is_cap(reply: Reply) -> bool:
    """Whether GitHub says that a list goes on, but is served no further."""
    return reply.status == 422 and any(words in reply.message.lower() for words in CAP_WORDS)


def expect_found(reply: Reply, repo: Target) -> Reply:
    """Pass a 200 or 304 on; name what is wrong with the repository otherwise."""
    host = httpx.URL(reply.url).host
    if reply.status == 404:
        raise RepositoryNotFound(
            f"{repo} is not found at {host}, or not visible to the token in use; check the name, or set a "
            "GITHUB_TOKEN that may read it"
        )
    if reply.status == 410:
        raise IssuesDisabled(
            f"{repo} has its issues disabled at {host} ({reply.message}); take it off the watch list"
        )
    if reply.status not in (200, 304):
        raise AnswerUnusable(
            f"{reply.url} answered {reply.status} ({reply.message}); report it with the address"
        )
    return reply


def split(reply: Reply) -> list[bytes]:
    """Cut a JSON list into its elements' texts without reading what is in them."""
    try:
        return [bytes(record) for record in msgspec.json.decode(reply.content, type=list[msgspec.Raw])]
    except msgspec.DecodeError:
        raise AnswerUnusable(
            f"{reply.url} answered with JSON that is no list; check GITHUB_API_URL"
        ) from None
