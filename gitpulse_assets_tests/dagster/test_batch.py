"""Several repositories in one run: each with the result that a run of it alone would have had."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml

from gitpulse_assets.alerting.alert import Alert
from gitpulse_assets.alerting.rules import FinishedRun, RunEnded, judgements
from gitpulse_assets.assets import batch
from gitpulse_assets.assets.batch import is_done
from gitpulse_assets.automation.alerts import RUNS_A_TICK, within_a_tick
from gitpulse_assets.contracts.silver import RECONCILIATION
from gitpulse_assets.definitions import build_defs
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.partitions import REPOS_PARTITIONS, register
from gitpulse_assets.repo import Repo
from gitpulse_assets.resources import DuckDB
from gitpulse_assets.runs.busy import busy_keys, is_at_work, keys_in_writing, last_ends
from gitpulse_assets.runs.history import finished_runs, is_taken_again, standings
from gitpulse_assets.runs.kinds import (
    AT_WORK_TAG,
    BATCH_TAG,
    RECONCILE_WATCHED_JOB,
    REFRESH_JOB,
    REFRESH_WATCHED_JOB,
    REPORT_JOB,
    SWEEP_OP,
    repo_tags,
)
from gitpulse_assets.runs.launch import refresh, repository_origin
from gitpulse_assets.runs.process import SWEEP_TAG
from gitpulse_assets.runs.records import events_of
from gitpulse_assets.sandbox.faults import ALWAYS, Fault
from gitpulse_assets.sandbox.history import generate
from gitpulse_assets.sandbox.plan import HistoryPlan
from gitpulse_assets.sandbox.server import Sandbox, serve
from gitpulse_assets_tests.dagster.conftest import a_home, a_stored_instance, in_range, stale_checks

KEYS = ["acme/anvil", "acme/rocket", "acme/skates"]
MADE = dg.DagsterEventType.ASSET_MATERIALIZATION


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with serve(generate([HistoryPlan(key, seed=7, issue_count=12, day_count=40) for key in KEYS])) as running:
        yield running


@dataclass(frozen=True)
class Batched:
    """After a batch of two, the first of which is and remains forbidden; `run_id` is the batch's.

    A limit ended with the second's first request, and was over when the batch was tried again; then it failed
    otherwise, met a limit in the run of its own, and was taken a third time.

    `since`: before it by our clock, `walked_since` by GitHub's. `statuses`: as the batch left them.
    """

    instance: dg.DagsterInstance
    sandbox: Sandbox
    lake: Lake
    since: datetime
    walked_since: str
    run_id: str
    statuses: dict[str, str]


@pytest.fixture(scope="module")
def batched_once(
    pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory, defs: dg.Definitions
) -> Iterator[Batched]:
    folder, since = tmp_path_factory.mktemp("batched"), datetime.now(UTC)
    small = generate([HistoryPlan(key, seed=7, issue_count=3, day_count=20) for key in KEYS[:2]])
    with (
        serve(small) as sandbox,
        a_stored_instance(pytestconfig, tmp_path_factory) as instance,
        a_home(folder, sandbox),
        pytest.MonkeyPatch.context() as patch,
    ):
        instance.add_dynamic_partitions(REPOS_PARTITIONS, KEYS[:2])
        patch.setattr(batch, "LIMIT_SECONDS_MIN", 0.1)
        sandbox.app.faults += [forbidden(KEYS[0]), limited(KEYS[1]), forbidden(KEYS[1], 1), limited(KEYS[1])]
        done = take(defs, instance, keys=KEYS[:2])
        assert done.success
        walked_since = datetime.fromtimestamp(sandbox.world.clock - 1, UTC).isoformat()
        lake, left = Lake.open(str(folder / "lake")), statuses(instance, defs)
        yield Batched(instance, sandbox, lake, since, walked_since, done.run_id, left)


@pytest.fixture
def batched(batched_once: Batched, tmp_path: Path) -> Iterator[Batched]:
    """The same for several tests, which may take both again, but change nothing at GitHub's."""
    with a_home(Path(batched_once.lake.store.uri("")).parent, batched_once.sandbox):
        yield batched_once


@pytest.fixture
def registered(instance: dg.DagsterInstance) -> list[str]:
    instance.add_dynamic_partitions(REPOS_PARTITIONS, KEYS)
    return KEYS


def forbidden(key: str, times: int = ALWAYS) -> Fault:
    return Fault("status", match=f"/repos/{key}", status=451, body="{}", times=times)


def limited(key: str) -> Fault:
    """A limit that nobody has the patience for, met once."""
    return Fault("secondary_limit", match=f"/repos/{key}", status=403, retry_after_seconds=30_000)


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


def ended(instance: dg.DagsterInstance, run_id: str) -> list[FinishedRun]:
    """What alerts read of a run."""
    (record,) = instance.get_run_records(dg.RunsFilter(run_ids=[run_id]))
    return finished_runs(instance, record)


def alerts_after(instance: dg.DagsterInstance, run_id: str) -> Iterator[Alert]:
    """What a run is alerted for where nothing was before."""
    for run in ended(instance, run_id):
        yield from (one for one in judgements(RunEnded(run, "")) if isinstance(one, Alert))


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


def own_runs(batched: Batched, key: str) -> Sequence[dg.DagsterRun]:
    """The runs of a repository alone that the batch executed."""
    return batched.instance.get_runs(dg.RunsFilter(tags={SWEEP_TAG: batched.run_id, **repo_tags(key)}))


def test_one_that_fails_stops_no_other_and_fails_in_a_run_of_its_own(batched: Batched):
    """As everywhere: failed partition, failed run and step, alert."""
    (own,) = own_runs(batched, KEYS[0])
    failure = dg.DagsterRunStatus.FAILURE
    assert (own.tags["dagster/partition"], own.status, own.job_name) == (KEYS[0], failure, REFRESH_JOB)
    assert batched.statuses == {KEYS[0]: "failed", KEYS[1]: "materialized"}
    ends = last_ends(batched.instance, dict.fromkeys(KEYS[:2], batched.since))
    assert ends == {KEYS[0]: failure, KEYS[1]: dg.DagsterRunStatus.SUCCESS}
    alerts = [list(alerts_after(batched.instance, run_id)) for run_id in (batched.run_id, own.run_id)]
    assert [[alert.key for alert in some] for some in alerts] == [[], [f"run/{REFRESH_JOB}/{KEYS[0]}"]]
    assert own.run_id in alerts[1][0].link


def test_what_a_limit_left_is_taken_when_it_has_ended_and_nothing_fails_for_it(batched: Batched):
    tries = batched.instance.all_logs(batched.run_id, of_type=dg.DagsterEventType.STEP_UP_FOR_RETRY)
    assert len(tries) == 2
    asked = [line for line in batched.sandbox.app.log if KEYS[1] in line.target]
    assert [line.status for line in asked].count(403) == 2


def test_whom_a_limit_ended_in_a_run_of_its_own_fails_for_nobody_but_when_that_is_executed_again(
    batched: Batched,
):
    (own,) = own_runs(batched, KEYS[1])
    assert own.status == dg.DagsterRunStatus.FAILURE
    assert batched.statuses[KEYS[1]] == "materialized"
    assert list(alerts_after(batched.instance, own.run_id)) == []
    # What the batch made of it then is the batch's to tell.
    assert {one.subject: one.is_success for one in ended(batched.instance, batched.run_id)}[KEYS[1]]
    events = events_of(batched.instance, own.run_id, dg.DagsterEventType.STEP_FAILURE)
    assert is_taken_again(own, events)
    assert not is_taken_again(own._replace(parent_run_id=own.run_id), events)
    assert not is_taken_again(own, [])


def test_a_batch_at_rest_writes_a_handful_of_events_for_each(batched: Batched, defs: dg.Definitions):
    """Beside one that leaves it out."""
    rested = take(defs, batched.instance, keys=KEYS[1:2])
    left_out = take(defs, batched.instance, keys=KEYS[1:2], since=batched.walked_since)
    rows = [len(batched.instance.all_logs(done.run_id)) for done in (rested, left_out)]
    assert 0 < rows[0] - rows[1] <= 4
    assert told(batched.instance, rested.run_id, MADE) == {KEYS[1]: {str(dg.AssetKey(["bronze", "issues"]))}}
    assert told(batched.instance, left_out.run_id, MADE) == {}


def test_every_check_of_a_batch_is_shown_as_one_of_what_was_made_last(batched: Batched, defs: dg.Definitions):
    assert stale_checks(batched.instance, defs, KEYS[1]) == []


def test_a_range_of_partitions_is_a_batch(batched: Batched, defs: dg.Definitions):
    """What a backfill launches by `BackfillPolicy.multi_run`; at rest it makes anew, or would end failed."""
    tags = {**in_range(*KEYS[:2]), "dagster/backfill": "b"}
    job = defs.resolve_job_def(REFRESH_JOB)
    done = job.execute_in_process(instance=batched.instance, tags=tags)
    (own,) = batched.instance.get_runs(dg.RunsFilter(tags={SWEEP_TAG: done.run_id}))
    assert (own.tags["dagster/partition"], own.status.value) == (KEYS[0], "FAILURE")
    # The backfill counts the failure as its own.
    assert own.tags["dagster/backfill"] == "b"
    tables = told(batched.instance, done.run_id, MADE)
    assert set(tables) == {KEYS[1]}
    assert len(job.asset_layer.executable_asset_keys) == len(tables[KEYS[1]])


def test_a_batch_of_marts_alone_asks_github_nothing(batched: Batched, defs: dg.Definitions):
    asked = len(batched.sandbox.app.log)
    job = defs.resolve_job_def("rebuild")
    done = job.execute_in_process(instance=batched.instance, tags=in_range(*KEYS[:2]))
    assert len(batched.sandbox.app.log) == asked
    assert set(told(batched.instance, done.run_id, MADE)) == set(KEYS[:2])


def test_a_run_waits_for_the_batch_that_is_at_work_on_its_repository(
    batched: Batched, defs: dg.Definitions, monkeypatch: pytest.MonkeyPatch
):
    """Both would fetch the same, and one of them lose it when it publishes."""
    job, tags = defs.resolve_job_def(REFRESH_WATCHED_JOB), {AT_WORK_TAG: KEYS[1]}
    other = batched.instance.create_run_for_job(job, tags=tags, status=dg.DagsterRunStatus.STARTED)
    assert is_at_work(batched.instance, KEYS[1], [], datetime.now(UTC))
    waits: list[float] = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 2:
            batched.instance.report_run_failed(other)

    monkeypatch.setattr(batch, "pause", wait)
    assert refresh(defs, batched.instance, Repo.parse(KEYS[1]), is_full=False).is_success
    assert len(waits) == 2


@pytest.mark.dear
def test_a_batch_tells_what_runs_of_each_alone_tell(
    home: Path, defs: dg.Definitions, stored_instance: dg.DagsterInstance, sandbox: Sandbox
):
    instance = stored_instance
    instance.add_dynamic_partitions(REPOS_PARTITIONS, KEYS)
    sandbox.app.faults.append(forbidden(KEYS[0]))
    done = take(defs, instance, keys=KEYS)
    assert done.success
    # Taken up alone, the other two find what they are told of unchanged, and tell the same tables and checks.
    sandbox.app.faults.clear()
    alone = refresh(defs, instance, Repo.parse(KEYS[0]), is_full=False)
    assert alone.is_success
    for kind in (MADE, dg.DagsterEventType.ASSET_CHECK_EVALUATION):
        in_batch = told(instance, done.run_id, kind)
        assert set(in_batch) == set(KEYS[1:])
        (by_itself,) = told(instance, alone.run_id, kind).values()
        assert in_batch[KEYS[1]] == in_batch[KEYS[2]] == by_itself
    heard = {run.subject: run for run in ended(instance, done.run_id)}
    (as_alone,) = ended(instance, alone.run_id)
    assert set(heard) == {*KEYS[1:], REFRESH_WATCHED_JOB}
    assert heard[KEYS[1]].job_name == as_alone.job_name == REFRESH_JOB
    assert set(heard[KEYS[1]].verdicts) == set(as_alone.verdicts)
    assert {check.check for check in heard[KEYS[1]].checks} == {check.check for check in as_alone.checks}
    # The failure of before is over, though the run in which it is was the last of its own.
    take(defs, instance, keys=KEYS[:1])
    (standing,) = standings(instance, KEYS[:1], with_last_runs=True)
    assert not standing.has_failed


@pytest.mark.dear
def test_the_weekly_run_of_many_walks_all_whole_and_counts_what_it_repairs(
    home: Path, defs: dg.Definitions, instance: dg.DagsterInstance, sandbox: Sandbox, lake: Lake
):
    """A refresh does not see a label that was renamed, and does not count as the walk of the week."""
    instance.add_dynamic_partitions(REPOS_PARTITIONS, KEYS[:2])
    assert take(defs, instance, keys=KEYS[:2]).success
    acts = sandbox.world.acts_on(KEYS[1])
    carried = [label for issue in acts.repository.issues.values() for label in issue.labels]
    label = max(acts.repository.labels, key=carried.count)
    carriers = carried.count(label)
    acts.rename_label(label, "renamed")
    sandbox.world.advance(seconds=60)
    since = datetime.fromtimestamp(sandbox.world.clock, UTC).isoformat()
    take(defs, instance, keys=KEYS[:2], since=since)
    job = defs.resolve_job_def(RECONCILE_WATCHED_JOB)
    weekly = {"run_config": config(keys=KEYS[:2], since=since, full=True), "instance": instance}
    done = job.execute_in_process(**weekly)
    repaired = lake.dataset(RECONCILIATION, Repo.parse(KEYS[1])).to_table().to_pylist()
    assert repaired[-1]["label_change_count"] == repaired[-1]["silent_change_count"] == carriers > 0
    assert shown_of_issue_current(instance, done.run_id, KEYS[1])["label_change_count"] == carriers
    # Of the other nothing was repaired; executed again the run finds both done.
    assert KEYS[0] in told(instance, done.run_id, MADE)
    assert (
        lake.dataset(RECONCILIATION, Repo.parse(KEYS[0])).to_table().to_pylist()[-1]["silent_change_count"]
        == 0
    )
    assert told(instance, job.execute_in_process(**weekly).run_id, MADE) == {}


def shown_of_issue_current(instance: dg.DagsterInstance, run_id: str, key: str) -> dict[str, object]:
    """The metadata that the UI shows of a repository's table as a run of many made it."""
    logged = instance.all_logs(run_id, of_type=MADE)
    shown = [event.asset_materialization for event in logged if event.asset_materialization]
    (current,) = [
        made for made in shown if made.asset_key.path == ["silver", "issue_current"] and made.partition == key
    ]
    return {name: value.value for name, value in current.metadata.items()}


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
    given = {"keys": KEYS[:1], "since": since.isoformat()}

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(batch, "marts_made", killed)
        take(defs, instance, **given)
    assert lake.commit("silver", Repo.parse(KEYS[0]))
    assert not is_done(lake, KEYS[0], since, is_full=False)
    assert set(told(instance, take(defs, instance, **given).run_id, MADE)) == {KEYS[0]}
    assert is_done(lake, KEYS[0], since, is_full=False)
    assert told(instance, take(defs, instance, **given).run_id, MADE) == {}


def test_what_only_waits_or_draws_a_report_keeps_no_batch_from_a_repository(
    instance: dg.DagsterInstance, defs: dg.Definitions
):
    """Reports are asked for of all in the morning, and a backfill counts what it left to others as failed."""
    instance.add_dynamic_partitions(REPOS_PARTITIONS, KEYS)
    own, now = {"dagster/partition": KEYS[0]}, datetime.now(UTC)
    # Given to workers, of whom none is free.
    waiting = {"tags": own, "status": dg.DagsterRunStatus.STARTING}
    instance.create_run_for_job(defs.resolve_job_def(REFRESH_JOB), **waiting)
    drawing = {"tags": own | {AT_WORK_TAG: KEYS[0]}, "status": dg.DagsterRunStatus.STARTED}
    instance.create_run_for_job(defs.resolve_job_def(REPORT_JOB), **drawing)
    assert not is_at_work(instance, KEYS[0], [], now)
    assert keys_in_writing(instance, now) == {KEYS[0]}
    instance.report_run_failed(instance.get_runs(dg.RunsFilter(job_name=REFRESH_JOB))[0])
    assert keys_in_writing(instance, now) == set()
    # Who forgets the repository has to wait for its report.
    assert busy_keys(instance, now) == {KEYS[0]}


def test_the_batch_of_a_backfill_waits_for_a_run_that_is_at_work(
    home: Path, defs: dg.Definitions, instance: dg.DagsterInstance, registered: list[str], monkeypatch
):
    """Left to it, the repository would count as failed."""
    tags = {"dagster/partition": KEYS[0]}
    job = defs.resolve_job_def(REFRESH_JOB)
    other = instance.create_run_for_job(job, tags=tags, status=dg.DagsterRunStatus.STARTED)
    taken: list[str] = []
    monkeypatch.setattr(batch, "take_one", lambda _, repo: taken.append(repo.key) or "")
    monkeypatch.setattr(batch, "pause", lambda _: instance.report_run_failed(other))
    done = job.execute_in_process(
        instance=instance, tags=in_range(KEYS[0], KEYS[2]) | {"dagster/backfill": "B"}
    )
    assert done.success
    assert taken == [KEYS[1], KEYS[2], KEYS[0]]


def test_whom_a_limit_keeps_back_to_the_last_fails_in_a_run_of_its_own(
    home: Path, defs: dg.Definitions, instance: dg.DagsterInstance, registered: list[str], monkeypatch
):
    """The batch would fail for it, and nobody be told of whom."""

    def limited(*_: object) -> str:
        raise batch.LimitMet(datetime.now(UTC))

    monkeypatch.setattr(batch, "take_one", limited)
    monkeypatch.setattr(batch, "tried_alone", lambda _, repo, is_last: is_last and f"a limit of {repo}")
    monkeypatch.setattr(batch, "LIMITS_MAX", 0)
    done = take(defs, instance, keys=KEYS[:2])
    assert done.success
    (output,) = [event for event in done.all_events if event.is_successful_output]
    assert output.step_output_data.metadata["failed_count"].value == 2


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


def test_on_one_machine_batches_are_taken_one_at_a_time(defs: dg.Definitions):
    """Each would keep GitHub's limits by itself, and both together twice as many requests."""
    runs = yaml.safe_load((Path(__file__).parents[2] / "dagster.yaml").read_text())["concurrency"]["runs"]
    assert {"key": BATCH_TAG, "limit": 1} in runs["tag_concurrency_limits"]
    for job in (REFRESH_WATCHED_JOB, RECONCILE_WATCHED_JOB):
        assert BATCH_TAG in defs.resolve_job_def(job).tags


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
    create(defs.resolve_job_def(REFRESH_JOB), tags=in_range(*KEYS[1:]))
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
