"""Results kept while the data they were computed from are the newest; it knows nothing of what they are."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, TypeVar, cast

Result = TypeVar("Result")


class ResultCache:
    """The newest results by key, at most `size`; of several who ask at once one computes, the rest wait.

    `weigh`: what a result counts for, where they are of all sizes; all but the newest at most `weight_max`.
    """

    def __init__(self, size: int, weigh: Callable[[Any], int] = lambda _: 0, weight_max: int = 0) -> None:
        self._size, self._weigh, self._weight_max = size, weigh, weight_max
        self._lock = threading.Lock()
        self._results: OrderedDict[Hashable, object] = OrderedDict()
        self._computing: dict[Hashable, threading.Lock] = {}

    def __contains__(self, key: Hashable) -> bool:
        """Whether a result is kept under the key."""
        with self._lock:
            return key in self._results

    def get(self, key: Hashable, compute: Callable[[], Result]) -> Result:
        """Return the result kept under the key, or compute and keep it; a failure is not kept."""
        with self._lock:
            if key in self._results:
                self._results.move_to_end(key)
                return cast(Result, self._results[key])
            turn = self._computing.setdefault(key, threading.Lock())
        with turn:
            return self._get_or_compute(key, compute)

    def _get_or_compute(self, key: Hashable, compute: Callable[[], Result]) -> Result:
        with self._lock:
            if key in self._results:
                return cast(Result, self._results[key])
        try:
            result = compute()
            with self._lock:
                self._results[key] = result
                while len(self._results) > 1 and self._is_full():
                    self._results.popitem(last=False)
            return result
        finally:
            with self._lock:
                self._computing.pop(key, None)

    def _is_full(self) -> bool:
        weight = sum(self._weigh(result) for result in self._results.values())
        return len(self._results) > self._size or weight > self._weight_max
