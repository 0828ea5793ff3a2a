"""docker-compose.yml with `--profile workers`, started: a worker executes runs, and may die.

The tests are one story and run in this order, on one deployment.
"""

import shutil
import time
from collections.abc import Iterator
from importlib.util import find_spec

import pytest

from gitpulse_assets_tests.conftest import absent
from gitpulse_assets_tests.deployment.compose import children, wait_until
from gitpulse_assets_tests.deployment.conftest import ADD, REPO, SELECTOR, Deployment, Receiver, deployed
from gitpulse_assets_tests.s3_server import SharedServer, s3_server  # noqa: F401

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.caddy,
    pytest.mark.s3,
    pytest.mark.timeout(900),
    pytest.mark.slow,
]

TERMINATE = "mutation Terminate($id: String!) { terminateRun(runId: $id) { __typename } }"
# A lease's 40 seconds and run_monitoring.poll_interval_seconds, and as much again for a loaded machine.
DEAD_WORKER_SECONDS_MAX = 110


@pytest.fixture(scope="module")
def deployment(
    tmp_path_factory: pytest.TempPathFactory,
    s3_server: SharedServer,  # noqa: F811
    receiver: Receiver,
) -> Iterator[Deployment]:
    if find_spec("dagster_celery") is None:
        absent("launchers", "dagster-celery is not installed: make .venv/launchers")
    if shutil.which("redis-server") is None:
        absent("redis", "Debian's redis-server is not installed")
    folder = tmp_path_factory.mktemp("workers")
    services = ("redis", "worker", "daemon", "webserver", "proxy")
    instance = {"GITPULSE_INSTANCE": "deploy/workers"}
    with deployed(folder, s3_server.options, receiver, services, "gitpulse-workers", **instance) as running:
        assert running.ask(ADD, selector=SELECTOR, key=REPO.key)
        yield running


def test_a_run_is_executed_by_a_warm_worker(deployment: Deployment):
    run_id = deployment.launch()
    deployment.wait_for_run(run_id, "SUCCESS")
    assert deployment.open_at_end() == deployment.open_in_truth()
    told = {event["message"] for event in deployment.events(run_id) if "message" in event}
    pids = children(deployment.compose.pid("worker"))
    assert told & {f"Started process for run (pid: {pid})." for pid in pids}


def test_a_run_that_is_called_off_ends_as_canceled(deployment: Deployment):
    """dagster-celery lets it end as failed, and Dagster retries it."""
    run_id = deployment.hanging_run()
    deployment.ask(TERMINATE, id=run_id)
    deployment.wait_for_run(run_id, "CANCELED")
    deployment.sandbox.app.faults.clear()


def test_a_run_of_a_killed_worker_is_found_dead_and_taken_up_by_another(deployment: Deployment):
    """Celery tells of it as started for ever (dagster#33493)."""
    run_id = deployment.hanging_run()
    deployment.compose.kill("worker")
    killed_at = time.time()
    deployment.sandbox.app.faults.clear()
    deployment.compose.start("worker")
    deployment.wait_for_run(run_id, "FAILURE")
    assert time.time() - killed_at < DEAD_WORKER_SECONDS_MAX
    tags = [{"key": "dagster/parent_run_id", "value": run_id}]
    retries = wait_until("the run is retried", lambda: deployment.runs(tags=tags))
    deployment.wait_for_run(retries[0]["runId"], "SUCCESS")
    assert deployment.open_at_end() == deployment.open_in_truth()
