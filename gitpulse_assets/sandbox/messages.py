"""A request as the stand-in reads it and an answer before it is sent; how they travel is `app`'s work."""

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

DOCUMENTATION_URL = "https://docs.github.com/rest"
JSON_TYPE = "application/json; charset=utf-8"
# GitHub Enterprise Server serves REST below this path, and GraphQL at /api/graphql.
ENTERPRISE_PREFIX = "/api/v3"


@dataclass(frozen=True)
class Request:
    """`origin` is what an absolute URL on this server starts with, an Enterprise prefix included."""

    method: str
    path: str
    query_string: str
    headers: dict[str, str]
    origin: str
    body: bytes = b""

    @property
    def target(self) -> str:
        """Path and query, as faults match them and the log shows them."""
        return f"{self.path}?{self.query_string}" if self.query_string else self.path

    @property
    def query(self) -> dict[str, str]:
        """The query's parameters; of a repeated one the last counts."""
        return dict(parse_qsl(self.query_string, keep_blank_values=True))

    @property
    def token(self) -> str:
        """The token, "" without one."""
        _, _, token = self.headers.get("authorization", "").partition(" ")
        return token.strip()


def graphql_query(body: bytes) -> tuple[str, dict[str, Any]]:
    """Read a query's text and variables; raises ValueError, as GitHub words it, where there is none."""
    content = json.loads(body)
    text = content.get("query") if isinstance(content, dict) else None
    if not isinstance(text, str):
        raise ValueError("A query attribute must be specified and must be a string.")
    return text, dict(content.get("variables") or {})


@dataclass
class Response:
    """A whole answer; `is_free` when it costs nothing of the quota."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = JSON_TYPE
    is_free: bool = False
    cost: int = 1


@dataclass(frozen=True)
class Served:
    """One line of the log; `status` 0 when the connection was broken on purpose.

    `asked`: GraphQL's name of what was asked and a digest of it, to tell a question asked twice from another;
    empty where nothing was sent.
    """

    method: str
    target: str
    status: int
    cost: int
    token: str
    asked: str = ""


def json_response(status: int, content: object, headers: dict[str, str] | None = None) -> Response:
    """An answer with compact JSON."""
    body = json.dumps(content, separators=(",", ":"), ensure_ascii=False).encode()
    return Response(status, body, headers or {})


def problem(status: int, message: str, documentation_url: str = DOCUMENTATION_URL) -> Response:
    """GitHub's error answer."""
    return json_response(
        status, {"message": message, "documentation_url": documentation_url, "status": str(status)}
    )


def not_found() -> Response:
    """GitHub's 404, which says nothing about the reason."""
    return problem(404, "Not Found")
