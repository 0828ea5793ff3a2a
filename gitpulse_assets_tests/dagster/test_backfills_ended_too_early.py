"""A backfill that Dagster calls failed before it knows of a retry goes on, by Dagster's own daemons."""

import logging
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.execution import asset_backfill
from dagster._core.execution.backfill import PartitionBackfill
from dagster._core.remote_origin import InProcessCodeLocationOrigin
from dagster._core.storage.tags import WILL_RETRY_TAG
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import InProcessWorkspaceLoadTarget
from dagster._daemon.auto_run_reexecution.event_log_consumer import EventLogConsumerDaemon
from dagster._daemon.backfill import execute_backfill_iteration

from gitpulse_assets.automation import retries as sensor
from gitpulse_assets.automation.retries import retries
from gitpulse_assets.runs.sqlite_connections import keep_connections
from gitpulse_assets.runs.telling import tell_dagster
from gitpulse_assets_tests.dagster_home import copy_databases

INSTANCE = """
telemetry: {enabled: false}
run_retries: {enabled: true, max_retries: 2}
run_coordinator: {module: dagster._core.run_coordinator, class: DefaultRunCoordinator}
run_launcher: {module: dagster._core.test_utils, class: MockedRunLauncher}
"""
KEY, OTHER = "acme/rocket", "acme/gone"
TOO_EARLY, NOTHING = "backfill B: it ended too early", "nothing was passed over"


@dg.asset(
    partitions_def=dg.StaticPartitionsDefinition([KEY, OTHER]), backfill_policy=dg.BackfillPolicy.multi_run(2)
)
def table() -> None: ...


defs = dg.Definitions([table])


class Daemons:
    """Dagster's that launch backfills and retries, and runs that end when told to."""

    def __init__(self, context: WorkspaceProcessContext) -> None:
        self.context = context
        self.instance = context.instance
        self._consumer = EventLogConsumerDaemon()
        self._consumer._logger = logging.getLogger(__name__)
        self.retry()

    def launch(self, *keys: str) -> dg.DagsterRun:
        """Ask for the backfill, of `KEY` unless said otherwise; return its run."""
        self.instance.add_backfill(
            PartitionBackfill.from_asset_partitions(
                backfill_id="B",
                asset_graph=self.context.create_request_context().asset_graph,
                partition_names=list(keys or [KEY]),
                asset_selection=[table.key],
                backfill_timestamp=time.time(),
                tags={},
                dynamic_partitions_store=self.instance,
                all_partitions=False,
                title=None,
                description=None,
                run_config=None,
            )
        )
        assert self.look() == "REQUESTED"
        return self.newest()

    def look(self) -> str:
        """Look at the backfill once; return its status."""
        list(execute_backfill_iteration(self.context, logging.getLogger(__name__)))
        return self.status()

    def status(self) -> str:
        backfill = self.instance.get_backfill("B")
        assert backfill
        return backfill.status.value

    def retry(self) -> None:
        """Retry what failed."""
        list(self._consumer.run_iteration(self.context))

    def newest(self) -> dg.DagsterRun:
        return self.instance.get_runs(limit=1)[0]

    def fail(self, run: dg.DagsterRun) -> None:
        self.instance.report_run_failed(run, "its worker is gone")

    def fail_behind_a_look(self, run: dg.DagsterRun, monkeypatch: pytest.MonkeyPatch) -> None:
        """End a run whose backfill ends before the word that the run is to be retried."""
        self.looking_behind_a_failure(monkeypatch, lambda: self.fail(run))

    def looking_behind_a_failure(self, monkeypatch: pytest.MonkeyPatch, fail: Callable[[], None]) -> None:
        """Look at the backfill between a failure and the word that it is to be retried."""
        add_tags = self.instance.add_run_tags

        def looked_before(run_id: str, tags: dict[str, str]) -> None:
            if WILL_RETRY_TAG in tags:
                assert self.look() == "COMPLETED_FAILED"
            add_tags(run_id, tags)

        with monkeypatch.context() as patch:
            patch.setattr(self.instance, "add_run_tags", looked_before)
            fail()

    def succeed(self, run: dg.DagsterRun) -> None:
        """End a run that made its table."""
        made = dg.AssetMaterialization(table.key, partition=KEY)
        tell_dagster(self.instance, run.run_id, [made], "table")
        ended = dg.DagsterEvent("PIPELINE_SUCCESS", run.job_name, message="ended")
        self.instance.report_dagster_event(ended, run_id=run.run_id)


@pytest.fixture
def daemons(tmp_path: Path, pytestconfig: pytest.Config) -> Iterator[Daemons]:
    (tmp_path / "dagster.yaml").write_text(INSTANCE)
    copy_databases(pytestconfig, tmp_path)
    where = LoadableTargetOrigin(executable_path=sys.executable, python_file=__file__)
    target = InProcessWorkspaceLoadTarget(InProcessCodeLocationOrigin(where, location_name="here"))
    with (
        dg.DagsterInstance.from_config(str(tmp_path)) as instance,
        WorkspaceProcessContext(instance, target) as context,
    ):
        keep_connections(instance)
        yield Daemons(context)


def tick(daemons: Daemons) -> str:
    with dg.build_sensor_context(instance=daemons.instance) as context:
        return str(retries(context).skip_message)  # pyright: ignore


def test_11_a_retry_that_ends_while_dagster_looks_ends_its_backfill_well(
    daemons: Daemons, monkeypatch: pytest.MonkeyPatch
):
    """What is missing is read at the beginning of a look, and whether something runs at its end."""
    daemons.fail(daemons.launch())
    daemons.retry()
    is_complete = asset_backfill.backfill_runs_are_complete

    def ends_meanwhile(*arguments: Any) -> bool:
        daemons.succeed(daemons.newest())
        return is_complete(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(asset_backfill, "backfill_runs_are_complete", ends_meanwhile)
        assert daemons.look() == "COMPLETED_FAILED"
    assert tick(daemons) == TOO_EARLY
    assert daemons.look() == "COMPLETED_SUCCESS"
    assert tick(daemons) == NOTHING


def test_11_a_failure_whose_retry_was_not_decided_yet_is_retried(
    daemons: Daemons, monkeypatch: pytest.MonkeyPatch
):
    """dagster#34204: behind its backfill's end Dagster refuses the retry."""
    run = daemons.launch()
    daemons.fail_behind_a_look(run, monkeypatch)
    daemons.retry()
    assert daemons.newest().run_id == run.run_id
    monkeypatch.setattr(sensor, "PASSED_OVER_AFTER", timedelta(0))
    assert [tick(daemons), tick(daemons)] == [TOO_EARLY, f"{run.run_id}: its retry was passed over"]
    daemons.retry()
    assert daemons.newest().parent_run_id == run.run_id
    assert daemons.look() == "REQUESTED"
    daemons.succeed(daemons.newest())
    assert (daemons.look(), tick(daemons)) == ("COMPLETED_SUCCESS", NOTHING)


def test_11_a_backfill_is_not_opened_for_a_retry_that_was_refused(
    daemons: Daemons, monkeypatch: pytest.MonkeyPatch
):
    """Nobody would launch it, and the backfill would be under way for ever."""
    run = daemons.launch()
    daemons.fail_behind_a_look(run, monkeypatch)
    daemons.instance.add_run_tags(run.run_id, {sensor.REPORTED_TAG: run.run_id})
    assert (tick(daemons), daemons.status()) == (NOTHING, "COMPLETED_FAILED")


def test_11_a_backfill_that_failed_to_the_last_stays_failed(daemons: Daemons):
    daemons.launch()
    for _ in range(3):
        daemons.fail(daemons.newest())
        daemons.retry()
    assert daemons.instance.get_runs_count() == 3
    assert (daemons.look(), tick(daemons), daemons.status()) == (
        "COMPLETED_FAILED",
        NOTHING,
        "COMPLETED_FAILED",
    )


def test_11_a_backfill_is_opened_again_once_for_each_run(daemons: Daemons, monkeypatch: pytest.MonkeyPatch):
    """Where Dagster does not see what the retry made the second time either."""
    daemons.fail(daemons.launch())
    daemons.retry()
    blind = "get_asset_backfill_iteration_materialized_subset"
    monkeypatch.setattr(asset_backfill, blind, lambda _, data, *others: data.materialized_subset)
    daemons.succeed(daemons.newest())
    assert (daemons.look(), tick(daemons)) == ("COMPLETED_FAILED", TOO_EARLY)
    assert (daemons.look(), tick(daemons)) == ("COMPLETED_FAILED", NOTHING)


def test_11_a_backfill_is_not_opened_for_a_retry_that_dagster_has_counted(daemons: Daemons):
    """Another repository is what failed; so does one whose retry ended well and made nothing."""
    daemons.fail(daemons.launch(KEY, OTHER))
    daemons.retry()
    daemons.succeed(daemons.newest())
    assert (daemons.look(), tick(daemons)) == ("COMPLETED_FAILED", NOTHING)


def test_11_a_run_lost_before_it_began_is_retried_though_its_backfill_ended_first(
    daemons: Daemons, monkeypatch: pytest.MonkeyPatch
):
    """What was told of it was its first failure, and not one that the daemon refused."""
    run = daemons.launch()
    starting = dg.DagsterEvent("PIPELINE_STARTING", run.job_name, message="given out")
    daemons.instance.report_dagster_event(starting, run_id=run.run_id)
    is_lost = lambda one: one.run_id == run.run_id  # noqa: E731
    monkeypatch.setattr(daemons.instance.run_launcher, "is_lost_before_start", is_lost, raising=False)
    told: list[str] = []
    daemons.looking_behind_a_failure(monkeypatch, lambda: told.append(tick(daemons)))
    daemons.retry()
    assert told == [f"{run.run_id}: its worker died before it began"]
    assert daemons.newest().run_id == run.run_id
    monkeypatch.setattr(sensor, "PASSED_OVER_AFTER", timedelta(0))
    assert [tick(daemons), tick(daemons)] == [TOO_EARLY, f"{run.run_id}: its retry was passed over"]
    daemons.retry()
    assert daemons.newest().parent_run_id == run.run_id
