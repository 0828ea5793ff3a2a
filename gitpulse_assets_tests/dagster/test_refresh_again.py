"""A run that the command line made is executed again from Dagster's UI, by the request its button sends."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import httpx
import pytest

from gitpulse_assets.repo import Repo
from gitpulse_assets.runs.launch import prepare_home, refresh

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

REPO = Repo("acme", "rocket")
SECONDS_MAX = 180
EXECUTE_AGAIN = """
mutation Again($parameters: ReexecutionParams!) {
  launchRunReexecution(reexecutionParams: $parameters) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
  }
}"""
STATUS = "query Status($id: ID!) { runOrError(runId: $id) { ... on Run { status } } }"


@pytest.fixture
def run_id(home: Path, defs: dg.Definitions) -> str:
    """A finished run in the stored instance of the home."""
    prepare_home(home / "dagster")
    # The queue of runs is the daemon's; the default launcher starts a process at once.
    with (home / "dagster" / "dagster.yaml").open("a", encoding="utf-8") as file:
        file.write("run_coordinator: {module: dagster._core.run_coordinator, class: DefaultRunCoordinator}\n")
    with dg.DagsterInstance.get() as instance:
        outcome = refresh(defs, instance, REPO, is_full=False)
    assert outcome.is_success, outcome.message
    return outcome.run_id


@pytest.fixture
def ask(home: Path, run_id: str) -> Iterator[Any]:
    """Dagster's webserver on the home, asked by GraphQL."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = "127.0.0.1", free.getsockname()[1]
    workspace = str(home / "dagster" / "workspace.yaml")
    command = [sys.executable, "-m", "dagster_webserver", "-w", workspace, "-h", address[0]]
    environment = {**os.environ, "PYTHONWARNINGS": "ignore"}
    with (home / "webserver.log").open("wb") as log:
        server = subprocess.Popen([*command, "-p", str(address[1])], env=environment, stdout=log, stderr=log)

    def post(query: str, **variables: Any) -> dict[str, Any]:
        url = f"http://{address[0]}:{address[1]}/graphql"
        answer = httpx.post(url, json={"query": query, "variables": variables}, timeout=SECONDS_MAX)
        return answer.json()["data"]

    try:
        wait_until(lambda: is_up(address), server)
        yield post
    finally:
        server.terminate()
        server.wait(30)


def is_up(address: tuple[str, int]) -> bool:
    try:
        return httpx.get(f"http://{address[0]}:{address[1]}/server_info").is_success
    except httpx.HTTPError:
        return False


def wait_until(is_done: Any, server: "subprocess.Popen[bytes] | None" = None) -> None:
    deadline = time.monotonic() + SECONDS_MAX
    while not is_done():
        assert time.monotonic() < deadline
        assert server is None or server.poll() is None
        time.sleep(0.5)


def test_a_run_of_the_command_line_is_executed_again_from_the_ui(run_id, ask, sandbox):
    sandbox.app.log.clear()
    launched = ask(EXECUTE_AGAIN, parameters={"parentRunId": run_id, "strategy": "ALL_STEPS"})
    assert launched["launchRunReexecution"]["__typename"] == "LaunchRunSuccess", launched
    again = launched["launchRunReexecution"]["run"]["runId"]

    def status() -> str:
        return ask(STATUS, id=again)["runOrError"]["status"]

    wait_until(lambda: status() in ("SUCCESS", "FAILURE"))
    assert status() == "SUCCESS"
    assert [served.target for served in sandbox.app.log][:1] == ["/repos/acme/rocket"]
