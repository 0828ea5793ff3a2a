"""What is made once for a whole run of the tests, whichever of its processes needs it first.

A thing is described by a few strings in a file of the run's temporary folder. No test changes it: who would
takes a copy, or a prefix of its own.
"""

import fcntl
import json
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

PID = "pid"


def folder_of(config: pytest.Config) -> Path:
    """The run's temporary folder, which all its processes know."""
    # The only place that knows it; a worker's own lies in that of the process that started it.
    base: Path = config._tmp_path_factory.getbasetemp()  # pyright: ignore[reportAttributeAccessIssue]
    return base.parent if hasattr(config, "workerinput") else base


def made_once(config: pytest.Config, name: str, make: Callable[[Path], dict[str, str]]) -> dict[str, str]:
    """Return what `make` said of the thing it put into the folder it is given; made by whoever comes first.

    A `pid` in it is a process of a session of its own, which is killed at the end of the run.
    """
    folder = folder_of(config) / f"shared-{name}"
    with (folder_of(config) / f"shared-{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        told = folder.with_suffix(".json")
        if not told.exists():
            folder.mkdir(exist_ok=True)
            told.write_text(json.dumps(make(folder)))
        return json.loads(told.read_text())


def end(folder: Path) -> None:
    """Kill the processes that were started for all."""
    for told in folder.glob("shared-*.json"):
        pid = json.loads(told.read_text()).get(PID)
        if pid:
            with suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
