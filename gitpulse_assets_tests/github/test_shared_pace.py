"""GitHub's limits, kept by several processes with one token: what each knows of the others."""

import multiprocessing
import os
import secrets
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from gitpulse_assets.contracts.sources import ISSUE_LIST
from gitpulse_assets.github.client import GitHubClient
from gitpulse_assets.github.errors import LimitReached
from gitpulse_assets.github.pace import AT_ONCE, MOST_A_MINUTE, WINDOW_SECONDS
from gitpulse_assets.github.shared_pace import FLIGHT_SECONDS, IN_FLIGHT_MAX, Budget, Ledger, SharedPace
from gitpulse_assets.repo import Repo
from gitpulse_assets.sandbox.history import generate
from gitpulse_assets.sandbox.limits import Limits
from gitpulse_assets.sandbox.plan import HistoryPlan
from gitpulse_assets.sandbox.server import serve
from gitpulse_assets_tests.conftest import absent
from gitpulse_assets_tests.deployment import postgres
from gitpulse_assets_tests.deployment.compose import wait_until

NOW = 1_000_000.0
DATE = datetime(2026, 7, 5, tzinfo=UTC)
SPAWN = multiprocessing.get_context("spawn")


def headers(left: int, seconds: int = 100, hour: int = 0) -> dict[str, str]:
    reset = int((DATE + timedelta(hours=hour, seconds=seconds)).timestamp())
    return {"x-ratelimit-remaining": str(left), "x-ratelimit-reset": str(reset)}


def test_no_more_go_out_in_a_minute_than_github_takes():
    """Whoever they are of: each waits as long as it is told, and ends at once."""
    budget, sent = Budget(), list[float]()
    for number in range(2 * MOST_A_MINUTE):
        budget, wait = budget.taken(str(number), NOW)
        assert wait is not None
        budget = budget.ended(str(number))
        sent.append(NOW + wait)
    assert sent[AT_ONCE - 1] == pytest.approx(NOW, abs=0.01)
    most = max(sum(at <= other < at + WINDOW_SECONDS for other in sent) for at in set(sent))
    assert most <= MOST_A_MINUTE + 1


def test_no_more_are_under_way_at_once_and_who_died_holds_its_place_for_a_while():
    budget = Budget()
    for number in range(IN_FLIGHT_MAX):
        budget, wait = budget.taken(str(number), NOW)
        assert wait == 0.0
    assert budget.taken("one more", NOW)[1] is None
    assert budget.ended("7").taken("one more", NOW)[1] == 0.0
    assert budget.taken("one more", NOW + FLIGHT_SECONDS + 1)[1] == 0.0


def test_what_is_under_way_is_counted_as_spent():
    """Of two that see one unit left the second would be refused."""
    budget, _ = Budget().taken("a", NOW)
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
    budget = Budget().answered(headers(5), DATE, NOW).answered(headers(9), DATE, NOW)
    assert budget.left(NOW) == 5
    # Of the next hour an answer is news, of the last one none.
    budget = budget.answered(headers(4000, hour=1), DATE, NOW).answered(headers(1), DATE, NOW)
    assert budget.left(NOW) == 4000


def test_what_one_is_refused_closes_for_all_until_the_longest_wait_ends():
    budget = Budget().closed(60, DATE, NOW).closed(10, DATE, NOW)
    assert budget.taken("a", NOW + 59)[1] is None
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
        make_pace=lambda name: SharedPace(ledger, f"{url}/{name}"),
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
            done.result(60)
        asked = [line.status for line in sandbox.app.log]
        assert (asked.count(200), len(asked)) == (40, 40)


def hold(address: Mapping[str, Any], name: str) -> None:
    """Take every place there is, and give none back."""
    pace = SharedPace(Ledger(address), name)
    for _ in range(IN_FLIGHT_MAX):
        pace.pause_seconds()


def hold_and_die(address: Mapping[str, Any], name: str) -> None:
    hold(address, name)
    os.kill(os.getpid(), signal.SIGKILL)


def in_a_killed_process(address: Mapping[str, Any], name: str) -> None:
    """Do it in a process that ends without a word."""
    holder = SPAWN.Process(target=hold_and_die, args=(address, name))
    holder.start()
    holder.join(60)
    assert holder.exitcode == -signal.SIGKILL


@pytest.mark.postgres
@pytest.mark.parametrize("held", [hold, pytest.param(in_a_killed_process, marks=pytest.mark.dear)])
def test_who_dies_gives_its_places_back_when_its_requests_must_have_ended(
    address: dict[str, Any], monkeypatch: pytest.MonkeyPatch, held: Callable[[Mapping[str, Any], str], None]
):
    name = held.__name__
    held(address, name)
    waits: list[float] = []
    ledger = Ledger(address)
    pace = SharedPace(ledger, name, sleep=waits.append)

    def aged(budget: Budget, now: float) -> Budget:
        """As though their time were over when they were looked at twice."""
        over = len(waits) > 1
        return Budget(budget.ready_at, flights=dict.fromkeys(budget.flights, now - 1 if over else now + 9))

    told = pace._told
    monkeypatch.setattr(pace, "_told", lambda change: ledger.change(name, aged) or told(change))
    assert pace.pause_seconds() == 0.0
    assert len(waits) == 2


def test_a_database_out_of_reach_ends_no_refresh(caplog: pytest.LogCaptureFixture):
    nowhere = {"host": "127.0.0.1", "port": postgres.free_port(), "user": "a", "password": "b", "dbname": "c"}
    pace = SharedPace(Ledger(nowhere), "alone")
    assert pace.closed() is None
    assert pace.pause_seconds() == 0.0
    assert "cannot be asked" in caplog.text
    pace.ended()


@pytest.mark.postgres
def test_a_connection_that_was_cut_is_made_anew(address: dict[str, Any]):
    ledger = Ledger(address)
    pace = SharedPace(ledger, "cut")
    assert pace.pause_seconds() == 0.0
    ledger._connection.close()
    began = time.monotonic()
    wait_until("it is there again", lambda: pace._told(lambda budget, _: budget), 5)
    assert time.monotonic() - began < 5
