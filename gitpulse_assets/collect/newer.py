"""Long conversations that changed: what is newer of each, and all of one that this does not fit.

An answer with what is newer cannot say what was deleted, nor show an older review as it is once dismissed.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import msgspec

from gitpulse_assets.collect.known import Held
from gitpulse_assets.collect.session import Session
from gitpulse_assets.github.decoding import decode
from gitpulse_assets.github.lifecycle import IssueLifecycle, LifecycleBatch


class _Review(msgspec.Struct, rename="camel"):
    full_database_id: str | int | None = None


class _Entry(msgspec.Struct, rename="camel"):
    typename: str = msgspec.field(name="__typename")
    id: str = ""
    full_database_id: str | int | None = None
    review: _Review | None = None


class _Entries(msgspec.Struct):
    nodes: list[_Entry]


class _Count(msgspec.Struct, rename="camel"):
    total_count: int


class _Newer(msgspec.Struct, rename="camel"):
    comments: _Count
    timeline_items: _Entries


def ask_newer(session: Session, held: Mapping[str, Held]) -> Iterator[LifecycleBatch]:
    """Ask for what is newer of conversations by their node ids, several a question; needs a token."""
    since = {node_id: one.since_at for node_id, one in held.items()}
    other: list[str] = []
    for batch in session.client.conversations(session.repo, list(since), since):
        fitting = [thread for thread in batch.issues if fits(thread, held[thread.asked_node_id])]
        other += [thread.asked_node_id for thread in batch.issues if thread not in fitting]
        yield replace(batch, issues=fitting)
    yield from session.client.conversations(session.repo, other)


def fits(thread: IssueLifecycle, held: Held) -> bool:
    """Whether what is newer and what is held are all there is; what was cut short is marked as that."""
    if not thread.is_complete:
        return True
    newer = decode(thread.payload, _Newer, f"what is newer of #{thread.issue_number}")
    entries = newer.timeline_items.nodes
    comments = {one.id for one in entries if one.typename == "IssueComment"}
    reviews = {str(one.full_database_id) for one in entries if one.typename == "PullRequestReview"}
    dismissals = [one for one in entries if one.review and one.id not in held.dismissals]
    is_shown = all(str(one.review and one.review.full_database_id) in reviews for one in dismissals)
    return is_shown and len(comments | held.comments) == newer.comments.total_count
