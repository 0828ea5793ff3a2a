"""What holds a declared stream to the standard suite: GitHub as far as the stream asks it, and its runs.

One kind of walk for each kind of source: a stream of a new kind needs one before `test_streams.py`, which has
what is proven, lets it pass.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import httpx
import pyarrow as pa
from pydantic import SecretStr

from gitpulse_assets.chosen import CONTRIBUTORS, chosen_subjects
from gitpulse_assets.collect.issue_events import collect_events
from gitpulse_assets.collect.lifecycle import collect_lifecycles
from gitpulse_assets.collect.lists import collect_list, plan_walk
from gitpulse_assets.collect.repository import collect_repository
from gitpulse_assets.collect.session import Session
from gitpulse_assets.contracts.bronze import ISSUES, record_table
from gitpulse_assets.contracts.model import Column
from gitpulse_assets.contracts.sources import GraphWalk, OneAnswer, RestList
from gitpulse_assets.contracts.stream import Stream
from gitpulse_assets.github.client import GitHubClient
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.lake.manifest import ManifestRow
from gitpulse_assets.repo import Repo
from gitpulse_assets.streams.issues import EVENT_STREAM

REPO = Repo("octo", "demo")
API_URL = "https://api.test"
BEGAN_AT = datetime(2026, 3, 1, tzinfo=UTC)
CAPPED = {"message": "In order to keep the API fast, pagination is limited for this resource."}

# A list that the product has not, so that the suite holds of what comes.
MILESTONES = Stream(
    record_table(
        "milestones",
        "Every milestone as received.",
        Column("milestone_id", pa.int64(), "The record's `id`; null where it has no usable one."),
    ),
    RestList(
        "/milestones",
        whole={"sort": "created", "direction": "asc"},
        changed={"sort": "updated", "direction": "asc"},
    ),
    noun="list of milestones",
    columns={"milestone_id": lambda head: head.id},
    key="milestone_id",
)


def moment(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass
class Server(ABC):
    """GitHub as far as one stream asks it, a hundred records a page; `fail` answers a page in its stead."""

    records: list[dict[str, Any]]
    now: datetime = BEGAN_AT + timedelta(days=60)
    asked: list[int] = field(default_factory=list)
    fail: Callable[[int], httpx.Response | None] = lambda _: None

    def __call__(self, request: httpx.Request) -> httpx.Response:
        page = self.page_of(request)
        self.asked.append(page)
        return self.fail(page) or self.answer(request, page)

    @abstractmethod
    def page_of(self, request: httpx.Request) -> int:
        """Which page is asked for, from 1."""

    @abstractmethod
    def answer(self, request: httpx.Request, page: int) -> httpx.Response:
        """That page."""

    @property
    def date(self) -> dict[str, str]:
        return {"date": self.now.strftime("%a, %d %b %Y %H:%M:%S GMT")}

    def reply(self, request: httpx.Request, content: object, **headers: str) -> httpx.Response:
        """What was asked for with its ETag, or that it has not changed."""
        body = json.dumps(content).encode()
        headers |= self.date | {"etag": f'"{hash(body)}"'}
        if request.headers.get("if-none-match") == headers["etag"]:
            return httpx.Response(304, headers=headers)
        return httpx.Response(200, headers=headers, content=body)


class ListServer(Server):
    """A list in the order asked for; one that takes none is by id, the newest first."""

    def page_of(self, request: httpx.Request) -> int:
        """The page asked for; 0 for a look at what stands last in a walk."""
        return 0 if request.url.params.get("direction") == "desc" else int(request.url.params.get("page", 1))

    def answer(self, request: httpx.Request, page: int) -> httpx.Response:
        asked, page = request.url.params, max(page, 1)
        size = int(asked["per_page"])
        found = self.in_order(asked)
        links = {"next": page + 1, "last": -(-len(found) // size)} if page * size < len(found) else {}
        there = request.url.copy_set_param
        told = [f'<{there("page", number)}>; rel="{name}"' for name, number in links.items()]
        headers = {"link": ", ".join(told)} if told else {}
        return self.reply(request, found[(page - 1) * size : page * size], **headers)

    def in_order(self, asked: httpx.QueryParams) -> list[dict[str, Any]]:
        """All records of the list asked for."""
        if "sort" not in asked:
            return sorted(self.records, key=lambda one: str(one.get("id")), reverse=True)
        at = f"{asked['sort']}_at"
        found = [one for one in self.records if one.get(at, "") >= asked.get("since", "")]
        found.sort(key=lambda one: (one.get(at, ""), str(one.get("id"))))
        return found[::-1] if asked["direction"] == "desc" else found


class GraphServer(Server):
    """A connection, gone on with behind the number of records that a cursor names."""

    def page_of(self, request: httpx.Request) -> int:
        return int(json.loads(request.content)["variables"]["after"] or 0) // 100 + 1

    def answer(self, request: httpx.Request, page: int) -> httpx.Response:
        end = min(page * 100, len(self.records))
        more = {"hasNextPage": end < len(self.records), "endCursor": str(end)}
        found = {"pageInfo": more, "nodes": self.records[page * 100 - 100 : end]}
        return self.reply(request, {"data": {"rateLimit": {"cost": 1}, "repository": {"issues": found}}})


class IdServer(Server):
    """Records by the node ids that are asked for, a hundred of them at once."""

    def page_of(self, request: httpx.Request) -> int:
        first = json.loads(request.content)["variables"]["ids"][0]
        return int(first.removeprefix("I_")) // 100 + 1

    def answer(self, request: httpx.Request, page: int) -> httpx.Response:
        known = {record["id"]: record for record in self.records}
        nodes = [known[node_id] for node_id in json.loads(request.content)["variables"]["ids"]]
        return self.reply(request, {"data": {"rateLimit": {"cost": 1}, "nodes": nodes}})


class AnswerServer(Server):
    """One answer."""

    def page_of(self, request: httpx.Request) -> int:
        return 1

    def answer(self, request: httpx.Request, page: int) -> httpx.Response:
        return self.reply(request, self.records[0])


@dataclass
class Walks(ABC):
    """A lake, and runs of which each walks one stream; how the kinds of source differ stands here.

    `is_paged`: of several pages. `is_told_apart`: what a walk lacks is known record by record, so that it
    goes on from no earlier run. `pages_back`: how many pages before the one it lacks a walk goes on at.
    `poisons`: what a record may be like that cannot be used.
    """

    stream: Stream
    server: Server
    lake: Lake
    run_count: int = 0
    tokens: ClassVar[tuple[str, ...]] = ()
    is_paged: ClassVar[bool] = True
    is_told_apart: ClassVar[bool] = False
    pages_back: ClassVar[int] = 0
    poisons: ClassVar[tuple[dict[str, Any], ...]] = ()

    @classmethod
    def of(cls, stream: Stream, folder: Path, record_count: int) -> "Walks":
        records = [cls.record(number) for number in range(record_count)]
        return cls(stream, cls.make_server(records), Lake.open(str(folder)))

    @classmethod
    def make_server(cls, records: list[dict[str, Any]]) -> Server:
        return ListServer(records)

    @staticmethod
    def record(number: int) -> dict[str, Any]:
        at = moment(BEGAN_AT + timedelta(hours=number))
        ids = {"id": 1000 + number, "number": number + 1}
        return {**ids, "created_at": at, "updated_at": at, "new_key": [{}]}

    @abstractmethod
    def walk(self, session: Session, *, is_full: bool) -> ManifestRow | None:
        """Walk the stream by the product's own way; return the row it leaves."""

    def client(self) -> GitHubClient:
        return GitHubClient(
            api_url=API_URL,
            graphql_url=f"{API_URL}/graphql",
            tokens=[SecretStr(token) for token in self.tokens],
            http_transport=httpx.MockTransport(self.server),
            sleep=lambda _: None,
        )

    def session(self, client: GitHubClient, lake: Lake | None = None) -> Session:
        return Session(client, lake or self.lake, REPO, f"run-{self.run_count:03}")

    def run(self, *, is_full: bool = False, lake: Lake | None = None, is_again: bool = False) -> ManifestRow:
        """Walk in a new run, or once more in the last one; return its newest row."""
        self.run_count += not is_again
        self.server.asked.clear()
        with self.client() as client:
            self.walk(self.session(client, lake), is_full=is_full)
        return self.rows[-1]

    def elsewhere(self, folder: Path) -> "Walks":
        """The same GitHub, of which nothing is known yet."""
        return type(self)(self.stream, self.server, Lake.open(str(folder)))

    @property
    def rows(self) -> list[ManifestRow]:
        return [row for row in self.lake.manifest(REPO).rows() if row.stream == self.stream.name]

    def received(self, *rows: ManifestRow) -> list[dict[str, Any]]:
        """What the rows count, in the order of their batches."""
        batches = [(row.run_id, range(1, row.batch_count + 1)) for row in rows]
        return self.lake.bronze_dataset(self.stream.bronze, REPO, batches).to_table().to_pylist()

    def texts(self, *rows: ManifestRow) -> list[str]:
        """The bytes of the records that the rows count."""
        return [one["payload_json"] for one in self.received(*rows)]

    def payloads(self, *rows: ManifestRow) -> list[dict[str, Any]]:
        """The records that the rows count, as they were received."""
        return [json.loads(text) for text in self.texts(*rows)]

    def has_all(self) -> bool:
        """Whether every record is stored and counts."""
        brought = {str(one["id"]) for one in self.payloads(*self.rows)}
        return brought == {str(record["id"]) for record in self.server.records}


class ChangeWalks(Walks):
    """Of a list that tells what changed since."""

    poisons = ({"id": "no number"}, {"id": 12, "updated_at": "2026-03-01T99:00:00Z"})

    def walk(self, session: Session, *, is_full: bool) -> ManifestRow:
        return collect_list(session, plan_walk(session, self.stream, is_full=is_full))


class EventWalks(Walks):
    """Of the issue events, the newest first."""

    pages_back = 1
    poisons = ({"id": "no number"}, {"id": 1200, "issue": "none"})

    @staticmethod
    def record(number: int) -> dict[str, Any]:
        at = moment(BEGAN_AT + timedelta(hours=number))
        issue = {"id": 7, "number": 1}
        return {"id": 1000 + number, "event": "closed", "created_at": at, "issue": issue, "new_key": [{}]}

    def walk(self, session: Session, *, is_full: bool) -> ManifestRow:
        return collect_events(session, is_full=is_full)


class LifecycleWalks(Walks):
    """Of what GraphQL tells of every issue."""

    tokens = ("good-token",)
    poisons = ({"timelineItems": None},)

    @classmethod
    def make_server(cls, records: list[dict[str, Any]]) -> Server:
        return GraphServer(records)

    @staticmethod
    def record(number: int) -> dict[str, Any]:
        return {
            "__typename": "Issue",
            "id": f"I_{number}",
            "fullDatabaseId": str(1000 + number),
            "number": number + 1,
            "repository": {"databaseId": 7, "nameWithOwner": "octo/demo"},
            "timelineItems": {"pageInfo": {"hasNextPage": False, "endCursor": None}, "nodes": []},
            "newKey": [{}],
        }

    def walk(self, session: Session, *, is_full: bool) -> ManifestRow | None:
        return collect_lifecycles(session, 7, self.server.now, is_full=is_full)


@dataclass
class ConversationWalks(LifecycleWalks):
    """Of what GraphQL tells of every issue and pull request that the list has, which was read before."""

    is_told_apart = True

    def __post_init__(self) -> None:
        rows = [listed(record) for record in self.server.records]
        self.lake.batch_writer(ISSUES, REPO, "run-000", batch_count=0).write(
            pa.Table.from_pylist(rows, ISSUES.arrow_schema)
        )
        run = ManifestRow("run-000", REPO.owner, REPO.name, ISSUES.name, "partial", "full", BEGAN_AT)
        self.lake.manifest(REPO).put(replace(run, batch_count=1))

    @classmethod
    def make_server(cls, records: list[dict[str, Any]]) -> Server:
        return IdServer(records)

    @staticmethod
    def record(number: int) -> dict[str, Any]:
        at = moment(BEGAN_AT + timedelta(hours=number))
        return {**LifecycleWalks.record(number), "updatedAt": at, "authorAssociation": "NONE"}


def listed(record: dict[str, Any]) -> dict[str, Any]:
    """The issue list's row of a record that GraphQL tells of."""
    found = {"node_id": record["id"], "number": record["number"], "comments": 0}
    return {
        "run_id": "run-000",
        "repo_owner": REPO.owner,
        "repo_name": REPO.name,
        "page_number": 1,
        "record_number": record["number"],
        "fetched_at": BEGAN_AT,
        "issue_id": int(record["fullDatabaseId"]),
        "issue_updated_at": datetime.fromisoformat(record["updatedAt"]),
        "payload_json": json.dumps(found),
    }


class AnswerWalks(Walks):
    """Of one answer."""

    is_paged = False

    @classmethod
    def make_server(cls, records: list[dict[str, Any]]) -> Server:
        return AnswerServer(records[:1])

    @staticmethod
    def record(number: int) -> dict[str, Any]:
        known = {"id": 7, "full_name": "octo/demo", "open_issues_count": 0, "has_issues": True}
        return {**known, "new_key": [{}]}

    def walk(self, session: Session, *, is_full: bool) -> None:
        collect_repository(session)


def walks_of(stream: Stream) -> type[Walks]:
    """How a stream of its kind is walked; KeyError for one that no suite knows."""
    if stream is EVENT_STREAM:
        return EventWalks
    asked = ConversationWalks if CONTRIBUTORS in chosen_subjects() else LifecycleWalks
    return {RestList: ChangeWalks, GraphWalk: asked, OneAnswer: AnswerWalks}[type(stream.source)]
