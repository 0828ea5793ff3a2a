"""`gitpulse serve`: it says where it is, answers, refuses a taken port, and as a process ends by Ctrl-C."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from gitpulse_assets.commands.exit_codes import DONE, FAILED, WRONG_USE

WAIT_SECONDS = 240
Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(refreshed) -> Iterator[Start]:
    """Start `gitpulse serve` over a lake in which one repository was refreshed."""
    begun: list[subprocess.Popen[str]] = []

    def run(*arguments: str, **environment: str) -> subprocess.Popen[str]:
        begun.append(
            subprocess.Popen(
                [str(Path(sys.executable).parent / "gitpulse"), "serve", *arguments],
                cwd=refreshed.home,
                env={**os.environ, **environment},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
        return begun[-1]

    yield run
    for process in begun:
        process.kill()
        process.communicate(timeout=WAIT_SECONDS)


def url_said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    line = process.stdout.readline()
    found = re.fullmatch(r"GitPulse serves .* on (http://127\.0\.0\.1:\d+) \(Ctrl-C ends it\)\n", line)
    assert found, line
    return found[1]


def test_it_serves_until_interrupted(start):
    process = start("--port", "0")
    url = url_said(process)
    with httpx.Client(base_url=url, timeout=WAIT_SECONDS) as client:
        rows = client.get("/api/repositories").json()["rows"]
        assert [(row["repository"], row["is_complete"]) for row in rows] == [("acme/rocket", True)]
        assert client.get("/").status_code == 200
        assert client.get("/healthz", headers={"Host": "evil.example"}).status_code == 400
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=WAIT_SECONDS)
    assert (process.returncode, out, err) == (DONE, "", "")


@pytest.mark.slow
def test_twenty_users_at_once_get_the_same_figures(start):
    url = url_said(start("--port", "0"))
    with httpx.Client(base_url=url, timeout=WAIT_SECONDS) as client, ThreadPoolExecutor(20) as users:
        paths = ["verdict?window=180", "summary", "daily-flow?from=2026-01-01", "issues?limit=100"] * 10
        answers = list(users.map(lambda path: client.get(f"/api/repository/acme/rocket/{path}"), paths))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 4


def test_a_taken_port_is_one_line(refreshed):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = refreshed.gitpulse("serve", "--port", str(port))
    assert (result.exit_code, result.stdout) == (FAILED, "")
    assert (
        result.stderr
        == f"gitpulse: port {port} on 127.0.0.1 cannot be used (Address already in use); try another --port\n"
    )


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("GITPULSE_API_KEYS", "short", "GITPULSE_API_KEYS: a key is shorter than 16 characters"),
        ("GITPULSE_API_RATE_PER_MINUTE", "many", "GITPULSE_API_RATE_PER_MINUTE: "),
        ("GITPULSE_CORS_ORIGINS", "*", "GITPULSE_CORS_ORIGINS: '*' is not an origin; for example https://"),
        ("GITPULSE_CORS_ORIGINS", "https://a.example/x", "GITPULSE_CORS_ORIGINS: "),
    ],
)
def test_a_wrong_setting_is_one_line(refreshed, monkeypatch, name, value, said):
    monkeypatch.setenv(name, value)
    result = refreshed.gitpulse("serve")
    assert (result.exit_code, result.stdout) == (WRONG_USE, "")
    assert result.stderr.startswith(f"gitpulse: {said}")
    assert len(result.stderr.splitlines()) == 1


def test_a_lake_that_cannot_be_reached_is_one_line(refreshed, monkeypatch):
    monkeypatch.setenv("GITPULSE_LAKE_URL", "s3://nowhere/x")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    result = refreshed.gitpulse("serve", "--port", "0")
    assert (result.exit_code, result.stdout) == (FAILED, "")
    assert "cannot be reached" in result.stderr.splitlines()[-1]
