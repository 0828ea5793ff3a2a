"""What is done to every request before a route sees it: HEAD, and the path below which the site is seen."""

from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send


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
            await RedirectResponse(f"{self._root}/")(scope, receive, send)
        elif self._root and path.startswith(f"{self._root}/"):
            await self._app({**scope, "path": path.removeprefix(self._root)}, receive, send)
        else:
            await self._app(scope, receive, send)
