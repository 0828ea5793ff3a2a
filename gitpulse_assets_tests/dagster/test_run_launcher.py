"""Whether a run's process lives, told by a real code server, by its socket, and by the sweep it ran in."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.launcher import WorkerStatus
from dagster._core.storage.tags import GRPC_INFO_TAG
from dagster._core.test_utils import create_run_for_test

from gitpulse_assets.automation import run_launcher
from gitpulse_assets.automation.run_launcher import PROCESS_GONE, SERVER_GONE, SWEEP_ENDED, UNREACHABLE

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


def test_a_run_of_the_command_line_is_left_alone(instance: dg.DagsterInstance):
    assert health(instance)[0] == WorkerStatus.RUNNING


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
