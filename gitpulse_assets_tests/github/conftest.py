"""A scripted GitHub behind httpx.MockTransport; no test waits and none needs a network."""

import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import httpx
import pytest
from pydantic import SecretStr

from gitpulse_assets.github.client import GitHubClient
from gitpulse_assets.repo import Repo

API_URL = "https://api.github.test"
TOKEN = "ghp_leakCanary0123456789"
DATE = "Mon, 03 Jun 2024 21:18:53 GMT"


@dataclass
class Script:
    """Answers requests by a handler or from a list, and remembers what was asked and waited for."""

    handler: Callable[[httpx.Request], httpx.Response] | list
    requests: list[httpx.Request] = field(default_factory=list)
    sleeps: list[float] = field(default_factory=list)
    waits: list = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.handler(request) if callable(self.handler) else self.handler.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    @property
    def urls(self) -> list[str]:
        return [str(request.url).removeprefix(API_URL) for request in self.requests]


@pytest.fixture
def token() -> str:
    return TOKEN


@pytest.fixture
def repo() -> Repo:
    return Repo("octo", "demo")


@pytest.fixture
def answer() -> Callable[..., httpx.Response]:
    """Build a response as GitHub sends it: `answer([...], link=..., etag=...)`."""

    def build(content: object = None, status: int = 200, **headers: str) -> httpx.Response:
        named = {"date": DATE} | {name.replace("_", "-"): value for name, value in headers.items()}
        if isinstance(content, bytes):
            return httpx.Response(status, headers=named, content=content)
        return httpx.Response(status, headers=named, json=content)

    return build


@pytest.fixture
def script() -> Callable[..., tuple[GitHubClient, Script]]:
    """Build a client and the script that answers it: `client, calls = script([...answers])`."""

    def build(handler: object, tokens: tuple[str, ...] = (TOKEN,), **options: object):
        calls = Script(handler)  # type: ignore[arg-type]
        client = GitHubClient(
            api_url=API_URL,
            graphql_url=f"{API_URL}/graphql",
            tokens=[SecretStr(token) for token in tokens],
            http_transport=httpx.MockTransport(calls),
            sleep=calls.sleeps.append,
            on_wait=calls.waits.append,
            **options,  # type: ignore[arg-type]
        )
        return client, calls

    return build


@pytest.fixture
def raw_server() -> Iterator[Callable[[list[bytes | None]], str]]:
    """Serve given bytes, one text a connection (None: silence), on a free local port; returns the address."""
    listener = socket.create_server(("127.0.0.1", 0))
    kept: list[socket.socket] = []

    def serve(texts: list[bytes | None]) -> None:
        for text in texts:
            connection, _ = listener.accept()
            if text is None:
                kept.append(connection)
                continue
            connection.recv(65536)
            connection.sendall(text)
            connection.close()

    def start(texts: list[bytes | None]) -> str:
        threading.Thread(target=serve, args=(texts,), daemon=True).start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}"

    yield start
    for connection in [*kept, listener]:
        connection.close()
