"""Opens one issue and rewrites it: all that GitPulse ever writes at GitHub, and only where it is asked to.

Nothing is sent twice: an answer that was lost may stand for an issue that was opened.
"""

from datetime import UTC, datetime

import httpx
import msgspec
from pydantic import SecretStr

from gitpulse_assets.github.connection import open_http
from gitpulse_assets.github.errors import (
    AnswerUnusable,
    BadToken,
    Forbidden,
    LimitReached,
    NetworkDown,
    one_line,
)
from gitpulse_assets.github.limits import limit_in
from gitpulse_assets.repo import Repo

WRITTEN = (200, 201)
PERMISSION = "give the job `permissions: {issues: write}`"


class _Written(msgspec.Struct):
    html_url: str


class IssueWriter:
    """Writes with one token: `with IssueWriter(api_url, token) as writer: ...`. Raises GitHubError."""

    def __init__(self, api_url: str, token: SecretStr, transport: httpx.BaseTransport | None = None):
        self._api_url = api_url.rstrip("/")
        self._token = token
        self._http = open_http(transport=transport)

    def __enter__(self) -> "IssueWriter":
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def open(self, repo: Repo, title: str, body: str) -> str:
        """Open an issue and return its address for people."""
        return self._send("POST", f"{self._api_url}/repos/{repo}/issues", title, body)

    def rewrite(self, repo: Repo, number: int, title: str, body: str) -> str:
        """Give an issue another title and text, and return its address for people."""
        return self._send("PATCH", f"{self._api_url}/repos/{repo}/issues/{number}", title, body)

    def _send(self, method: str, url: str, title: str, body: str) -> str:
        token, answer, failure = self._token.get_secret_value(), None, ""
        headers = {"Authorization": f"Bearer {token}"}
        try:
            answer = self._http.request(method, url, headers=headers, json={"title": title, "body": body})
        except httpx.HTTPError as error:
            failure = one_line(str(error).replace(token, "[token]")) or type(error).__name__
        if answer is None:
            # Raised outside the handler, so that no request with its headers is in the chain.
            raise NetworkDown(f"{url} cannot be written ({failure}); the next run tries again")
        if answer.status_code in WRITTEN:
            return msgspec.json.decode(answer.content, type=_Written).html_url
        limit = limit_in(answer.status_code, answer.headers, answer.content, datetime.now(UTC), 0)
        if limit:
            words = f"{url} is not written: GitHub's limit is reached; the next run tries again"
            raise LimitReached(words, limit.resumes_at)
        said = one_line(answer.text.replace(token, "[token]"))
        raise refusal(answer.status_code)(
            f"{url} cannot be written ({answer.status_code}: {said}); {PERMISSION}"
        )


def refusal(status: int) -> type[AnswerUnusable] | type[BadToken] | type[Forbidden]:
    """The error that a status stands for."""
    return {401: BadToken, 403: Forbidden, 404: Forbidden}.get(status, AnswerUnusable)
