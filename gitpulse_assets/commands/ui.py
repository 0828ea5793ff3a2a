"""`gitpulse ui`: Dagster's webserver and daemon, on the instance and lake the command line uses.

They run in a process group of their own, which ends with this process however it ends.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress

from gitpulse_assets.commands.console import refused
from gitpulse_assets.commands.exit_codes import DONE, FAILED, WRONG_USE
from gitpulse_assets.runs.launch import open_instance
from gitpulse_assets.settings import Settings, SettingsError
from gitpulse_assets.watch.watch_list import watch_file

HOST = "127.0.0.1"
GRACE_SECONDS = 10.0
POLL_SECONDS = 0.05


def run_ui(settings: Settings, port: int) -> int:
    """Serve until interrupted; return the exit code."""
    try:
        open_instance(settings.dagster_home).dispose()
    except SettingsError as error:
        return refused(error, WRONG_USE)
    if trouble := port_trouble(port):
        return refused(f"port {port} on {HOST} cannot be used ({trouble}); try another --port", FAILED)
    dagster = start_dagster(settings, port)
    try:
        return DONE if dagster.wait() == 0 else FAILED
    except KeyboardInterrupt:
        return DONE
    finally:
        end_group(dagster)


def start_dagster(settings: Settings, port: int) -> "subprocess.Popen[bytes]":
    """Start `dagster dev` on the settings as they are, as the leader of a process group."""
    environment = {
        **os.environ,
        "DAGSTER_HOME": str(settings.dagster_home),
        # Absolute, because Dagster may start runs in another working directory.
        "GITPULSE_LAKE_URL": settings.lake_url,
        "GITPULSE_CONFIG": str(path.absolute()) if (path := watch_file(settings)) else "",
        "PYTHONWARNINGS": "ignore",
    }
    workspace = str(settings.dagster_home / "workspace.yaml")
    command = [sys.executable, "-m", "gitpulse_assets.automation.dagster_dev"]
    command += ["-w", workspace, "-h", HOST, "-p", str(port)]
    return subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, process_group=0)


def end_group(dagster: "subprocess.Popen[bytes]") -> None:
    """Have all of Dagster's processes end: told by the end of stdin, or after a while by force.

    Whoever is impatient and interrupts again gets the force at once.
    """
    if dagster.stdin:
        dagster.stdin.close()
    deadline = time.monotonic() + GRACE_SECONDS
    with suppress(KeyboardInterrupt, ProcessLookupError):
        while time.monotonic() < deadline:
            dagster.poll()
            os.killpg(dagster.pid, 0)
            time.sleep(POLL_SECONDS)
    with suppress(ProcessLookupError):
        os.killpg(dagster.pid, signal.SIGKILL)
    dagster.wait()


def port_trouble(port: int) -> str:
    """Say why a port cannot be listened on; Dagster would tell it by a traceback, half a minute later."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
        except OSError as error:
            return error.strerror or str(error)
    return ""
