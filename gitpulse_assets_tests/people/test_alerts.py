"""Who waits for an answer, told by mail and webhook: the sensor over a lake with conversations."""

import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import dagster as dg
import pytest

from gitpulse_assets.alerting.alert import Alert, Note
from gitpulse_assets.alerting.outbox import SINGLE_MESSAGES_MAX
from gitpulse_assets.alerting.rules import FinishedRun
from gitpulse_assets.answers.repository import RepositoryAnswers
from gitpulse_assets.automation import alerts as sensor
from gitpulse_assets.automation import owed
from gitpulse_assets.automation.alerts import (
    ANSWER_LIST_DATE,
    InstanceMemory,
    alerts,
    of_the_list,
    overdue_after,
)
from gitpulse_assets.lake.paths import commit_key
from gitpulse_assets.partitions import register
from gitpulse_assets.settings import load_settings
from gitpulse_assets_tests.alerting.test_channels import Postbox, Receiver, postbox, receiver
from gitpulse_assets_tests.dagster.test_alerts import Clock
from gitpulse_assets_tests.people.lakes import ROCKET, SILENT

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
    alert, note, cleared = overdue_after([RUN], memory, settings)
    assert isinstance(alert, Alert)
    assert isinstance(note, Note)
    assert cleared == Note(alert.key)
    count = asked.waiting().overdue_count
    assert alert.title == f"acme/rocket: {count} newly overdue for an answer"
    memory.put({note.key: note.value})
    assert list(overdue_after([RUN], memory, settings)) == []


def test_of_a_lake_that_cannot_be_read_nothing_is_told(
    instance: dg.DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("GITPULSE_LAKE_URL", str(tmp_path / "empty"))
    assert list(overdue_after([RUN], InstanceMemory(instance), load_settings())) == []
    (tmp_path / "file").touch()
    monkeypatch.setenv("GITPULSE_LAKE_URL", str(tmp_path / "file"))
    assert list(overdue_after([RUN], InstanceMemory(instance), load_settings())) == []


def the_list(instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch) -> list[Alert | Note]:
    monkeypatch.setenv("GITPULSE_ANSWER_LIST_AT", "8")
    now = datetime(2026, 7, 6, 9, tzinfo=UTC)
    return list(of_the_list(instance, InstanceMemory(instance), load_settings(), now))


def test_a_list_that_could_not_be_made_at_its_hour_comes_once_the_lake_can_be_read(
    instance: dg.DagsterInstance, people_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "file").touch()
    monkeypatch.setenv("GITPULSE_LAKE_URL", str(tmp_path / "file"))
    assert the_list(instance, monkeypatch) == []
    monkeypatch.setenv("GITPULSE_LAKE_URL", str(people_folder))
    alert, note = the_list(instance, monkeypatch)
    assert isinstance(alert, Alert)
    assert note == Note(ANSWER_LIST_DATE, "2026-07-06")


def test_a_repository_that_cannot_be_read_is_named_in_the_list_and_where_none_can_be_it_waits(
    instance: dg.DagsterInstance, people_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    shutil.copytree(people_folder, tmp_path / "lake")
    monkeypatch.setenv("GITPULSE_LAKE_URL", str(tmp_path / "lake"))
    register(instance, SILENT.key)
    (tmp_path / "lake" / commit_key("gold", SILENT)).write_text("{")
    alert, _ = the_list(instance, monkeypatch)
    assert isinstance(alert, Alert)
    assert alert.lines[0].endswith(f"not in time: {SILENT}")
    assert alert.lines[1].startswith(f"{ROCKET}, ")
    (tmp_path / "lake" / commit_key("gold", ROCKET)).write_text("{")
    assert the_list(instance, monkeypatch) == []


def test_when_time_is_up_the_rest_is_named_and_not_read(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(owed, "READING_SECONDS_MAX", 0.0)
    alert, _ = the_list(instance, monkeypatch)
    assert isinstance(alert, Alert)
    assert alert.lines == (f"left out, since they could not be read, or not in time: {ROCKET}",)


def test_the_pending_come_before_those_who_wait_within_the_promise(
    asked: RepositoryAnswers,
):
    found = owed.owed(asked)
    turns = [0 if one.is_overdue else 1 if one.is_pending else 2 for one in found]
    assert turns == sorted(turns)
    assert len({one.number for one in found}) == len(found)
    assert {0, 1, 2} == set(turns)


def test_a_retired_repository_is_told_of_no_more(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sensor, "watched", lambda settings: ({ROCKET.key}, {}, []))
    assert list(overdue_after([RUN], InstanceMemory(instance), load_settings())) == []


def test_behind_many_alerts_the_list_is_still_a_message_of_its_own(
    tick_at, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("GITPULSE_ALERT_URLS", receiver.url)
    monkeypatch.setenv("GITPULSE_ANSWER_LIST_AT", "8")
    many = [
        Alert(f"run/{number}", "error", "a run failed", ("why",)) for number in range(SINGLE_MESSAGES_MAX + 1)
    ]
    monkeypatch.setattr(sensor, "told_by", lambda runs, memory: iter(many))
    tick_at(datetime(2026, 7, 6, 9, tzinfo=UTC))
    titles = [one["title"] for one in receiver.bodies]
    assert [title for title in titles if "wait for an answer" in title] == titles[:1]
    assert "more alerts" in titles[-1]
