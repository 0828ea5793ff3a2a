"""`gitpulse ui`: Dagster's webserver and daemon, on the instance and lake the command line uses."""

import os
import socket
import sys
from typing import NoReturn

from gitpulse_assets.automation.launch import prepare_home
from gitpulse_assets.console import refused
from gitpulse_assets.exit_codes import FAILED, WRONG_USE
from gitpulse_assets.settings import Settings, SettingsError
from gitpulse_assets.watch.watch_list import watch_file

HOST = "127.0.0.1"


def run_ui(settings: Settings, port: int) -> int:
    """Replace this process by `dagster dev`; it returns an exit code only where that cannot be."""
    try:
        prepare_home(settings.dagster_home)
    except SettingsError as error:
        return refused(error, WRONG_USE)
    if trouble := port_trouble(port):
        return refused(f"port {port} on {HOST} cannot be used ({trouble}); try another --port", FAILED)
    return become_dagster(settings, port)


def become_dagster(settings: Settings, port: int) -> NoReturn:
    """Replace this process by `dagster dev` on the settings as they are."""
    environment = {
        **os.environ,
        "DAGSTER_HOME": str(settings.dagster_home),
        # Absolute, because Dagster may start runs in another working directory.
        "GITPULSE_LAKE_URL": settings.lake_url,
        "GITPULSE_CONFIG": str(path.absolute()) if (path := watch_file(settings)) else "",
        "PYTHONWARNINGS": "ignore",
    }
    workspace = str(settings.dagster_home / "workspace.yaml")
    command = [sys.executable, "-m", "dagster", "dev", "-w", workspace, "-h", HOST, "-p", str(port)]
    os.execve(sys.executable, command, environment)


def port_trouble(port: int) -> str:
    """Say why a port cannot be listened on; Dagster would tell it by a traceback, half a minute later."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
        except OSError as error:
            return error.strerror or str(error)
    return ""
