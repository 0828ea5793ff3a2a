"""The tokens, kept so that none of them shows, and which token serves which repository.

Nothing else in the package touches a token's value, but for what github_app.py fetches.
"""

import hashlib
import hmac
import re
from collections.abc import Iterable, Sequence

from pydantic import SecretStr

from gitpulse_assets.github.credentials import Ask, Credential
from gitpulse_assets.github.errors import BadToken
from gitpulse_assets.github.github_app import GitHubApp
from gitpulse_assets.github.reply import Reply
from gitpulse_assets.github.target import Target

# A line break or a letter beyond ASCII would make the HTTP library quote the header, token included, in its
# own error.
PRINTABLE = re.compile(r"[!-~]+")


class Token:
    """One token; shows its place in the list, never its value."""

    def __init__(self, value: SecretStr, name: str):
        self.name = name
        self._credential = Credential(name, value, name)

    def credential(self, target: Target, ask: Ask) -> Credential:
        """The same for every repository."""
        return self._credential

    def again_after(self, reply: Reply, credential: Credential, try_count: int) -> float | None:
        """Never: what it may not read it may not read the next moment either."""
        return None

    def refused(self, target: Target) -> None:
        """Nothing follows for the token itself."""

    @property
    def mark(self) -> str:
        """Tells this token from others, also in another process; nothing of it can be found by that."""
        value = self._credential.value.get_secret_value()
        return hmac.digest(value.encode(), b"mark", hashlib.sha256)[:4].hex()

    def weight(self, target: Target) -> bytes:
        """How strongly this token is drawn to a repository (rendezvous hashing)."""
        value = self._credential.value.get_secret_value()
        return hmac.digest(value.encode(), target.key.encode(), hashlib.sha256)

    def mask(self, text: str) -> str:
        """Take the token out of a text."""
        return text.replace(self._credential.value.get_secret_value(), "[token]")

    def __repr__(self) -> str:
        return f"Token({self.name})"


class Tokens:
    """Several tokens that share the load; a repository stays with its token, also when others come or go.

    An ETag depends on the token it was given to, so a repository that changed tokens would pay for its
    pages again: only one that its token may not read goes to another, and its owner's other repositories,
    where they have none yet, begin with that one. A GitHub App shares the load as one more.
    """

    def __init__(self, tokens: Iterable[SecretStr], github_app: GitHubApp | None = None):
        """Raise BadToken for a text that cannot be a token."""
        given = [SecretStr(token.get_secret_value().strip()) for token in tokens]
        for number, token in enumerate(given, start=1):
            if not PRINTABLE.fullmatch(token.get_secret_value()):
                raise BadToken(
                    f"token {number} of {len(given)} is empty or holds a blank or a character beyond ASCII; "
                    "write GITHUB_TOKEN as tokens separated by commas"
                )
        self._sources: list[Token | GitHubApp] = [
            Token(token, f"token {number} of {len(given)}") for number, token in enumerate(given, start=1)
        ]
        if github_app is not None:
            self._sources.append(github_app)
        self._serving: dict[str, Token | GitHubApp] = {}

    def in_turn(self, target: Target) -> Sequence[Token | GitHubApp]:
        """All of them, the one that serves a repository or is likeliest to first."""
        known = self._serving.get(target.key) or self._serving.get(target.owner)
        drawn = sorted(self._sources, key=lambda source: source.weight(target), reverse=True)
        return sorted(drawn, key=lambda source: source is not known)

    def first(self, target: Target) -> Token | GitHubApp | None:
        """The one that asks for a repository first; None where there is none at all."""
        return next(iter(self.in_turn(target)), None)

    def serves(self, target: Target, source: Token | GitHubApp, *, after_refusal: bool) -> None:
        """Remember who may read a repository; where others might not, for the whole owner."""
        self._serving[target.key] = source
        if after_refusal:
            self._serving[target.owner] = source

    def mask(self, text: str) -> str:
        """Take every token out of a text that came from outside."""
        for source in self._sources:
            text = source.mask(text)
        return text

    def __len__(self) -> int:
        return len(self._sources)

    def __repr__(self) -> str:
        return f"Tokens({len(self)})"
