"""What is done to every request before a route sees it: its Host, HEAD, the path the site is seen below."""

import re
from collections.abc import Collection, Mapping

from starlette.datastructures import Headers
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gitpulse_assets.serve.problems import problem

HOST = re.compile(r"(\[[0-9a-f:.]+\]|[^\s:@/\[\]]+)(?::\d*)?", re.IGNORECASE)


class KnownHosts:
    """Answers requests for these host names alone, others by a problem with `headers`.

    Starlette's own middleware refuses in plain text.
    """

    def __init__(self, app: ASGIApp, hosts: Collection[str], headers: Mapping[str, str]) -> None:
        self._app, self._hosts, self._headers = app, frozenset(hosts), headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI scope."""
        if scope["type"] == "lifespan" or self._knows(Headers(scope=scope).get("host", "")):
            await self._app(scope, receive, send)
            return
        detail = (
            f"this server is not known by that name; ask {', '.join(sorted(self._hosts))}, or set "
            "FORWARDED_ALLOW_IPS to the proxy in front of it"
        )
        await problem(400, detail, dict(self._headers))(scope, receive, send)

    def _knows(self, host: str) -> bool:
        found = HOST.fullmatch(host)
        return found is not None and found[1].lower() in self._hosts


class AnswerHead:
    """Answers HEAD as GET, without the body (RFC 9110, 9.3.2); FastAPI's routes know GET alone."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI scope."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def send_head(message: Message) -> None:
            await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

        await self._app({**scope, "method": "GET"}, receive, send_head)


class BelowRoot:
    """Serves the site below `root` (`/backlog`, or empty), whether or not a proxy takes that off before."""

    def __init__(self, app: ASGIApp, root: str) -> None:
        self._app, self._root = app, root

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI scope."""
        path = scope.get("path", "")
        if self._root and path == self._root:
            # A shared address keeps its filters, which stand in its query.
            query = scope.get("query_string", b"").decode("latin-1")
            target = f"{self._root}/?{query}" if query else f"{self._root}/"
            await RedirectResponse(target)(scope, receive, send)
        elif self._root and path.startswith(f"{self._root}/"):
            await self._app({**scope, "path": path.removeprefix(self._root)}, receive, send)
        else:
            await self._app(scope, receive, send)
