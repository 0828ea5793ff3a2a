"""The whole deployment on loopback: PostgreSQL, S3, Dagster, the proxy, and a stand-in GitHub."""

import json
import secrets
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect, sync_playwright

from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.lake.s3_options import S3Options
from gitpulse_assets.marts.issue_daily_flow import MART_ISSUE_DAILY_FLOW
from gitpulse_assets.repo import Repo
from gitpulse_assets.sandbox.faults import Fault
from gitpulse_assets.sandbox.history import generate
from gitpulse_assets.sandbox.limits import Limits
from gitpulse_assets.sandbox.plan import HistoryPlan
from gitpulse_assets.sandbox.server import Sandbox, serve
from gitpulse_assets_tests.conftest import absent
from gitpulse_assets_tests.deployment import postgres
from gitpulse_assets_tests.deployment.compose import ROOT, Compose, wait_until
from gitpulse_assets_tests.s3_server import SharedServer, no_caller_settings, s3_server  # noqa: F401

REPO = Repo("acme", "rocket")
ADMIN, VIEWER = ("admin", "an administrator's pass:word"), ("viewer", "a viewer's password")
RUNS = """
query Runs($filter: RunsFilter) { runsOrError(filter: $filter, limit: 50) { ... on Runs { results {
  runId parentRunId status startTime endTime updateTime tags { key value } } } } }"""
LAUNCH = """
mutation Launch($parameters: ExecutionParams!) { launchRun(executionParams: $parameters) {
  __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }"""
LOG = """
query Log($id: ID!) { logsForRun(runId: $id) { ... on EventConnection { events {
  ... on MessageEvent { message level } } } } }"""
ADD = """
mutation Add($selector: RepositorySelector!, $key: String!) { addDynamicPartition(
  repositorySelector: $selector, partitionsDefName: "repos", partitionKey: $key) { __typename } }"""
SENSOR = """
query Sensor($selector: SensorSelector!) { sensorOrError(sensorSelector: $selector) {
  ... on Sensor { sensorState { id } } } }"""
STOP_SENSOR = """
mutation Stop($id: String!) { stopSensor(id: $id) {
  ... on StopSensorMutationResult { instigationState { status } } } }"""
OTHERS = ("daemon", "webserver", "readonly", "page", "proxy")
SELECTOR = {"repositoryName": "__repository__", "repositoryLocationName": "gitpulse"}


def pytest_addoption(parser: pytest.Parser) -> None:
    """How many repositories test_workers.py has."""
    parser.addoption("--repositories", type=int, default=8)


# Dagster's page of assets was not there after a minute where ten processes waited for each of two cores.
PATIENCE_MILLISECONDS = 180_000


class Receiver(ThreadingHTTPServer):
    """Where alerts arrive: a webhook on loopback."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Hook)
        self.messages: list[dict[str, str]] = []

    def titles(self) -> list[str]:
        return [message["title"] for message in self.messages]


class Hook(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        self.server.messages.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Keep the test's output clean."""


@dataclass
class Deployment:
    """The running deployment, and what a person outside of it can do."""

    compose: Compose
    sandbox: Sandbox
    receiver: Receiver
    s3: S3Options
    bucket: str
    database: postgres.Server
    files_before: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://{self.compose.addresses['proxy']}:8080"

    @property
    def lake(self) -> Lake:
        return Lake.open(f"s3://{self.bucket}/lake", self.s3)

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """Ask Dagster through the proxy, as the administrator."""
        answer = httpx.post(
            f"{self.url}/graphql", json={"query": query, "variables": variables}, auth=ADMIN, timeout=60
        )
        answer.raise_for_status()
        return answer.json()["data"]

    def launch(self, key: str = REPO.key) -> str:
        """Launch a refresh run and return its id."""
        tags = [{"key": "dagster/partition", "value": key}]
        parameters = {
            "selector": {**SELECTOR, "jobName": "refresh"},
            "executionMetadata": {"tags": tags},
            "runConfigData": {},
            "mode": "default",
        }
        return self.ask(LAUNCH, parameters=parameters)["launchRun"]["run"]["runId"]

    def runs(self, **wanted: Any) -> list[dict[str, Any]]:
        return self.ask(RUNS, filter=wanted)["runsOrError"]["results"]

    def run(self, run_id: str) -> dict[str, Any]:
        return self.runs(runIds=[run_id])[0]

    def wait_for_run(self, run_id: str, *statuses: str) -> dict[str, Any]:
        def ended() -> dict[str, Any] | None:
            run = self.run(run_id)
            if run["status"] in statuses:
                return run
            assert run["status"] not in {"FAILURE", "SUCCESS", "CANCELED"}, self.errors(run_id)
            return None

        return wait_until(f"run {run_id} is {statuses}", ended)

    def stop_sensor(self, name: str) -> None:
        """Switch a sensor off."""
        found = self.ask(SENSOR, selector=SELECTOR | {"sensorName": name})["sensorOrError"]
        stopped = self.ask(STOP_SENSOR, id=found["sensorState"]["id"])["stopSensor"]
        assert stopped["instigationState"]["status"] == "STOPPED"

    def events(self, run_id: str) -> list[dict[str, Any]]:
        """What the run's log says, with how bad it is."""
        events = self.ask(LOG, id=run_id)["logsForRun"]["events"]
        return [event for event in events if event]

    def errors(self, run_id: str) -> list[str]:
        """What the run's log says went wrong."""
        wrong = {"ERROR", "CRITICAL"}
        return [event["message"] for event in self.events(run_id) if event.get("level") in wrong]

    def open_at_end(self) -> int:
        """The last day's backlog, as the mart has it."""
        flow = self.lake.dataset(MART_ISSUE_DAILY_FLOW, REPO).to_table().to_pylist()
        return max(flow, key=lambda day: day["flow_date"])["open_at_end"]

    def open_in_truth(self) -> int:
        """The backlog, as GitHub has it."""
        return self.sandbox.world.acts_on(REPO.key).truth.open_count

    def hanging_run(self) -> str:
        """Launch a run and return its id when it waits for an answer that never comes."""
        hang = Fault("hang", "/issues", times=99)
        self.open_issue("Yet another")
        self.sandbox.app.faults.append(hang)
        run_id = self.launch()
        wait_until("the run waits", lambda: hang.seen_count)
        return run_id

    def open_issue(self, title: str) -> None:
        """Let somebody open an issue at GitHub, a minute after what happened before."""
        world = self.sandbox.world
        with world.lock:
            world.advance(seconds=60)
            world.acts_on(REPO.key).open(world.clock, None, title)


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver at work. Its thread ends before its socket, of which it would ask for ever."""
    with Receiver() as server:
        Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield server
        finally:
            server.shutdown()


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with receiving() as server:
        yield server


@cache
def password_hash(password: str) -> str:
    caddy = shutil.which("caddy")
    if caddy is None:
        absent("caddy", "there is no caddy on the path")
    command = [str(caddy), "hash-password", "--plaintext", password]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture(scope="module")
def deployment(
    tmp_path_factory: pytest.TempPathFactory,
    s3_server: SharedServer,  # noqa: F811
    receiver: Receiver,
) -> Iterator[Deployment]:
    """What `docker compose up` starts, on an empty database and bucket."""
    folder = tmp_path_factory.mktemp("deployment")
    with deployed(folder, s3_server.options, receiver, OTHERS) as running:
        yield running


@contextmanager
def deployed(
    folder: Path,
    s3: S3Options,
    receiver: Receiver,
    services: Sequence[str],
    bucket: str = "gitpulse",
    plans: Sequence[HistoryPlan] = (HistoryPlan(REPO.key, seed=7, issue_count=200),),
    scale: Mapping[str, int] | None = None,
    **own: str,
) -> Iterator[Deployment]:
    """The code location and other services, started in their order; `own` stands in .env, too.

    `plans`: what the stand-in GitHub has. `scale`: of how many containers a service consists, else of one.
    """
    if postgres.programs() is None:
        absent("postgres", "PostgreSQL's programs are not installed")
    (folder / "config").mkdir()
    (folder / "config" / "gitpulse.yaml").write_text(f"repositories:\n  - {REPO}\n")
    with (
        postgres.served(secrets.token_urlsafe() + "@:/%") as database,
        serve(generate(plans), limits=Limits(has_secondary=True)) as sandbox,
    ):
        variables = {
            "DAGSTER_PG_HOST": "127.0.0.1",
            "DAGSTER_PG_PORT": str(database.port),
            "DAGSTER_PG_PASSWORD": database.password,
            "AWS_ENDPOINT_URL": str(s3.endpoint_url),
            "AWS_ACCESS_KEY_ID": str(s3.access_key_id),
            "AWS_SECRET_ACCESS_KEY": str(s3.secret_access_key),
            # The run's one key; that one which may only read is enough shows serve/test_reading_keys.py.
            "GITPULSE_READER_KEY_ID": str(s3.access_key_id),
            "GITPULSE_READER_SECRET_KEY": str(s3.secret_access_key),
            "GITHUB_TOKEN": "sandbox",
            # A folder of the test instead of the default's, which is this machine's.
            "GITPULSE_CONFIG": "/etc/gitpulse/gitpulse.yaml",
            "GITHUB_API_URL": sandbox.base_url,
            "GITPULSE_ALERT_URLS": f"json://127.0.0.1:{receiver.server_port}/hook",
            "GITPULSE_UI_URL": "https://gitpulse.example.com",
            "GITPULSE_ADMIN_HASH": password_hash(ADMIN[1]),
            "GITPULSE_VIEWER_HASH": password_hash(VIEWER[1]),
            "GITPULSE_BUCKET": bucket,
            **own,
        }
        (folder / "data").mkdir()
        volumes = {
            "/etc/gitpulse": folder / "config",
            "/etc/caddy": ROOT / "deploy",
            "/data": folder / "data",
        }
        compose = Compose(folder, variables, volumes, scale)
        running = Deployment(compose, sandbox, receiver, s3, bucket, database, files_in(folder / "srv"))
        try:
            start_all(compose, services)
            yield running
        finally:
            compose.stop()


def start_all(compose: Compose, services: Sequence[str]) -> None:
    """Start the services as their depends_on says."""
    compose.run("bucket")
    compose.run("migrate")
    compose.start("code")
    compose.wait_healthy("code")
    for name in services:
        compose.start(name)
    compose.wait_healthy(*services)


def files_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.fixture
def page(deployment: Deployment) -> Iterator[Page]:
    """A browser of the administrator's."""
    with browsing(deployment) as opened:
        yield opened


@contextmanager
def browsing(deployment: Deployment) -> Iterator[Page]:
    """A browser of the administrator's; one that stays open asks and draws for as long as it is."""
    chromium = shutil.which("chromium")
    if chromium is None:
        absent("browser", "there is no chromium on the path")
    # Without these Chromium looks for its maker's hosts at every start, in the middle of a test.
    quiet = ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
    flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", *quiet]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=flags)
        context = browser.new_context(
            base_url=deployment.url,
            http_credentials={"username": ADMIN[0], "password": ADMIN[1]},
            viewport={"width": 1600, "height": 1200},
        )
        context.set_default_timeout(PATIENCE_MILLISECONDS)
        expect.set_options(timeout=PATIENCE_MILLISECONDS)
        yield context.new_page()
        browser.close()
