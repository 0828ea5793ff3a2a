"""Metabase's HTTP API, the few parts of it that provisioning needs; what is provisioned stands elsewhere."""

from types import TracebackType
from typing import Any, Self

import httpx

from gitpulse_assets.github.connection import open_http

TIMEOUT_SECONDS = 60.0
SITE_NAME = "GitPulse"


class MetabaseError(Exception):
    """Metabase did not do what was asked; str() is one line that says what to do, without the password."""


class Metabase:
    """A session with one Metabase; its first user is made where there is none yet.

    Raises MetabaseError, and UnusableEnvironment where the environment lets no HTTP client be made.
    """

    def __init__(
        self, url: str, email: str, password: str, transport: httpx.BaseTransport | None = None
    ) -> None:
        self._url = url
        self._http = open_http(TIMEOUT_SECONDS, transport, headers={}, base_url=url)
        try:
            self._http.headers["X-Metabase-Session"] = self._begin(email, password)
        except BaseException:
            self._http.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def get(self, path: str, **query: str) -> Any:
        """Ask; raises MetabaseError."""
        return self._send("GET", path, params=query)

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """Make a thing and return it as Metabase has it; raises MetabaseError."""
        return self._send("POST", path, json=body)

    def put(self, path: str, body: dict[str, Any]) -> Any:
        """Change a thing and return it as Metabase has it; raises MetabaseError."""
        return self._send("PUT", path, json=body)

    def _begin(self, email: str, password: str) -> str:
        """Log in, or set a fresh Metabase up with this user; return the session's token."""
        properties = self.get("/api/session/properties")
        token = properties.get("setup-token")
        if token and not properties.get("has-user-setup"):
            user = {"email": email, "password": password, "first_name": "Git", "last_name": "Pulse"}
            user["site_name"] = SITE_NAME
            preferences = {"site_name": SITE_NAME, "allow_tracking": False}
            answer = self.post("/api/setup", {"token": token, "user": user, "prefs": preferences})
        else:
            answer = self.post("/api/session", {"username": email, "password": password})
        return str(answer["id"])

    def _send(self, method: str, path: str, **what: Any) -> Any:
        try:
            response = self._http.request(method, path, **what)
        except httpx.HTTPError as error:
            raise MetabaseError(
                f"GITPULSE_METABASE_URL: {self._url} cannot be reached ({type(error).__name__}); is it up?"
            ) from None
        if path == "/api/session" and response.status_code in (400, 401):
            raise MetabaseError(
                "GITPULSE_METABASE_EMAIL, GITPULSE_METABASE_PASSWORD: not a user and password of Metabase's"
            )
        if not response.is_success:
            raise MetabaseError(
                f"Metabase answered {response.status_code} to {method} {path}: {_told(response)}"
            )
        try:
            return response.json() if response.content else None
        except ValueError:
            raise MetabaseError(
                f"GITPULSE_METABASE_URL: {self._url} answered {path} with something else than JSON"
            ) from None


def _told(response: httpx.Response) -> str:
    return " ".join(response.text.split())[:300] or response.reason_phrase
