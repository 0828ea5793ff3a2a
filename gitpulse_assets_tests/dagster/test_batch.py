"""Several repositories in one run: each with the result that a run of it alone would have had."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from gitpulse_assets.assets import batch
from gitpulse_assets.assets.batch import is_done
from gitpulse_assets.automation.alerts import RUNS_A_TICK, within_a_tick
from gitpulse_assets.definitions import build_defs
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.partitions import REPOS_PARTITIONS, register
from gitpulse_assets.repo import Repo
from gitpulse_assets.resources import DuckDB
from gitpulse_assets.runs.busy import busy_keys, is_at_work, last_end
from gitpulse_assets.runs.history import finished_runs, standings
from gitpulse_assets.runs.kinds import AT_WORK_TAG, REFRESH_JOB, REFRESH_WATCHED_JOB, SWEEP_OP
from gitpulse_assets.runs.launch import refresh, repository_origin
from gitpulse_assets.runs.process import SWEEP_TAG
from gitpulse_assets.sandbox.faults import ALWAYS, Fault
from gitpulse_assets.sandbox.history import generate
from gitpulse_assets.sandbox.plan import HistoryPlan
from gitpulse_assets.sandbox.server import Sandbox, serve

KEYS = ["acme/anvil", "acme/rocket", "acme/skates"]
MADE = dg.DagsterEventType.ASSET_MATERIALIZATION


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with serve(generate([HistoryPlan(key, seed=7, issue_count=12, day_count=40) for key in KEYS])) as running:
        yield running


@pytest.fixture
def registered(instance: dg.DagsterInstance) -> list[str]:
    instance.add_dynamic_partitions(REPOS_PARTITIONS, KEYS)
    return KEYS


def config(**given: Any) -> dict[str, Any]:
    return {"ops": {SWEEP_OP: {"config": given}}}


def take(defs: dg.Definitions, instance: dg.DagsterInstance, **given: Any) -> dg.ExecuteInProcessResult:
    job = defs.resolve_job_def(REFRESH_WATCHED_JOB)
    return job.execute_in_process(instance=instance, run_config=config(**given), raise_on_error=False)


def told(instance: dg.DagsterInstance, run_id: str, kind: dg.DagsterEventType) -> dict[str, set[str]]:
    """What a run told of each partition, by the names of assets and checks."""
    found: dict[str, set[str]] = {}
    for entry in instance.all_logs(run_id, of_type=kind):
        event = entry.get_dagster_event()
        check = event.event_specific_data if kind == dg.DagsterEventType.ASSET_CHECK_EVALUATION else None
        name = str(event.asset_key) + (f":{check.check_name}" if check else "")
        found.setdefault(str(check.partition if check else event.partition), set()).add(name)
    return found


def statuses(instance: dg.DagsterInstance, defs: dg.Definitions) -> dict[str, str]:
    """The states of the last table's partitions, as the UI shows them."""
    from dagster._core.storage.partition_status_cache import get_and_update_asset_status_cache_value

    key = dg.AssetKey(["gold", "mart_backlog_verdict"])
    partitions = defs.resolve_asset_graph().get(key).partitions_def
    assert partitions is not None
    cached = get_and_update_asset_status_cache_value(instance, key, partitions)
    assert cached is not None
    done = cached.deserialize_materialized_partition_subsets(partitions).get_partition_keys()
    failed = cached.deserialize_failed_partition_subsets(partitions).get_partition_keys()
    return {**dict.fromkeys(done, "materialized"), **dict.fromkeys(failed, "failed")}


def test_a_batch_tells_what_runs_of_each_alone_tell_and_one_that_fails_stops_none(
    home: Path, defs: dg.Definitions, stored_instance: dg.DagsterInstance, sandbox: Sandbox, tmp_path: Path
):
    instance = stored_instance
    instance.add_dynamic_partitions(REPOS_PARTITIONS, KEYS)
    fault = Fault("status", match="/repos/acme/anvil", status=451, body="{}", times=ALWAYS)
    sandbox.app.faults.append(fault)
    since = datetime.now(UTC)
    done = take(defs, instance, keys=KEYS)
    assert done.success
    # The one that failed did so in a run of its own, as everywhere: failed partition, alert, failed step.
    (own,) = instance.get_runs(dg.RunsFilter(tags={SWEEP_TAG: done.run_id}))
    assert (own.tags["dagster/partition"], own.status, own.job_name) == (
        "acme/anvil",
        dg.DagsterRunStatus.FAILURE,
        REFRESH_JOB,
    )
    assert statuses(instance, defs) == {
        "acme/anvil": "failed",
        "acme/rocket": "materialized",
        "acme/skates": "materialized",
    }
    assert [last_end(instance, key, since) for key in KEYS[:2]] == [
        dg.DagsterRunStatus.FAILURE,
        dg.DagsterRunStatus.SUCCESS,
    ]
    # Taken up alone, the other two find what they are told of unchanged, and tell the same tables and checks.
    sandbox.app.faults.clear()
    alone = refresh(defs, instance, Repo.parse("acme/anvil"), is_full=False)
    assert alone.is_success
    for kind in (MADE, dg.DagsterEventType.ASSET_CHECK_EVALUATION):
        in_batch = told(instance, done.run_id, kind)
        assert set(in_batch) == set(KEYS[1:])
        (by_itself,) = told(instance, alone.run_id, kind).values()
        assert in_batch["acme/rocket"] == in_batch["acme/skates"] == by_itself
    records = instance.get_run_records(dg.RunsFilter(run_ids=[done.run_id]))
    heard = {run.subject: run for run in finished_runs(instance, records[0])}
    (as_alone,) = finished_runs(instance, instance.get_run_records(dg.RunsFilter(run_ids=[alone.run_id]))[0])
    assert set(heard) == {*KEYS[1:], REFRESH_WATCHED_JOB}
    assert heard["acme/rocket"].job_name == as_alone.job_name == REFRESH_JOB
    assert set(heard["acme/rocket"].verdicts) == set(as_alone.verdicts)
    assert {check.check for check in heard["acme/rocket"].checks} == {
        check.check for check in as_alone.checks
    }
    # The failure of before is over, though the run in which it is was the last of its own.
    take(defs, instance, keys=["acme/anvil"])
    (standing,) = standings(instance, ["acme/anvil"], with_last_runs=True)
    assert not standing.has_failed


def test_a_batch_at_rest_writes_a_handful_of_events_for_each(
    home: Path, defs: dg.Definitions, instance: dg.DagsterInstance, registered: list[str]
):
    take(defs, instance)
    before = len(instance.all_logs(take(defs, instance, keys=KEYS[:1]).run_id))
    three = take(defs, instance, keys=KEYS)
    per_repository = (len(instance.all_logs(three.run_id)) - before) / 2
    assert per_repository <= 4
    assert told(instance, three.run_id, MADE) == {
        key: {str(dg.AssetKey(["bronze", "issues"]))} for key in KEYS
    }


def test_a_range_of_partitions_is_a_batch(
    home: Path, defs: dg.Definitions, instance: dg.DagsterInstance, registered: list[str], sandbox: Sandbox
):
    """What a backfill launches by `BackfillPolicy.multi_run`; at rest it makes anew, or would end failed."""
    tags = {
        "dagster/asset_partition_range_start": KEYS[0],
        "dagster/asset_partition_range_end": KEYS[2],
        "dagster/backfill": "b",
    }
    sandbox.app.faults.append(
        Fault("status", match="/repos/acme/rocket", status=451, body="{}", times=ALWAYS)
    )
    job = defs.resolve_job_def(REFRESH_JOB)
    done = job.execute_in_process(instance=instance, tags=tags)
    (own,) = instance.get_runs(dg.RunsFilter(tags={SWEEP_TAG: done.run_id}))
    assert (own.tags["dagster/partition"], own.status.value) == ("acme/rocket", "FAILURE")
    # The backfill counts the failure as its own.
    assert own.tags["dagster/backfill"] == "b"
    tables = told(instance, done.run_id, MADE)
    assert set(tables) == {"acme/anvil", "acme/skates"}
    sandbox.app.faults.clear()
    again = job.execute_in_process(instance=instance, tags=tags)
    assert told(instance, again.run_id, MADE) == dict.fromkeys(KEYS, tables["acme/anvil"])
    assert len(job.asset_layer.executable_asset_keys) == len(tables["acme/anvil"])


def test_a_batch_of_marts_alone_asks_github_nothing(
    home: Path, defs: dg.Definitions, instance: dg.DagsterInstance, registered: list[str], sandbox: Sandbox
):
    take(defs, instance, keys=KEYS[:2])
    asked = len(sandbox.app.log)
    tags = {
        "dagster/asset_partition_range_start": KEYS[0],
        "dagster/asset_partition_range_end": KEYS[1],
    }
    done = defs.resolve_job_def("rebuild").execute_in_process(instance=instance, tags=tags)
    assert len(sandbox.app.log) == asked
    assert set(told(instance, done.run_id, MADE)) == set(KEYS[:2])


def test_what_was_done_before_the_batch_was_cut_short_is_left_out(
    home: Path,
    defs: dg.Definitions,
    instance: dg.DagsterInstance,
    registered: list[str],
    sandbox: Sandbox,
    lake: Lake,
    monkeypatch: pytest.MonkeyPatch,
):
    """Also between the merge and the marts: a walk alone is not all of it."""
    since = datetime.fromtimestamp(sandbox.world.clock, UTC) - timedelta(seconds=1)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(batch, "marts_made", killed)
        take(defs, instance, keys=KEYS[:1], since=since.isoformat())
    assert lake.commit("silver", Repo.parse(KEYS[0]))
    assert not is_done(lake, KEYS[0], since, is_full=False)
    done = take(defs, instance, keys=KEYS[:2], since=since.isoformat())
    assert set(told(instance, done.run_id, MADE)) == set(KEYS[:2])
    assert is_done(lake, KEYS[0], since, is_full=False)
    last = take(defs, instance, keys=KEYS, since=since.isoformat())
    assert set(told(instance, last.run_id, MADE)) == {KEYS[2]}


@pytest.mark.parametrize("ends", [True, False])
def test_a_run_begun_meanwhile_is_waited_for_to_the_end(
    home: Path,
    defs: dg.Definitions,
    instance: dg.DagsterInstance,
    registered: list[str],
    monkeypatch: pytest.MonkeyPatch,
    ends: bool,
):
    """Another run on the second key begins while the first is taken, and ends with the third or never."""
    others: list[dg.DagsterRun] = []
    taken: list[str] = []

    def take_it(_: object, repo: Repo) -> str:
        taken.append(repo.key)
        if repo.key == KEYS[0]:
            tags = {"dagster/partition": KEYS[1]}
            job = defs.resolve_job_def("refresh")
            others.append(instance.create_run_for_job(job, tags=tags, status=dg.DagsterRunStatus.STARTED))
        elif ends:
            instance.report_run_failed(others[0])
        return ""

    monkeypatch.setattr(batch, "take_one", take_it)
    done = take(defs, instance)
    assert taken == [KEYS[0], KEYS[2], KEYS[1]][: 3 if ends else 2]
    (output,) = [event for event in done.all_events if event.is_successful_output]
    found = {name: value.value for name, value in output.step_output_data.metadata.items()}
    assert (found["run_count"], found["busy_count"]) == ((3, 0) if ends else (2, 1))


def test_the_runs_of_a_batch_are_of_the_definitions_it_stands_in(
    home: Path, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
):
    """It built definitions of its own before, without the resources that were given."""
    register(instance, KEYS[0])
    taken_by: list[dg.JobDefinition] = []
    monkeypatch.setattr(batch, "take_one", lambda one, _: taken_by.append(one.job) or "")
    given = build_defs(resources={"duckdb": DuckDB()})
    take(given, instance)
    assert [job is given.resolve_job_def(REFRESH_JOB) for job in taken_by] == [True]


def test_what_a_batch_has_yet_to_take_is_busy(instance: dg.DagsterInstance, defs: dg.Definitions):
    """Else a sensor would ask for it again with every tick."""
    instance.add_dynamic_partitions(REPOS_PARTITIONS, KEYS)

    def create(job: dg.JobDefinition, **given: Any) -> dg.DagsterRun:
        origin = repository_origin().get_job_origin(job.name)
        queued = dg.DagsterRunStatus.QUEUED
        return instance.create_run_for_job(job, status=queued, remote_job_origin=origin, **given)

    job = defs.resolve_job_def(REFRESH_WATCHED_JOB)
    create(job, run_config=config(keys=KEYS[:2]))
    now = datetime.now(UTC)
    assert busy_keys(instance, now) == set(KEYS[:2])
    assert not is_at_work(instance, KEYS[0], [], now)
    tags = {"dagster/asset_partition_range_start": KEYS[1], "dagster/asset_partition_range_end": KEYS[2]}
    create(defs.resolve_job_def(REFRESH_JOB), tags=tags)
    assert busy_keys(instance, now) == set(KEYS)


def test_alerts_read_no_more_of_batches_than_a_tick_has_time_for(
    instance: dg.DagsterInstance, defs: dg.Definitions
):
    """A hundred batches of fifty are hours of events: each tick would end in its middle, for ever."""
    job = defs.resolve_job_def(REFRESH_WATCHED_JOB)
    keys = [f"acme/rocket{number}" for number in range(RUNS_A_TICK // 2)]
    for _ in range(3):
        instance.create_run_for_job(job, run_config=config(keys=keys))
    records = instance.get_run_records()
    assert len(within_a_tick(instance, records)) == 2
    assert len(within_a_tick(instance, records[:1])) == 1


def test_a_run_waits_for_the_batch_that_is_at_work_on_its_repository(
    home: Path, defs: dg.Definitions, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
):
    """Both would fetch the same, and one of them lose it when it publishes."""
    register(instance, KEYS[0])
    job = defs.resolve_job_def(REFRESH_WATCHED_JOB)
    tags = {AT_WORK_TAG: KEYS[0]}
    other = instance.create_run_for_job(job, tags=tags, status=dg.DagsterRunStatus.STARTED)
    assert is_at_work(instance, KEYS[0], [], datetime.now(UTC))
    waits: list[float] = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 2:
            instance.report_run_failed(other)

    monkeypatch.setattr(batch, "pause", wait)
    assert refresh(defs, instance, Repo.parse(KEYS[0]), is_full=False).is_success
    assert len(waits) == 2
