"""18: a limit that says "again at once" for ever. 26: the announced end of a budget.

18: agentconnect-md/agentconnect#1981 tells of retries inside GitHub's window; a zero in Retry-After and 26:
thread not found.
"""

import signal
import threading
import time

import pytest

from gitpulse_assets.github.errors import LimitReached
from gitpulse_assets.repo import Repo
from gitpulse_assets.sandbox.faults import ALWAYS, Fault
from gitpulse_assets.sandbox.limits import Limits
from gitpulse_assets.sandbox.server import serve
from gitpulse_assets.stopping import pause, stop_if_wished, stops_noted
from gitpulse_assets_tests.field.client_reader import client_of, world_of

REPO = Repo("acme", "rocket")


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
            client.probe_issues(REPO)
        assert len(spent(sandbox)) == 1
    assert not sleeps
