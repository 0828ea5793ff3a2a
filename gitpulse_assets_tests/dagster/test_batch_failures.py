"""What of a batch fails, is cut short or is asked for again: told as of a run of the repository alone."""

import logging
import os
import signal
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dagster as dg
import pytest
from dagster._core.utils import make_new_run_id

from gitpulse_assets.assets import batch
from gitpulse_assets.assets.batch import (
    Batch,
    asked_at,
    begin_alone,
    done_before,
    take_all,
    take_partitions,
    whole_path,
)
from gitpulse_assets.collect.progress import WalkProgress, listener
from gitpulse_assets.contracts.bronze import ISSUES, MANIFEST
from gitpulse_assets.marts.backlog_verdict import MART_BACKLOG_VERDICT
from gitpulse_assets.partitions import REPOS_PARTITIONS
from gitpulse_assets.repo import Repo
from gitpulse_assets.runs import history
from gitpulse_assets.runs.busy import busy_keys, is_at_work, last_ends
from gitpulse_assets.runs.history import finished_runs, last_failures, refreshed_at
from gitpulse_assets.runs.kinds import AT_WORK_TAG, REFRESH_JOB, REFRESH_WATCHED_JOB, repo_tags
from gitpulse_assets.runs.process import PROCESS_TAG, SWEEP_TAG
from gitpulse_assets.runs.telling import Telling, tell_dagster
from gitpulse_assets.sandbox.history import generate
from gitpulse_assets.sandbox.plan import HistoryPlan
from gitpulse_assets.sandbox.server import Sandbox, serve
from gitpulse_assets_tests.dagster.conftest import in_range

KEYS = ["acme/anvil", "acme/rocket", "acme/skates"]
FAILURE, SUCCESS, STARTED = (dg.DagsterRunStatus[name] for name in ("FAILURE", "SUCCESS", "STARTED"))
ISSUE_LIST, VERDICT = list(ISSUES.asset_key), list(MART_BACKLOG_VERDICT.asset_key)


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with serve(generate([HistoryPlan(KEYS[0], seed=7, issue_count=2, day_count=5)])) as running:
        yield running


@pytest.fixture
def create(instance: dg.DagsterInstance) -> Any:
    """Add a run of a job in a state, with nothing planned, and let it tell."""

    def made(job: str, status: dg.DagsterRunStatus, *told: Telling, **given: Any) -> dg.DagsterRun:
        run = instance.add_run(dg.DagsterRun(job, make_new_run_id(), status=status, **given))
        tell_dagster(instance, run.run_id, told)
        return run

    return made


def made(asset: list[str], key: str) -> dg.AssetMaterialization:
    return dg.AssetMaterialization(asset, partition=key)


def record_of(instance: dg.DagsterInstance, run: dg.DagsterRun) -> dg.RunRecord:
    (record,) = instance.get_run_records(dg.RunsFilter(run_ids=[run.run_id]))
    return record


@pytest.mark.parametrize(
    ("severity", "taken"),
    [(dg.AssetCheckSeverity.ERROR, ["bronze"]), (dg.AssetCheckSeverity.WARN, list(batch.STEPS))],
)
def test_a_blocking_check_that_failed_ends_the_repositorys_path_before_anything_is_published_behind_it(
    defs: dg.Definitions,
    instance: dg.DagsterInstance,
    monkeypatch: pytest.MonkeyPatch,
    severity: dg.AssetCheckSeverity,
    taken: list[str],
):
    found = dg.AssetCheckResult(
        passed=False, asset_key=list(MANIFEST.asset_key), check_name="contract", severity=severity
    )
    steps: list[str] = []

    def step(name: str, *_: object) -> Iterator[dg.AssetCheckResult]:
        steps.append(name)
        if name == "bronze":
            yield found

    monkeypatch.setattr(batch, "generator_of", step)
    nothing: Any = None
    work: Any = SimpleNamespace(instance=instance)
    path = whole_path(Batch(nothing, work, defs.resolve_job_def(REFRESH_JOB)), Repo.parse(KEYS[0]))
    if severity == dg.AssetCheckSeverity.ERROR:
        with pytest.raises(dg.Failure, match="nothing behind it is made: bronze/"):
            list(path)
    else:
        list(path)
    assert steps == taken


@pytest.mark.parametrize(("status", "is_over"), [(SUCCESS, True), (FAILURE, False)])
def test_alerts_hear_a_success_only_of_what_a_batch_finished(
    instance: dg.DagsterInstance, create: Any, status: dg.DagsterRunStatus, is_over: bool
):
    """The first failed behind bronze and has a run of its own; in the last the batch ended, or was killed."""
    failed, finished, last = KEYS
    told = [made(ISSUE_LIST, key) for key in KEYS]
    run = create(REFRESH_WATCHED_JOB, status, *told, dg.AssetObservation(VERDICT, partition=finished))
    create(REFRESH_JOB, FAILURE, tags={**repo_tags(failed), SWEEP_TAG: run.run_id})
    heard = {one.subject: one for one in finished_runs(instance, record_of(instance, run))}
    assert set(heard) == {finished, last, REFRESH_WATCHED_JOB}
    assert heard[finished].is_success
    # Neither a success nor a failure of its own: Dagster's resumes what was killed.
    assert (heard[last].is_success, heard[last].will_retry) == (is_over, not is_over)


def test_a_sensor_lays_the_end_of_a_batch_only_on_what_ended_in_it(instance: dg.DagsterInstance, create: Any):
    """The batch was killed in the third; a rebuild, and a verdict of before, deal with no change."""
    before = create(REFRESH_WATCHED_JOB, SUCCESS, made(VERDICT, KEYS[2]))
    assert record_of(instance, before)
    since = datetime.now(UTC)
    failed, finished, cut_short = KEYS
    create(REFRESH_WATCHED_JOB, FAILURE, made(VERDICT, finished), made(ISSUE_LIST, cut_short))
    create(REFRESH_JOB, FAILURE, tags=repo_tags(failed))
    asked = dict.fromkeys(KEYS, since)
    assert last_ends(instance, asked) == {failed: FAILURE, finished: SUCCESS}
    create("rebuild", SUCCESS, made(VERDICT, cut_short), tags=repo_tags(cut_short))
    assert last_ends(instance, {cut_short: since}) == {}


def test_what_all_keys_share_is_read_once_a_tick(
    instance: dg.DagsterInstance, create: Any, monkeypatch: pytest.MonkeyPatch
):
    instance.add_dynamic_partitions(REPOS_PARTITIONS, KEYS)
    for _ in range(3):
        create(REFRESH_JOB, STARTED, tags=in_range(KEYS[0], KEYS[2]))
    reads: list[str] = []
    read = instance.get_dynamic_partitions

    def counted(name: str) -> Any:
        reads.append(name)
        return read(name)

    monkeypatch.setattr(instance, "get_dynamic_partitions", counted)
    assert busy_keys(instance, datetime.now(UTC)) == set(KEYS)
    assert len(reads) == 1


def work_of(instance: dg.DagsterInstance, run: dg.DagsterRun) -> Any:
    return SimpleNamespace(instance=instance, run=run, log=logging.getLogger("test"))


@pytest.mark.parametrize("lives", [True, False])
def test_nobody_waits_for_a_batch_that_died_and_who_waits_is_told(
    instance: dg.DagsterInstance, create: Any, monkeypatch: pytest.MonkeyPatch, lives: bool
):
    gone = {PROCESS_TAG: "elsewhere/boot 1 1"}
    create(REFRESH_WATCHED_JOB, STARTED, tags={AT_WORK_TAG: KEYS[0], **gone})
    monkeypatch.setattr("gitpulse_assets.runs.busy.is_process_gone", lambda run: not lives)
    run = create(REFRESH_JOB, STARTED, tags=repo_tags(KEYS[0]))
    waits: list[float] = []
    heard: list[WalkProgress] = []
    monkeypatch.setattr(batch, "pause", waits.append)
    monkeypatch.setattr(batch, "BATCH_WAITS", 3)
    token = listener.set(heard.append)
    try:
        begin_alone(work_of(instance, run), Repo.parse(KEYS[0]))
    finally:
        listener.reset(token)
    assert len(waits) == (3 if lives else 0)
    assert ["a batch is at work" in one.note for one in heard] == [True] * lives


def test_a_range_of_one_is_a_run_of_that_repository(instance: dg.DagsterInstance, create: Any):
    """`BackfillPolicy.multi_run` asks for the last key, or a single one, so."""
    instance.add_dynamic_partitions(REPOS_PARTITIONS, KEYS)
    run = create(REFRESH_JOB, STARTED, tags=in_range(KEYS[0], KEYS[0]))
    now = datetime.now(UTC)
    assert busy_keys(instance, now) == {KEYS[0]}
    begin_alone(work_of(instance, run), Repo.parse(KEYS[0]))
    assert is_at_work(instance, KEYS[0], [], now)
    assert not is_at_work(instance, KEYS[0], [run.run_id], now)
    instance.report_run_failed(run)
    (told,) = finished_runs(instance, record_of(instance, run))
    assert (told.subject, told.is_success) == (KEYS[0], False)
    assert last_failures(instance, KEYS, {}) == {KEYS[0]: run.run_id}


def test_a_choice_of_assets_is_a_choice_in_the_failed_repositorys_own_run_too(
    home: Path, defs: dg.Definitions, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
):
    """Without it the run is of all assets there are, and cannot be executed again."""
    instance.add_dynamic_partitions(REPOS_PARTITIONS, KEYS)

    def fails(*_: object) -> Any:
        raise dg.Failure("no", allow_retries=False)

    monkeypatch.setattr(batch, "whole_path", fails)
    monkeypatch.setattr("gitpulse_assets.assets.bronze.received", fails)
    everything = defs.resolve_implicit_global_asset_job_def()
    chosen = [key for key in everything.asset_layer.executable_asset_keys if key.path[0] == "bronze"]
    chosen = [key for key in chosen if everything.asset_layer.get(key).group_name == "bronze"]
    done = everything.execute_in_process(
        instance=instance, asset_selection=chosen, tags=in_range(KEYS[0], KEYS[1])
    )
    parent = instance.get_run_by_id(done.run_id)
    assert parent
    own = instance.get_runs(dg.RunsFilter(tags={SWEEP_TAG: done.run_id}))
    assert {run.tags["dagster/partition"] for run in own} == set(KEYS[:2])
    assert {run.status for run in own} == {FAILURE}
    assert [run.asset_selection for run in own] == [frozenset(chosen)] * 2


def taken_again(
    defs: dg.Definitions, instance: dg.DagsterInstance, create: Any, root: dg.DagsterRun, patch: Any
) -> tuple[dg.DagsterRun, list[str], dict[str, str]]:
    """A retry of the run, in which nothing fails: it, whom it takes in their order, and why others failed."""
    order: list[str] = []
    patch.setattr(batch, "take_one", lambda _, repo: order.append(repo.key) or "")
    ids = {"root_run_id": root.run_id, "parent_run_id": root.run_id}
    tags = {f"dagster/{name}": run_id for name, run_id in ids.items()}
    run = create(REFRESH_WATCHED_JOB, STARTED, tags=tags, **ids)
    context: Any = SimpleNamespace(retry_number=0, log=logging.getLogger("test"))
    work: Any = SimpleNamespace(instance=instance, run=run)
    taken = take_all(Batch(context, work, defs.resolve_job_def("rebuild"), steps=["gold"]), KEYS)
    return run, order, taken.failed


def test_whom_an_execution_of_the_batch_died_at_is_taken_last_and_after_a_second_death_not_in_it(
    defs: dg.Definitions, instance: dg.DagsterInstance, create: Any, monkeypatch: pytest.MonkeyPatch
):
    """One that takes its process down (memory, a crash in a library) would have all behind it never taken."""
    root = create(REFRESH_WATCHED_JOB, FAILURE, tags={AT_WORK_TAG: KEYS[0], "dagster/backfill": "b"})
    dead, order, failed = taken_again(defs, instance, create, root, monkeypatch)
    assert (order, failed) == ([*KEYS[1:], KEYS[0]], {})
    instance.report_run_failed(dead)
    run, order, failed = taken_again(defs, instance, create, root, monkeypatch)
    assert (order, list(failed)) == (KEYS[1:], KEYS[:1])
    # As one alone whose process dies: a failed run and partition, an alert, and Dagster's retries.
    (own,) = instance.get_runs(dg.RunsFilter(tags={SWEEP_TAG: run.run_id}))
    assert (own.tags["dagster/partition"], own.status, own.job_name) == (KEYS[0], FAILURE, "rebuild")
    (told,) = finished_runs(instance, record_of(instance, own))
    assert told.message == "the process of this batch died 2 times while it was at work on acme/anvil"


def test_whom_a_batch_was_at_work_on_when_its_step_failed_is_not_to_blame(
    defs: dg.Definitions, instance: dg.DagsterInstance, create: Any, monkeypatch: pytest.MonkeyPatch
):
    """Stopped by a signal, or the database went: Dagster says so of the run."""
    tags = {AT_WORK_TAG: KEYS[0], "dagster/failure_reason": "STEP_FAILURE"}
    root = create(REFRESH_WATCHED_JOB, FAILURE, tags=tags)
    assert taken_again(defs, instance, create, root, monkeypatch)[1] == KEYS


def test_a_step_that_is_retried_leaves_out_what_its_first_try_did(instance: dg.DagsterInstance, create: Any):
    run = create(REFRESH_WATCHED_JOB, STARTED)

    def context(retry_number: int) -> Any:
        return SimpleNamespace(run=run, instance=instance, retry_number=retry_number)

    assert asked_at(context(0)) is None
    asked = asked_at(context(1))
    assert asked
    assert abs(datetime.now(UTC) - asked) < timedelta(minutes=1)


def test_what_was_published_but_never_told_is_taken_again(
    instance: dg.DagsterInstance, create: Any, monkeypatch: pytest.MonkeyPatch
):
    """The process died between the two: the partition would stay missing, or failed, for ever."""
    create(REFRESH_WATCHED_JOB, SUCCESS, made(VERDICT, KEYS[0]))
    since = datetime.now(UTC)
    create(REFRESH_WATCHED_JOB, SUCCESS, made(VERDICT, KEYS[1]))
    monkeypatch.setattr(batch, "is_done", lambda *_: True)
    nothing: Any = None
    work: Any = SimpleNamespace(instance=instance, lake=None)
    assert done_before(Batch(nothing, work, nothing), KEYS, since) == [KEYS[1]]


def test_a_batch_reads_of_its_own_repositories_alone_when_they_were_told(
    instance: dg.DagsterInstance, create: Any, monkeypatch: pytest.MonkeyPatch
):
    """Of ten thousand, two hundred batches a day would each read all that was told of all."""
    told = [
        kind(VERDICT, partition=key)
        for key in KEYS
        for kind in (dg.AssetMaterialization, dg.AssetObservation)
    ]
    create(REFRESH_WATCHED_JOB, SUCCESS, *told)
    read: list[str] = []
    columns = history.columns_of

    def noted(*given: Any) -> Any:
        found = columns(*given)
        read.extend(key for key, _, _ in found)
        return found

    monkeypatch.setattr(history, "columns_of", noted)
    whole = "_get_event_records"
    monkeypatch.setattr(
        instance.event_log_storage, whole, lambda *_, **__: pytest.fail("a whole event was read")
    )
    assert set(refreshed_at(instance, KEYS[:1])) == {KEYS[0]}
    assert refreshed_at(instance, []) == {}
    assert read == KEYS[:1] * 2
    work: Any = SimpleNamespace(instance=instance, lake=None)
    nothing: Any = None
    assert done_before(Batch(nothing, work, nothing), KEYS[:1], datetime.now(UTC)) == []
    assert read == KEYS[:1] * 4


def test_a_batch_takes_no_step_that_its_run_is_not_to_execute(
    defs: dg.Definitions, monkeypatch: pytest.MonkeyPatch
):
    taken: list[list[str]] = []
    monkeypatch.setattr(batch, "take_all", lambda one, _: taken.append(one.steps))

    def context(steps: list[str] | None) -> Any:
        run = SimpleNamespace(step_keys_to_execute=steps)
        return SimpleNamespace(run=run, job_def=defs.resolve_job_def("rebuild"), partition_keys=KEYS)

    nothing: Any = None
    for steps in (["gold"], None):
        take_partitions(context(steps), nothing)
    assert taken == [["gold"], ["silver", "sync_state", "gold"]]


def test_a_stop_is_heard_while_a_batch_waits_for_a_limit(monkeypatch: pytest.MonkeyPatch):
    """Between two tries Dagster sleeps, and would hear of it when the limit has ended."""
    pause = batch.pause

    def stopped(seconds: float) -> None:
        threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGTERM)).start()
        pause(seconds)

    monkeypatch.setattr(batch, "pause", stopped)
    handler = signal.signal(signal.SIGTERM, lambda *_: None)
    try:
        with pytest.raises(dg.Failure, match="interrupted; run it again"):
            batch.wait_out(3600)
    finally:
        signal.signal(signal.SIGTERM, handler)
