"""What the schedules ask for, and that a run they ask for is a full walk."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import dagster as dg
import pytest
from dagster._core.definitions.schedule_definition import ScheduleExecutionData

from gitpulse_assets.automation.jobs import RECONCILE_JOB
from gitpulse_assets.automation.launch import RunOutcome
from gitpulse_assets.automation.schedules import weekly_reconciliation
from gitpulse_assets.contracts.silver import RECONCILIATION
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.partitions import register
from gitpulse_assets.repo import Repo
from gitpulse_assets.sandbox.server import Sandbox

Refresh = Callable[..., RunOutcome]
REPO = Repo("acme", "rocket")
SUNDAY = datetime(2026, 7, 5, 4, tzinfo=UTC)


@pytest.fixture
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dg.DagsterInstance]:
    """A stored instance: a schedule opens it by its address."""
    with dg.DagsterInstance.local_temp(str(tmp_path_factory.mktemp("instance"))) as stored:
        yield stored


def tick(defs: dg.Definitions, instance: dg.DagsterInstance) -> ScheduleExecutionData:
    with dg.build_schedule_context(
        instance=instance, scheduled_execution_time=SUNDAY, repository_def=defs.get_repository_def()
    ) as context:
        return weekly_reconciliation.evaluate_tick(context)


def test_a_tick_asks_for_one_run_a_registered_repository(defs: dg.Definitions, instance: dg.DagsterInstance):
    for key in ("acme/rocket", "acme/anvil"):
        register(instance, key)
    asked = [(request.run_key, request.partition_key) for request in tick(defs, instance).run_requests or []]
    assert asked == [("2026-07-05:acme/anvil", "acme/anvil"), ("2026-07-05:acme/rocket", "acme/rocket")]


def test_a_tick_without_repositories_says_so(defs: dg.Definitions, instance: dg.DagsterInstance):
    assert tick(defs, instance).skip_message == "no repository is registered"


def test_it_is_due_on_sundays_at_four_utc_and_off_until_switched_on(defs: dg.Definitions):
    schedule = defs.resolve_schedule_def("weekly_reconciliation")
    assert schedule.job_name == RECONCILE_JOB
    ticks = schedule.cron_schedule, schedule.execution_timezone, schedule.default_status
    assert ticks == ("0 4 * * 0", "UTC", dg.DefaultScheduleStatus.STOPPED)


def test_a_run_it_asks_for_walks_the_whole_list_and_shows_what_it_corrected(
    defs: dg.Definitions, instance: dg.DagsterInstance, run: Refresh, sandbox: Sandbox, lake: Lake
):
    run()
    acts = sandbox.world.acts_on(REPO.key)
    acts.rename_label(acts.repository.labels[0], "renamed")
    (request,) = tick(defs, instance).run_requests or []
    done = defs.resolve_job_def(RECONCILE_JOB).execute_in_process(
        instance=instance, partition_key=request.partition_key, tags=request.tags
    )
    walks = lake.dataset(RECONCILIATION, REPO).to_table().to_pylist()
    (walked,) = [walk for walk in walks if walk["run_id"] == done.run_id]
    carriers = sum(acts.repository.labels[0] in issue.labels for issue in acts.repository.issues.values())
    assert walked["label_change_count"] == walked["silent_change_count"] == carriers > 0
    shown = [event.materialization for event in done.get_asset_materialization_events()]
    (current,) = [table for table in shown if table.asset_key.path[-1] == "issue_current"]
    assert current.metadata["label_change_count"].value == carriers
