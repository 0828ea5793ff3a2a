"""GitHub's limits, kept by several processes with one token: what each knows of the others."""

import asyncio
import multiprocessing
import os
import secrets
import signal
import socket
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import httpx
import psycopg2
import pytest
from pydantic import SecretStr

from gitpulse_assets.contracts.sources import ISSUE_LIST
from gitpulse_assets.github import shared_pace
from gitpulse_assets.github.client import GitHubClient
from gitpulse_assets.github.errors import LimitReached, NetworkDown
from gitpulse_assets.github.limits import Limit
from gitpulse_assets.github.pace import AT_ONCE, MOST_A_MINUTE, WINDOW_SECONDS, RequestPace
from gitpulse_assets.github.shared_pace import (
    FLIGHT_SECONDS,
    IN_FLIGHT_MAX,
    TURN_SECONDS,
    Ledger,
    SharedBudget,
    SharedPace,
)
from gitpulse_assets.repo import Repo
from gitpulse_assets.sandbox import app as of_app
from gitpulse_assets.sandbox.app import SandboxApp
from gitpulse_assets.sandbox.faults import ALWAYS, Fault
from gitpulse_assets.sandbox.history import generate
from gitpulse_assets.sandbox.limits import Limits
from gitpulse_assets.sandbox.plan import HistoryPlan
from gitpulse_assets.sandbox.server import serve
from gitpulse_assets_tests.conftest import absent
from gitpulse_assets_tests.deployment import postgres

NOW = 1_000_000.0
DATE = datetime(2026, 7, 5, tzinfo=UTC)
SPAWN = multiprocessing.get_context("spawn")
# Until what is waited for fails, on a machine that others have, too.
WAIT_SECONDS = 300


def headers(left: int, seconds: int = 100, hour: int = 0) -> dict[str, str]:
    reset = int((DATE + timedelta(hours=hour, seconds=seconds)).timestamp())
    return {"x-ratelimit-remaining": str(left), "x-ratelimit-reset": str(reset)}


def test_no_more_go_out_in_a_minute_than_github_takes():
    """Whoever they are of: each waits as long as it is told, and ends at once."""
    budget, sent = SharedBudget(), list[float]()
    for number in range(2 * MOST_A_MINUTE):
        budget, wait = budget.taken(str(number), NOW)
        assert isinstance(wait, float)
        budget = budget.ended(str(number))
        sent.append(NOW + wait)
    assert sent[AT_ONCE - 1] == pytest.approx(NOW, abs=0.01)
    most = max(sum(at <= other < at + WINDOW_SECONDS for other in sent) for at in set(sent))
    assert most <= MOST_A_MINUTE + 1


def test_no_more_are_under_way_at_once_and_who_died_holds_its_place_for_a_while():
    budget = SharedBudget()
    for number in range(IN_FLIGHT_MAX):
        budget, wait = budget.taken(str(number), NOW)
        assert wait == 0.0
    assert budget.taken("one more", NOW)[1] is None
    assert budget.ended("7").taken("one more", NOW)[1] == 0.0
    assert budget.taken("one more", NOW + FLIGHT_SECONDS + 1)[1] == 0.0


def test_what_is_under_way_by_the_tokens_other_api_counts_for_the_100_and_not_for_the_units():
    """GitHub's 100 at once are of REST and GraphQL together; 95 of each were 190."""
    many = {str(number): NOW + 9 for number in range(IN_FLIGHT_MAX)}
    assert SharedBudget(beside=many).taken("a", NOW)[1] is None
    assert SharedBudget(beside=many).taken("a", NOW + 10)[1] == 0.0
    few = {str(number): NOW + 9 for number in range(3)}
    budget = SharedBudget(beside=few).answered(headers(2), DATE, NOW)
    assert budget.taken("a", NOW)[1] == 0.0


def test_a_request_that_is_tried_again_holds_its_place_and_counts_for_the_minute():
    """Six tries last longer than one place, and each is a request."""
    budget, _ = SharedBudget().taken("a", NOW)
    later = budget.renewed("a", NOW + FLIGHT_SECONDS - 1)
    assert later.flights["a"] > NOW + 2 * FLIGHT_SECONDS - 2
    for _ in range(2 * AT_ONCE):
        budget = budget.renewed("a", NOW)
    wait = budget.taken("b", NOW)[1]
    assert isinstance(wait, float)
    assert wait > 100


def test_what_is_under_way_is_counted_as_spent():
    """Of two that see one unit left the second would be refused."""
    budget, _ = SharedBudget().taken("a", NOW)
    budget = budget.answered(headers(2), DATE, NOW).ended("a")
    budget, first = budget.taken("b", NOW)
    budget, second = budget.taken("c", NOW)
    budget, third = budget.taken("d", NOW)
    assert (first, second, third) == (0.0, 0.0, None)
    # It may come back unspent, as a 304 does.
    assert budget.answered(headers(2), DATE, NOW).ended("b").taken("d", NOW)[1] == 0.0
    budget = budget.answered(headers(0), DATE, NOW).ended("b").ended("c")
    limit = budget.limit(NOW)
    assert limit is not None
    assert limit.wait_seconds == pytest.approx(101)
    assert budget.limit(NOW + 102) is None


def test_answers_that_overtook_each_other_give_nothing_back():
    budget = SharedBudget().answered(headers(5), DATE, NOW).answered(headers(9), DATE, NOW)
    assert budget.left(NOW) == 5
    # Of the next hour an answer is news, of the last one none.
    budget = budget.answered(headers(4000, hour=1), DATE, NOW).answered(headers(1), DATE, NOW)
    assert budget.left(NOW) == 4000


def test_what_one_is_refused_closes_for_all_until_the_longest_wait_ends():
    budget = SharedBudget().closed(60, DATE, NOW).closed(10, DATE, NOW)
    limit = budget.taken("a", NOW + 59)[1]
    assert isinstance(limit, Limit)
    assert limit.wait_seconds == pytest.approx(1)
    assert budget.taken("a", NOW + 61)[1] == 0.0


@pytest.fixture(scope="module")
def address() -> Iterator[dict[str, Any]]:
    if postgres.programs() is None:
        absent("postgres", "PostgreSQL's programs are not installed")
    with postgres.served(secrets.token_urlsafe()) as server:
        yield {
            "host": "127.0.0.1",
            "port": server.port,
            "user": postgres.USER,
            "password": server.password,
            "dbname": "gitpulse",
        }


def ask(address: Mapping[str, Any], url: str, repo: Repo, count: int) -> None:
    """What a worker does: ask until it has had its answers or the budget is spent."""
    ledger = Ledger(address)
    with GitHubClient(
        api_url=url,
        graphql_url=f"{url}/graphql",
        tokens=[SecretStr("sandbox")],
        patience_seconds=0,
        # The address tells the cases apart, as it does hosts.
        make_pace=lambda whose, api: SharedPace(ledger, f"{url}/{whose}", api),
    ) as client:
        for _ in range(count):
            try:
                client.probe(repo, ISSUE_LIST)
            except LimitReached:
                return


@pytest.mark.postgres
@pytest.mark.parametrize(
    "workers",
    [
        lambda: ThreadPoolExecutor(3),
        pytest.param(lambda: ProcessPoolExecutor(3, SPAWN), marks=pytest.mark.dear),
    ],
    ids=["connections", "processes"],
)
def test_several_workers_spend_a_token_to_the_last_unit_and_are_refused_nothing(
    address: dict[str, Any], workers: Callable[[], Executor]
):
    """Each alone would have asked on, as it did: refused, or in the end banned."""
    plans = [HistoryPlan(f"acme/rocket{n}", seed=n, issue_count=3, day_count=20) for n in range(3)]
    with serve(generate(plans), limits=Limits(token_per_hour=40)) as sandbox, workers() as pool:
        repos = [Repo.parse(f"acme/rocket{n}") for n in range(3)]
        for done in [pool.submit(ask, address, sandbox.base_url, repo, 30) for repo in repos]:
            done.result(WAIT_SECONDS)
        asked = [line.status for line in sandbox.app.log]
        assert (asked.count(200), len(asked)) == (40, 40)


class ToldToWait(Exception):
    """A place in the queue of all is not the next one."""


def not_now(seconds: float) -> None:
    raise ToldToWait


def ask_much(address: Mapping[str, Any] | None, url: str, threads: int, count: int) -> None:
    """What a worker does with several requests at once, until one would wait; alone without an address."""
    ledger = Ledger(address) if address else None
    with (
        GitHubClient(
            api_url=url,
            graphql_url=f"{url}/graphql",
            tokens=[SecretStr("sandbox")],
            patience_seconds=0,
            sleep=not_now,
            make_pace=ledger and (lambda whose, api: SharedPace(ledger, f"{url}/{whose}", api)),
        ) as client,
        ThreadPoolExecutor(threads) as pool,
    ):
        asked = [pool.submit(client.probe, Repo("acme", "rocket"), ISSUE_LIST) for _ in range(count)]
        for one in asked:
            with suppress(LimitReached, ToldToWait):
                one.result(WAIT_SECONDS)


def wait_for_a_refusal(patch: pytest.MonkeyPatch, app: SandboxApp) -> None:
    """Hold slow answers back until one is refused, in a minute that lasts, however busy the machine is."""

    async def held(seconds: float) -> None:
        while seconds and not any(line.status == 403 for line in app.log):
            await asyncio.sleep(0.05)

    patch.setattr(of_app, "time", SimpleNamespace(monotonic=lambda: 0.0))
    patch.setattr(of_app, "asyncio", SimpleNamespace(sleep=held))


@pytest.mark.dear
@pytest.mark.postgres
@pytest.mark.parametrize(
    ("threads", "count", "seconds"), [(4, 320, 0.0), (40, 40, 2.0)], ids=["in a minute", "at once"]
)
def test_processes_that_each_keep_githubs_limits_are_refused_and_those_that_share_them_are_not(
    address: dict[str, Any], threads: int, count: int, seconds: float, monkeypatch: pytest.MonkeyPatch
):
    """Each of three keeps them for itself; together they ask for more than GitHub takes."""
    refused = list[int]()
    for known in (None, address):
        limits = Limits(token_per_hour=10**6, has_secondary=True)
        slow = Fault("slow", times=ALWAYS, seconds=seconds)
        with (
            serve(
                generate([HistoryPlan("acme/rocket", issue_count=3)]), limits=limits, faults=[slow]
            ) as sandbox,
            ProcessPoolExecutor(3, SPAWN) as pool,
            monkeypatch.context() as patch,
        ):
            if known is None:
                wait_for_a_refusal(patch, sandbox.app)
            workers = [pool.submit(ask_much, known, sandbox.base_url, threads, count) for _ in range(3)]
            for worker in workers:
                worker.result(WAIT_SECONDS)
            statuses = [line.status for line in sandbox.app.log]
        assert statuses.count(200) > 2 * count - threads
        refused.append(statuses.count(403))
    assert refused[0] > 0
    assert refused[1] == 0


def hold(address: Mapping[str, Any]) -> None:
    """Take every place there is, for some seconds, and end without a word."""
    shared_pace.FLIGHT_SECONDS = 6.0
    pace = SharedPace(Ledger(address), "held", "rest")
    for _ in range(IN_FLIGHT_MAX):
        pace.take()
    os.kill(os.getpid(), signal.SIGKILL)


def known(address: Mapping[str, Any], statement: str) -> Any:
    """What the database says, asked beside the ledger."""
    connection = psycopg2.connect(**address)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchone()[0]
    finally:
        connection.close()


@pytest.mark.dear
@pytest.mark.postgres
def test_a_killed_process_gives_its_places_back_when_its_requests_must_have_ended(address: dict[str, Any]):
    """Also to the other API of its token."""
    holder = SPAWN.Process(target=hold, args=(address,))
    holder.start()
    holder.join(WAIT_SECONDS)
    assert holder.exitcode == -signal.SIGKILL
    held = known(address, "select flights -> 'rest' from gitpulse_budget where name = 'held'")
    assert len(held) == IN_FLIGHT_MAX
    assert SharedPace(Ledger(address), "held", "graphql").take() == 0.0
    assert known(address, "select extract(epoch from clock_timestamp())") >= min(held.values())


@pytest.mark.postgres
def test_who_waits_too_long_for_a_place_is_told_of_a_limit(address: dict[str, Any]):
    """A sensor has no patience, and its tick an end."""
    ledger, slept = Ledger(address), list[float]()
    many = {str(number): 1e12 for number in range(IN_FLIGHT_MAX)}
    ledger.change("full", "rest", lambda budget, _: replace(budget, flights=many))
    place = SharedPace(ledger, "full", "graphql", sleep=slept.append).take()
    assert isinstance(place, Limit)
    assert TURN_SECONDS <= sum(slept) < TURN_SECONDS + 1


@pytest.mark.postgres
def test_a_silent_database_is_asked_once_in_a_while_and_told_of_once(
    address: dict[str, Any], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    """Each request would wait for it, and say so."""
    now, asked, connect = [1000.0], list[float](), psycopg2.connect
    monkeypatch.setattr(psycopg2, "connect", lambda **given: asked.append(now[0]) or connect(**given))
    where = {**address, "port": postgres.free_port()}
    pace = SharedPace(Ledger(where, clock=lambda: now[0]), "silent", "rest")
    for at in (1000.0, 1001.0, 1029.0, 1031.0, 1032.0):
        now[0] = at
        assert pace.take() == 0.0
        pace.answered(headers(10), DATE)
        pace.ended()
    assert asked == [1000.0, 1031.0]
    assert caplog.text.count("cannot be asked") == 1
    where["port"], now[0] = address["port"], 1062.0
    assert pace.take() == 0.0
    assert pace.take() == 0.0
    assert caplog.text.count("is kept with them again") == 1
    assert asked[2:] == [1062.0]


@pytest.mark.postgres
def test_who_no_longer_hears_of_the_others_begins_with_a_full_minute(address: dict[str, Any]):
    """All together may have sent what GitHub takes in it; each of them would send as much again at once."""
    where = dict(address)
    ledger = Ledger(where)
    pace = SharedPace(ledger, "falls silent", "rest")
    assert pace.take() == 0.0
    ledger.close()
    where["port"] = postgres.free_port()
    first, second = pace.take(), pace.take()
    assert isinstance(first, float)
    assert isinstance(second, float)
    assert 0 < first < second


@pytest.mark.postgres
def test_a_connection_that_the_server_cut_is_made_anew_at_once(
    address: dict[str, Any], caplog: pytest.LogCaptureFixture
):
    ledger = Ledger(address)
    pace = SharedPace(ledger, "cut", "rest")
    assert pace.take() == 0.0
    assert known(address, f"select pg_terminate_backend({ledger._connection.info.backend_pid})")
    assert pace.take() == 0.0
    assert len(known(address, "select flights -> 'rest' from gitpulse_budget where name = 'cut'")) == 2
    assert caplog.text == ""


@pytest.mark.postgres
def test_a_request_is_two_transactions(address: dict[str, Any]):
    """Each of them locks the rows of its token."""
    seen: list[str] = []

    class Counted(Ledger):
        def _transact(self, work: Callable[[Any], None]) -> None:
            seen.append("one")
            super()._transact(work)

    pace = SharedPace(Counted(address), "counted", "rest")
    for _ in range(3):
        pace.take()
        pace.answered(headers(10), DATE)
        pace.ended()
    assert len(seen) == 6


def test_no_option_is_sent_at_a_connections_start():
    """PgBouncer, through which many reach their PostgreSQL, refuses it."""
    with socket.create_server(("127.0.0.1", 0)) as server, ThreadPoolExecutor(1) as pool:
        first = pool.submit(first_packet, server)
        port = server.getsockname()[1]
        nowhere = {"host": "127.0.0.1", "port": port, "user": "a", "password": "b", "dbname": "c"}
        assert SharedPace(Ledger({**nowhere, "sslmode": "disable"}), "none", "rest").take() == 0.0
        packet = first.result(10)
    assert b"gitpulse budget" in packet
    assert b"options" not in packet


def first_packet(server: socket.socket) -> bytes:
    """What a client begins with; it is answered by an end."""
    connection, _ = server.accept()
    with connection:
        return connection.recv(4096)


class Noted(RequestPace):
    """Notes what a request tells its pace."""

    def __init__(self, seconds: float = 0.0) -> None:
        super().__init__()
        self.told: list[str] = []
        self._seconds = seconds

    def take(self) -> float:
        self.told.append("take")
        return self._seconds

    def renew(self) -> None:
        self.told.append("renew")

    def ended(self) -> None:
        self.told.append("ended")


def asked(pace: Noted, sleep: Callable[[float], None], *tokens: str) -> None:
    """One question of a client with this pace, to nobody."""

    def lost(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadError("reset")

    with GitHubClient(
        api_url="http://127.0.0.1:9",
        graphql_url="http://127.0.0.1:9/graphql",
        tokens=[SecretStr(token) for token in tokens],
        sleep=sleep,
        attempts=3,
        http_transport=httpx.MockTransport(lost),
        make_pace=lambda whose, api: pace,
    ) as client:
        client.probe(Repo.parse("acme/rocket"), ISSUE_LIST)


def test_each_further_try_renews_the_place():
    pace = Noted()
    with pytest.raises(NetworkDown):
        asked(pace, lambda seconds: None, "sandbox")
    assert pace.told == ["take", "renew", "renew", "ended"]


def test_a_stop_while_a_place_is_waited_for_gives_it_back():
    pace = Noted(seconds=5.0)

    def stop(seconds: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        asked(pace, stop, "sandbox")
    assert pace.told == ["take", "ended"]


def test_who_has_no_token_shares_no_budget():
    """GitHub counts them by their address, and each process may have another."""
    pace = Noted()
    with pytest.raises(NetworkDown):
        asked(pace, lambda seconds: None)
    assert pace.told == []
