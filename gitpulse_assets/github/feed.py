"""The public events of a repository or an organisation: a feed, of which GitHub serves the newest rows.

Pages are shorter than asked for (they are filtered after they are cut), so only `Link` says where a feed goes
on. What is in the events, and whether one was missed, is the callers' affair.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from gitpulse_assets.github.errors import AnswerUnusable
from gitpulse_assets.github.links import place, rows_up_to, same_origin
from gitpulse_assets.github.pages import expect_found, is_cap, split
from gitpulse_assets.github.reply import Reply
from gitpulse_assets.github.target import Target
from gitpulse_assets.github.transport import Transport

# GitHub serves so many rows of a feed, and asks to be asked no more often than so.
FEED_ROWS = 300
POLL_SECONDS = 60


class FeedPage(msgspec.Struct, frozen=True):
    """A page of a feed as it is asked for again: only if it changed."""

    url: str
    etag: str


@dataclass(frozen=True)
class Feed:
    """What a poll of a feed came to.

    `records`: the events' JSON texts exactly as received, in the feed's order; empty where `is_unchanged`.
    `is_cut`: the feed may go on beyond them. `wait_seconds`: how long GitHub asks to be left alone.
    """

    date: datetime
    wait_seconds: int
    pages: tuple[FeedPage, ...]
    records: tuple[bytes, ...] = field(default=(), repr=False)
    is_cut: bool = False
    is_unchanged: bool = False


def poll(transport: Transport, target: Target, first_url: str, known: Sequence[FeedPage]) -> Feed:
    """Ask for a feed from its newest page on, to where GitHub ends it.

    `known`: the pages of the last poll; where none of them changed, nothing did.
    """
    first = _changed(transport, target, known) if known else None
    if isinstance(first, Reply) and first.status == 304:
        return Feed(first.date, _wait_seconds(first), tuple(known), is_unchanged=True)
    return _read(transport, target, first_url, first)


def _changed(transport: Transport, target: Target, known: Sequence[FeedPage]) -> Reply | None:
    """The first page where it changed, None where a later one did, the 304 of the last where none did."""
    reply = None
    for number, page in enumerate(known):
        reply = expect_found(transport.get(page.url, target, etag=page.etag), target)
        if reply.status != 304:
            return None if number else reply
    return reply


def _read(transport: Transport, target: Target, url: str, first: Reply | None) -> Feed:
    records: list[bytes] = []
    pages: list[FeedPage] = []
    date, wait_seconds, is_cut = None, POLL_SECONDS, False
    for asked, reply in _replies(transport, target, url, first):
        date, wait_seconds = date or reply.date, max(wait_seconds, _wait_seconds(reply))
        if is_cap(reply):
            is_cut = True
            break
        records += split(reply)
        pages.append(FeedPage(asked, reply.etag or ""))
        is_cut = reply.next_url is not None or rows_up_to(asked) >= FEED_ROWS
    assert date is not None
    # One page without an ETag is one that may change unseen.
    known = tuple(pages) if all(page.etag for page in pages) else ()
    return Feed(date, wait_seconds, known, tuple(records), is_cut)


def _replies(
    transport: Transport, target: Target, url: str, first: Reply | None
) -> Iterator[tuple[str, Reply]]:
    asked: str | None = url
    places: set[frozenset[tuple[str, str]]] = set()
    while asked is not None:
        if place(asked) in places:
            raise AnswerUnusable(f"{asked} names itself, or a page before it, as its next page")
        places.add(place(asked))
        reply = first or transport.get(asked, target)
        first = None
        yield asked, reply if is_cap(reply) else expect_found(reply, target)
        asked = reply.next_url and same_origin(url, reply.next_url)


def _wait_seconds(reply: Reply) -> int:
    said = reply.headers.get("x-poll-interval", "")
    return int(said) if said.isdecimal() else POLL_SECONDS
