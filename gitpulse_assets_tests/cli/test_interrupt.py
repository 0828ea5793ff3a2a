"""Ctrl-C, a hang-up and SIGTERM, to commands in a process of their own."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from gitpulse_assets.exit_codes import DONE, INTERRUPTED
from gitpulse_assets.sandbox.faults import ALWAYS, Fault
from gitpulse_assets.sandbox.server import Sandbox

LIST = "per_page=100"
GITPULSE = str(Path(sys.executable).with_name("gitpulse"))


SIGNALS = [signal.SIGINT, signal.SIGHUP, signal.SIGTERM]


@pytest.mark.slow
@pytest.mark.parametrize("number", SIGNALS[:2])
def test_it_ends_at_once_and_the_same_command_goes_on(
    stored_gitpulse, sandbox: Sandbox, number: signal.Signals
):
    sandbox.app.log.clear()
    sandbox.app.faults.append(Fault("slow", match=LIST, skip=2, times=ALWAYS, seconds=30))
    command = [GITPULSE, "refresh", "acme/rocket"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
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
    command = [GITPULSE, "sandbox", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        address = process.stdout.readline().split()[0].removeprefix("GITHUB_API_URL=")
        assert httpx.get(f"{address}/rate_limit", timeout=25).is_success
        process.send_signal(number)
        assert (*process.communicate(timeout=25), process.returncode) == ("", "", DONE)
