"""The alert sensor on real runs of a real instance: what it reads, sends and remembers."""

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import apprise
import dagster as dg
import pytest

from gitpulse_assets.alerting.channels import Channel, ChannelFailed
from gitpulse_assets.automation import alerts as sensor
from gitpulse_assets.automation.alerts import InstanceMemory, alerts
from gitpulse_assets.partitions import register
from gitpulse_assets.runs.launch import RunOutcome, failure_message, is_interruption
from gitpulse_assets.sandbox.faults import Fault
from gitpulse_assets.sandbox.server import Sandbox

Refresh = Callable[..., RunOutcome]
Tick = Callable[[], str]


class Clock(datetime):
    """The sensor's own clock, to be set."""

    current = datetime(2026, 7, 5, 5, 30, tzinfo=UTC)

    @classmethod
    def now(cls, tz: object = None) -> datetime:
        return cls.current


@pytest.fixture
def instance(request: pytest.FixtureRequest) -> Iterator[dg.DagsterInstance]:
    """One in memory, where a run takes half as long, or `stored`, as whoever gets alerts has."""
    if getattr(request, "param", "") == "stored":
        yield request.getfixturevalue("stored_instance")
        return
    with dg.DagsterInstance.ephemeral() as ephemeral:
        yield ephemeral


on_a_stored_one = pytest.mark.parametrize("instance", ["stored"], indirect=True)


@pytest.fixture
def titles(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The titles of what was sent."""
    sent: list[str] = []
    monkeypatch.setattr(Channel, "send", lambda self, title, body, severity: sent.append(title))
    monkeypatch.setenv("GITPULSE_ALERT_URLS", "json://127.0.0.1:9/")
    return sent


@pytest.fixture
def tick(home, instance: dg.DagsterInstance) -> Tick:
    def evaluate() -> str:
        with dg.build_sensor_context(instance=instance) as context:
            skipped = alerts(context)
        assert isinstance(skipped, dg.SkipReason)
        return str(skipped.skip_message)

    evaluate()
    return evaluate


@pytest.mark.dear
@on_a_stored_one
def test_a_failed_run_is_told_once_and_again_after_it_went_well(
    run: Refresh, sandbox: Sandbox, tick: Tick, titles: list[str], no_delay: None
):
    sandbox.app.faults.append(Fault("status", "/repos/acme/rocket", times=99, status=404))
    assert not run().is_success
    assert tick() == "1 runs ended, 1 messages sent, 0 told before"
    assert titles == ["acme/rocket: the run of refresh failed"]
    run()
    assert tick() == "1 runs ended, 0 messages sent, 1 told before"
    sandbox.app.faults.clear()
    assert run().is_success
    tick()
    sandbox.app.faults.append(Fault("status", "/repos/acme/rocket", times=99, status=404))
    run()
    tick()
    assert titles.count("acme/rocket: the run of refresh failed") == 2


def test_a_dead_channel_fails_the_tick_and_loses_nothing(
    run: Refresh, sandbox: Sandbox, tick: Tick, titles: list[str], monkeypatch: pytest.MonkeyPatch, no_delay
):
    def refuse(*_: object) -> None:
        raise ChannelFailed("channel 1 is down")

    sandbox.app.faults.append(Fault("status", "/repos/acme/rocket", times=99, status=404))
    run()
    with monkeypatch.context() as patch:
        patch.setattr(Channel, "send", refuse)
        with pytest.raises(Exception, match="channel 1 is down"):
            tick()
    tick()
    assert titles == ["acme/rocket: the run of refresh failed"]
    assert tick() == "0 runs ended, 0 messages sent, 0 told before"


def test_a_mistyped_address_is_told_by_the_others(
    run: Refresh, sandbox: Sandbox, tick: Tick, monkeypatch: pytest.MonkeyPatch, no_delay: None
):
    sent: list[str] = []

    def take(self: apprise.Apprise, body: str, title: str, **_: object) -> bool:
        sent.append(title)
        return True

    monkeypatch.setattr(apprise.Apprise, "notify", take)
    monkeypatch.setenv("GITPULSE_ALERT_URLS", "json://127.0.0.1:9/ slcak://s3cret/hook")
    sandbox.app.faults.append(Fault("status", "/repos/acme/rocket", times=99, status=404))
    run()
    assert "address 2 is none that apprise knows" in tick()
    assert sent == ["acme/rocket: the run of refresh failed", "Alerts do not arrive everywhere"]
    assert tick() == "0 runs ended, 0 messages sent, 0 told before"


@pytest.mark.dear
def test_the_verdict_is_read_from_the_run(
    run: Refresh, sandbox: Sandbox, tick: Tick, titles: list[str], instance: dg.DagsterInstance
):
    run()
    tick()
    memory = InstanceMemory(instance)
    assert "verdict/acme/rocket" in memory.get(["verdict/acme/rocket"])
    # As if an earlier run had found the contrary of all that is clear now.
    flipped = {"growing": "shrinking", "shrinking": "growing", "flat": "growing"}
    before = memory.get(["verdict/acme/rocket"])["verdict/acme/rocket"]
    for now, then in flipped.items():
        before = before.replace(f'"{now}"', f'"was {then}"')
    memory.put({"verdict/acme/rocket": before.replace("was ", "")})
    # A verdict is made once a day where nothing changes.
    sandbox.world.advance(seconds=86_400)
    run()
    tick()
    assert any("verdict flipped" in title for title in titles)


@pytest.mark.slow
def test_a_quota_that_runs_low_again_after_it_was_full_is_told_again(
    run: Refresh, sandbox: Sandbox, tick: Tick, titles: list[str]
):
    def left(share: float) -> list[str]:
        """Refresh with so much of the hour's allowance left, and return what is told of it."""
        quota = sandbox.app.limits.quota(os.environ["GITHUB_TOKEN"], "core", sandbox.world.clock)
        quota.used = round((1 - share) * quota.limit)
        titles.clear()
        assert run().is_success
        tick()
        return [title for title in titles if "quota" in title]

    assert len(left(0.05)) == 1
    assert left(1) == []
    assert len(left(0.05)) == 1


def test_in_the_morning_one_message_names_what_was_left(
    tick: Tick,
    run: Refresh,
    titles: list[str],
    instance: dg.DagsterInstance,
    monkeypatch: pytest.MonkeyPatch,
):
    run()
    register(instance, "acme/forgotten")
    Clock.current = datetime.now(UTC).replace(hour=5, minute=59) + timedelta(days=9)
    monkeypatch.setattr(sensor, "datetime", Clock)
    tick()
    assert [title.rpartition(" for ")[0] for title in titles if "acme/rocket" in title] == [
        "acme/rocket: not refreshed"
    ]
    Clock.current += timedelta(minutes=2)
    tick()
    tick()
    assert titles[-1] == "Left over this morning: 0 failed, 1 stale, 1 never refreshed"
    assert sum("Left over" in title for title in titles) == 1


@on_a_stored_one
def test_several_values_at_once_are_remembered_though_one_is_new(instance: dg.DagsterInstance):
    """Dagster's store updates several keys only where none of them is new."""
    memory = InstanceMemory(instance)
    memory.put({"old": "1"})
    memory.put({"old": "2", "new": "1"})
    assert memory.get(["old", "new"]) == {"old": "2", "new": "1"}
    many = {f"key/{number}": "" for number in range(40)}
    memory.put(many)
    assert memory.get([*many, *(f"none/{number}" for number in range(2000))]) == many


def test_a_run_that_its_code_server_marks_as_failed_says_nothing_and_stops_no_alert():
    """Its event has no data: the worker was killed, and nobody was left to say why."""
    event = dg.DagsterEvent(dg.DagsterEventType.RUN_FAILURE.value, job_name="refresh")
    assert failure_message([event]) == ""
    assert not is_interruption(event)
