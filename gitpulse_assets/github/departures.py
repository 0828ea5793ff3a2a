"""Finding out where an issue went that a complete walk no longer met.

GraphQL first (one point for 100), then one REST request for each it cannot settle. What follows for the
backlog is decided in silver; here only GitHub's evidence is gathered.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

import msgspec

from gitpulse_assets.github.decoding import decode
from gitpulse_assets.github.errors import IssuesDisabled
from gitpulse_assets.github.lifecycle import IssueLifecycle, LifecycleBatch, Lifecycles, NoneServed
from gitpulse_assets.github.reply import Reply
from gitpulse_assets.github.transport import REDIRECTS, Transport
from gitpulse_assets.repo import Repo

Kind = Literal["present", "transferred_out", "converted", "deleted", "unknown", "undecided"]

# What another kind of node under the id of a missing one says.
KIND_OF_NODE: dict[str, Kind] = {"Discussion": "converted", "PullRequest": "present"}
MOVED_TO = re.compile(r"/repositories/(\d+)/issues/(\d+)$")
REPOSITORY_OF = re.compile(r"/repos/([^/]+/[^/]+)$")


@dataclass(frozen=True)
class MissingIssue:
    """An issue or pull request known before: its REST id, node id (if known) and number here."""

    issue_id: int
    node_id: str | None
    issue_number: int


@dataclass(frozen=True)
class Departure:
    """What GitHub says about a missing issue.

    `departed_at` and `departed_to` (owner/name#n) are null where GitHub does not tell; `evidence` is what
    told: nodes, rest_200, rest_301, rest_404, rest_410. A 404 leaves the kind unknown (deleted, or moved to
    where this token cannot see) where nodes did not find the issue either, or could not be asked; where nodes
    was asked and did not say, it is undecided, and to be asked again. `payload` is the answer's JSON as
    received.
    """

    issue: MissingIssue
    kind: Kind
    evidence: str
    date: datetime
    departed_at: datetime | None = None
    departed_to: str | None = None
    payload: bytes = field(default=b"", repr=False)


class _From(msgspec.Struct, rename="camel"):
    database_id: int | None = None


class _Event(msgspec.Struct, rename="camel"):
    typename: str = msgspec.field(name="__typename")
    created_at: datetime | None = None
    from_repository: _From | None = None


class _Events(msgspec.Struct):
    nodes: list[_Event | None]


class _IssueEvents(msgspec.Struct, rename="camel"):
    state: str | None = None
    timeline_items: _Events | None = None

    @property
    def dated_events(self) -> list[tuple[datetime, _Event]]:
        """The timeline's events in order of time, those without one left out."""
        events = self.timeline_items.nodes if self.timeline_items else []
        dated = [(event.created_at, event) for event in events if event and event.created_at]
        return sorted(dated, key=lambda one: one[0])


class _Numbered(msgspec.Struct):
    id: int | None = None
    number: int | None = None


class _Target(msgspec.Struct):
    number: int
    repository_url: str


class Departures:
    """Asks about the missing issues of one repository, which `repository_id` identifies under any name."""

    def __init__(
        self, transport: Transport, lifecycles: Lifecycles, repo: Repo, repository_id: int, issues_url: str
    ):
        self._transport = transport
        self._lifecycles = lifecycles
        self._repo = repo
        self._repository_id = repository_id
        self._issues_url = issues_url

    def probe(self, missing: Sequence[MissingIssue]) -> Iterator[Departure]:
        """One answer for each missing issue, those that GraphQL settles first."""
        unsettled = {issue.node_id or str(issue.issue_id): issue for issue in missing}
        untold: set[str | None] = set()
        if self._transport.has_token(self._repo):
            node_ids = [issue.node_id for issue in missing if issue.node_id]
            for batch in self._served(node_ids, untold):
                for found in batch.issues:
                    yield self._settled(unsettled.pop(found.asked_node_id), found, batch.date)
                for node in batch.missing:
                    if node.reason in KIND_OF_NODE and node.node_id:
                        kind = KIND_OF_NODE[node.reason]
                        yield Departure(unsettled.pop(node.node_id), kind, "nodes", batch.date)
                    elif node.reason != "not_found":
                        untold.add(node.node_id)
        for issue in unsettled.values():
            yield self._probe_rest(issue, at_404="undecided" if issue.node_id in untold else "unknown")

    def _served(self, node_ids: Sequence[str], untold: set[str | None]) -> Iterator[LifecycleBatch]:
        """What GraphQL serves of the issues; where that is none, all that are not settled are `untold`."""
        try:
            yield from self._lifecycles.by_ids(node_ids)
        except NoneServed:
            untold.update(node_ids)

    def _settled(self, issue: MissingIssue, found: IssueLifecycle, date: datetime) -> Departure:
        told = decode(found.payload, _IssueEvents, self._issues_url)
        # An issue that went elsewhere and was brought back is another one here, with an id of its own.
        if found.repository_id == self._repository_id and found.issue_id in (None, issue.issue_id):
            converted_at = _converted_at(told) if found.is_complete else None
            kind: Kind = "converted" if converted_at else "present"
            return Departure(issue, kind, "nodes", date, converted_at, None, found.payload)
        target = f"{found.repository_full_name}#{found.issue_number}"
        left_at = self._left_at(told)
        return Departure(issue, "transferred_out", "nodes", date, left_at, target, found.payload)

    def _left_at(self, told: _IssueEvents) -> datetime | None:
        """When it was last transferred; of several transfers, the one that left this repository."""
        moves = [(at, event) for at, event in told.dated_events if event.typename == "TransferredEvent"]
        from_here = [
            (at, event)
            for at, event in moves
            if event.from_repository and event.from_repository.database_id == self._repository_id
        ]
        return max((at for at, _ in from_here or moves), default=None)

    def _probe_rest(self, issue: MissingIssue, at_404: Kind) -> Departure:
        reply = self._transport.get(f"{self._issues_url}/{issue.issue_number}", self._repo, follow=False)
        if reply.status in REDIRECTS and _place_in(reply) == (self._repository_id, issue.issue_number):
            # The repository was renamed; the issue may be anywhere. One brought back has another number.
            reply = self._transport.get(reply.location, self._repo, follow=False)
        evidence = f"rest_{301 if reply.status in REDIRECTS else reply.status}"
        if reply.status in REDIRECTS:
            target = self._target(reply)
            return Departure(issue, "transferred_out", evidence, reply.date, None, target, reply.content)
        if reply.status == 410 and "disabled" in reply.message.lower():
            raise IssuesDisabled(f"{self._repo} has its issues disabled; take it off the watch list")
        at_200: Kind = "present" if _is_of(reply.content, issue) else "undecided"
        kinds: dict[int, Kind] = {200: at_200, 404: at_404, 410: "deleted"}
        return Departure(
            issue, kinds.get(reply.status, "undecided"), evidence, reply.date, payload=reply.content
        )

    def _target(self, moved: Reply) -> str | None:
        """owner/name#n of the issue's new place, where this token may see it."""
        reply = self._transport.get(moved.location, self._repo)
        if reply.status != 200:
            return None
        target = decode(reply.content, _Target, reply.url)
        name = REPOSITORY_OF.search(target.repository_url)
        return f"{name.group(1)}#{target.number}" if name else None


def _is_of(content: bytes, issue: MissingIssue) -> bool:
    """Whether an answer is the issue that was asked for: a proxy or a cache may say 200 to anything."""
    try:
        found = msgspec.json.decode(content, type=_Numbered)
    except msgspec.DecodeError:
        return False
    return (found.id, found.number) == (issue.issue_id, issue.issue_number)


def _converted_at(told: _IssueEvents) -> datetime | None:
    """When an issue became a discussion, where that is what closed it.

    Converting leaves an issue closed without a `closed` event. One that is open, or was closed or reopened
    since, shows a conversion that was undone.
    """
    events = told.dated_events if told.state == "CLOSED" else []
    return events[-1][0] if events and events[-1][1].typename == "ConvertedToDiscussionEvent" else None


def _place_in(moved: Reply) -> tuple[int, int] | None:
    """The repository's id and the number that a redirect leads to."""
    found = MOVED_TO.search(moved.location)
    return (int(found.group(1)), int(found.group(2))) if found else None
