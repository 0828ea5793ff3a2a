"""18: a limit that says "again at once" for ever. 26: the announced end of a budget.

18: agentconnect-md/agentconnect#1981 tells of retries inside GitHub's window; a zero in Retry-After and 26:
thread not found.
"""

import os
import signal
import threading
import time
from datetime import UTC, datetime
from typing import cast

import pytest

from gitpulse_assets.contracts.sources import ISSUE_LIST
from gitpulse_assets.github.client import GitHubClient
from gitpulse_assets.github.errors import LimitReached
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.processes.stopping import each_in_threads, pause, stop_if_wished, stops_noted
from gitpulse_assets.repo import Repo
from gitpulse_assets.sandbox.faults import ALWAYS, Fault
from gitpulse_assets.sandbox.limits import Limits
from gitpulse_assets.sandbox.server import serve
from gitpulse_assets.watch.looking import look_at_all
from gitpulse_assets.watch.state import Member
from gitpulse_assets_tests.field.client_reader import client_of, world_of

REPO = Repo("acme", "rocket")
NOW = datetime(2026, 7, 1, tzinfo=UTC)


@pytest.mark.parametrize("status", [403, 429])
def test_18_each_refusal_doubles_the_wait_and_uses_up_the_patience(status: int):
    sleeps: list[float] = []
    fault = Fault("secondary_limit", times=ALWAYS, status=status, retry_after_seconds=0)
    with (
        serve(world_of(REPO.key), faults=[fault]) as sandbox,
        client_of(sandbox, "tok", patience_seconds=3900, sleep=sleeps.append) as client,
        pytest.raises(LimitReached),
    ):
        client.repository(REPO)
    assert sleeps == [2 ** min(count, 10) for count in range(12)]
    assert len(sandbox.app.log) == 13


def test_18_patience_counts_the_time_that_passed():
    """Answers that take their time are waited for too, whatever GitHub asked for."""
    seconds = 0.0

    def clock() -> float:
        nonlocal seconds
        seconds += 100
        return seconds

    fault = Fault("secondary_limit", times=ALWAYS, retry_after_seconds=1)
    with (
        serve(world_of(REPO.key), faults=[fault]) as sandbox,
        client_of(sandbox, "tok", patience_seconds=1000) as client,
    ):
        client._transport._clock = clock
        with pytest.raises(LimitReached):
            client.repository(REPO)
    assert len(sandbox.app.log) < 6


class Swallowing:
    """Loses whatever is raised meanwhile, as a finaliser does."""

    def __del__(self) -> None:
        signal.raise_signal(signal.SIGTERM)


@pytest.fixture
def restored():
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def interrupt(*_: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_18_a_stop_that_was_swallowed_is_seen_at_the_next_wait_and_once(restored):
    signal.signal(signal.SIGTERM, interrupt)
    with stops_noted():
        Swallowing()
        with pytest.raises(KeyboardInterrupt):
            pause(3600)
    stop_if_wished()
    assert signal.getsignal(signal.SIGTERM) is interrupt


def test_18_a_stop_ends_a_wait_of_another_thread_within_two_seconds(restored):
    signal.signal(signal.SIGTERM, lambda *_: None)
    ended: list[float] = []
    began = threading.Event()

    def wait() -> None:
        began.set()
        try:
            pause(3600)
        except KeyboardInterrupt:
            ended.append(time.monotonic())

    with stops_noted():
        thread = threading.Thread(target=wait)
        thread.start()
        began.wait(30)
        signal.raise_signal(signal.SIGTERM)
        thread.join(30)
    assert ended


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("fault", ["secondary_limit", "status", "hang"])
def test_18_every_loop_of_the_client_sees_a_stop(restored, fault):
    signal.signal(signal.SIGTERM, interrupt)
    rule = Fault(fault, times=ALWAYS, retry_after_seconds=3000)
    with (
        serve(world_of(REPO.key), faults=[rule]) as sandbox,
        client_of(sandbox, "tok", patience_seconds=3900, sleep=pause, read_timeout_seconds=1) as client,
        stops_noted(),
    ):
        Swallowing()
        with pytest.raises(KeyboardInterrupt):
            client.repository(REPO)
    assert not sandbox.app.log


def stop_when(is_time) -> threading.Thread:
    """Ask the process to stop as soon as something is so."""

    def work() -> None:
        while not is_time():
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGTERM)

    stopper = threading.Thread(target=work, daemon=True)
    stopper.start()
    return stopper


def test_18_cousin_a_stop_leaves_threads_that_hang(restored):
    """A pool's would be waited for until their requests timed out."""
    signal.signal(signal.SIGTERM, interrupt)
    freed, asked = threading.Event(), []

    def look(key: str) -> None:
        asked.append(key)
        freed.wait(60)

    with stops_noted():
        stopper = stop_when(lambda: len(asked) == 2)
        with pytest.raises(KeyboardInterrupt):
            each_in_threads(look, ["a", "b", "c"], 2)
        stopper.join()
    freed.set()
    # None of them went on with what was left.
    assert asked == ["a", "b"]


def test_18_cousin_a_stop_that_was_swallowed_ends_a_round_of_looks(restored, tmp_path):
    signal.signal(signal.SIGTERM, lambda *_: None)
    keys = [f"acme/r{number}" for number in range(9)]
    members = {key: Member(key, "by hand", NOW) for key in keys}
    freed, asked = threading.Event(), []

    class Hanging:
        def probe(self, repo, source, etag, body):
            asked.append(repo)
            freed.wait(60)

    with stops_noted():
        stopper = stop_when(lambda: len(asked) == 8)
        with pytest.raises(KeyboardInterrupt):
            look_at_all(
                cast(GitHubClient, Hanging()),
                Lake.open(str(tmp_path)),
                members,
                {},
                keys,
                NOW,
                seconds_max=60,
                changed_max=9,
            )
        stopper.join()
    freed.set()


def test_18_cousin_what_threads_came_to_is_told_in_order():
    def half(number: int) -> int:
        if number % 2:
            raise ValueError(number)
        return number // 2

    found = each_in_threads(half, range(6), 3)
    assert [one.result() for one in found[::2]] == [0, 1, 2]
    assert [str(one.exception()) for one in found[1::2]] == ["1", "3", "5"]
    assert each_in_threads(half, [], 3) == []


def spent(sandbox) -> list[int]:
    return [line.status for line in sandbox.app.log]


@pytest.mark.parametrize("tokens", [("tok",), ()], ids=["token", "anonymous"])
def test_26_no_request_goes_out_after_the_last_of_a_budget(tokens):
    sleeps: list[float] = []
    limits = Limits(anonymous_per_hour=3, token_per_hour=3)
    with serve(world_of(REPO.key), limits=limits) as sandbox:

        def sleep(seconds: float) -> None:
            sleeps.append(seconds)
            sandbox.world.advance(seconds=int(seconds) + 1)

        with client_of(sandbox, *tokens, patience_seconds=3900, sleep=sleep) as client:
            for _ in range(7):
                client.repository(REPO)
        assert spent(sandbox) == [200] * 7
    assert len(sleeps) == 2
    assert all(3500 < seconds <= 3601 for seconds in sleeps)


def test_26_beyond_the_patience_it_is_told_and_nothing_sent():
    with (
        serve(world_of(REPO.key), limits=Limits(token_per_hour=1)) as sandbox,
        client_of(sandbox, "tok", patience_seconds=60) as client,
    ):
        client.repository(REPO)
        with pytest.raises(LimitReached, match="limits token 1 of 1 until"):
            client.repository(REPO)
        assert spent(sandbox) == [200]


def test_18_26_cousin_graphqls_budget_is_kept_apart():
    with (
        serve(world_of(REPO.key), limits=Limits(graphql_points_per_hour=1)) as sandbox,
        client_of(sandbox, "tok", patience_seconds=60) as client,
    ):
        client.issue_counts(REPO)
        client.repository(REPO)
        with pytest.raises(LimitReached):
            client.issue_counts(REPO)
        assert spent(sandbox) == [200, 200]


def test_18_26_cousin_what_is_left_is_told_also_when_nothing_is():
    with (
        serve(world_of(REPO.key), limits=Limits(token_per_hour=1)) as sandbox,
        client_of(sandbox, "tok", patience_seconds=60) as client,
    ):
        client.repository(REPO)
        limits = client.rate_limits(REPO)
        assert limits is not None
        assert limits.core.remaining == 0


def test_18_26_cousin_a_limit_that_one_thread_met_is_kept_by_all():
    sleeps: list[float] = []
    fault = Fault("secondary_limit", retry_after_seconds=30)
    with (
        serve(world_of(REPO.key), faults=[fault]) as sandbox,
        client_of(sandbox, "tok", patience_seconds=10) as client,
    ):
        with pytest.raises(LimitReached):
            client.repository(REPO)
        with pytest.raises(LimitReached):
            client.probe(REPO, ISSUE_LIST)
        assert len(spent(sandbox)) == 1
    assert not sleeps
