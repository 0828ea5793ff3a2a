"""Whether a run's worker lives, asked of a real Redis; test_workers.py has the whole deployment."""

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from threading import Event
from typing import Any

import dagster as dg
import pytest
import yaml
from dagster._core.code_pointer import ModuleCodePointer
from dagster._core.launcher import LaunchRunContext, WorkerStatus
from dagster._core.origin import JobPythonOrigin, RepositoryPythonOrigin
from dagster._core.test_utils import create_run_for_test
from dagster._daemon.run_coordinator.queued_run_coordinator_daemon import QueuedRunCoordinatorDaemon

from gitpulse_assets.runs.kinds import REFRESH_JOB
from gitpulse_assets.runs.launch import repository_origin
from gitpulse_assets.runs.process import SWEEP_TAG, process_tag
from gitpulse_assets_tests.conftest import absent
from gitpulse_assets_tests.deployment.compose import ROOT, wait_until
from gitpulse_assets_tests.deployment.postgres import free_port

# `make test-deployment` runs it, where what only some deployments need is installed.
pytestmark = pytest.mark.slow
KEPT = ("telemetry", "run_launcher", "run_coordinator", "concurrency", "run_monitoring")
ORIGIN = JobPythonOrigin(
    "refresh",
    RepositoryPythonOrigin(sys.executable, ModuleCodePointer("gitpulse_assets.definitions", "defs")),
)
HOLDER = """
import sys, time
from redis import Redis
from gitpulse_assets.automation.run_lease import held
with held(Redis.from_url(sys.argv[1]), sys.argv[2]) as is_ours:
    print(is_ours, flush=True)
    time.sleep(600)
"""


@contextmanager
def served(port: int) -> Iterator[None]:
    """An empty Redis on 127.0.0.1, until the block ends."""
    command = ["redis-server", "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly", "no"]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        wait_until("Redis answers", lambda: pings(port))
        yield
    finally:
        server.kill()
        server.wait()


def pings(port: int) -> bool:
    import redis

    try:
        return bool(redis.Redis(port=port).ping())
    except redis.RedisError:
        return False


@pytest.fixture(scope="module")
def port() -> int:
    if find_spec("dagster_celery") is None:
        absent("launchers", "dagster-celery is not installed: make .venv/launchers")
    if shutil.which("redis-server") is None:
        absent("redis", "Debian's redis-server is not installed")
    return free_port()


@pytest.fixture
def instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, port: int) -> Iterator[dg.DagsterInstance]:
    """SQLite with the launcher of deploy/workers."""
    told = yaml.safe_load((ROOT / "deploy" / "workers" / "dagster.yaml").read_text(encoding="utf-8"))
    kept = {key: told[key] for key in KEPT}
    (tmp_path / "dagster.yaml").write_text(yaml.safe_dump(kept))
    monkeypatch.setenv("GITPULSE_BROKER_URL", url(port))
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    with dg.DagsterInstance.get() as stored:
        yield stored


def url(port: int) -> str:
    return f"redis://127.0.0.1:{port}/0"


def health(instance: dg.DagsterInstance, run: dg.DagsterRun) -> Any:
    return instance.run_launcher.check_run_worker_health(run).status


def started(instance: dg.DagsterInstance, **tags: str) -> dg.DagsterRun:
    return create_run_for_test(instance, status=dg.DagsterRunStatus.STARTED, tags=tags)


@contextmanager
def worker(port: int, run_id: str) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """A process that holds a run's lease, if it gets it, and what it says of that."""
    command = [sys.executable, "-c", HOLDER, url(port), run_id]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()


def short(monkeypatch: pytest.MonkeyPatch, seconds: int) -> None:
    """Have this process take a Redis of that age for one that remembers."""
    monkeypatch.setattr("gitpulse_assets.automation.run_lease.LEASE_SECONDS", seconds)


def test_a_run_lives_while_its_worker_does_and_ends_with_its_lease(
    instance: dg.DagsterInstance, port: int, monkeypatch: pytest.MonkeyPatch
):
    from gitpulse_assets.automation.run_lease import LEASE_SECONDS, key_of

    run = started(instance)
    with served(port):
        with worker(port, run.run_id) as (process, said):
            assert said == "True"
            assert health(instance, run) == WorkerStatus.RUNNING
            process.kill()
        # Killed, it gave nothing back: the lease stays, for its time.
        launcher: Any = instance.run_launcher
        left = launcher.redis.ttl(key_of(run.run_id))
        assert 0 < left <= LEASE_SECONDS
        launcher.redis.expire(key_of(run.run_id), 1)
        short(monkeypatch, 1)
        wait_until("it is found", lambda: health(instance, run) == WorkerStatus.FAILED, 10)


def test_a_worker_that_dies_before_it_begins_a_run_is_found(
    instance: dg.DagsterInstance, port: int, monkeypatch: pytest.MonkeyPatch
):
    """Dagster asks nothing of a run that counts as starting, and would fail it after an hour."""
    from redis import Redis

    from gitpulse_assets.automation.retries import lost_before_start
    from gitpulse_assets.automation.run_lease import key_of

    short(monkeypatch, 0)
    taken, waiting = (create_run_for_test(instance, status=dg.DagsterRunStatus.STARTING) for _ in range(2))
    assert list(lost_before_start(instance)) == []
    with served(port), worker(port, taken.run_id) as (process, _):
        assert list(lost_before_start(instance)) == []
        process.kill()
        with Redis(port=port) as redis:
            redis.delete(key_of(taken.run_id))
            assert [run.run_id for run in lost_before_start(instance)] == [taken.run_id]
            assert redis.exists(key_of(waiting.run_id)) == 0


def test_a_run_that_is_given_out_twice_is_executed_once(instance: dg.DagsterInstance, port: int):
    """Redis does so with what a worker held in reserve for an hour (celery#5935)."""
    run = started(instance)
    with served(port), worker(port, run.run_id) as (_, first), worker(port, run.run_id) as (_, second):
        assert (first, second) == ("True", "False")


def test_a_run_is_not_dead_because_redis_is_silent_or_forgot_it(
    instance: dg.DagsterInstance, port: int, monkeypatch: pytest.MonkeyPatch
):
    """dagster-celery takes it for dead after a restart, and Dagster retries it beside itself."""
    run = started(instance)
    assert health(instance, run) == WorkerStatus.RUNNING
    with served(port):
        assert health(instance, run) == WorkerStatus.RUNNING
        short(monkeypatch, 1)
        time.sleep(1.1)
        assert health(instance, run) == WorkerStatus.FAILED


def test_a_lease_that_redis_forgot_is_made_anew(port: int, monkeypatch: pytest.MonkeyPatch):
    from redis import Redis

    from gitpulse_assets.automation import run_lease

    monkeypatch.setattr(run_lease, "RENEWAL_SECONDS", 0.1)
    with served(port), Redis(port=port) as redis, run_lease.held(redis, "run"):
        redis.flushall()
        wait_until("it is held again", lambda: run_lease.is_held(redis, "run"), 5)


def test_a_lease_that_lapsed_is_left_to_who_took_it(port: int, monkeypatch: pytest.MonkeyPatch):
    """Renewed or given back all the same, the run of the other would be found dead while it lives."""
    from redis import Redis

    from gitpulse_assets.automation import run_lease

    monkeypatch.setattr(run_lease, "RENEWAL_SECONDS", 0.05)
    with served(port), Redis(port=port) as redis:
        with run_lease.held(redis, "run"):
            redis.set(run_lease.key_of("run"), "another")
            time.sleep(0.3)
            assert redis.get(run_lease.key_of("run")) == b"another"
        assert redis.get(run_lease.key_of("run")) == b"another"


def test_a_run_is_taken_as_soon_as_redis_answers(port: int, monkeypatch: pytest.MonkeyPatch):
    """Its message is spent, and nobody else would come for it within an hour."""
    from gitpulse_assets.automation import run_lease

    monkeypatch.setattr(run_lease, "RENEWAL_SECONDS", 0.1)
    with ThreadPoolExecutor(1) as pool, run_lease.redis_at(url(port)) as redis:
        first = pool.submit(run_lease.taken, redis, "run")
        time.sleep(0.3)
        with served(port):
            assert first.result(10)
            assert run_lease.is_held(redis, "run")


def test_a_lease_ends_with_the_run(port: int):
    from redis import Redis

    from gitpulse_assets.automation.run_lease import held, key_of

    with served(port), Redis(port=port) as redis:
        with held(redis, "run") as is_ours:
            assert is_ours
        assert not redis.exists(key_of("run"))


def test_a_run_of_a_sweep_or_a_command_has_no_lease_and_lives(
    instance: dg.DagsterInstance, port: int, monkeypatch: pytest.MonkeyPatch
):
    short(monkeypatch, 0)
    sweep = started(instance)
    swept = started(instance, **{SWEEP_TAG: sweep.run_id})
    with served(port):
        assert health(instance, sweep) == WorkerStatus.FAILED
        assert health(instance, swept) == WorkerStatus.RUNNING
        assert health(instance, started(instance, **process_tag())) == WorkerStatus.RUNNING
    assert not instance.run_launcher.terminate(swept.run_id)


def test_nothing_is_resumed(instance: dg.DagsterInstance):
    """What dagster-celery resumes ends in a TypeError."""
    assert not instance.run_launcher.supports_resume_run
    assert instance.run_monitoring_max_resume_run_attempts == 0


def test_a_run_of_a_higher_priority_is_given_out_before_others(instance: dg.DagsterInstance, port: int):
    """As it is on Redis, dagster-celery's `9` is served last."""
    from gitpulse_assets.automation.celery_launcher import QUEUE

    with served(port):
        launcher: Any = instance.run_launcher
        for priority in ("", "3", "9", "high"):
            tags = {"dagster-celery/run_priority": priority} if priority else {}
            run = create_run_for_test(instance, status=dg.DagsterRunStatus.STARTING, tags=tags)
            task = launcher.celery.signature("noted", args=[priority], immutable=True)
            launcher._launch_celery_task_run(run=run, task_signature=task, routing_key="noted")
        with launcher.celery.connection() as connection, connection.SimpleQueue(QUEUE) as queue:
            served_first = [queue.get(timeout=5).payload[0][0] for _ in range(4)]
    assert served_first == ["9", "3", "", "high"]


def waiting(instance: dg.DagsterInstance) -> dg.DagsterRun:
    """A run in the queue."""
    run = create_run_for_test(
        instance, job_code_origin=ORIGIN, remote_job_origin=repository_origin().get_job_origin(REFRESH_JOB)
    )
    enqueued = dg.DagsterEvent("PIPELINE_ENQUEUED", run.job_name, message="asked for")
    instance.report_dagster_event(enqueued, run_id=run.run_id)
    return run


def dequeue(instance: dg.DagsterInstance, run: dg.DagsterRun) -> dg.DagsterRunStatus:
    """Have Dagster's daemon take a run from the queue; return what it is then."""
    workspace: Any = None
    daemon = QueuedRunCoordinatorDaemon(interval_seconds=5)
    daemon._dequeue_run(instance, workspace, run, instance.get_concurrency_config(), None)
    return status_of(instance, run)


def status_of(instance: dg.DagsterInstance, run: dg.DagsterRun) -> dg.DagsterRunStatus:
    found = instance.get_run_by_id(run.run_id)
    assert found
    return found.status


def given_out(instance: dg.DagsterInstance) -> Any:
    """The next message, as a worker gets it: which task, and what it is told."""
    from gitpulse_assets.automation.celery_launcher import QUEUE

    launcher: Any = instance.run_launcher
    with launcher.celery.connection() as connection, connection.SimpleQueue(QUEUE) as queue:
        message = queue.get(timeout=5)
        message.ack()
        return message.headers["task"], message.payload[1]


def test_a_run_waits_in_the_queue_while_the_broker_is_away(instance: dg.DagsterInstance, port: int):
    """Dagster fails a run that cannot be launched, and would so use up its retries within a minute."""
    run = waiting(instance)
    assert dequeue(instance, run) == dg.DagsterRunStatus.QUEUED
    with served(port):
        assert dequeue(instance, run) == dg.DagsterRunStatus.STARTING
        assert run.run_id in str(given_out(instance)[1])


@pytest.fixture
def executed(instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The runs that a worker of this process executes, which is not done."""
    from gitpulse_assets import worker

    done: list[str] = []
    monkeypatch.setattr(worker, "_execute_run_command_body", lambda run_id, *_, **__: done.append(run_id))
    return done


def test_a_worker_executes_only_what_waits_for_it(instance: dg.DagsterInstance, executed: list[str]):
    """Of a run called off in the queue, or put back into it, the broker has the message all the same."""
    from gitpulse_assets.worker import execute

    origin = repository_origin().get_job_origin(REFRESH_JOB)
    runs = {
        status: create_run_for_test(instance, status=status, remote_job_origin=origin)
        for status in dg.DagsterRunStatus
    }
    for run in runs.values():
        execute(run.run_id)
    execute("00000000-0000-0000-0000-000000000000")
    assert executed == [runs[dg.DagsterRunStatus.STARTING].run_id]


def test_a_message_of_a_run_that_is_back_in_the_queue_leaves_no_trace(
    instance: dg.DagsterInstance, port: int, executed: list[str], monkeypatch: pytest.MonkeyPatch
):
    """The broker had it, and its answer was lost: given out again, the run is not taken for lost."""
    from gitpulse_assets import worker

    run = create_run_for_test(instance, job_code_origin=ORIGIN)
    launcher: Any = instance.run_launcher
    context = LaunchRunContext(dagster_run=run, workspace=None)
    with served(port):
        launcher.launch_run(context)
        task, told = given_out(instance)
        assert worker.app.tasks[task] is worker.execute_job
        worker.execute_job(**told)
        assert executed == []
        instance.report_dagster_event(
            dg.DagsterEvent("PIPELINE_STARTING", run.job_name, message="given out"), run_id=run.run_id
        )
        with monkeypatch.context() as patch:
            short(patch, 0)
            assert not launcher.is_lost_before_start(run)
        worker.execute_job(**told)
    assert executed == [run.run_id]


def test_a_message_that_is_given_out_twice_is_executed_once(
    instance: dg.DagsterInstance, port: int, executed: list[str], monkeypatch: pytest.MonkeyPatch
):
    from gitpulse_assets import worker

    run = create_run_for_test(instance, status=dg.DagsterRunStatus.STARTING, job_code_origin=ORIGIN)
    launcher: Any = instance.run_launcher
    begun, ended = Event(), Event()

    def execute(run_id: str, *_: object, **__: object) -> None:
        executed.append(run_id)
        begun.set()
        ended.wait(30)

    monkeypatch.setattr(worker, "_execute_run_command_body", execute)
    with served(port), ThreadPoolExecutor(1) as pool:
        launcher.launch_run(LaunchRunContext(dagster_run=run, workspace=None))
        _, told = given_out(instance)
        first = pool.submit(worker.execute_job, **told)
        assert begun.wait(30)
        worker.execute_job(**told)
        ended.set()
        first.result(30)
    assert executed == [run.run_id]
