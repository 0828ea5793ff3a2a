"""What the schedules ask for, and that one run takes all the watched repositories through the job."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.schedule_definition import ScheduleExecutionData

from gitpulse_assets.automation import sweep
from gitpulse_assets.automation.schedules import default_schedules
from gitpulse_assets.automation.sweep import (
    RECONCILE_WATCHED_JOB,
    REFRESH_WATCHED_JOB,
    SWEEP_OP,
    SWEEP_TAG,
    scheduled_keys,
)
from gitpulse_assets.contracts.silver import RECONCILIATION
from gitpulse_assets.definitions import build_defs
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.partitions import register
from gitpulse_assets.repo import Repo
from gitpulse_assets.resources import DuckDB
from gitpulse_assets.runs.launch import RunOutcome
from gitpulse_assets.sandbox.faults import ALWAYS, Fault
from gitpulse_assets.sandbox.history import generate
from gitpulse_assets.sandbox.plan import HistoryPlan
from gitpulse_assets.sandbox.server import Sandbox, serve
from gitpulse_assets.watch.state import Member, Membership, membership

SUNDAY = datetime(2026, 7, 5, 4, tzinfo=UTC)
KEYS = ["acme/anvil", "acme/rocket"]
SCHEDULES = {schedule.name: schedule for schedule in default_schedules}


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with serve(generate([HistoryPlan(key, seed=7, issue_count=25, day_count=60) for key in KEYS])) as running:
        yield running


def tick(defs: dg.Definitions, instance: dg.DagsterInstance, name: str) -> ScheduleExecutionData:
    with dg.build_schedule_context(
        instance=instance, scheduled_execution_time=SUNDAY, repository_def=defs.get_repository_def()
    ) as context:
        return SCHEDULES[name].evaluate_tick(context)


@pytest.mark.parametrize(
    ("name", "config"),
    [
        ("weekly_reconciliation", {"full": True}),
        ("daily_refresh", {}),
        ("half_hourly_refresh", {"only_changed": True}),
        ("ten_minute_refresh", {"only_changed": True}),
    ],
)
def test_a_tick_asks_for_one_run_for_all(
    home: Path, defs: dg.Definitions, stored_instance: dg.DagsterInstance, name: str, config: dict
):
    """A schedule opens the instance by its address, so that it has to be stored."""
    assert "no repository is watched" in tick(defs, stored_instance, name).skip_message
    for key in KEYS:
        register(stored_instance, key)
    (request,) = tick(defs, stored_instance, name).run_requests or []
    assert request.run_key == SUNDAY.isoformat()
    assert request.run_config["ops"][SWEEP_OP]["config"] == {**config, "since": SUNDAY.isoformat()}


@pytest.mark.parametrize(
    ("name", "cron", "job"),
    [
        ("weekly_reconciliation", "0 4 * * 0", RECONCILE_WATCHED_JOB),
        ("daily_refresh", "0 5 * * *", REFRESH_WATCHED_JOB),
        ("half_hourly_refresh", "*/30 * * * *", REFRESH_WATCHED_JOB),
        ("ten_minute_refresh", "*/10 * * * *", REFRESH_WATCHED_JOB),
        ("weekly_maintenance", "0 8 * * 0", "maintain"),
    ],
)
def test_they_are_in_utc_and_off_until_switched_on(defs: dg.Definitions, name: str, cron: str, job: str):
    schedule = defs.resolve_schedule_def(name)
    assert (schedule.cron_schedule, schedule.job_name) == (cron, job)
    assert schedule.execution_timezone == "UTC"
    assert schedule.default_status == dg.DefaultScheduleStatus.STOPPED


def test_the_retired_and_the_unwatched_are_left_out(home: Path, instance: dg.DagsterInstance, lake: Lake):
    for key in (*KEYS, "by/hand"):
        register(instance, key)
    assert scheduled_keys(instance, lake) == [*KEYS, "by/hand"]
    stored = membership(lake.store)
    stored.load()
    stored.save(
        Membership(
            {
                KEYS[0]: Member(KEYS[0], "gitpulse.yaml", SUNDAY),
                KEYS[1]: Member(KEYS[1], "gitpulse.yaml", SUNDAY, status="retired"),
            }
        )
    )
    assert scheduled_keys(instance, lake) == [KEYS[0]]


@pytest.mark.dear
def test_one_run_walks_all_whole_and_goes_on_where_it_was_cut_short(
    home: Path, defs: dg.Definitions, instance: dg.DagsterInstance, sandbox: Sandbox, lake: Lake
):
    for key in KEYS:
        register(instance, key)
    sandbox.app.faults.append(Fault("status", match="/repos/acme/anvil", status=451, body="{}", times=ALWAYS))
    since = datetime.fromtimestamp(sandbox.world.clock, UTC) - timedelta(seconds=1)
    config = {"ops": {SWEEP_OP: {"config": {"full": True, "since": since.isoformat()}}}}
    job = defs.resolve_job_def(RECONCILE_WATCHED_JOB)
    first = job.execute_in_process(instance=instance, run_config=config, raise_on_error=False)
    assert not first.success
    (failure,) = [event for event in first.all_events if event.is_step_failure]
    assert (
        "1 of 2 failed: acme/anvil: 127.0.0.1 forbids"
        in failure.step_failure_data.user_failure_data.description
    )
    runs = instance.get_runs(dg.RunsFilter(tags={SWEEP_TAG: first.run_id}))
    assert {run.tags["dagster/partition"]: run.status.value for run in runs} == {
        "acme/anvil": "FAILURE",
        "acme/rocket": "SUCCESS",
    }
    sandbox.app.faults.clear()
    second = job.execute_in_process(instance=instance, run_config=config)
    runs = instance.get_runs(dg.RunsFilter(tags={SWEEP_TAG: second.run_id}))
    assert [run.tags["dagster/partition"] for run in runs] == ["acme/anvil"]
    acts = sandbox.world.acts_on("acme/rocket")
    acts.rename_label(acts.repository.labels[0], "renamed")
    sandbox.world.advance(seconds=60)
    config["ops"][SWEEP_OP]["config"]["since"] = datetime.fromtimestamp(sandbox.world.clock, UTC).isoformat()
    third = job.execute_in_process(instance=instance, run_config=config)
    repaired = lake.dataset(RECONCILIATION, Repo.parse("acme/rocket")).to_table().to_pylist()
    carriers = sum(acts.repository.labels[0] in issue.labels for issue in acts.repository.issues.values())
    assert repaired[-1]["label_change_count"] == repaired[-1]["silent_change_count"] == carriers > 0
    tags = {SWEEP_TAG: third.run_id, "dagster/partition": "acme/rocket"}
    (run,) = instance.get_runs(dg.RunsFilter(tags=tags))
    assert shown_of_issue_current(instance, run.run_id)["label_change_count"] == carriers


def shown_of_issue_current(instance: dg.DagsterInstance, run_id: str) -> dict[str, object]:
    """The metadata that the UI shows of the table as a run made it."""
    logged = instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION)
    shown = [event.asset_materialization for event in logged if event.asset_materialization]
    (current,) = [made for made in shown if made.asset_key.path == ["silver", "issue_current"]]
    return {name: value.value for name, value in current.metadata.items()}


@pytest.mark.parametrize("ends", [True, False])
def test_a_run_begun_meanwhile_is_waited_for_to_the_end(
    home: Path,
    defs: dg.Definitions,
    instance: dg.DagsterInstance,
    monkeypatch: pytest.MonkeyPatch,
    ends: bool,
):
    """Another run on the second key begins while the first is taken, and ends with the third or never."""
    for key in (*KEYS, "acme/skates"):
        register(instance, key)
    others: list[dg.DagsterRun] = []
    taken: list[str] = []

    def take(context: dg.OpExecutionContext, defs: dg.Definitions, key: str, *, is_full: bool) -> RunOutcome:
        taken.append(key)
        if key == KEYS[0]:
            tags = {"dagster/partition": KEYS[1]}
            job = defs.resolve_job_def("refresh")
            others.append(instance.create_run_for_job(job, tags=tags, status=dg.DagsterRunStatus.STARTED))
        elif ends:
            instance.report_run_failed(others[0])
        return RunOutcome(Repo.parse(key), "", is_success=True, message="")

    monkeypatch.setattr(sweep, "swept", take)
    done = defs.resolve_job_def(RECONCILE_WATCHED_JOB).execute_in_process(instance=instance)
    assert taken == [KEYS[0], "acme/skates", *KEYS[1:]][: 3 if ends else 2]
    (output,) = [event for event in done.all_events if event.is_successful_output]
    found = {name: value.value for name, value in output.step_output_data.metadata.items()}
    assert (found["run_count"], found["busy_count"]) == ((3, 0) if ends else (2, 1))


def test_the_runs_of_a_sweep_are_of_the_definitions_it_stands_in(
    home: Path, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
):
    """It built definitions of its own before, without the resources that were given."""
    register(instance, KEYS[0])
    taken_of: list[dg.Definitions] = []

    def take(context: dg.OpExecutionContext, defs: dg.Definitions, key: str, *, is_full: bool) -> RunOutcome:
        taken_of.append(defs)
        return RunOutcome(Repo.parse(key), "", is_success=True, message="")

    monkeypatch.setattr(sweep, "swept", take)
    given = build_defs(resources={"duckdb": DuckDB()})
    given.resolve_job_def(REFRESH_WATCHED_JOB).execute_in_process(instance=instance)
    assert [one is given for one in taken_of] == [True]


@pytest.mark.slow
def test_only_what_changed_is_refreshed(
    home: Path, defs: dg.Definitions, instance: dg.DagsterInstance, sandbox: Sandbox
):
    for key in KEYS:
        register(instance, key)
    job = defs.resolve_job_def(REFRESH_WATCHED_JOB)
    config = {"ops": {SWEEP_OP: {"config": {"only_changed": True}}}}

    def swept_keys() -> list[str]:
        done = job.execute_in_process(instance=instance, run_config=config)
        runs = instance.get_runs(dg.RunsFilter(tags={SWEEP_TAG: done.run_id}))
        return sorted(run.tags["dagster/partition"] for run in runs)

    assert swept_keys() == KEYS
    assert swept_keys() == []
    sandbox.world.advance(seconds=60)
    acts = sandbox.world.acts_on("acme/rocket")
    acts.comment(next(iter(acts.repository.issues.values())), sandbox.world.clock)
    assert swept_keys() == ["acme/rocket"]
