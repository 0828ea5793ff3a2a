"""The launcher of deploy/kubernetes, asked by Dagster and asking an API that answers as Kubernetes' does.

There is no cluster: what the API server would do with a Job is not tried.
"""

import json
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from threading import Thread
from typing import Any

import dagster as dg
import pytest
import yaml
from dagster._core.code_pointer import ModuleCodePointer
from dagster._core.launcher import CheckRunHealthResult, LaunchRunContext, WorkerStatus
from dagster._core.origin import JobPythonOrigin, RepositoryPythonOrigin
from dagster._core.test_utils import create_run_for_test
from kubernetes_validate import validate

from gitpulse_assets.automation.run_launcher import COMMAND_GONE, SWEEP_ENDED
from gitpulse_assets.runs.process import PROCESS_TAG, SWEEP_TAG, process_tag
from gitpulse_assets_tests.conftest import absent
from gitpulse_assets_tests.unit.test_kubernetes import INSTANCE, RELEASES, RUN_CONTAINER, RUN_POD

# `make test-deployment` runs it, where what only some deployments need is installed.
pytestmark = pytest.mark.slow
IMAGE = "gitpulse:9.9.9"
SERVING, ENDED = {"active": 1}, {"failed": 1}


class Api(ThreadingHTTPServer):
    """What answers for Kubernetes: one Job, or none, or nothing but errors; it keeps what it was sent."""

    daemon_threads = True
    status: int = 200
    job: Mapping[str, Any] = SERVING

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.sent: list[dict[str, Any]] = []


class Answer(BaseHTTPRequestHandler):
    server: Api

    def do_GET(self) -> None:
        is_job = "/jobs/" in self.path
        self.answer({"status": self.server.job} if is_job else {"items": []}, self.server.status)

    def do_POST(self) -> None:
        job = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        assert self.path == "/apis/batch/v1/namespaces/gitpulse/jobs"
        self.server.sent.append(job)
        self.answer(job, 201)

    def answer(self, body: Mapping[str, Any], status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, format: str, *args: object) -> None:
        """Keep the test's output clean."""


@pytest.fixture
def api() -> Iterator[Api]:
    with Api() as server:
        Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, api: Api) -> Iterator[dg.DagsterInstance]:
    """SQLite with the launcher of deploy/kubernetes, told where the API is."""
    if find_spec("dagster_k8s") is None:
        absent("launchers", "dagster-k8s is not installed: make .venv/launchers")
    cluster = {"name": "here", "cluster": {"server": f"http://127.0.0.1:{api.server_port}"}}
    context = {"name": "here", "context": {"cluster": "here", "user": "nobody"}}
    kubeconfig = {
        "clusters": [cluster],
        "contexts": [context],
        "users": [{"name": "nobody", "user": {}}],
        "current-context": "here",
    }
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(kubeconfig))
    launcher = INSTANCE["run_launcher"]
    found = {"load_incluster_config": False, "kubeconfig_file": str(tmp_path / "kubeconfig")}
    told = {"run_launcher": launcher | {"config": launcher["config"] | found}}
    (tmp_path / "dagster.yaml").write_text(yaml.safe_dump(told | {"telemetry": {"enabled": False}}))
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    with dg.DagsterInstance.get() as stored:
        yield stored


def started_run(
    instance: dg.DagsterInstance, tags: Mapping[str, str] | None = None, **of: Any
) -> dg.DagsterRun:
    pointer = ModuleCodePointer("gitpulse_assets.definitions", "defs", working_directory=None)
    repository = RepositoryPythonOrigin(
        executable_path="python",
        code_pointer=pointer,
        container_image=IMAGE,
        entry_point=["dagster"],
        container_context={},
    )
    return create_run_for_test(
        instance,
        status=dg.DagsterRunStatus.STARTED,
        tags=tags,
        job_code_origin=JobPythonOrigin(job_name="refresh", repository_origin=repository),
        **of,
    )


def health(instance: dg.DagsterInstance, run: dg.DagsterRun) -> CheckRunHealthResult:
    return instance.run_launcher.check_run_worker_health(run)


@pytest.fixture
def job(instance: dg.DagsterInstance, api: Api) -> dict[str, Any]:
    """The Job that a run became."""
    instance.run_launcher.launch_run(LaunchRunContext(dagster_run=started_run(instance), workspace=None))
    (sent,) = api.sent
    return sent


def test_a_run_becomes_a_job_that_kubernetes_takes_and_its_namespace_admits(job: dict[str, Any]):
    for release in RELEASES:
        validate(job, release, strict=True)
    pod = job["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["image"] == IMAGE
    assert container["args"][:3] == ["dagster", "api", "execute_run"]
    for key in ("securityContext", "resources", "volumeMounts"):
        assert container[key] == RUN_CONTAINER[key]
    for key, value in RUN_POD.items():
        assert pod[key] == value
    assert job["spec"]["backoffLimit"] == 0


def test_no_secret_s_value_is_in_the_job(job: dict[str, Any]):
    (container,) = job["spec"]["template"]["spec"]["containers"]
    literal = {entry["name"] for entry in container["env"] if "value" in entry}
    assert literal == {"DAGSTER_RUN_JOB_NAME", "DAGSTER_HOME"}


@pytest.mark.parametrize(
    ("state", "expected"),
    [(SERVING, WorkerStatus.RUNNING), (ENDED, WorkerStatus.FAILED)],
    ids=["runs", "ended"],
)
def test_a_run_is_as_its_pod_is(
    instance: dg.DagsterInstance, api: Api, state: dict[str, Any], expected: WorkerStatus
):
    api.job = state
    assert health(instance, started_run(instance)).status == expected


def test_a_run_whose_job_was_deleted_is_dead(instance: dg.DagsterInstance, api: Api):
    api.status = 404
    assert health(instance, started_run(instance)).status == WorkerStatus.FAILED


@pytest.mark.parametrize("status", [403, 500])
def test_a_run_is_not_dead_because_kubernetes_does_not_say(
    instance: dg.DagsterInstance, api: Api, monkeypatch: pytest.MonkeyPatch, status: int
):
    """dagster-k8s takes it for dead, and Dagster retries it beside itself."""
    monkeypatch.setattr("dagster_k8s.client.time.sleep", lambda _: None)
    api.status = status
    result = health(instance, started_run(instance))
    assert result.status == WorkerStatus.RUNNING
    assert str(status) in str(result.msg)


def test_a_run_of_a_sweep_or_a_command_has_no_job_and_lives(instance: dg.DagsterInstance, api: Api):
    """dagster-k8s takes it for dead within 15 seconds of its start."""
    api.status = 404
    sweep = started_run(instance)
    swept = started_run(instance, {SWEEP_TAG: sweep.run_id})
    assert health(instance, swept).status == WorkerStatus.RUNNING
    assert health(instance, started_run(instance, process_tag())).status == WorkerStatus.RUNNING
    instance.report_run_failed(sweep)
    ended = health(instance, swept)
    assert (ended.status, ended.msg) == (WorkerStatus.FAILED, SWEEP_ENDED)


def test_a_run_of_a_sweep_or_a_command_is_not_called_off_while_its_process_works(
    instance: dg.DagsterInstance, api: Api
):
    """dagster-k8s first says that it is canceling, and then finds no Job."""
    api.status = 404
    for run in (started_run(instance, {SWEEP_TAG: "sweep"}), started_run(instance, process_tag())):
        assert not instance.run_launcher.terminate(run.run_id)
        stored = instance.get_run_by_id(run.run_id)
        assert stored
        assert stored.status == dg.DagsterRunStatus.STARTED


def test_a_command_that_was_killed_is_dead_here_too(instance: dg.DagsterInstance):
    host_and_number = process_tag()[PROCESS_TAG].rpartition("/")[0]
    result = health(instance, started_run(instance, {PROCESS_TAG: f"{host_and_number}/1"}))
    assert (result.status, result.msg) == (WorkerStatus.FAILED, COMMAND_GONE)


def test_a_retry_of_a_swept_run_is_a_job(instance: dg.DagsterInstance, api: Api):
    """It inherits the tags of the run that was in the sweep's process."""
    sweep = started_run(instance)
    retry = started_run(
        instance, {SWEEP_TAG: sweep.run_id}, parent_run_id=sweep.run_id, root_run_id=sweep.run_id
    )
    api.job = ENDED
    assert health(instance, retry).status == WorkerStatus.FAILED
