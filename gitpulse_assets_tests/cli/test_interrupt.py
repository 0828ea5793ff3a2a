"""Ctrl-C, a hang-up and SIGTERM, to commands in a process of their own."""

import logging
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from gitpulse_assets.automation.dagster_dev import is_true
from gitpulse_assets.commands import ui
from gitpulse_assets.commands.exit_codes import DONE, INTERRUPTED
from gitpulse_assets.runs.launch import prepare_home
from gitpulse_assets.sandbox.faults import ALWAYS, Fault
from gitpulse_assets.sandbox.server import Sandbox

LIST = "per_page=100"
GITPULSE = str(Path(sys.executable).with_name("gitpulse"))


SIGNALS = [signal.SIGINT, signal.SIGHUP, signal.SIGTERM]
# A command ends within this; where others have the machine, within the time that its start took there.
END_SECONDS_MAX = 25


def heed_signals() -> None:
    """In the child: hear what the tests' own parent (nohup, a script's background) may have switched off."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_DFL)


def in_the_background() -> None:
    """In the child: deaf as what a script starts with `nohup … &` is."""
    for number in SIGNALS[:2]:
        signal.signal(number, signal.SIG_IGN)


def deaf() -> None:
    """In the child: what a careless supervisor hands down."""
    in_the_background()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)


@contextmanager
def started(*arguments: str, before: Callable[[], None] = heed_signals) -> Iterator[subprocess.Popen[str]]:
    """A command in a process of its own, which is gone at the end whatever the test finds."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen([GITPULSE, *arguments], text=True, preexec_fn=before, **pipes) as process:
        try:
            yield process
        finally:
            process.kill()


def said_until_end(process: subprocess.Popen[str], began: float) -> tuple[str, str]:
    """What a command that was told to end still says; `began`: when it was started, by time.monotonic."""
    return process.communicate(timeout=max(END_SECONDS_MAX, time.monotonic() - began))


@pytest.mark.slow
@pytest.mark.parametrize("number", SIGNALS[:2])
def test_it_ends_at_once_and_the_same_command_goes_on(
    stored_gitpulse, sandbox: Sandbox, number: signal.Signals
):
    sandbox.app.log.clear()
    sandbox.app.faults.append(Fault("slow", match=LIST, skip=2, times=ALWAYS, seconds=30))
    began = time.monotonic()
    with started("refresh", "acme/rocket") as process:
        while sum(LIST in served.target for served in sandbox.app.log) < 3:
            assert process.poll() is None
            time.sleep(0.1)
        process.send_signal(number)
        out, err = said_until_end(process, began)
    assert (process.returncode, out) == (INTERRUPTED, "")
    assert err == "acme/rocket: interrupted; what has come is kept, run it again to go on\n"
    sandbox.app.faults.clear()
    sandbox.app.log.clear()
    result = stored_gitpulse("refresh", "acme/rocket")
    assert result.exit_code == DONE
    assert result.stdout.startswith("acme/rocket: the rest of a full walk, ")
    assert sum(LIST in served.target for served in sandbox.app.log) == 1


@pytest.mark.parametrize(
    "number",
    [signal.SIGHUP, *(pytest.param(one, marks=pytest.mark.slow) for one in (signal.SIGINT, signal.SIGTERM))],
)
def test_it_ends_the_sandbox_as_it_is_meant_to(number: signal.Signals):
    began = time.monotonic()
    with started("sandbox", "--port", "0") as process:
        assert process.stdout is not None
        address = process.stdout.readline().split()[0].removeprefix("GITHUB_API_URL=")
        assert httpx.get(f"{address}/rate_limit", timeout=60).is_success
        process.send_signal(number)
        assert (*said_until_end(process, began), process.returncode) == ("", "", DONE)


@pytest.mark.parametrize("before", [deaf, pytest.param(in_the_background, marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    "arguments",
    [["sandbox", "--port", "0"], pytest.param(["serve", "--port", "0"], marks=pytest.mark.slow)],
    ids=["sandbox", "serve"],
)
def test_sigterm_ends_what_waits_however_it_was_started(home, arguments: list[str], before):
    began = time.monotonic()
    with started(*arguments, before=before) as process:
        assert process.stdout is not None
        address = re.search(r"http://127\.0\.0\.1:\d+", process.stdout.readline())
        assert address
        assert httpx.get(f"{address[0]}/rate_limit", timeout=60).status_code in (200, 404)
        process.send_signal(signal.SIGTERM)
        assert (said_until_end(process, began)[0], process.returncode) == ("", DONE)


@pytest.mark.slow
def test_sigterm_ends_a_refresh_in_the_background(home, sandbox: Sandbox):
    sandbox.app.log.clear()
    sandbox.app.faults.append(Fault("slow", match=LIST, times=ALWAYS, seconds=30))
    began = time.monotonic()
    with started("refresh", "acme/rocket", before=in_the_background) as process:
        while not any(LIST in served.target for served in sandbox.app.log):
            assert process.poll() is None
            time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        assert (said_until_end(process, began)[0], process.returncode) == ("", INTERRUPTED)


def processes_of(folder: Path) -> list[str]:
    """The commands that name the folder: each of Dagster's processes does."""
    said = subprocess.run(["ps", "-A", "-ww", "-o", "command="], capture_output=True, text=True, check=True)
    return [line for line in said.stdout.splitlines() if str(folder) in line]


@pytest.mark.dear
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_the_ui_ends_with_all_its_processes(home: Path, number: signal.Signals):
    """Started by a script's background its five processes stayed for hours; SIGKILL left them always."""
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with started("ui", "--port", str(port), before=in_the_background) as process:
        wait_until(lambda: answers(f"http://127.0.0.1:{port}/server_info"))
        wait_until(lambda: len(processes_of(home)) >= 5)
        process.send_signal(number)
        said, _ = process.communicate(timeout=120)
        wait_until(lambda: not processes_of(home))
    assert process.returncode == (DONE if number == signal.SIGTERM else -number)
    # Its copy of the folder's dagster.yaml is used, whatever Dagster thinks.
    assert "Serving dagster-webserver" in said
    assert "Found a dagster instance configuration value" not in said


def answers(url: str) -> bool:
    with suppress(httpx.HTTPError):
        return httpx.get(url, timeout=5).is_success
    return False


def wait_until(has_come: Callable[[], bool], seconds: float = 240) -> None:
    deadline = time.monotonic() + seconds
    while not has_come():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_what_does_not_heed_the_end_is_killed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(ui, "GRACE_SECONDS", 0.3)
    deaf_children = "trap '' INT TERM; sleep 600 & echo begun; wait; sleep 600"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    stubborn = subprocess.Popen(["sh", "-c", deaf_children], process_group=0, **pipes)
    assert stubborn.stdout is not None
    assert stubborn.stdout.readline() == b"begun\n"
    ui.end_group(stubborn)
    assert stubborn.returncode == -signal.SIGKILL
    # The system takes a moment to bury the child of a child.
    wait_until(lambda: not is_group(stubborn.pid))


def is_group(pgid: int) -> bool:
    try:
        os.killpg(pgid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_warning_of_dagsters_is_told_only_where_it_is_true(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home"))
    (tmp_path / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    prepare_home(tmp_path / "home")
    said = "Found a dagster instance configuration value (dagster.yaml) in the current folder, but …"
    record = logging.LogRecord("dagster", logging.WARNING, "", 0, said, None, None)
    assert not is_true(record)
    (tmp_path / "dagster.yaml").write_text("telemetry: {enabled: true}\n")
    assert is_true(record)
    assert is_true(logging.LogRecord("dagster", logging.WARNING, "", 0, "another", None, None))
