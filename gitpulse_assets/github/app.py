"""Authentication as a GitHub App: installation tokens, fetched when they are needed and renewed in time.

A token lives for an hour, in this process only. Which repository is asked for with the App is decided in
tokens.py.
"""

import hashlib
import hmac
import threading
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

import httpx
import msgspec
from pydantic import SecretStr

from gitpulse_assets.github.errors import AnswerUnusable, BadToken, one_line
from gitpulse_assets.repo import Repo

# Under this name a request carries the body its If-None-Match stands for.
KNOWN_BODY = "gitpulse.known_body"
# Five minutes before its end a token is renewed: a request that is repeated for a while must not outlive it.
RENEWAL_MARGIN_SECONDS = 300.0
# GitHub takes ten minutes at most and a JWT of the future not at all; clocks differ by a minute.
JWT_SECONDS = 540
CLOCK_SKEW_SECONDS = 60

Answer = TypeVar("Answer")
Flow = Generator[httpx.Request, httpx.Response, None]


class _Installation(msgspec.Struct):
    id: int


class _AccessToken(msgspec.Struct):
    token: str
    expires_at: datetime


@dataclass(frozen=True)
class KeptToken:
    """An installation token, and until when (by this process's monotonic clock) it is used."""

    value: SecretStr
    renew_at: float


class App:
    """A GitHub App and the tokens of its installations.

    Without `installation_id` it is that of the repository's owner, or the App's first one where that owner
    has none: any installation may read what is public.
    """

    def __init__(
        self,
        app_id: str,
        private_key: SecretStr,
        api_url: str,
        installation_id: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ):
        self.app_id = app_id
        self.name = f"GitHub App {app_id}"
        self._private_key = private_key
        self._api_url = api_url.rstrip("/")
        self._installation_id = installation_id
        self._clock = clock
        self._installations: dict[str, int] = {}
        self._tokens: dict[int, KeptToken] = {}
        self._lock = threading.Lock()

    def auth_for(self, repo: Repo) -> "AppAuth":
        return AppAuth(self, repo)

    def weight(self, repo: Repo) -> bytes:
        """How strongly the App is drawn to a repository; it holds over renewals and new keys."""
        return hmac.digest(f"app:{self.app_id}".encode(), repo.key.encode(), hashlib.sha256)

    def mask(self, text: str) -> str:
        for kept in list(self._tokens.values()):
            text = text.replace(kept.value.get_secret_value(), "[token]")
        return text

    def token(self, repo: Repo) -> Generator[httpx.Request, httpx.Response, KeptToken]:
        """The token for a repository; asks for one where there is none that lasts."""
        with self._lock:
            installation = self._installation_id or (yield from self._installation_of(repo))
            kept = self._tokens.get(installation)
            if kept is None or self._clock() >= kept.renew_at:
                kept = yield from self._renewed(installation)
                self._tokens[installation] = kept
            return kept

    def forget(self, refused: KeptToken) -> None:
        """Use a token no more that GitHub refused."""
        with self._lock:
            self._tokens = {key: kept for key, kept in self._tokens.items() if kept is not refused}

    def _installation_of(self, repo: Repo) -> Generator[httpx.Request, httpx.Response, int]:
        if repo.owner not in self._installations:
            response = yield self._request("GET", f"/repos/{repo.owner}/{repo.name}/installation")
            if response.status_code == 404:
                self._installations[repo.owner] = yield from self._first_installation()
            else:
                self._installations[repo.owner] = self._read(response, _Installation).id
        return self._installations[repo.owner]

    def _first_installation(self) -> Generator[httpx.Request, httpx.Response, int]:
        response = yield self._request("GET", "/app/installations?per_page=1")
        found = self._read(response, list[_Installation])
        if not found:
            raise BadToken(f"{self.name} is installed nowhere; install it on an account, its own for one")
        return found[0].id

    def _renewed(self, installation: int) -> Generator[httpx.Request, httpx.Response, KeptToken]:
        response = yield self._request("POST", f"/app/installations/{installation}/access_tokens")
        granted = self._read(response, _AccessToken)
        # Both times are GitHub's, so that a wrong clock here shortens no token's life.
        lifetime = (granted.expires_at - parsedate_to_datetime(response.headers["date"])).total_seconds()
        return KeptToken(SecretStr(granted.token), self._clock() + lifetime - RENEWAL_MARGIN_SECONDS)

    def _request(self, method: str, path: str) -> httpx.Request:
        headers = {
            "Accept": "application/vnd.github+json",
            "Authorization": f"Bearer {self._jwt()}",
            "User-Agent": "gitpulse-assets",
            "X-GitHub-Api-Version": "2022-11-28",
        }
        return httpx.Request(method, f"{self._api_url}{path}", headers=headers)

    def _jwt(self) -> str:
        import jwt

        now = int(time.time())
        claims = {"iat": now - CLOCK_SKEW_SECONDS, "exp": now + JWT_SECONDS, "iss": self.app_id}
        try:
            return jwt.encode(claims, self._private_key.get_secret_value(), algorithm="RS256")
        except (ValueError, TypeError, jwt.PyJWTError):
            # Without the cause, which may quote the key.
            raise BadToken(
                "GITHUB_APP_PRIVATE_KEY holds no RSA private key in PEM form; take the file GitHub gave"
            ) from None

    def _read(self, response: httpx.Response, kind: type[Answer]) -> Answer:
        if response.status_code >= 500:
            raise AnswerUnusable(f"{response.url} answered {response.status_code}; try again later")
        if response.status_code not in (200, 201):
            words = one_line(response.text, limit=200)
            raise BadToken(
                f"{response.url} refuses {self.name} ({response.status_code}: {words}); check GITHUB_APP_ID, "
                "GITHUB_APP_PRIVATE_KEY and GITHUB_APP_INSTALLATION_ID"
            )
        try:
            return msgspec.json.decode(response.content, type=kind)
        except msgspec.DecodeError:
            raise AnswerUnusable(f"{response.url} answered something unexpected; try again later") from None


class AppAuth(httpx.Auth):
    """The App as httpx authentication for one repository; shows the App's id, never a token."""

    requires_response_body = True

    def __init__(self, app: App, repo: Repo):
        self._app, self._repo = app, repo
        self.name = app.name

    def auth_flow(self, request: httpx.Request) -> Flow:
        kept = yield from self._app.token(self._repo)
        response = yield self._signed(request, kept)
        if response.status_code == 401:
            # Revoked before its time, by a new permission for one.
            self._app.forget(kept)
            kept = yield from self._app.token(self._repo)
            yield self._signed(request, kept)

    def _signed(self, request: httpx.Request, kept: KeptToken) -> httpx.Request:
        authorization = f"Bearer {kept.value.get_secret_value()}"
        request.headers["Authorization"] = authorization
        body = request.extensions.get(KNOWN_BODY)
        if body is not None:
            etag = etag_of(body, accept=request.headers["Accept"], authorization=authorization)
            request.headers["If-None-Match"] = etag
        return request

    def __repr__(self) -> str:
        return f"AppAuth({self.name})"


def etag_of(body: bytes, *, accept: str, authorization: str) -> str:
    """The ETag GitHub gives a body that is asked for with these headers.

    Observed, not documented: SHA-256 over both headers and the body. It is what lets a 304 survive the
    hourly renewal of an installation's token; were it wrong, an unchanged answer would cost one unit.
    """
    digest = hashlib.sha256(f"{accept}:{authorization}:".encode())
    digest.update(body)
    return f'W/"{digest.hexdigest()}"'
