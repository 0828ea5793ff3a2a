"""What the stand-in GitHub showed and when, written down as it answered: nobody could have known more.

It may also end a run in the middle of a request.
"""

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from gitpulse_assets.sandbox.app import SandboxApp
from gitpulse_assets.sandbox.faults import Fault
from gitpulse_assets.sandbox.messages import Request, Response
from gitpulse_assets.sandbox.model import node_id
from gitpulse_assets.sandbox.thread_acts import Fact

Source = Literal["issues", "issue_timeline", "looks"]
Entry = tuple[Literal["issue", "comment", "review", "review_comment"], int]
# What has an association, by where a list of it is or its type in GraphQL.
LISTED = {"/issues": "issue", "/issues/comments": "comment", "/pulls/comments": "review_comment"}
TYPES = {"IssueComment": "comment", "PullRequestReview": "review"}


class Killed(BaseException):
    """The process is gone in the middle of a request."""


@dataclass(frozen=True)
class Shown:
    """The labels that a record had on, at `at` (Unix seconds)."""

    at: int
    label_ids: frozenset[int]


@dataclass(frozen=True)
class Look:
    """A list of an organisation's members as it was served."""

    at: int
    user_ids: frozenset[int]


@dataclass(frozen=True)
class Named:
    """What a label was called, at `at`, by an answer of the kind `source`."""

    at: int
    source: Source
    label_id: int
    name: str


@dataclass
class Witness:
    """Stands between a reader and the stand-in; `requests_left`: how many more it lets pass before it kills;
    `request_count`: how many it let pass.

    `records`: what records showed, by issue id; `conversations`: when a thread's was told, by node id;
    `associations`: what each entry's was when it was shown first. The look at the newest record, by which a
    reader learns whether there is anything to read, shows nothing else.
    """

    app: SandboxApp
    requests_left: int | None = None
    request_count: int = 0
    looks: list[Look] = field(default_factory=list[Look])
    names: list[Named] = field(default_factory=list[Named])
    records: dict[int, list[Shown]] = field(default_factory=dict[int, list[Shown]])
    conversations: dict[str, list[int]] = field(default_factory=dict[str, list[int]])
    node_ids: dict[int, str] = field(default_factory=dict[int, str])
    associations: dict[Entry, str] = field(default_factory=dict[Entry, str])

    def __post_init__(self) -> None:
        self._answer, self.app.answer = self.app.answer, self.answer  # type: ignore[method-assign]
        # A label that is deleted is shown by conversations.
        self._label_ids = {
            node_id("LA", acts.repository.repository_id, fact.subject_id): fact.subject_id
            for acts in self.app.world.acts.values()
            for fact in acts.facts
            if "label" in fact.kind
        }

    def answer(self, request: Request) -> tuple[Response, Fault | None]:
        """Let a request pass, and write down what came of it."""
        if self.requests_left == 0:
            raise Killed
        if self.requests_left is not None:
            self.requests_left -= 1
        self.request_count += 1
        response, fault = self._answer(request)
        self._write_down(request, response)
        return response, fault

    def _write_down(self, request: Request, response: Response) -> None:
        at = self.app.world.clock
        self._write_down_associations(request, response)
        if request.path.endswith("/members"):
            unchanged = self.looks[-1].user_ids if self.looks else frozenset[int]()
            people = json.loads(response.body) if response.status == 200 else None
            ids = unchanged if people is None else frozenset(one["id"] for one in people)
            self.looks.append(Look(at, ids))
        elif response.status == 200 and request.path.endswith("/issues") and not is_probe(request):
            for record in json.loads(response.body):
                self._record(at, record)
        elif response.status == 200 and request.path.endswith("/graphql"):
            for node in named_nodes(json.loads(response.body)):
                self._node(at, node)

    def _write_down_associations(self, request: Request, response: Response) -> None:
        kind = next((LISTED[end] for end in reversed(LISTED) if request.path.endswith(end)), None)
        if response.status != 200 or not (kind or request.path.endswith("/graphql")):
            return
        told = json.loads(response.body)
        if kind:
            for one in told:
                self.associations.setdefault((kind, one["id"]), one["author_association"])  # type: ignore[arg-type]
            return
        for node in named_nodes(told):
            if kind := TYPES.get(node.get("__typename", "")):
                entry = (kind, int(node["fullDatabaseId"]))
                self.associations.setdefault(entry, node["authorAssociation"])  # type: ignore[arg-type]

    def _record(self, at: int, record: dict[str, Any]) -> None:
        names = {label["id"]: label["name"] for label in record["labels"]}
        self.names += [Named(at, "issues", label_id, name) for label_id, name in names.items()]
        self.node_ids[record["id"]] = record["node_id"]
        self.records.setdefault(record["id"], []).append(Shown(at, frozenset(names)))

    def _node(self, at: int, node: dict[str, Any]) -> None:
        if label_id := self._label_ids.get(node["id"]):
            self.names.append(Named(at, "issue_timeline", label_id, node["name"]))
        elif node.get("timelineItems"):
            self.conversations.setdefault(node["id"], []).append(at)

    @property
    def label_names(self) -> dict[int, str]:
        """What each label was called last."""
        return {named.label_id: named.name for named in self.names}

    def take_back(self, at: int, lost: Collection[Source]) -> None:
        """Forget what of these kinds was shown at `at`: to a run that died before it had kept them."""
        self.names = [named for named in self.names if named.at != at or named.source not in lost]
        if "looks" in lost:
            self.looks = [look for look in self.looks if look.at != at]
        if "issues" in lost:
            self.records = {
                key: [one for one in shown if one.at != at] for key, shown in self.records.items()
            }
        if "issue_timeline" in lost:
            self.conversations = {
                key: [one for one in told if one != at] for key, told in self.conversations.items()
            }

    def has_shown(self, issue_id: int, label_id: int) -> bool:
        """Whether a record had the label on."""
        return any(label_id in shown.label_ids for shown in self.records.get(issue_id, []))

    def noticed_at(self, begun: Fact, ended: Fact) -> int | None:
        """When both were known, that a label was put on and that it is not on any more; None: never."""
        records = self.records.get(ended.issue_id, [])
        off = [one.at for one in records if one.at >= ended.at and ended.subject_id not in one.label_ids]
        told = self.conversations.get(self.node_ids.get(ended.issue_id, ""), [])
        on = [at for at in told if at >= begun.at]
        return max(off[0], on[0]) if off and on else None

    def last_read(self, issue_id: int) -> int | None:
        """When a thread was read last, its record and its conversation."""
        told = self.conversations.get(self.node_ids.get(issue_id, ""), [])
        return max(told, default=None)


def is_probe(request: Request) -> bool:
    """Whether somebody asks for the newest record alone."""
    return "per_page=1" in request.query_string.split("&")


def named_nodes(answer: Any) -> Iterator[dict[str, Any]]:
    """Every object with an id in an answer."""
    if isinstance(answer, dict):
        if isinstance(answer.get("id"), str):
            yield answer
        for part in answer.values():
            yield from named_nodes(part)
    elif isinstance(answer, list):
        for part in answer:
            yield from named_nodes(part)
