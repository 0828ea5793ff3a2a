"""Ctrl-C, a hang-up and SIGTERM, to commands in a process of their own."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from gitpulse_assets.exit_codes import DONE, INTERRUPTED
from gitpulse_assets.sandbox.faults import ALWAYS, Fault
from gitpulse_assets.sandbox.server import Sandbox

LIST = "per_page=100"
GITPULSE = str(Path(sys.executable).with_name("gitpulse"))


SIGNALS = [signal.SIGINT, signal.SIGHUP, signal.SIGTERM]


def heed_signals() -> None:
    """In the child: hear what the tests' own parent (nohup, a script's background) may have switched off."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_DFL)


@contextmanager
def started(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A command in a process of its own, which is gone at the end whatever the test finds."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen([GITPULSE, *arguments], text=True, preexec_fn=heed_signals, **pipes) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.slow
@pytest.mark.parametrize("number", SIGNALS[:2])
def test_it_ends_at_once_and_the_same_command_goes_on(
    stored_gitpulse, sandbox: Sandbox, number: signal.Signals
):
    sandbox.app.log.clear()
    sandbox.app.faults.append(Fault("slow", match=LIST, skip=2, times=ALWAYS, seconds=30))
    with started("refresh", "acme/rocket") as process:
        while sum(LIST in served.target for served in sandbox.app.log) < 3:
            assert process.poll() is None
            time.sleep(0.1)
        process.send_signal(number)
        out, err = process.communicate(timeout=25)
    assert (process.returncode, out) == (INTERRUPTED, "")
    assert err == "acme/rocket: interrupted; what has come is kept, run it again to go on\n"
    sandbox.app.faults.clear()
    sandbox.app.log.clear()
    result = stored_gitpulse("refresh", "acme/rocket")
    assert result.exit_code == DONE
    assert result.stdout.startswith("acme/rocket: the rest of a full walk, ")
    assert sum(LIST in served.target for served in sandbox.app.log) == 1


@pytest.mark.parametrize("number", SIGNALS)
def test_it_ends_the_sandbox_as_it_is_meant_to(number: signal.Signals):
    with started("sandbox", "--port", "0") as process:
        assert process.stdout is not None
        address = process.stdout.readline().split()[0].removeprefix("GITHUB_API_URL=")
        assert httpx.get(f"{address}/rate_limit", timeout=25).is_success
        process.send_signal(number)
        assert (*process.communicate(timeout=25), process.returncode) == ("", "", DONE)
