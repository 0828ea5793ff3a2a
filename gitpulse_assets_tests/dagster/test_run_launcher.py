"""Whether a run's process lives, told by a real code server, by its socket, and by the sweep it ran in."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.launcher import WorkerStatus
from dagster._core.storage.tags import GRPC_INFO_TAG, PARTITION_NAME_TAG
from dagster._core.test_utils import create_run_for_test

from gitpulse_assets.automation import run_launcher
from gitpulse_assets.automation.run_launcher import (
    COMMAND_GONE,
    PROCESS_GONE,
    SERVER_GONE,
    SWEEP_ENDED,
    UNREACHABLE,
)
from gitpulse_assets.runs.busy import busy_keys
from gitpulse_assets.runs.process import PROCESS_TAG, process_tag

ROOT = Path(__file__).parents[2]


@pytest.fixture
def instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    """An instance of the embedded default, with the dagster.yaml of the repository."""
    shutil.copy(ROOT / "dagster.yaml", tmp_path)
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    with dg.DagsterInstance.get() as stored:
        yield stored


def health(instance: dg.DagsterInstance, **tags: str) -> tuple[WorkerStatus, str | None]:
    run = create_run_for_test(instance, status=dg.DagsterRunStatus.STARTED, tags=tags)
    result = instance.run_launcher.check_run_worker_health(run)
    return result.status, result.msg


def server_at(**address: object) -> dict[str, str]:
    return {GRPC_INFO_TAG: json.dumps({"host": "127.0.0.1", **address})}


def test_one_run_a_repository_and_a_watch_on_them(instance: dg.DagsterInstance):
    assert instance.run_monitoring_enabled
    assert instance.run_launcher.supports_check_run_worker_health
    queue = instance.get_concurrency_config().run_queue_config
    assert queue is not None
    assert {"key": "dagster/partition", "value": {"applyLimitPerUniqueValue": True}, "limit": 1} in list(
        queue.tag_concurrency_limits
    )


def test_a_run_of_the_command_line_is_left_alone_while_its_process_lives(instance: dg.DagsterInstance):
    assert health(instance)[0] == WorkerStatus.RUNNING
    assert health(instance, **process_tag())[0] == WorkerStatus.RUNNING
    assert instance.run_monitoring_max_runtime_seconds == 12 * 3600


def test_a_run_of_a_command_that_was_killed_is_dead(instance: dg.DagsterInstance):
    assert health(instance, **tag_of_a_killed_command()) == (WorkerStatus.FAILED, COMMAND_GONE)
    # Its number given out again, to a process that began at another time.
    stranger = process_tag()[PROCESS_TAG].rpartition("/")[0] + "/1"
    assert health(instance, **{PROCESS_TAG: stranger}) == (WorkerStatus.FAILED, COMMAND_GONE)
    elsewhere = tag_of_a_killed_command()[PROCESS_TAG].partition(" ")[2]
    assert health(instance, **{PROCESS_TAG: f"another-host {elsewhere}"})[0] == WorkerStatus.RUNNING


@pytest.mark.parametrize("status", ["NOT_STARTED", "STARTED"])
def test_a_dead_command_does_not_keep_its_repository_busy(instance: dg.DagsterInstance, status: str):
    dead, now = {**tag_of_a_killed_command(), PARTITION_NAME_TAG: "acme/rocket"}, datetime.now(UTC)
    run = create_run_for_test(instance, status=dg.DagsterRunStatus[status], tags=dead)
    assert busy_keys(instance, now) == set()
    # Executed again from the UI it has its tags, but waits for a process of its own.
    create_run_for_test(instance, tags=dead, parent_run_id=run.run_id, root_run_id=run.run_id)
    assert busy_keys(instance, now) == {"acme/rocket"}


def tag_of_a_killed_command() -> dict[str, str]:
    """The tag a command made in a process of its own that has ended since."""
    code = "from gitpulse_assets.runs.process import process_tag; print(*process_tag().values())"
    command = [sys.executable, "-W", "ignore", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    return {PROCESS_TAG: done.stdout.strip()}


def test_a_run_of_a_sweep_lives_as_long_as_the_sweep(instance: dg.DagsterInstance):
    sweep = create_run_for_test(instance, status=dg.DagsterRunStatus.STARTED)
    tags = {"gitpulse/sweep": sweep.run_id}
    assert health(instance, **tags)[0] == WorkerStatus.RUNNING
    instance.report_run_failed(sweep)
    assert health(instance, **tags) == (WorkerStatus.FAILED, SWEEP_ENDED)


def test_a_socket_nobody_listens_at_means_a_dead_server(instance: dg.DagsterInstance, tmp_path: Path):
    path = str(tmp_path / "socket")
    assert health(instance, **server_at(socket=path)) == (WorkerStatus.FAILED, SERVER_GONE)


def test_a_server_that_is_not_there_yet_is_asked_again(instance: dg.DagsterInstance):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert health(instance, **server_at(port=port)) == (WorkerStatus.RUNNING, UNREACHABLE)


def test_a_server_that_knows_nothing_of_the_run_was_started_anew(
    instance: dg.DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    code = tmp_path / "code.py"
    code.write_text("import dagster as dg\ndefs = dg.Definitions(assets=[dg.AssetSpec('one')])\n")
    path = tmp_path / "socket"
    command = [sys.executable, "-m", "dagster", "api", "grpc", "--socket", str(path), "-f", str(code)]
    server = subprocess.Popen(
        command, env={**os.environ, "PYTHONWARNINGS": "ignore"}, stderr=subprocess.DEVNULL
    )
    try:
        end = time.monotonic() + 120
        while not run_launcher.is_listening(str(path)):
            assert time.monotonic() < end
            assert server.poll() is None
            time.sleep(0.2)
        tags = server_at(socket=str(path))
        assert health(instance, **tags) == (WorkerStatus.FAILED, PROCESS_GONE)
        monkeypatch.setattr(run_launcher, "current_runs", lambda client: AnyRun())
        assert health(instance, **tags) == (WorkerStatus.RUNNING, None)
    finally:
        server.kill()
        server.wait()


class AnyRun:
    def __contains__(self, run_id: object) -> bool:
        return True
