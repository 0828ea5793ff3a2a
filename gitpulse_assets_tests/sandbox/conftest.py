"""Small worlds, served, clients for them, and GitHub's own OpenAPI description as a validator."""

import asyncio
import gzip
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest

from gitpulse_assets.sandbox.acts import Acts
from gitpulse_assets.sandbox.app import SandboxApp
from gitpulse_assets.sandbox.cast import make_labels
from gitpulse_assets.sandbox.history import generate
from gitpulse_assets.sandbox.model import User
from gitpulse_assets.sandbox.plan import HistoryPlan
from gitpulse_assets.sandbox.times import parse_iso
from gitpulse_assets.sandbox.world import World

NAME = "Octo-Org/Hello"
BASE_URL = "http://sandbox.test"
PLAN = HistoryPlan(
    NAME,
    issue_count=300,
    day_count=200,
    former_names=("octo-org/old-hello",),
    transferred_in_share=0.03,
    transferred_out_share=0.03,
    deleted_share=0.03,
    converted_share=0.05,
    hidden_share=0.03,
)


@pytest.fixture
def world() -> World:
    """A world with one repository, Octo-Org/Hello, that was renamed from octo-org/old-hello."""
    return generate([PLAN])


class Direct(httpx.BaseTransport):
    """Hands requests to the application without a socket between."""

    def __init__(self, app: SandboxApp) -> None:
        self.app = app

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        scope = {
            "type": "http",
            "method": request.method,
            "path": request.url.path,
            "query_string": request.url.query,
            "headers": request.headers.raw,
            "scheme": "http",
        }
        body = request.read()
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        asyncio.run(self.app(scope, receive, send))
        return httpx.Response(sent[0]["status"], headers=sent[0]["headers"], content=sent[1]["body"])


@pytest.fixture
def app(world: World) -> SandboxApp:
    """The application that serves the world."""
    return SandboxApp(world)


@pytest.fixture
def client(app: SandboxApp) -> Iterator[httpx.Client]:
    """A client with a token."""
    headers = {"authorization": "Bearer good-token", "user-agent": "tests"}
    with httpx.Client(base_url=BASE_URL, headers=headers, transport=Direct(app)) as client:
        yield client


@pytest.fixture
def anonymous(app: SandboxApp) -> Iterator[httpx.Client]:
    """A client without a token."""
    with httpx.Client(base_url=BASE_URL, headers={"user-agent": "tests"}, transport=Direct(app)) as client:
        yield client


@pytest.fixture
def graphql(client: httpx.Client) -> Callable[..., dict[str, Any]]:
    """Run a query and return the whole answer."""

    def run(query: str, **variables: Any) -> dict[str, Any]:
        answer = client.post("/graphql", json={"query": query, "variables": variables})
        assert answer.status_code == 200, answer.text
        return answer.json()

    return run


class Script:
    """A hand-made repository: acts at times given as ISO text, on a world whose clock is 2026-06-30."""

    def __init__(self, full_name: str = "octo/scripted") -> None:
        self.world = World()
        self.acts = self.world.add_repository(full_name)
        self.acts.repository.labels = make_labels(1, self.acts.repository.repository_id)
        self.author = User(1, "author", "User", "U_1")

    def open(self, at: str):
        return self.acts.open(parse_iso(at), self.author, "Title")

    def at(self, act: Callable[..., Any], issue: Any, at: str, *rest: Any, **options: Any) -> Any:
        return act(issue, parse_iso(at), *rest, **options)

    def neighbour(self, full_name: str) -> Acts:
        return self.world.add_repository(full_name)


@pytest.fixture
def script() -> Script:
    """An empty repository to act on by hand."""
    return Script()


@pytest.fixture(scope="session")
def openapi(github_spec: Path) -> Callable[[str, Any], None]:
    """Validate a value against a component schema of GitHub's OpenAPI description."""
    with gzip.open(next(github_spec.glob("*openapi*.json.gz"))) as file:
        spec = json.load(file)
    schemas = {name: _json_schema(schema) for name, schema in spec["components"]["schemas"].items()}
    validators: dict[str, Any] = {}

    def validate(name: str, value: Any) -> None:
        if name not in validators:
            root = {"$ref": f"#/components/schemas/{name}", "components": {"schemas": schemas}}
            validators[name] = jsonschema.Draft7Validator(root)
        validators[name].validate(value)

    return validate


def _json_schema(node: Any) -> Any:
    """Turn OpenAPI 3.0's `nullable` into JSON Schema."""
    if isinstance(node, list):
        return [_json_schema(item) for item in node]
    if not isinstance(node, dict):
        return node
    kept = {key: _json_schema(value) for key, value in node.items() if key not in ("nullable", "example")}
    return {"anyOf": [{"type": "null"}, kept]} if node.get("nullable") is True else kept
