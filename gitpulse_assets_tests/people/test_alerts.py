"""Who waits for an answer, told by mail and webhook: the sensor over a lake with conversations."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import dagster as dg
import pytest

from gitpulse_assets.alerting.alert import Alert, Note
from gitpulse_assets.alerting.rules import FinishedRun
from gitpulse_assets.answers.repository import RepositoryAnswers
from gitpulse_assets.automation import alerts as sensor
from gitpulse_assets.automation.alerts import InstanceMemory, alerts, overdue_after
from gitpulse_assets.partitions import register
from gitpulse_assets.settings import load_settings
from gitpulse_assets_tests.alerting.test_channels import Postbox, Receiver, postbox, receiver
from gitpulse_assets_tests.dagster.test_alerts import Clock
from gitpulse_assets_tests.people.lakes import ROCKET

__all__ = ["postbox", "receiver"]
RUN = FinishedRun("run-1", "refresh", ROCKET.key, True, False, "", verdicts={90: "growing"})


@pytest.fixture
def instance(people_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GITPULSE_LAKE_URL", str(people_folder))
    with dg.DagsterInstance.ephemeral() as made:
        register(made, ROCKET.key)
        yield made


@pytest.fixture
def tick_at(instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    monkeypatch.setattr(sensor, "datetime", Clock)

    def tick(moment: datetime) -> None:
        Clock.current = moment
        with dg.build_sensor_context(instance=instance) as context:
            alerts(context)

    return tick


def test_at_the_hour_chosen_mail_and_webhook_get_the_list_once_a_day(
    tick_at, receiver: Receiver, postbox: Postbox, asked: RepositoryAnswers, monkeypatch: pytest.MonkeyPatch
):
    port = postbox.server_address[1]
    mail = f"mailto://127.0.0.1:{port}/?from=gitpulse@example.com&to=a@example.com&mode=insecure"
    monkeypatch.setenv("GITPULSE_ALERT_URLS", f"{receiver.url} {mail}")
    monkeypatch.setenv("GITPULSE_ANSWER_LIST_AT", "8 Europe/Berlin")
    before = datetime(2026, 7, 6, 5, 59, tzinfo=UTC)
    tick_at(before)
    assert not [one for one in receiver.bodies if "wait for an answer" in one["title"]]
    for minutes in (1, 2, 600):
        tick_at(before + timedelta(minutes=minutes))
    (told,) = [one for one in receiver.bodies if "wait for an answer" in one["title"]]
    waiting = asked.waiting()
    assert f"{waiting.overdue_count} overdue, {waiting.pending_count} pending" in told["title"]
    lines = told["message"].splitlines()
    assert lines[0].endswith("http://127.0.0.1:8000/responsiveness?repo=acme/rocket")
    assert lines[1].startswith(f"#{waiting.overdue[0]['issue_number']} since ")
    mails = [message_from_bytes(one, policy=default) for one in postbox.mails]
    (letter,) = [one for one in mails if "wait for an answer" in one["Subject"]]
    text = letter.get_body(("plain",))
    assert text
    assert lines[1] in text.get_content()
    tick_at(before + timedelta(days=1, minutes=1))
    assert sum("wait for an answer" in one["title"] for one in receiver.bodies) == 2


def test_after_a_refresh_the_newly_overdue_are_told_and_not_again(
    instance: dg.DagsterInstance, asked: RepositoryAnswers
):
    memory, settings = InstanceMemory(instance), load_settings()
    alert, note = overdue_after([RUN], memory, settings)
    assert isinstance(alert, Alert)
    assert isinstance(note, Note)
    count = asked.waiting().overdue_count
    assert alert.title == f"acme/rocket: {count} newly overdue for an answer"
    memory.put({note.key: note.value})
    assert list(overdue_after([RUN], memory, settings)) == []


def test_of_a_lake_that_cannot_be_read_nothing_is_told(
    instance: dg.DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("GITPULSE_LAKE_URL", str(tmp_path / "empty"))
    assert list(overdue_after([RUN], InstanceMemory(instance), load_settings())) == []
