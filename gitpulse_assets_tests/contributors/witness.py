"""What the stand-in GitHub showed and when, written down as it answered: nobody could have known more.

It may also end a run in the middle of a request.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from gitpulse_assets.sandbox.app import SandboxApp
from gitpulse_assets.sandbox.faults import Fault
from gitpulse_assets.sandbox.messages import Request, Response
from gitpulse_assets.sandbox.model import node_id
from gitpulse_assets.sandbox.thread_acts import Fact


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


@dataclass
class Witness:
    """Stands between a reader and the stand-in; `requests_left`: how many it lets pass before it kills.

    `records`: what records showed, by issue id; `conversations`: when a thread's was told, by node id.
    """

    app: SandboxApp
    requests_left: int | None = None
    looks: list[Look] = field(default_factory=list[Look])
    label_names: dict[int, str] = field(default_factory=dict[int, str])
    records: dict[int, list[Shown]] = field(default_factory=dict[int, list[Shown]])
    conversations: dict[str, list[int]] = field(default_factory=dict[str, list[int]])
    node_ids: dict[int, str] = field(default_factory=dict[int, str])

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
        response, fault = self._answer(request)
        self._write_down(request, response)
        return response, fault

    def _write_down(self, request: Request, response: Response) -> None:
        at = self.app.world.clock
        if request.path.endswith("/members"):
            unchanged = self.looks[-1].user_ids if self.looks else frozenset[int]()
            people = json.loads(response.body) if response.status == 200 else None
            ids = unchanged if people is None else frozenset(one["id"] for one in people)
            self.looks.append(Look(at, ids))
        elif response.status == 200 and request.path.endswith("/issues"):
            for record in json.loads(response.body):
                self._record(at, record)
        elif response.status == 200 and request.path.endswith("/graphql"):
            for node in named_nodes(json.loads(response.body)):
                self._node(at, node)

    def _record(self, at: int, record: dict[str, Any]) -> None:
        names = {label["id"]: label["name"] for label in record["labels"]}
        self.label_names |= names
        self.node_ids[record["id"]] = record["node_id"]
        self.records.setdefault(record["id"], []).append(Shown(at, frozenset(names)))

    def _node(self, at: int, node: dict[str, Any]) -> None:
        if label_id := self._label_ids.get(node["id"]):
            self.label_names[label_id] = node["name"]
        elif node.get("timelineItems"):
            self.conversations.setdefault(node["id"], []).append(at)

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
