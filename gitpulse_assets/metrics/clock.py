"""For how long a question may be worked on: who asks for too much is told so, and others get their turn."""

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from time import monotonic

import duckdb

# A statement that begins after an interruption does not hear it.
AGAIN_SECONDS = 0.05


class TooLong(Exception):
    """A metric was stopped; str() says what to do."""


class Clock:
    """The time that all the work on one question may take: reading, judging, its own statement."""

    def __init__(self, seconds_max: float) -> None:
        self._seconds_max, self._ends_at = seconds_max, monotonic() + seconds_max

    @contextmanager
    def waiting(self, turn: AbstractContextManager[object]) -> Iterator[None]:
        """Have a turn for a while; to wait for it is no work."""
        began_at = monotonic()
        with turn:
            self._ends_at += monotonic() - began_at
            yield

    def check(self) -> None:
        """Raise TooLong once the time is over."""
        if monotonic() >= self._ends_at:
            raise self._too_long()

    @contextmanager
    def running(self, con: duckdb.DuckDBPyConnection) -> Iterator[None]:
        """Interrupt statements that run too long, and say so, or that they need too much memory."""
        self.check()
        done = threading.Event()
        watch = threading.Thread(target=self._interrupt, args=(con, done), daemon=True)
        watch.start()
        try:
            yield
        except duckdb.InterruptException:
            raise self._too_long() from None
        except duckdb.OutOfMemoryException:
            raise TooLong("it needs more memory than a metric may take; ask for less time") from None
        finally:
            done.set()
            watch.join()

    def _interrupt(self, con: duckdb.DuckDBPyConnection, done: threading.Event) -> None:
        wait_seconds = max(self._ends_at - monotonic(), 0)
        while not done.wait(wait_seconds):
            con.interrupt()
            wait_seconds = AGAIN_SECONDS

    def _too_long(self) -> TooLong:
        return TooLong(f"it took longer than {self._seconds_max:g} s; ask for less time")
