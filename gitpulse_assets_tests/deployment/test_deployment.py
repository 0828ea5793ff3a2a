"""docker-compose.yml, started: what a person does in production, and what happens when something dies.

The tests are one story and run in this order, on one deployment.
"""

import json
import os
import signal
import time
from functools import partial
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect

from gitpulse_assets.lake.s3_store import connect
from gitpulse_assets.marts.issue_daily_flow import MART_ISSUE_DAILY_FLOW
from gitpulse_assets.sandbox.faults import Fault
from gitpulse_assets_tests.deployment.compose import children, wait_until
from gitpulse_assets_tests.deployment.conftest import ADD, ADMIN, REPO, SELECTOR, VIEWER, Deployment, files_in

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.caddy,
    pytest.mark.s3,
    pytest.mark.browser,
    pytest.mark.timeout(900),
    # Three minutes of waiting for daemons: `make test-deployment` runs it, alone.
    pytest.mark.slow,
]

UNFINISHED = ["QUEUED", "NOT_STARTED", "STARTING", "STARTED", "CANCELING"]
KEYS = "query Keys($key: AssetKeyInput!) { assetNodes(assetKeys: [$key]) { partitionKeys } }"
# The code server looks every half second; a loaded machine takes its time to start the database connection.
DEAD_WORKER_SECONDS_MAX = 20
# run_monitoring.poll_interval_seconds, and the same again for a loaded machine.
DEAD_SERVER_SECONDS_MAX = 45
# Checking a password is dear on purpose, and five seconds of a loaded machine no answer.
get, post = partial(httpx.get, timeout=60), partial(httpx.post, timeout=60)


def switch_on(page: Page, sensor: str) -> None:
    page.goto(f"/locations/gitpulse/sensors/{sensor}")
    switch = page.locator("label", has=page.locator("input[type=checkbox]"))
    switch.click()
    expect(page.locator("input[type=checkbox]")).to_be_checked()


def registered(deployment: Deployment) -> list[str]:
    nodes = deployment.ask(KEYS, key={"path": list(MART_ISSUE_DAILY_FLOW.asset_key)})["assetNodes"]
    return nodes[0]["partitionKeys"]


def test_a_person_materialises_a_repository_in_the_ui(deployment: Deployment, page: Page):
    page.goto("/locations/gitpulse/jobs/refresh")
    page.get_by_text("Materialize all").first.click()
    page.get_by_text("Add a partition").click()
    page.get_by_placeholder("name", exact=True).fill(REPO.key)
    page.get_by_role("button", name="Save").click()
    wait_until("the repository is registered", lambda: registered(deployment) == [REPO.key])
    # The dialog may lose its selection when the graph behind it loads; a person who comes back finds all.
    page.goto("/locations/gitpulse/jobs/refresh")
    page.get_by_text("Materialize all").first.click()
    page.get_by_role("button", name="All", exact=True).click()
    page.get_by_role("button", name="Launch 1 run").click()
    (run,) = wait_until("a run is launched", lambda: deployment.runs(pipelineName="refresh"))
    deployment.wait_for_run(run["runId"], "SUCCESS")
    assert deployment.open_at_end() == deployment.open_in_truth()
    page.goto("/assets/silver/issue_current?view=checks")
    expect(page.get_by_text("control_total", exact=True).first).to_be_visible()


def test_the_daemon_is_killed_and_comes_back_and_a_sensor_refreshes_what_changed(
    deployment: Deployment, page: Page
):
    before = deployment.open_at_end()
    for sensor in ("watch_list", "changed_repositories"):
        switch_on(page, sensor)
    deployment.compose.kill("daemon")
    deployment.open_issue("What about this?")
    deployment.compose.start("daemon")
    deployment.compose.wait_healthy("daemon")
    wait_until("the change is in the mart", lambda: deployment.open_at_end() == before + 1)
    assert deployment.runs(tags=[{"key": "dagster/sensor_name", "value": "changed_repositories"}])


def test_a_failing_check_is_told_with_its_counts_and_a_link(deployment: Deployment):
    deployment.open_issue("Who will hear of this?")
    # A row without an id, in the list of what changed; without its newest record the list would pass for cut.
    asked = {"state": "all", "sort": "updated", "direction": "desc", "per_page": "1"}
    newest = get(f"{deployment.sandbox.base_url}/repos/{REPO.key}/issues", params=asked).json()
    rows = json.dumps([*newest, {"number": 1, "title": "no id"}])
    deployment.sandbox.app.faults.append(Fault("status", "since=", status=200, body=rows))
    title = f"{REPO.key}: check nothing_quarantined of silver/quarantine warns"
    wait_until("the alert arrives", lambda: title in deployment.receiver.titles())
    (message,) = [message for message in deployment.receiver.messages if message["title"] == title]
    assert "counts: broken_count 1" in message["message"]
    linked = message["message"].rpartition("https://gitpulse.example.com/runs/")[2]
    assert deployment.run(linked)["status"] == "SUCCESS"


def test_a_killed_run_is_found_dead_and_retried(deployment: Deployment):
    # Else its own run of the next change may be the one that hangs, and ours waits in the queue behind it.
    deployment.stop_sensor("changed_repositories")
    wait_until("no run is under way", lambda: not deployment.runs(statuses=UNFINISHED))
    run_id = hanging_run(deployment)
    (worker,) = workers(deployment)
    os.kill(worker, signal.SIGKILL)
    killed_at = time.time()
    deployment.wait_for_run(run_id, "FAILURE")
    assert time.time() - killed_at < DEAD_WORKER_SECONDS_MAX
    assert_retried(deployment, run_id)


def test_a_lost_code_container_is_noticed_and_its_run_retried(deployment: Deployment):
    run_id = hanging_run(deployment)
    deployment.compose.kill("code")
    deployment.compose.start("code")
    deployment.compose.wait_healthy("code")
    healthy_at = time.time()
    deployment.wait_for_run(run_id, "FAILURE")
    assert time.time() - healthy_at < DEAD_SERVER_SECONDS_MAX
    assert_retried(deployment, run_id)


def hanging_run(deployment: Deployment) -> str:
    run_id = deployment.hanging_run()
    wait_until("its process is seen", lambda: workers(deployment))
    assert deployment.run(run_id)["status"] == "STARTED"
    return run_id


def workers(deployment: Deployment) -> list[int]:
    """The processes of the code server's runs."""
    return [pid for pid in children(deployment.compose.pid("code")) if is_spawned(pid)]


def is_spawned(pid: int) -> bool:
    return b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()


def assert_retried(deployment: Deployment, run_id: str) -> None:
    deployment.sandbox.app.faults.clear()
    retries = wait_until(
        "the run is retried",
        lambda: deployment.runs(tags=[{"key": "dagster/parent_run_id", "value": run_id}]),
    )
    deployment.wait_for_run(retries[0]["runId"], "SUCCESS")
    assert deployment.open_at_end() == deployment.open_in_truth()
    assert f"{REPO.key}: the run of refresh failed" not in deployment.receiver.titles()


def test_nobody_gets_in_without_a_login(deployment: Deployment):
    assert get(f"{deployment.url}/server_info").status_code == 401
    assert get(f"{deployment.url}/server_info", auth=("admin", "wrong")).status_code == 401
    assert get(f"{deployment.url}/healthz").status_code == 200


def test_a_mutation_is_not_taken_from_an_address(deployment: Deployment):
    """Dagster itself executes it, whatever site asks."""
    parameters = {"query": "mutation { setNuxSeen }"}
    for path in ("/graphql", "/graphql/", "/GraphQL", "/%67raphql", "//graphql"):
        answer = get(f"{deployment.url}{path}", params=parameters, auth=ADMIN)
        assert answer.status_code == 405, path
    claimed = {"Upgrade": "websocket"}
    answer = get(f"{deployment.url}/graphql", params=parameters, auth=ADMIN, headers=claimed)
    assert answer.text == "No GraphQL query found in the request"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors"}, 403),
        ({"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "navigate"}, 403),
        ({"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}, 200),
        ({}, 200),
    ],
)
def test_another_site_cannot_use_the_browser_s_login(
    deployment: Deployment, headers: dict[str, str], status: int
):
    answer = post(f"{deployment.url}/graphql", json={"query": "{ version }"}, auth=ADMIN, headers=headers)
    assert answer.status_code == status


def test_a_link_in_a_message_opens(deployment: Deployment):
    headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Accept": "text/html"}
    answer = get(f"{deployment.url}/runs", auth=ADMIN, headers=headers)
    assert answer.status_code == 200
    assert answer.headers["x-frame-options"] == "DENY"


def test_a_viewer_sees_and_changes_nothing(deployment: Deployment):
    variables = {"selector": SELECTOR, "key": "not/wanted"}
    answer = post(f"{deployment.url}/graphql", json={"query": ADD, "variables": variables}, auth=VIEWER)
    assert answer.json()["data"]["addDynamicPartition"]["__typename"] == "UnauthorizedError"
    seen = post(f"{deployment.url}/graphql", json={"query": "{ version }"}, auth=VIEWER)
    assert "version" in seen.json()["data"]
    reported = post(f"{deployment.url}/report_asset_materialization/silver/issue_current", auth=VIEWER)
    assert reported.status_code == 401


@pytest.mark.parametrize("login", [ADMIN, VIEWER], ids=["admin", "viewer"])
def test_both_logins_see_the_answer_on_the_page(deployment: Deployment, login: tuple[str, str]):
    url = f"http://{deployment.compose.addresses['proxy']}:8081"
    assert get(url).status_code == 401
    seen = get(url, params={"repo": str(REPO)}, auth=login)
    assert seen.status_code == 200
    assert "Which way" in seen.text
    answer = get(f"{url}/api/repository/{REPO}/verdict", auth=login)
    assert answer.json()["verdict"]["direction"]
    elsewhere = {"Origin": "https://evil.example"}
    assert get(url, auth=login, headers=elsewhere).status_code == 403


def test_the_command_line_works_in_the_container(deployment: Deployment):
    done = deployment.compose.execute("code", "gitpulse", "refresh", str(REPO))
    assert done.returncode == 0, done.stdout + done.stderr
    said = deployment.compose.execute("code", "gitpulse", "verdict", str(REPO))
    assert "backlog" in said.stdout


def test_output_of_runs_lies_in_s3_and_nothing_in_the_image(deployment: Deployment):
    listed = connect(deployment.s3).list_objects_v2(Bucket="gitpulse", Prefix="dagster-logs/")
    assert listed["KeyCount"] > 0
    # Dagster's telemetry, off as it is, makes two folders where it may, and our commands the home's lock; all
    # go on where they may not.
    made = {"deploy/logs", "deploy/.logs_queue", "deploy/.lock"}
    assert set(files_in(deployment.compose.folder / "srv")) - made == set(deployment.files_before)
