"""Authentication as a GitHub App: which installation serves a repository, and its tokens, renewed in time.

A token lives for an hour, in this process only. What the App asks for itself is sent by transport.py, by the
rules of every other request; which repository is asked for with the App is decided in tokens.py.
"""

import hashlib
import hmac
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

import msgspec
from pydantic import SecretStr

from gitpulse_assets.github.credentials import Ask, Credential
from gitpulse_assets.github.decoding import decode
from gitpulse_assets.github.errors import BadToken, Forbidden
from gitpulse_assets.github.reply import Reply
from gitpulse_assets.github.target import Firehose, Owner, Target

logger = logging.getLogger(__name__)

# Five minutes before its end a token is renewed: a request that is repeated for a while must not outlive it.
RENEWAL_MARGIN_SECONDS = 300.0
# GitHub takes ten minutes at most and a JWT of the future not at all; clocks differ by a minute.
JWT_SECONDS = 540
CLOCK_SKEW_SECONDS = 60
# A token this young may not have come to the replica that answers yet: 401, or 403 for its permissions.
LAG_SECONDS = 10.0
LAG_PAUSES = (1.0, 2.0, 4.0)
# What GitHub says of a JWT whose times it does not take.
CLAIMS_OF_TIME = ("('exp')", "('iat')")
REFUSED = (401, 403)

Answer = TypeVar("Answer")


class _Account(msgspec.Struct):
    login: str = ""


class _Installation(msgspec.Struct):
    id: int
    account: _Account | None = None
    repository_selection: str = "selected"
    suspended_at: str | None = None

    def has_all_of(self, owner: str) -> bool:
        """Whether it has all repositories of an owner; a repository that moved is in another's."""
        login = self.account.login if self.account else ""
        return self.repository_selection == "all" and login.lower() == owner


class _AccessToken(msgspec.Struct):
    token: str
    expires_at: datetime


@dataclass(frozen=True)
class KeptToken:
    """An installation's token, and until when (by this process's monotonic clock) it is used."""

    credential: Credential
    renew_at: float


class AppKey:
    """The App as itself, by a JWT: what it may ask is who installed it, and for their tokens."""

    def __init__(self, app_id: str, private_key: SecretStr):
        self.name = f"GitHub App {app_id}"
        self._app_id = app_id
        self._private_key = private_key
        self._skew_seconds = 0.0

    def credential(self, target: Target, ask: Ask) -> Credential:
        """A JWT that holds from now on: it may be needed again after a long wait."""
        return Credential(self.name, SecretStr(self._jwt()), f"{self.name} itself")

    def again_after(self, reply: Reply, credential: Credential, try_count: int) -> float | None:
        """At once, where only the times of the JWT were refused: by GitHub's clock they are right."""
        is_of_time = any(claim in reply.message for claim in CLAIMS_OF_TIME)
        if reply.status != 401 or try_count or not is_of_time:
            return None
        self._skew_seconds = reply.date.timestamp() - time.time()
        logger.warning("this machine's clock is %.0f s off GitHub's; set it right", -self._skew_seconds)
        return 0.0

    def _jwt(self) -> str:
        import jwt

        now = int(time.time() + self._skew_seconds)
        claims = {"iat": now - CLOCK_SKEW_SECONDS, "exp": now + JWT_SECONDS, "iss": self._app_id}
        try:
            return jwt.encode(claims, self._private_key.get_secret_value(), algorithm="RS256")
        except (ValueError, TypeError, jwt.PyJWTError):
            # Without the cause, which may quote the key.
            raise BadToken(
                "GITHUB_APP_PRIVATE_KEY holds no RSA private key in PEM form; take the file GitHub gave"
            ) from None


class GitHubApp:
    """A GitHub App and the tokens of its installations.

    GitHub is asked which installation serves a repository, and the answer is kept: for the owner where the
    installation has all of the owner's repositories, else for this one. Where the App is not installed, any
    installation reads what is public. `installation_id` names one for all.
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
        self._key = AppKey(app_id, private_key)
        self._api_url = api_url.rstrip("/")
        self._installation_id = installation_id
        self._clock = clock
        self._installations: dict[str, int] = {}
        self._tokens: dict[int, KeptToken] = {}
        self._lock = threading.RLock()

    def weight(self, target: Target) -> bytes:
        """How strongly the App is drawn to a repository; it holds over renewals and new keys."""
        return hmac.digest(f"app:{self.app_id}".encode(), target.key.encode(), hashlib.sha256)

    def mask(self, text: str) -> str:
        """Take the installations' tokens out of a text."""
        for kept in list(self._tokens.values()):
            text = text.replace(kept.credential.value.get_secret_value(), "[token]")
        return text

    def credential(self, target: Target, ask: Ask) -> Credential:
        """The token of the installation that serves a repository; asks for one where there is none."""
        with self._lock:
            installation = self._installation_of(target, ask)
            kept = self._tokens.get(installation)
            if kept is None or self._clock() >= kept.renew_at:
                kept = self._renewed(installation, target, ask)
            return kept.credential

    def again_after(self, reply: Reply, credential: Credential, try_count: int) -> float | None:
        """Soon, while the token may not be known everywhere yet; at once, with another, if it was revoked."""
        if reply.status not in REFUSED:
            return None
        is_young = self._clock() - (credential.granted_at or 0.0) < LAG_SECONDS
        if is_young and try_count < len(LAG_PAUSES):
            return LAG_PAUSES[try_count]
        if reply.status == 401 and try_count in (0, len(LAG_PAUSES)):
            self._drop(credential)
            return 0.0
        return None

    def refused(self, target: Target) -> None:
        """Ask anew which installation serves this repository: it may have been added or taken out."""
        with self._lock:
            self._installations.pop(target.key, None)
            self._installations.pop(target.owner, None)

    def _drop(self, credential: Credential) -> None:
        with self._lock:
            self._tokens = {
                key: kept for key, kept in self._tokens.items() if kept.credential is not credential
            }

    def _installation_of(self, target: Target, ask: Ask) -> int:
        if self._installation_id is not None:
            return self._installation_id
        for key in (target.key, target.owner):
            if key in self._installations:
                return self._installations[key]
        found = self._found(target, ask)
        if found is None:
            found = self._of_public(ask)
            logger.info("%s is not installed on %s: only what is public can be read", self.name, target)
        elif found.suspended_at:
            raise Forbidden(
                f"the installation of {self.name} on {target.owner} is suspended since "
                f"{found.suspended_at}; unsuspend it there, or uninstall it to read only what is public"
            )
        elif found.has_all_of(target.owner):
            self._installations[target.owner] = found.id
        self._installations[target.key] = found.id
        return found.id

    def _found(self, target: Target, ask: Ask) -> _Installation | None:
        """The App's installation on a repository or an account; None where it has none."""
        for path in installation_paths(target):
            reply = ask("GET", f"{self._api_url}{path}", self._key)
            if reply.status != 404:
                return self._read(reply, _Installation)
        return None

    def _of_public(self, ask: Ask) -> _Installation:
        reply = ask("GET", f"{self._api_url}/app/installations?per_page=100", self._key)
        found = [one for one in self._read(reply, list[_Installation]) if not one.suspended_at]
        if not found:
            raise BadToken(f"{self.name} is installed nowhere; install it on an account, its own for one")
        return found[0]

    def _renewed(self, installation: int, target: Target, ask: Ask) -> KeptToken:
        url = f"{self._api_url}/app/installations/{installation}/access_tokens"
        reply = ask("POST", url, self._key)
        # One that gave a token before was uninstalled, and perhaps installed again under another id.
        is_gone = reply.status == 404 and self._tokens.pop(installation, None) is not None
        if is_gone and self._installation_id is None:
            kept = {key: known for key, known in self._installations.items() if known != installation}
            self._installations = kept
            return self._renewed(self._installation_of(target, ask), target, ask)
        granted = self._read(reply, _AccessToken)
        # Both times are GitHub's, so that a wrong clock here shortens no token's life.
        lifetime = (granted.expires_at - reply.date).total_seconds()
        now = self._clock()
        credential = Credential(self.name, SecretStr(granted.token), f"installation {installation}", now)
        self._tokens[installation] = KeptToken(credential, now + lifetime - RENEWAL_MARGIN_SECONDS)
        return self._tokens[installation]

    def _read(self, reply: Reply, kind: type[Answer]) -> Answer:
        if reply.status not in (200, 201):
            raise BadToken(
                f"{reply.url} refuses {self.name} ({reply.status}: {reply.message}); check GITHUB_APP_ID, "
                "GITHUB_APP_PRIVATE_KEY and GITHUB_APP_INSTALLATION_ID"
            )
        return decode(reply.content, kind, reply.url)


def installation_paths(target: Target) -> tuple[str, ...]:
    """Where GitHub says which installation serves a repository, an organisation or a user."""
    if isinstance(target, Owner):
        return (f"/orgs/{target.owner}/installation", f"/users/{target.owner}/installation")
    if isinstance(target, Firehose):
        return ()
    return (f"/repos/{target.owner}/{target.name}/installation",)
