"""One pace for all processes that ask with the same token: what each must know of the others, in PostgreSQL.

GitHub counts by token, wherever a request comes from: 100 at once, 900 a minute, and the units of an hour.
Each budget is a row; who wants to send takes its turn under the row's lock, by the database's clock. A
process that dies holding a share keeps it until the request could not be under way any more.
"""

import logging
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import uuid4

from gitpulse_assets.github.limits import RESET_MARGIN_SECONDS, Limit, end_of_budget
from gitpulse_assets.github.pace import AT_ONCE, SPACING_SECONDS, Pace
from gitpulse_assets.processes.stopping import pause

logger = logging.getLogger(__name__)

# GitHub's is 100.
IN_FLIGHT_MAX = 95
# Longer than a request may take: a connection's 10 seconds, and 30 for each part of an answer.
FLIGHT_SECONDS = 90.0
LOOK_AGAIN_SECONDS = 0.2
STATEMENT_SECONDS = 5

MAKE = """
create table if not exists gitpulse_budget (
    name text primary key,
    ready_at double precision not null default 0,
    closed_until double precision not null default 0,
    resumes_at double precision not null default 0,
    units_left integer,
    "window" text not null default '',
    reset_at double precision not null default 0,
    flights jsonb not null default '{}'
)"""
HOLD = "insert into gitpulse_budget (name) values (%s) on conflict do nothing"
READ = """
select extract(epoch from clock_timestamp())::double precision,
       ready_at, closed_until, resumes_at, units_left, "window", reset_at, flights
from gitpulse_budget where name = %s for update"""
WRITE = """
update gitpulse_budget
set ready_at = %s, closed_until = %s, resumes_at = %s, units_left = %s, "window" = %s, reset_at = %s,
    flights = %s
where name = %s"""


@dataclass(frozen=True)
class Budget:
    """What all processes know of one budget; times in Unix seconds of the database's clock.

    `ready_at`: when the queue is empty again. `closed_until`: before it nothing goes out, and `resumes_at` is
    GitHub's time of it. `units_left`: of the hour that GitHub calls `window` and that ends at `reset_at`, as
    the last answer had it. `flights`: requests under way, and when each cannot be any more.
    """

    ready_at: float = 0.0
    closed_until: float = 0.0
    resumes_at: float = 0.0
    units_left: int | None = None
    window: str = ""
    reset_at: float = 0.0
    flights: Mapping[str, float] = field(default_factory=dict)

    def taken(self, flight: str, now: float) -> "tuple[Budget, float | None]":
        """Take the next place; seconds until it comes, or None where nobody may go just now."""
        flights = self.under_way(now)
        left = self.left(now)
        is_full = len(flights) >= IN_FLIGHT_MAX or (left is not None and left <= len(flights))
        if is_full or self.limit(now):
            return replace(self, flights=flights), None
        ready_at = max(self.ready_at, now) + SPACING_SECONDS
        wait = max(0.0, ready_at - AT_ONCE * SPACING_SECONDS - now)
        return replace(
            self, ready_at=ready_at, flights={**flights, flight: now + wait + FLIGHT_SECONDS}
        ), wait

    def under_way(self, now: float) -> dict[str, float]:
        """The requests that may be under way; one whose process died is none after its time."""
        return {name: until for name, until in self.flights.items() if until > now}

    def left(self, now: float) -> int | None:
        """What is left of the hour, None where it is not known."""
        return self.units_left if now < self.reset_at else None

    def limit(self, now: float) -> Limit | None:
        """What is to be waited for: a refusal that somebody met, or the next hour where nothing is left."""
        if now < self.closed_until:
            return Limit(self.closed_until - now, datetime.fromtimestamp(self.resumes_at, UTC))
        if self.left(now) == 0 and not self.under_way(now):
            seconds = self.reset_at + RESET_MARGIN_SECONDS - now
            return Limit(seconds, datetime.fromtimestamp(float(self.window) + RESET_MARGIN_SECONDS, UTC))
        return None

    def ended(self, flight: str) -> "Budget":
        """A request is under way no more."""
        return replace(self, flights={name: until for name, until in self.flights.items() if name != flight})

    def closed(self, seconds: float, resumes_at: datetime, now: float) -> "Budget":
        """Nothing goes out for so long; what is closed for longer stays so."""
        if now + seconds <= self.closed_until:
            return self
        return replace(self, closed_until=now + seconds, resumes_at=resumes_at.timestamp())

    def answered(self, headers: Mapping[str, str], date: datetime, now: float) -> "Budget":
        """Learn what is left; answers come in any order, and within an hour ever less is left."""
        left, window = headers.get("x-ratelimit-remaining", ""), headers.get("x-ratelimit-reset", "")
        if not (left.isdecimal() and window.isdecimal()) or int(window) < int(self.window or 0):
            return self
        is_same = window == self.window and self.units_left is not None
        units = min(int(left), self.units_left or 0) if is_same else int(left)
        # GitHub's clock is not the database's: how long it takes is.
        reset_at = now + int(window) - date.timestamp()
        return replace(self, units_left=units, window=window, reset_at=reset_at)


class Ledger:
    """The rows of all budgets, on one connection of the process; `address` as psycopg2 has it."""

    def __init__(self, address: Mapping[str, Any]) -> None:
        self._address = address
        self._lock = threading.Lock()
        self._connection: Any = None

    def change(self, name: str, change: "Callable[[Budget, float], Budget]") -> None:
        """Replace a budget under its lock; the change gets it and the database's time."""
        with self._lock, self._cursor() as cursor:
            cursor.execute(HOLD, (name,))
            cursor.execute(READ, (name,))
            now, *columns = cursor.fetchone()
            new = change(Budget(*columns), now)
            cursor.execute(WRITE, (*written(new), name))

    @contextmanager
    def _cursor(self) -> "Iterator[Any]":
        """A transaction; the connection of one that failed is made anew the next time."""
        connection = self._connection or self._connect()
        try:
            with connection, connection.cursor() as cursor:
                yield cursor
            self._connection = connection
        except Exception:
            self._connection = None
            connection.close()
            raise

    def _connect(self) -> Any:
        import psycopg2

        limits = f"-c statement_timeout={STATEMENT_SECONDS * 1000} -c synchronous_commit=off"
        connection = psycopg2.connect(
            **self._address,
            connect_timeout=STATEMENT_SECONDS,
            options=limits,
            application_name="gitpulse budget",
        )
        with connection, connection.cursor() as cursor:
            # Not `if not exists` alone: of two processes that make it at once one fails.
            cursor.execute("select pg_advisory_xact_lock(hashtext('gitpulse_budget'))")
            cursor.execute(MAKE)
        return connection

    def close(self) -> None:
        """Give the connection back."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None


def written(budget: Budget) -> tuple[Any, ...]:
    """A budget's columns, in the order of the statement."""
    from psycopg2.extras import Json

    return (
        budget.ready_at,
        budget.closed_until,
        budget.resumes_at,
        budget.units_left,
        budget.window,
        budget.reset_at,
        Json(dict(budget.flights)),
    )


@dataclass
class Found:
    """What a look at a budget found: seconds until the place that was taken, or the limit that closes it."""

    seconds: float | None = None
    limit: Limit | None = None

    def look(self, budget: Budget, now: float) -> Budget:
        """See whether it is closed."""
        self.limit = budget.limit(now)
        return budget

    def take(self, flight: str, budget: Budget, now: float) -> Budget:
        """Take a place, if there is one."""
        self.limit = budget.limit(now)
        new, self.seconds = budget.taken(flight, now)
        return new


class SharedPace(Pace):
    """The pace of a budget that other processes use, too; the process's own where the ledger is silent."""

    def __init__(
        self,
        ledger: Ledger,
        name: str,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = pause,
    ):
        super().__init__(clock)
        self._ledger, self._name, self._sleep = ledger, name, sleep
        self._flights = threading.local()

    def pause_seconds(self) -> float | None:
        """Take the next place in the queue of all; how long until it comes, None where it is closed."""
        flight = uuid4().hex[:12]
        while True:
            found = Found()
            if not self._told(partial(found.take, flight)):
                return super().pause_seconds()
            if found.limit is not None:
                return None
            if found.seconds is not None:
                self._flights.name = flight
                return found.seconds
            self._sleep(LOOK_AGAIN_SECONDS * random.uniform(0.5, 1.5))

    def closed(self) -> Limit | None:
        """The limit that any process met, with what is left of it."""
        found = Found()
        return found.limit if self._told(found.look) else super().closed()

    def close(self, limit: Limit) -> None:
        """Let nothing of anybody out before the limit ends."""
        super().close(limit)
        self._told(lambda budget, now: budget.closed(limit.wait_seconds, limit.resumes_at, now))

    def answered(self, headers: Mapping[str, str], date: datetime) -> None:
        """Tell all what is left."""
        self._told(lambda budget, now: budget.answered(headers, date, now))
        limit = end_of_budget(headers, date)
        if limit is not None:
            self.close(limit)

    def ended(self) -> None:
        """Give the place of this thread's request back."""
        flight = getattr(self._flights, "name", None)
        if flight:
            self._flights.name = None
            self._told(lambda budget, _: budget.ended(flight))

    def _told(self, change: "Callable[[Budget, float], Budget]") -> bool:
        """Change the budget; False where the database cannot be asked: a refresh does not end of that."""
        import psycopg2

        try:
            self._ledger.change(self._name, change)
        except psycopg2.Error as error:
            logger.warning(
                "the budget shared with other processes cannot be asked (%s)", type(error).__name__
            )
            return False
        return True
