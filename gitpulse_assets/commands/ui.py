"""`gitpulse ui`: Dagster's webserver and daemon, on the instance and lake the command line uses."""

import os
import sys

from gitpulse_assets.automation.launch import prepare_home
from gitpulse_assets.settings import Settings


def run_ui(settings: Settings, port: int) -> None:
    """Replace this process by `dagster dev`; it never returns."""
    prepare_home(settings.dagster_home)
    environment = {
        **os.environ,
        "DAGSTER_HOME": str(settings.dagster_home),
        # Absolute, because Dagster may start runs in another working directory.
        "GITPULSE_LAKE_URL": settings.lake_url,
        "PYTHONWARNINGS": "ignore",
    }
    workspace = str(settings.dagster_home / "workspace.yaml")
    command = [sys.executable, "-m", "dagster", "dev", "-w", workspace, "-h", "127.0.0.1", "-p", str(port)]
    os.execve(sys.executable, command, environment)
