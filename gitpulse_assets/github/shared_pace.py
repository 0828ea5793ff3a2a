"""One pace for all processes that ask with the same token: what each must know of the others, in PostgreSQL.

GitHub counts by token, wherever a request comes from: 100 at once, 900 a minute, and the units of an hour.
Each budget is a row, and each token, whose requests under way count together whichever API they are for; who
wants to send takes its turn under the lock of both, by the database's clock. A process that dies holding a
share keeps it until the request could not be under way any more.
"""

import logging
import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import uuid4

from gitpulse_assets.github.limits import FLOOR_SECONDS, RESET_MARGIN_SECONDS, Limit, end_of_budget
from gitpulse_assets.github.pace import AT_ONCE, SPACING_SECONDS, RequestPace
from gitpulse_assets.processes.stopping import pause

logger = logging.getLogger(__name__)

# GitHub's is 100, of REST and GraphQL together.
IN_FLIGHT_MAX = 95
# Longer than a try takes, 10 seconds to connect and 30 for each part of an answer, and the pause behind it.
FLIGHT_SECONDS = 90.0
LOOK_AGAIN_SECONDS = 0.2
# So long a place is waited for, then it is a limit: who has no patience, as a sensor, goes on without.
TURN_SECONDS = 10.0
STATEMENT_SECONDS = 5
# So long each process goes by its own pace before it asks a database again that did not answer.
SILENT_SECONDS = 30.0

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
# Nothing of this at the connection's start: PgBouncer refuses options there.
BEGIN = f"""
begin;
set local statement_timeout = '{STATEMENT_SECONDS}s';
set local idle_in_transaction_session_timeout = '{STATEMENT_SECONDS}s';
set local synchronous_commit = off;"""
HOLD = """
insert into gitpulse_budget (name) values (%(token)s), (%(budget)s) on conflict do nothing"""
# A token's name is the beginning of its budgets', so that all lock in one order.
READ = """
select extract(epoch from clock_timestamp())::double precision,
       ready_at, closed_until, resumes_at, units_left, "window", reset_at, flights
from gitpulse_budget where name in (%(token)s, %(budget)s) order by name for update"""
WRITE = """
update gitpulse_budget set flights = flights || %(flights)s where name = %(token)s;
update gitpulse_budget
set ready_at = %(ready_at)s, closed_until = %(closed_until)s, resumes_at = %(resumes_at)s,
    units_left = %(units_left)s, "window" = %(window)s, reset_at = %(reset_at)s
where name = %(budget)s;
commit"""


@dataclass(frozen=True)
class SharedBudget:
    """What all processes know of one budget; times in Unix seconds of the database's clock.

    `ready_at`: when the queue is empty again. `closed_until`: before it nothing goes out, and `resumes_at` is
    GitHub's time of it. `units_left`: of the hour that GitHub calls `window` and that ends at `reset_at`, as
    the last answer had it. `flights`: its requests under way, and when each cannot be any more; `beside`:
    the same token's by another API.
    """

    ready_at: float = 0.0
    closed_until: float = 0.0
    resumes_at: float = 0.0
    units_left: int | None = None
    window: str = ""
    reset_at: float = 0.0
    flights: Mapping[str, float] = field(default_factory=dict)
    beside: Mapping[str, float] = field(default_factory=dict)

    def taken(self, flight: str, now: float) -> "tuple[SharedBudget, float | Limit | None]":
        """Take the next place: seconds until it comes, the limit that closes all, or None: none is free."""
        flights, left = under_way(self.flights, now), self.left(now)
        known, limit = replace(self, flights=flights), self.limit(now)
        if limit is not None:
            return known, limit
        count = len(flights) + len(under_way(self.beside, now))
        if count >= IN_FLIGHT_MAX or (left is not None and left <= len(flights)):
            return known, None
        ready_at = max(self.ready_at, now) + SPACING_SECONDS
        wait = max(0.0, ready_at - AT_ONCE * SPACING_SECONDS - now)
        until = now + wait + FLIGHT_SECONDS
        return replace(known, ready_at=ready_at, flights={**flights, flight: until}), wait

    def renewed(self, flight: str, now: float) -> "SharedBudget":
        """A request is sent once more: it counts as another of its minute, and as under way from now."""
        ready_at = max(self.ready_at, now) + SPACING_SECONDS
        return replace(self, ready_at=ready_at, flights={**self.flights, flight: now + FLIGHT_SECONDS})

    def left(self, now: float) -> int | None:
        """What is left of the hour, None where it is not known."""
        return self.units_left if now < self.reset_at else None

    def limit(self, now: float) -> Limit | None:
        """What is to be waited for: a refusal that somebody met, or the next hour where nothing is left."""
        if now < self.closed_until:
            return Limit(self.closed_until - now, datetime.fromtimestamp(self.resumes_at, UTC))
        if self.left(now) == 0 and not under_way(self.flights, now):
            seconds = self.reset_at + RESET_MARGIN_SECONDS - now
            return Limit(seconds, datetime.fromtimestamp(float(self.window) + RESET_MARGIN_SECONDS, UTC))
        return None

    def ended(self, flight: str) -> "SharedBudget":
        """A request is under way no more."""
        return replace(self, flights={name: until for name, until in self.flights.items() if name != flight})

    def closed(self, seconds: float, resumes_at: datetime, now: float) -> "SharedBudget":
        """Nothing goes out for so long; what is closed for longer stays so."""
        if now + seconds <= self.closed_until:
            return self
        return replace(self, closed_until=now + seconds, resumes_at=resumes_at.timestamp())

    def answered(self, headers: Mapping[str, str], date: datetime, now: float) -> "SharedBudget":
        """Learn what is left; answers come in any order, and within an hour ever less is left."""
        left, window = headers.get("x-ratelimit-remaining", ""), headers.get("x-ratelimit-reset", "")
        if not (left.isdecimal() and window.isdecimal()) or int(window) < int(self.window or 0):
            return self
        is_same = window == self.window and self.units_left is not None
        units = min(int(left), self.units_left or 0) if is_same else int(left)
        # GitHub's clock is not the database's: how long it takes is.
        reset_at = now + int(window) - date.timestamp()
        return replace(self, units_left=units, window=window, reset_at=reset_at)


def under_way(flights: Mapping[str, float], now: float) -> dict[str, float]:
    """The requests that may be under way; one whose process died is none after its time."""
    return {name: until for name, until in flights.items() if until > now}


Change = Callable[[SharedBudget, float], SharedBudget]


class Ledger:
    """The rows of all budgets, on one connection of the process; `address` as psycopg2 has it."""

    def __init__(self, address: Mapping[str, Any], clock: Callable[[], float] = time.monotonic) -> None:
        self._address, self._clock = address, clock
        self._lock = threading.Lock()
        self._connection: Any = None
        self._silent_until: float | None = None

    def change(self, token: str, api: str, change: Change) -> bool:
        """Replace a token's budget under its lock; the change gets it and the database's time.

        False where the database cannot be asked, which ends no refresh, and for a while after that: no
        request waits for what the last one did not reach.
        """
        import psycopg2

        if self._is_silent():
            return False
        with self._lock:
            if self._is_silent():
                return False
            if self._silent_until is not None:
                # While one tries, the others do not wait for it.
                self._silent_until = self._clock() + SILENT_SECONDS
            try:
                self._transact(partial(changed, token, api, change))
            except psycopg2.Error as error:
                self._lost(error)
                return False
            self._found()
            return True

    def _is_silent(self) -> bool:
        until = self._silent_until
        return until is not None and self._clock() < until

    def _lost(self, error: Exception) -> None:
        if self._silent_until is None:
            logger.warning(
                "the budget shared with other processes cannot be asked (%s); each keeps its own meanwhile",
                type(error).__name__,
            )
        self._silent_until = self._clock() + SILENT_SECONDS

    def _found(self) -> None:
        if self._silent_until is not None:
            logger.warning("the budget shared with other processes is kept with them again")
        self._silent_until = None

    def _transact(self, work: Callable[[Any], None]) -> None:
        """Do it on the process's connection, or on a new one where the server has cut that."""
        import psycopg2

        kept = self._connection
        connection = kept or self._connect()
        self._connection = None
        try:
            work(connection)
            self._connection = connection
        except psycopg2.Error:
            if kept is None or not kept.closed:
                raise
            self._transact(work)
        finally:
            if self._connection is not connection:
                connection.close()

    def _connect(self) -> Any:
        import psycopg2

        connection = psycopg2.connect(
            **self._address,
            connect_timeout=STATEMENT_SECONDS,
            # A server whose packets are dropped ends a statement by no timeout of its own.
            tcp_user_timeout=STATEMENT_SECONDS * 1000,
            keepalives_idle=STATEMENT_SECONDS,
            application_name="gitpulse budget",
        )
        connection.autocommit = True
        with connection.cursor() as cursor:
            # Not `if not exists` alone: of two processes that make it at once one fails.
            lock = "select pg_advisory_xact_lock(hashtext('gitpulse_budget'))"
            cursor.execute(f"{BEGIN} {lock}; {MAKE}; commit")
        return connection

    def close(self) -> None:
        """Give the connection back."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None


def changed(token: str, api: str, change: Change, connection: Any) -> None:
    """Change a budget in one transaction; where it fails, the connection is not used again."""
    from psycopg2.extras import Json

    names = {"token": token, "budget": f"{token}/{api}"}
    with connection.cursor() as cursor:
        cursor.execute(BEGIN + READ, names)
        if cursor.rowcount < len(names):
            cursor.execute(HOLD, names)
            cursor.execute(READ, names)
        (*_, flights), (now, *columns, _) = cursor.fetchall()
        own = flights.pop(api, {})
        beside = {name: until for held in flights.values() for name, until in held.items()}
        new = change(SharedBudget(*columns, flights=own, beside=beside), now)
        cursor.execute(WRITE, {**vars(new), **names, "flights": Json({api: dict(new.flights)})})


class SharedPace(RequestPace):
    """The pace of a budget that other processes use, too; the process's own where the ledger is silent."""

    def __init__(
        self,
        ledger: Ledger,
        token: str,
        api: str,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = pause,
    ):
        super().__init__(clock)
        self._change = partial(ledger.change, token, api)
        self._sleep = sleep
        self._flights = threading.local()
        self._was_shared = False

    def take(self) -> float | Limit:
        """Take the next place in the queue of all; a limit, too, where for too long none is free."""
        waited_seconds = 0.0
        while (place := self._place()) is None:
            if waited_seconds >= TURN_SECONDS:
                return Limit(FLOOR_SECONDS, datetime.now(UTC) + timedelta(seconds=FLOOR_SECONDS))
            seconds = LOOK_AGAIN_SECONDS * random.uniform(0.5, 1.5)
            self._sleep(seconds)
            waited_seconds += seconds
        return place

    def _place(self) -> float | Limit | None:
        """The next place; None where none is free."""
        places: list[float | Limit | None] = []
        # Noted first: a stop may come when the place is taken and not yet returned.
        flight = self._flights.name = uuid4().hex[:12]

        def take(budget: SharedBudget, now: float) -> SharedBudget:
            new, place = budget.taken(flight, now)
            places.append(place)
            self._was_shared = True
            return new

        place = places[-1] if self._change(take) else self._own_place()
        if not isinstance(place, float):
            self._flights.name = None
        return place

    def _own_place(self) -> float | Limit:
        """The next place of this process's own pace, which knows nothing of what was shared until now."""
        if self._was_shared:
            self._was_shared = False
            self.fill()
        return super().take()

    def renew(self) -> None:
        """Keep the place of this thread's request for a further try."""
        flight = getattr(self._flights, "name", None)
        if flight:
            self._change(lambda budget, now: budget.renewed(flight, now))

    def close(self, limit: Limit) -> None:
        """Let nothing of anybody out before the limit ends."""
        super().close(limit)
        self._change(lambda budget, now: budget.closed(limit.wait_seconds, limit.resumes_at, now))

    def answered(self, headers: Mapping[str, str], date: datetime) -> None:
        """Tell all what is left, and give the place of this thread's request back."""
        flight, limit = getattr(self._flights, "name", None) or "", end_of_budget(headers, date)

        def told(budget: SharedBudget, now: float) -> SharedBudget:
            new = budget.answered(headers, date, now).ended(flight)
            return new if limit is None else new.closed(limit.wait_seconds, limit.resumes_at, now)

        if limit is not None:
            super().close(limit)
        self._change(told)
        self._flights.name = None

    def ended(self) -> None:
        """Give the place of this thread's request back, where no answer did."""
        flight = getattr(self._flights, "name", None)
        if flight:
            self._flights.name = None
            self._change(lambda budget, _: budget.ended(flight))
