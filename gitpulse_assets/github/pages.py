"""Walking a list page by page, each page's records cut out as received.

Holds one page at a time. Which list, in which order, and what to do with the records is the callers' affair.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

import httpx
import msgspec

from gitpulse_assets.github.detours import Detour, KnownWalk, record_id
from gitpulse_assets.github.errors import AnswerUnusable, CursorRefused, IssuesDisabled, RepositoryNotFound
from gitpulse_assets.github.links import same_origin
from gitpulse_assets.github.reply import Reply
from gitpulse_assets.github.subject import Subject
from gitpulse_assets.github.transport import Transport

# GitHub's words for "this list goes on, but not for you", whichever list it is.
CAP_WORDS = ("pagination is limited", "pagination with the page parameter is not supported")
# The issue event list ends here without a further word when the last page is exactly full.
EVENT_ROW_CAP = 30_000


@dataclass(frozen=True)
class KnownPage:
    """What an earlier walk kept of a page: its ETag and, since a 304 has no Link, its next address.

    `cursor_record_id` is the id of the record after which the next address goes on.
    """

    etag: str
    next_url: str | None
    cursor_record_id: int | None = None


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


def walk(
    transport: Transport,
    repo: Subject,
    first_url: str,
    *,
    is_stored: bool = False,
    known: Mapping[str, KnownPage] | None = None,
    row_cap: int | None = None,
) -> Iterator[Page]:
    """Follow `rel="next"` from `first_url` to the end of the list.

    `is_stored`: the first address comes from an earlier walk and may have expired (CursorRefused).
    `known`: pages of an earlier walk by address and in its order, asked for conditionally but for the last
    one.
    """
    earlier_walk = KnownWalk(known or {})
    url, number, reply = first_url, 0, None
    while url is not None:
        number += 1
        reply = reply or transport.get(url, repo, etag=earlier_walk.etag(url))
        earlier = earlier_walk.page_at(url)
        if reply.status == 304 and earlier is not None:
            page = _unchanged_page(reply, earlier, url, number)
        else:
            page = _page(reply, repo, url, number, is_cursor=is_stored or number > 1, row_cap=row_cap)
        if page.next_url == url:
            raise AnswerUnusable(f"{url} names itself as its next page; try again later")
        reply = None
        if detour := earlier_walk.detour(page):
            reply = _taken(transport.get(detour.url, repo, etag=earlier_walk.etag(detour.url)), detour)
        if detour and reply:
            page = replace(page, next_url=detour.url, cursor_record_id=detour.after_id)
        yield page
        url = page.next_url and same_origin(first_url, page.next_url)


def _taken(reply: Reply, detour: Detour) -> Reply | None:
    """The detour's answer, unless it leaves something out: that an address holds is not documented."""
    if reply.status == 304:
        return reply
    records = split(reply) if reply.status == 200 else []
    return reply if records and record_id(records[0]) == detour.next_id else None


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


def _page(reply: Reply, repo: Subject, url: str, number: int, is_cursor: bool, row_cap: int | None) -> Page:
    if reply.status == 422 and _is_cap(reply):
        return Page(number, url, None, reply.date, None, [], is_capped=True)
    if is_cursor and reply.status in (404, 422):
        raise CursorRefused(
            f"{url} is no longer served ({reply.status}: {reply.message}); start the walk again"
        )
    found = expect_found(reply, repo)
    next_url = found.next_url
    is_capped = next_url is None and row_cap is not None and _rows_up_to(url) >= row_cap
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


def _is_cap(reply: Reply) -> bool:
    return any(words in reply.message.lower() for words in CAP_WORDS)


def _rows_up_to(url: str) -> int:
    """How many rows of a counted list lie up to the end of this page; 0 for a cursor page."""
    size = httpx.URL(url).params.get("per_page", "30")
    return (page_number(url) or 0) * (int(size) if size.isdecimal() else 0)


def page_number(url: str) -> int | None:
    """The number of a counted list's page in its address; None for what is no number."""
    page = httpx.URL(url).params.get("page", "1")
    return int(page) if page.isdecimal() else None


def page_before(url: str) -> str | None:
    """The address of the page before a counted list's page; None for a first page or one by cursor."""
    address = httpx.URL(url)
    number = page_number(url) or 1
    is_counted = number > 1 and not {"after", "before"} & set(address.params)
    return str(address.copy_set_param("page", number - 1)) if is_counted else None


def expect_found(reply: Reply, repo: Subject) -> Reply:
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
