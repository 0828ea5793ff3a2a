"""How many requests a client may make: a token bucket a client, in this process's memory.

A bucket is a few lines of arithmetic; a library would bring a store and its own configuration for it.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

# Beyond so many the client seen longest ago starts anew: a table that grows without end is an attack itself.
CLIENTS_KEPT = 10_000
SECONDS_PER_MINUTE = 60


class RateLimit:
    """Lets each client make `per_minute` requests at once and then as many a minute; 0 lets all pass."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_minute = per_minute
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait_seconds(self, client: str) -> float:
        """Take one request of the client's; return 0, or the seconds until there is one where it has none."""
        if not self._per_minute:
            return 0
        now, per_second = self._clock(), self._per_minute / SECONDS_PER_MINUTE
        with self._lock:
            left, seen_at = self._buckets.pop(client, (float(self._per_minute), now))
            left = min(self._per_minute, left + (now - seen_at) * per_second)
            wait = 0 if left >= 1 else (1 - left) / per_second
            self._buckets[client] = (left if wait else left - 1, now)
            while len(self._buckets) > CLIENTS_KEPT:
                self._buckets.popitem(last=False)
        return wait
