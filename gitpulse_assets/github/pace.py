"""How soon the next request may go: what an answer announced is kept before GitHub has to refuse.

One pace for each budget of each account. It knows times only; waiting is transport.py's work.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from datetime import datetime

from gitpulse_assets.github.limits import Limit, end_of_budget

# GitHub refuses more than 900 requests a minute whatever the budget has left. As many as these go out at
# once, the further ones of the same minute one by one: 840 in any minute, and no pause that a sensor's tick
# could not bear. A server whose limits are switched off is asked no faster.
AT_ONCE = 640
WINDOW_SECONDS = 60.0
SPACING_SECONDS = 0.3
MOST_A_MINUTE = 840


class RequestPace:
    """When one budget's next request may go, for all threads that share it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        self._clock = clock
        self._lock = threading.Lock()
        self._sent: deque[float] = deque(maxlen=AT_ONCE)
        self._closed: tuple[float, Limit] | None = None

    def take(self) -> float | Limit:
        """Take the next place in the queue: seconds until it comes; or the limit that is waited for first."""
        with self._lock:
            now = place = self._clock()
            if self._closed is not None and self._closed[0] > now:
                return Limit(self._closed[0] - now, self._closed[1].resumes_at)
            if len(self._sent) == AT_ONCE and now - self._sent[0] < WINDOW_SECONDS:
                place = max(now, self._sent[-1] + SPACING_SECONDS)
            self._sent.append(place)
            return place - now

    def fill(self) -> None:
        """Take it that as many went out just now as may at once: others counted what did."""
        with self._lock:
            self._sent.extend([self._clock()] * AT_ONCE)

    def renew(self) -> None:
        """This thread's request is tried once more: nothing, where nobody else counts it."""

    def close(self, limit: Limit) -> None:
        """Let nothing out before the limit ends."""
        with self._lock:
            self._closed = (self._clock() + limit.wait_seconds, limit)

    def reopen(self, limit: Limit) -> None:
        """Let requests out again, unless another limit came meanwhile."""
        with self._lock:
            if self._closed and self._closed[1].resumes_at <= limit.resumes_at:
                self._closed = None

    def ended(self) -> None:
        """This thread's request was answered or failed: nothing, where nobody else counts it."""

    def answered(self, headers: Mapping[str, str], date: datetime) -> None:
        """Close where an answer says that it was the last of its budget."""
        limit = end_of_budget(headers, date)
        if limit is not None:
            self.close(limit)
