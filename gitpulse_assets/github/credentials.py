"""What a request is signed with. Who gives it out is decided in tokens.py and github_app.py."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import httpx
from pydantic import SecretStr

from gitpulse_assets.github.reply import Reply
from gitpulse_assets.github.target import Target

# Under this name a request carries the body its If-None-Match stands for.
KNOWN_BODY = "gitpulse.known_body"


@dataclass(frozen=True)
class Credential:
    """One token. `account` tells whose budget it uses; `granted_at` (monotonic) when an App got it."""

    name: str
    value: SecretStr
    account: str
    granted_at: float | None = None

    def sign(self, request: httpx.Request) -> None:
        """Put the token on a request, and the ETag that its known body has by this token."""
        authorization = f"Bearer {self.value.get_secret_value()}"
        request.headers["Authorization"] = authorization
        body = request.extensions.get(KNOWN_BODY)
        if body is not None:
            etag = etag_of(body, accept=request.headers["Accept"], authorization=authorization)
            request.headers["If-None-Match"] = etag


class CredentialSource(Protocol):
    """Whatever gives out credentials: a token, a GitHub App, or the App's own key."""

    name: str

    def credential(self, target: Target, ask: "Ask") -> Credential:
        """What to sign a request with; `ask` sends what has to be asked for that."""
        ...

    def again_after(self, reply: Reply, credential: Credential, try_count: int) -> float | None:
        """Seconds after which the same question may be answered otherwise; None where it will not."""
        ...


# Method, address and who asks: sent by the rules of every other request.
Ask = Callable[[str, str, CredentialSource], Reply]


def etag_of(body: bytes, *, accept: str, authorization: str) -> str:
    """The ETag GitHub gives a body that is asked for with these headers.

    Observed, not documented: SHA-256 over both headers and the body. It is what lets a 304 survive the
    hourly renewal of an installation's token; were it wrong, an unchanged answer would cost one unit.
    """
    digest = hashlib.sha256(f"{accept}:{authorization}:".encode())
    digest.update(body)
    return f'W/"{digest.hexdigest()}"'
