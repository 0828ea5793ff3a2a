"""Told once, at least once, and after a crash at most one message twice."""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from gitpulse_assets.alerting.alert import Alert, Judgement, Note
from gitpulse_assets.alerting.channels import ChannelFailed
from gitpulse_assets.alerting.outbox import SINGLE_MESSAGES_MAX, NothingDelivered, Outbox

NOW = datetime(2026, 7, 5, 6, 1, tzinfo=UTC)
ERROR = Alert("run/a", "error", "a failed")
WARNING = Alert("check/a", "warning", "a warns")


class DictMemory:
    def __init__(self) -> None:
        self.values: dict[str, str] = {}
        self.puts_left = 10**9

    def get(self, keys: Iterable[str]) -> Mapping[str, str]:
        return {key: self.values[key] for key in keys if key in self.values}

    def put(self, values: Mapping[str, str]) -> None:
        if not self.puts_left:
            raise ConnectionError("killed")
        self.puts_left -= 1
        self.values |= values


class FakeChannel:
    def __init__(self, name: str = "one", is_down: bool = False) -> None:
        self.name, self.is_down, self.titles = name, is_down, list[str]()

    def send(self, title: str, body: str, severity: str) -> None:
        if self.is_down:
            raise ChannelFailed(f"{self.name} is down")
        self.titles.append(title)


@pytest.fixture
def memory() -> DictMemory:
    return DictMemory()


@pytest.fixture
def channel() -> FakeChannel:
    return FakeChannel()


def deliver(
    memory: DictMemory, channels: list[FakeChannel], *judgements: Judgement, hours: float = 0
) -> Outbox:
    outbox = Outbox(
        channels,  # type: ignore[arg-type]
        memory,
        "http://ui",
        NOW + timedelta(hours=hours),
        timedelta(hours=20),
        logging.getLogger("test"),
    )
    outbox.deliver(judgements)
    return outbox


def test_one_trouble_is_one_message(memory: DictMemory, channel: FakeChannel):
    deliver(memory, [channel], ERROR, ERROR)
    assert deliver(memory, [channel], ERROR, hours=1).suppressed_count == 1
    assert channel.titles == ["a failed"]


def test_an_error_that_goes_on_is_told_again_and_a_warning_is_not(memory: DictMemory, channel: FakeChannel):
    for hours in (0, 19, 20):
        deliver(memory, [channel], ERROR, WARNING, hours=hours)
    assert channel.titles == ["a failed", "a warns", "a failed"]


def test_after_its_end_a_trouble_is_a_new_one(memory: DictMemory, channel: FakeChannel):
    deliver(memory, [channel], WARNING, Note(WARNING.key), WARNING)
    deliver(memory, [channel], Note(WARNING.key), hours=1)
    deliver(memory, [channel], WARNING, hours=2)
    assert channel.titles == ["a warns"] * 3


def test_a_crash_between_sending_and_remembering_repeats_one_message(
    memory: DictMemory, channel: FakeChannel
):
    troubles = [replace(ERROR, key=f"run/{n}", title=str(n)) for n in range(5)]
    memory.puts_left = 2
    with pytest.raises(ConnectionError):
        deliver(memory, [channel], *troubles)
    memory.puts_left = 10
    deliver(memory, [channel], *troubles)
    assert channel.titles == ["0", "1", "2", "2", "3", "4"]


def test_what_no_channel_takes_is_sent_by_the_next_tick(memory: DictMemory, channel: FakeChannel):
    channel.is_down = True
    with pytest.raises(NothingDelivered, match="one is down"):
        deliver(memory, [channel], Note("x", "1"), ERROR)
    channel.is_down = False
    deliver(memory, [channel], ERROR)
    assert channel.titles == ["a failed"]


def test_a_dead_channel_is_told_of_by_the_others_once_and_holds_nothing_up(
    memory: DictMemory, channel: FakeChannel
):
    dead = FakeChannel("dead", is_down=True)
    for hours in (0, 1):
        outbox = deliver(memory, [dead, channel], replace(ERROR, key=f"run/{hours}"), hours=hours)
        assert outbox.troubles == {"dead": "dead is down"}
    assert channel.titles == ["a failed", "Alerts do not arrive everywhere", "a failed"]


def test_many_at_once_end_in_one_message(memory: DictMemory, channel: FakeChannel):
    count = SINGLE_MESSAGES_MAX + 40
    many = [replace(ERROR, key=f"run/{n}", title=f"r{n} failed") for n in range(count)]
    deliver(memory, [channel], *many)
    assert len(channel.titles) == SINGLE_MESSAGES_MAX + 1
    assert channel.titles[-1] == "40 more alerts"
    assert deliver(memory, [channel], *many, hours=1).suppressed_count == count


def test_without_channels_the_log_is_told(memory: DictMemory, caplog: pytest.LogCaptureFixture):
    outbox = deliver(memory, [], ERROR)
    assert outbox.sent == [ERROR]
    assert "a failed" in caplog.text
