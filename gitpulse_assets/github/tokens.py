"""The tokens, kept so that none of them shows, and which token serves which repository.

Nothing else in the package touches a token's value, but for what app.py fetches.
"""

import hashlib
import hmac
import re
from collections.abc import Generator, Iterable

import httpx
from pydantic import SecretStr

from gitpulse_assets.github.app import App, AppAuth
from gitpulse_assets.github.errors import BadToken
from gitpulse_assets.repo import Repo

# A line break or a letter beyond ASCII would make the HTTP library quote the header, token included, in its
# own error.
PRINTABLE = re.compile(r"[!-~]+")


class TokenAuth(httpx.Auth):
    """One token as httpx authentication; shows its place in the list, never its value."""

    def __init__(self, token: SecretStr, name: str):
        self._token = token
        self.name = name

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["Authorization"] = f"Bearer {self._token.get_secret_value()}"
        yield request

    def auth_for(self, repo: Repo) -> "TokenAuth":
        """The same token for every repository."""
        return self

    def weight(self, repo: Repo) -> bytes:
        """How strongly this token is drawn to a repository (rendezvous hashing)."""
        return hmac.digest(self._token.get_secret_value().encode(), repo.key.encode(), hashlib.sha256)

    def mask(self, text: str) -> str:
        return text.replace(self._token.get_secret_value(), "[token]")

    def __repr__(self) -> str:
        return f"TokenAuth({self.name})"


class Tokens:
    """Several tokens that share the load; a repository stays with its token, also when others come or go.

    An ETag depends on the token it was given to, so a repository that changed tokens would pay for its
    pages again. A GitHub App shares the load as one more.
    """

    def __init__(self, tokens: Iterable[SecretStr], app: App | None = None):
        """Raise BadToken for a text that cannot be a token."""
        given = [SecretStr(token.get_secret_value().strip()) for token in tokens]
        for number, token in enumerate(given, start=1):
            if not PRINTABLE.fullmatch(token.get_secret_value()):
                raise BadToken(
                    f"token {number} of {len(given)} is empty or holds a blank or a character beyond ASCII; "
                    "write GITHUB_TOKEN as tokens separated by commas"
                )
        self._auths: list[TokenAuth | App] = [
            TokenAuth(token, f"token {number} of {len(given)}") for number, token in enumerate(given, start=1)
        ]
        if app is not None:
            self._auths.append(app)

    def auth_for(self, repo: Repo) -> TokenAuth | AppAuth | None:
        """The repository's token, or None where there is none at all."""
        chosen = max(self._auths, key=lambda auth: auth.weight(repo), default=None)
        return chosen and chosen.auth_for(repo)

    def mask(self, text: str) -> str:
        """Take every token out of a text that came from outside."""
        for auth in self._auths:
            text = auth.mask(text)
        return text

    def __len__(self) -> int:
        return len(self._auths)

    def __repr__(self) -> str:
        return f"Tokens({len(self)})"
