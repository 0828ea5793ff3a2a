"""The stand-in GitHub as an ASGI application: tokens, quotas, ETags, faults and the log of what was served.

What is in an answer is decided by `routes` and `graphql_api`.
"""

import asyncio
import hashlib
import json
import re
import time
from collections.abc import Awaitable, Callable, MutableMapping
from datetime import datetime
from typing import Any

from gitpulse_assets.sandbox.control import CONTROL_PREFIX, control
from gitpulse_assets.sandbox.delivery import send_response
from gitpulse_assets.sandbox.faults import Fault, first_striking
from gitpulse_assets.sandbox.graphql_api import GraphQLApi
from gitpulse_assets.sandbox.hour_files import ARCHIVE_PREFIX, hour_file
from gitpulse_assets.sandbox.installations import Installations
from gitpulse_assets.sandbox.limits import ANONYMOUS, Limits, Quota, SecondaryLimits
from gitpulse_assets.sandbox.list_faults import ListFaults
from gitpulse_assets.sandbox.listing import Listings
from gitpulse_assets.sandbox.messages import (
    ENTERPRISE_PREFIX,
    Request,
    Response,
    Served,
    json_response,
    problem,
)
from gitpulse_assets.sandbox.older_server import without_keys
from gitpulse_assets.sandbox.privacy import Privacy
from gitpulse_assets.sandbox.routes import EVENT_ROWS_MAX, Routes, asked_size
from gitpulse_assets.sandbox.times import http_date
from gitpulse_assets.sandbox.world import World
from gitpulse_assets.sandbox.writing import is_writing, written

API_VERSIONS = ("2022-11-28", "2026-03-10")
GRAPHQL_PATHS = ("/graphql", "/api/graphql")
OPERATION = re.compile(rb"query (\w+)")
SECONDARY_LIMIT = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
HTML = (
    "<!DOCTYPE html><html><head><title>Unicorn!</title></head><body>We are doing maintenance.</body></html>"
)

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class SandboxApp:
    """Serves one world; `faults`, `limits` and `lost_hours`, of which its archive has no file, may be
    changed and `log` read while it is served."""

    def __init__(
        self,
        world: World,
        *,
        limits: Limits | None = None,
        faults: list[Fault] | None = None,
        event_rows_max: int = EVENT_ROWS_MAX,
        installations: Installations | None = None,
        privacy: Privacy | None = None,
    ) -> None:
        self.world = world
        self.privacy = privacy or Privacy()
        self.installations = installations or Installations("", "", {})
        self.limits = limits or Limits()
        self._secondary = SecondaryLimits()
        self.faults = faults if faults is not None else []
        self.log: list[Served] = []
        self.lost_hours: set[datetime] = set()
        listings = Listings()
        self._routes = Routes(world, listings, event_rows_max)
        self._graphql = GraphQLApi(world, listings)
        self._list_faults = ListFaults()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one ASGI scope; anything but HTTP is left alone."""
        if scope["type"] != "http":
            return
        request = await _read_request(scope, receive)
        is_too_much = self._secondary.came(time.monotonic(), resource_of(request))
        try:
            await self._serve(request, scope, send, is_refused=is_too_much and self.limits.has_secondary)
        finally:
            self._secondary.ended()

    async def _serve(self, request: Request, scope: Message, send: Send, *, is_refused: bool) -> None:
        fault = None
        with self.world.lock:
            if request.path.startswith(CONTROL_PREFIX):
                response = control(self.world, self.faults, self.log, request)
            elif request.path.startswith(ARCHIVE_PREFIX):
                response = hour_file(self.world, self.lost_hours, request)
            elif is_refused:
                response = self._too_much(request)
            else:
                response, fault = self.answer(request)
        if fault is not None and fault.kind in ("slow", "hang"):
            await asyncio.sleep(fault.seconds if fault.kind == "slow" else 3600)
        await send_response(response, fault, scope, send)

    def answer(self, request: Request) -> tuple[Response, Fault | None]:
        """Answer a request and log it; the fault, if any, that its delivery shall suffer."""
        resource = resource_of(request)
        is_graphql = resource == "graphql"
        node_count = self._graphql.node_count(request.body) if is_graphql else asked_size(request)
        fault = first_striking(self.faults, request.target, node_count, request.token)
        account = self.installations.account(request.token)
        quota = self.limits.quota(account, resource, self.world.clock)
        response = self._failure(fault, quota) or self._of_app(request)
        response = response or self._checked(request, quota, fault, is_graphql=is_graphql)
        cost = 0 if response.is_free else response.cost
        quota.used += cost
        response.headers = self._headers(quota) | response.headers
        status = 0 if fault is not None and fault.kind in ("reset", "hang") else response.status
        asked = _asked(request.body)
        self.log.append(Served(request.method, request.target, status, cost, request.token, asked))
        return response, fault

    def _too_much(self, request: Request) -> Response:
        """The refusal of what is more than a secondary limit allows."""
        response = _free(problem(403, SECONDARY_LIMIT))
        self.log.append(Served(request.method, request.target, 403, 0, request.token))
        account = self.installations.account(request.token)
        quota = self.limits.quota(account, resource_of(request), self.world.clock)
        response.headers = self._headers(quota) | response.headers
        return response

    def _headers(self, quota: Quota) -> dict[str, str]:
        return {
            "date": http_date(self.world.clock),
            "server": "github.com",
            "x-github-media-type": "github.v3; format=json",
            "x-github-api-version-selected": API_VERSIONS[0],
            **(quota.headers() if self.limits.are_on else {}),
        }

    def _failure(self, fault: Fault | None, quota: Quota) -> Response | None:
        """The answer that a fault puts in place of the real one."""
        if fault is None:
            return None
        if fault.kind == "status":
            body = fault.body or json.dumps({"message": "Server Error"})
            return Response(fault.status, body.encode(), dict(fault.headers), is_free=True)
        if fault.kind == "html":
            return Response(200, HTML.encode(), content_type="text/html; charset=utf-8", is_free=True)
        if fault.kind == "secondary_limit":
            response = problem(fault.status if fault.status in (403, 429) else 403, SECONDARY_LIMIT)
            if fault.retry_after_seconds is not None:
                response.headers["retry-after"] = str(fault.retry_after_seconds)
            response.is_free = True
            return response
        if fault.kind == "primary_limit":
            quota.used = quota.limit
        return None

    def _of_app(self, request: Request) -> Response | None:
        """The answer to a GitHub App about itself, which no installation's quota pays for."""
        if not self.installations.app_id:
            return None
        answer = self.installations.answer(request, self.world)
        return answer and _free(answer)

    def _is_refused(self, token: str) -> bool:
        return token.startswith("bad") or self.installations.is_refused(token, self.world.clock)

    def _malformed(self, request: Request, *, is_graphql: bool) -> Response | None:
        """What is wrong with a request, whatever it asks for."""
        if self._is_refused(request.token):
            return _free(problem(401, "Bad credentials"))
        if not request.headers.get("user-agent"):
            return _free(problem(403, "Request forbidden by administrative rules. Please add a User-Agent."))
        version = request.headers.get("x-github-api-version", API_VERSIONS[0])
        if version not in API_VERSIONS:
            return _free(problem(400, f'Version "{version}" is not supported.'))
        if request.method != ("POST" if is_graphql else "GET") and not is_writing(request):
            return _free(problem(404, "Not Found"))
        return None

    def _checked(self, request: Request, quota: Quota, fault: Fault | None, *, is_graphql: bool) -> Response:
        account = self.installations.account(request.token)
        refused = self._malformed(request, is_graphql=is_graphql)
        refused = refused or self.privacy.refusal(request, account, self.world, is_graphql=is_graphql)
        if refused:
            return refused
        if request.path == "/rate_limit":
            return self._rate_limit(account)
        if is_graphql:
            return self._graphql.answer(request, quota, fault)
        if quota.remaining == 0:
            whose = "user ID 1" if request.token else "127.0.0.1"
            return _free(problem(403, f"API rate limit exceeded for {whose}."))
        if is_writing(request):
            return written(request, self.world)
        return self._conditional(request, self._routed(request, account, fault))

    def _routed(self, request: Request, account: str, fault: Fault | None) -> Response:
        answer = self._routes.answer(request, lambda found: self.privacy.sees(account, found))
        response = self._list_faults.applied(answer, request, fault)
        if fault is not None and fault.kind == "older_server":
            response.body = without_keys(response.body, fault.fields)
        return response

    def _conditional(self, request: Request, response: Response) -> Response:
        if response.status != 200:
            return response
        headers = request.headers
        # As observed: the values of both headers, where they are sent, and the body.
        varying = (headers[name] for name in ("accept", "authorization") if name in headers)
        seed = "".join(f"{value}:" for value in varying).encode()
        etag = f'W/"{hashlib.sha256(seed + response.body).hexdigest()}"'
        if etag in headers.get("if-none-match", ""):
            # Without a token a 304 still costs a request.
            return Response(304, b"", {"etag": etag}, is_free=request.token != ANONYMOUS)
        response.headers |= {"etag": etag, "cache-control": "private, max-age=60, s-maxage=60"}
        return response

    def _rate_limit(self, token: str) -> Response:
        if not self.limits.are_on:
            return _free(problem(404, "Rate limiting is not enabled."))
        core, graphql = (
            self.limits.quota(token, resource, self.world.clock) for resource in ("core", "graphql")
        )
        resources = {"core": core.as_json(), "graphql": graphql.as_json(), "search": core.as_json()}
        return _free(json_response(200, {"resources": resources, "rate": core.as_json()}))


def resource_of(request: Request) -> str:
    """By which API a request asks: each has limits of its own."""
    return "graphql" if request.path in GRAPHQL_PATHS else "core"


async def _read_request(scope: Message, receive: Receive) -> Request:
    body, is_more = b"", True
    while is_more:
        message = await receive()
        body += message.get("body", b"")
        is_more = message.get("more_body", False)
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    path = scope["path"]
    prefix = ENTERPRISE_PREFIX if path.startswith(f"{ENTERPRISE_PREFIX}/") else ""
    host = headers.get("host", "127.0.0.1")
    return Request(
        method=scope["method"],
        path=path.removeprefix(prefix),
        query_string=scope["query_string"].decode("latin-1"),
        headers=headers,
        origin=f"{scope.get('scheme', 'http')}://{host}{prefix}",
        body=body,
    )


def _asked(body: bytes) -> str:
    """A question's name and a digest of what was sent, as the log has them."""
    named = OPERATION.search(body)
    return f"{named[1].decode() if named else ''} {hashlib.sha256(body).hexdigest()}" if body else ""


def _free(response: Response) -> Response:
    response.is_free = True
    return response
