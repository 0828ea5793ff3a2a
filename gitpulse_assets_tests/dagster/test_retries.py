"""A failure that Dagster passes over, or calls a cancellation, is retried and told as any other."""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import dagster as dg
import pytest
from dagster._core.errors import DagsterCodeLocationLoadError
from dagster._core.test_utils import create_run_for_test
from dagster._daemon.auto_run_reexecution import auto_run_reexecution
from dagster._daemon.auto_run_reexecution.event_log_consumer import EventLogConsumerDaemon

from gitpulse_assets.automation import retries as sensor
from gitpulse_assets.automation.retries import REPORTED_TAG, retries, unreported_failures
from gitpulse_assets.runs.history import RunCursor, ended_runs, finished_runs, last_failures
from gitpulse_assets_tests.dagster_home import copy_databases

KEY = "acme/rocket"
TIMED_OUT = "Canceling due to exceeding maximum runtime of 43200 seconds."
BY_A_PERSON = "Sending run termination request."


@pytest.fixture
def instance(tmp_path: Path, pytestconfig: pytest.Config) -> Iterator[dg.DagsterInstance]:
    settings = "telemetry: {enabled: false}\nrun_retries: {enabled: true, max_retries: 2}\n"
    (tmp_path / "dagster.yaml").write_text(settings)
    copy_databases(pytestconfig, tmp_path)
    with dg.DagsterInstance.from_config(str(tmp_path)) as opened:
        yield opened


class Daemon:
    """Dagster's own that retries; what it would launch is noted instead."""

    def __init__(self, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch) -> None:
        self.retried: list[str] = []
        monkeypatch.setattr(auto_run_reexecution, "retry_run", lambda run, _: self.retried.append(run.run_id))
        self._context: Any = SimpleNamespace(instance=instance)
        self._daemon = EventLogConsumerDaemon()
        self._daemon._logger = logging.getLogger(__name__)

    def cannot_launch(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """As where the code server is being started anew."""
        refusal = DagsterCodeLocationLoadError("Failure loading gitpulse", load_error_infos=[])
        monkeypatch.setattr(auto_run_reexecution, "retry_run", Mock(side_effect=refusal))

    def look(self) -> None:
        for _ in self._daemon.run_iteration(self._context):
            pass


@pytest.fixture
def daemon(instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch) -> Daemon:
    made = Daemon(instance, monkeypatch)
    made.look()
    return made


def started_run(instance: dg.DagsterInstance) -> dg.DagsterRun:
    return create_run_for_test(
        instance, "refresh", status=dg.DagsterRunStatus.STARTED, tags={"dagster/partition": KEY}
    )


def canceled_run(instance: dg.DagsterInstance, words: str) -> dg.DagsterRun:
    run = started_run(instance)
    instance.report_run_canceling(run, message=words)
    instance.report_run_canceled(run)
    return run


def tick(instance: dg.DagsterInstance) -> str:
    with dg.build_sensor_context(instance=instance) as context:
        return str(retries(context).skip_message)  # pyright: ignore


def test_the_daemon_takes_up_a_run_that_it_passed_over(
    instance: dg.DagsterInstance, daemon: Daemon, monkeypatch: pytest.MonkeyPatch
):
    """Dagster 1.13 stores the event of a failure first, and marks the run behind it."""
    run, mark = started_run(instance), instance.run_storage.handle_run_event

    def mark_late(*arguments: Any) -> None:
        monkeypatch.undo()
        daemon.look()
        mark(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(auto_run_reexecution, "retry_run", lambda run, _: daemon.retried.append(run.run_id))
        patch.setattr(instance.run_storage, "handle_run_event", mark_late)
        patch.setattr(monkeypatch, "undo", lambda: None)
        instance.report_run_failed(run)
        daemon.look()
        failed = instance.get_run_by_id(run.run_id)
        assert failed
        assert (failed.status, failed.tags["dagster/will_retry"]) == (dg.DagsterRunStatus.FAILURE, "true")
        assert daemon.retried == []
        assert tick(instance) == "nothing was passed over"
        patch.setattr(sensor, "PASSED_OVER_AFTER", timedelta(0))
        assert tick(instance) == f"{run.run_id}: its retry was passed over"
        daemon.look()
        assert daemon.retried == [run.run_id]
        assert tick(instance) == "nothing was passed over"


def test_a_retry_that_the_daemon_could_not_launch_is_launched(
    instance: dg.DagsterInstance, daemon: Daemon, monkeypatch: pytest.MonkeyPatch
):
    """A code server that a loaded machine started anew did not answer it: the run was never retried."""
    monkeypatch.setattr(sensor, "PASSED_OVER_AFTER", timedelta(0))
    run = started_run(instance)
    with monkeypatch.context() as patch:
        daemon.cannot_launch(patch)
        instance.report_run_failed(run)
        daemon.look()
    failed = instance.get_run_by_id(run.run_id)
    assert failed
    assert failed.tags["dagster/will_retry"] == "false"
    assert tick(instance) == f"{run.run_id}: its retry could not be launched"
    assert tick(instance) == f"{run.run_id}: its retry was passed over"
    daemon.look()
    assert daemon.retried == [run.run_id]
    assert tick(instance) == "nothing was passed over"
    with monkeypatch.context() as patch:
        daemon.cannot_launch(patch)
        instance.report_run_failed(run)
        daemon.look()
    assert tick(instance) == "nothing was passed over"


@pytest.mark.parametrize("status", [dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTING])
def test_a_retry_that_was_made_and_not_submitted_is_passed_over(
    instance: dg.DagsterInstance, status: dg.DagsterRunStatus
):
    """Reported, the daemon submits the one that it made."""
    run = started_run(instance)
    instance.report_run_failed(run)
    retry = create_run_for_test(
        instance, "refresh", status=status, tags={"dagster/parent_run_id": run.run_id}
    )
    instance.add_run_tags(run.run_id, {"dagster/auto_retry_run_id": retry.run_id})
    later = datetime.now(UTC) + timedelta(minutes=5)
    is_missing = status == dg.DagsterRunStatus.NOT_STARTED
    assert bool(list(unreported_failures(instance, later))) is is_missing


@pytest.mark.parametrize("how", ["its retry is there", "it is to be retried no more", "reported before"])
def test_a_failure_that_was_not_passed_over_is_left_alone(instance: dg.DagsterInstance, how: str):
    run = started_run(instance)
    instance.report_run_failed(run)
    if how == "its retry is there":
        begun, tags = dg.DagsterRunStatus.STARTING, {"dagster/parent_run_id": run.run_id}
        create_run_for_test(instance, "refresh", status=begun, tags=tags)
    tags = {"its retry is there": {}, "reported before": {REPORTED_TAG: run.run_id}}
    instance.add_run_tags(run.run_id, tags.get(how, {"dagster/will_retry": "false"}))
    assert list(unreported_failures(instance, datetime.now(UTC) + timedelta(minutes=5))) == []


def test_11_a_retry_that_is_passed_over_is_taken_up_too(instance: dg.DagsterInstance):
    """It has the tags of the run that it retries, of which the sensor told before."""
    first = started_run(instance)
    retry = create_run_for_test(
        instance,
        "refresh",
        status=dg.DagsterRunStatus.STARTED,
        tags={REPORTED_TAG: first.run_id, "dagster/parent_run_id": first.run_id, "dagster/retry_number": "1"},
        root_run_id=first.run_id,
        parent_run_id=first.run_id,
    )
    instance.report_run_failed(retry)
    instance.add_run_tags(retry.run_id, {"dagster/will_retry": "true"})
    later = datetime.now(UTC) + timedelta(minutes=5)
    assert [run.run_id for run, _ in unreported_failures(instance, later)] == [retry.run_id]


def test_11_a_run_over_its_maximum_runtime_failed(instance: dg.DagsterInstance, daemon: Daemon):
    """It is retried, alerted and left over in the morning; Dagster alone would only call it canceled."""
    cursor = RunCursor.parse("", datetime.now(UTC))
    run = canceled_run(instance, TIMED_OUT)
    daemon.look()
    assert (daemon.retried, ended_runs(instance, cursor, 9)) == ([], [])
    assert last_failures(instance, [KEY], {}) == {}
    assert tick(instance) == f"{run.run_id}: it exceeded its maximum runtime"
    daemon.look()
    assert daemon.retried == [run.run_id]
    (record,) = ended_runs(instance, cursor, 9)
    (told,) = finished_runs(instance, record)
    assert (told.is_success, told.will_retry) == (False, True)
    assert told.message == "it exceeded its maximum runtime"
    assert last_failures(instance, [KEY], {}) == {KEY: run.run_id}
    assert tick(instance) == "nothing was passed over"


def test_11_what_a_person_canceled_stays_canceled(instance: dg.DagsterInstance, daemon: Daemon):
    run = canceled_run(instance, BY_A_PERSON)
    assert tick(instance) == "nothing was passed over"
    daemon.look()
    assert daemon.retried == []
    found = instance.get_run_by_id(run.run_id)
    assert found
    assert found.status == dg.DagsterRunStatus.CANCELED


@pytest.mark.parametrize("is_ended", [False, True])
def test_11_a_short_run_that_began_and_ended_while_it_was_looked_at_is_not_called_lost(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch, is_ended: bool
):
    """Its worker gave it back between the list of runs and the look at who holds them."""
    run = create_run_for_test(instance, "refresh", status=dg.DagsterRunStatus.STARTING)

    def is_held_by_nobody(_: dg.DagsterRun) -> bool:
        if is_ended:
            ended = dg.DagsterEvent("PIPELINE_SUCCESS", run.job_name, message="ended")
            instance.report_dagster_event(ended, run_id=run.run_id)
        return True

    monkeypatch.setattr(instance.run_launcher, "is_lost_before_start", is_held_by_nobody, raising=False)
    told = "nothing was passed over" if is_ended else f"{run.run_id}: its worker died before it began"
    assert tick(instance) == told
    found = instance.get_run_by_id(run.run_id)
    assert found
    assert found.status == (dg.DagsterRunStatus.SUCCESS if is_ended else dg.DagsterRunStatus.FAILURE)


def test_11_upstream_the_words_of_a_maximum_runtime_are_these(instance: dg.DagsterInstance, monkeypatch):
    from dagster._daemon.monitoring.run_monitoring import check_run_timeout

    run = started_run(instance)
    instance.report_dagster_event(
        dg.DagsterEvent("PIPELINE_START", run.job_name, message="started"), run_id=run.run_id
    )
    monkeypatch.setattr(type(instance.run_launcher), "terminate", lambda *_: True)
    record = instance.get_run_record_by_id(run.run_id)
    assert record
    monkeypatch.setattr(
        "dagster._daemon.monitoring.run_monitoring.get_current_timestamp",
        lambda: (record.start_time or 0) + 10,
    )
    check_run_timeout(instance, record, logging.getLogger(__name__), 5)
    assert sensor.is_timed_out(instance, run)
