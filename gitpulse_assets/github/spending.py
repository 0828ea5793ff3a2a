"""What the requests cost, counted by GitHub's rules and read from its headers.

REST and GraphQL have budgets of their own, so each has a meter of its own.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True)
class Spending:
    """Requests sent and quota units used by one client, and what its token has left (null until known)."""

    request_count: int = 0
    quota_cost: int = 0
    quota_remaining: int | None = None
    quota_limit: int | None = None
    quota_reset_at: datetime | None = None


class Meter:
    """Adds up the spending of one budget, also of several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._request_count = 0
        self._quota_cost = 0
        self._headers: Mapping[str, str] = {}

    def sent(self) -> None:
        """A request goes out, answered or not."""
        with self._lock:
            self._request_count += 1

    def answered(self, headers: Mapping[str, str], quota_cost: int) -> None:
        """An answer came that used `quota_cost` units."""
        self.used(quota_cost)
        if "x-ratelimit-remaining" in headers:
            self._headers = headers

    def used(self, quota_cost: int) -> None:
        """Units an answer says in its body that it used."""
        with self._lock:
            self._quota_cost += quota_cost

    @property
    def spending(self) -> Spending:
        """What was spent so far, and what the last answer said is left."""
        reset = self._number("reset")
        return Spending(
            request_count=self._request_count,
            quota_cost=self._quota_cost,
            quota_remaining=self._number("remaining"),
            quota_limit=self._number("limit"),
            quota_reset_at=None if reset is None else datetime.fromtimestamp(reset, UTC),
        )

    def _number(self, name: str) -> int | None:
        value = self._headers.get(f"x-ratelimit-{name}", "")
        return int(value) if value.isdecimal() else None


def rest_cost(status: int, has_token: bool, is_limit: bool) -> int:
    """Units of one REST answer: nothing for a refusal or for a 304 to a request with a token, else one."""
    return 0 if is_limit or (status == 304 and has_token) else 1
