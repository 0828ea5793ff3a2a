"""Who may ask: optional keys, as `Authorization: Bearer KEY` or as the password of HTTP Basic.

A browser sends no bearer token by itself but asks a person for a password, so that one rule guards the page
and the API. What a key may see is not told apart: everything served is read-only and of one lake.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable

from pydantic import SecretStr

CHALLENGE = 'Bearer realm="GitPulse", Basic realm="GitPulse", charset="UTF-8"'


class Keys:
    """The keys that are accepted; none means that everyone is."""

    def __init__(self, keys: Iterable[SecretStr]) -> None:
        self._digests = tuple(_digest(key.get_secret_value()) for key in keys)

    @property
    def are_needed(self) -> bool:
        """Whether any key is set."""
        return bool(self._digests)

    def client(self, authorization: str | None) -> str | None:
        """Name the key a request came with, without telling it; None where it came with no right one.

        Every key is compared, each in constant time, so that the time taken tells nothing of them.
        """
        given = _digest(_credential(authorization or ""))
        found = [hmac.compare_digest(given, digest) for digest in self._digests]
        return f"key {found.index(True) + 1}" if any(found) else None


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def _credential(authorization: str) -> str:
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() == "basic":
        try:
            decoded = base64.b64decode(value.strip(), validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            return ""
        return decoded.partition(":")[2]
    return ""
