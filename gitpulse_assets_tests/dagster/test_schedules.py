"""What the schedules ask for, and that one run takes all the watched repositories through the job."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.schedule_definition import ScheduleExecutionData

from gitpulse_assets.automation.schedules import default_schedules
from gitpulse_assets.automation.sweep import scheduled_keys
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.partitions import register
from gitpulse_assets.runs.kinds import RECONCILE_WATCHED_JOB, REFRESH_WATCHED_JOB, SWEEP_OP
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
def test_a_tick_asks_for_a_run_for_every_so_many(
    home: Path,
    defs: dg.Definitions,
    stored_instance: dg.DagsterInstance,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    config: dict,
):
    """A schedule opens the instance by its address, so that it has to be stored."""
    assert "no repository is watched" in tick(defs, stored_instance, name).skip_message
    for key in KEYS:
        register(stored_instance, key)
    (request,) = tick(defs, stored_instance, name).run_requests or []
    assert request.job_name == SCHEDULES[name].job_name
    asked = {**config, "since": SUNDAY.isoformat()}
    assert request.run_config["ops"][SWEEP_OP]["config"] == {**asked, "keys": KEYS}
    monkeypatch.setenv("GITPULSE_BATCH_SIZE", "1")
    # Without PostgreSQL processes share no pace: one run, however many.
    assert len(tick(defs, stored_instance, name).run_requests or []) == 1
    monkeypatch.setenv("DAGSTER_PG_HOST", "127.0.0.1")
    each = tick(defs, stored_instance, name).run_requests or []
    assert [one.run_config["ops"][SWEEP_OP]["config"]["keys"] for one in each] == [[key] for key in KEYS]
    # A tick that is evaluated twice asks for none twice.
    assert [one.run_key for one in each] == [f"{SUNDAY.isoformat()}/{number}" for number in (1, 2)]


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
        told = instance.all_logs(done.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION)
        return sorted({str(entry.get_dagster_event().partition) for entry in told})

    assert swept_keys() == KEYS
    assert swept_keys() == []
    sandbox.world.advance(seconds=60)
    acts = sandbox.world.acts_on("acme/rocket")
    acts.comment(next(iter(acts.repository.issues.values())), sandbox.world.clock)
    assert swept_keys() == ["acme/rocket"]
