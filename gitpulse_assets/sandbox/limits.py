"""GitHub's limits: a quota per token, resource and hour by the stand-in's clock, and secondary ones."""

from collections import deque
from dataclasses import dataclass
from typing import ClassVar

WINDOW_SECONDS = 3600
ANONYMOUS = ""
UNLIMITED = 1_000_000_000


@dataclass
class Quota:
    """One token's window for one resource; `reset_at` in Unix seconds."""

    resource: str
    limit: int
    reset_at: int
    used: int = 0

    @property
    def remaining(self) -> int:
        """What may still be spent in this window."""
        return max(0, self.limit - self.used)

    def headers(self) -> dict[str, str]:
        """The rate headers of an answer."""
        return {
            "x-ratelimit-limit": str(self.limit),
            "x-ratelimit-remaining": str(self.remaining),
            "x-ratelimit-reset": str(self.reset_at),
            "x-ratelimit-used": str(min(self.used, self.limit)),
            "x-ratelimit-resource": self.resource,
        }

    def as_json(self) -> dict[str, int | str]:
        """The entry of this quota in `/rate_limit`."""
        return {
            "limit": self.limit,
            "used": min(self.used, self.limit),
            "remaining": self.remaining,
            "reset": self.reset_at,
            "resource": self.resource,
        }


@dataclass
class Limits:
    """The quotas of all tokens; the token "" stands for requests without one (they share an address)."""

    anonymous_per_hour: int = 60
    token_per_hour: int = 5000
    graphql_points_per_hour: int = 5000
    # GitHub Enterprise Server may have its limits switched off: no headers, and no answer about them.
    are_on: bool = True
    # Whether too many requests under way at once, or within a minute, are refused too.
    has_secondary: bool = False

    def __post_init__(self) -> None:
        self._quotas: dict[tuple[str, str], Quota] = {}

    def quota(self, token: str, resource: str, now: int) -> Quota:
        """The quota as it is now; a window starts with its first look."""
        quota = self._quotas.get((token, resource))
        if quota is None or now >= quota.reset_at:
            quota = Quota(resource, self._limit(token, resource), now + WINDOW_SECONDS)
            self._quotas[token, resource] = quota
        return quota

    def _limit(self, token: str, resource: str) -> int:
        if not self.are_on:
            return UNLIMITED
        if resource == "graphql":
            return 0 if token == ANONYMOUS else self.graphql_points_per_hour
        return self.anonymous_per_hour if token == ANONYMOUS else self.token_per_hour


class SecondaryLimits:
    """How much is asked at once, and of an API within a minute, whoever asks; `now`: of a steady clock."""

    AT_ONCE_MAX = 100
    # Points, of which a request costs one.
    MINUTE_MAX: ClassVar = {"core": 900, "graphql": 2000}

    def __init__(self) -> None:
        self.under_way_count = 0
        self._came: dict[str, deque[float]] = {resource: deque() for resource in self.MINUTE_MAX}

    def came(self, now: float, resource: str) -> bool:
        """Count a request that came; whether it is one too many."""
        came = self._came[resource]
        came.append(now)
        while came[0] <= now - 60:
            came.popleft()
        self.under_way_count += 1
        return self.under_way_count > self.AT_ONCE_MAX or len(came) > self.MINUTE_MAX[resource]

    def ended(self) -> None:
        """One is under way no more."""
        self.under_way_count -= 1
