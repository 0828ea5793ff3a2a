"""Ctrl-C in the middle of a walk, in a process of its own: it ends at once, and the same command goes on."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gitpulse_assets.exit_codes import DONE, INTERRUPTED
from gitpulse_assets.sandbox.faults import ALWAYS, Fault

pytestmark = pytest.mark.slow

LIST = "per_page=100"
GITPULSE = str(Path(sys.executable).with_name("gitpulse"))


def test_ctrl_c_ends_at_once_and_the_same_command_goes_on(stored_gitpulse, sandbox):
    sandbox.app.log.clear()
    sandbox.app.faults.append(Fault("slow", match=LIST, skip=2, times=ALWAYS, seconds=30))
    command = [GITPULSE, "refresh", "acme/rocket"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        while sum(LIST in served.target for served in sandbox.app.log) < 3:
            assert process.poll() is None
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=25)
    assert (process.returncode, out) == (INTERRUPTED, "")
    assert err == "acme/rocket: interrupted; what has come is kept, run it again to go on\n"
    sandbox.app.faults.clear()
    sandbox.app.log.clear()
    result = stored_gitpulse("refresh", "acme/rocket")
    assert result.exit_code == DONE
    assert result.stdout.startswith("acme/rocket: the rest of a full walk, ")
    assert sum(LIST in served.target for served in sandbox.app.log) == 1
