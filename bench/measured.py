"""Runs one task in a process of its own: its wall clock, its CPU and its peak memory."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Measured:
    """`seconds`: wall clock from start to end of the process; `result`: what the task printed as JSON."""

    seconds: float
    cpu_seconds: float
    peak_bytes: int
    result: dict[str, Any] = field(default_factory=dict)


class TaskFailed(Exception):
    """A process ended with an error; the text holds the end of what it said."""


def measure(command: Sequence[str], output: Path, environment: Mapping[str, str] | None = None) -> Measured:
    """Run a command to its end, its standard output in `output`. Raises TaskFailed where it fails."""
    errors = output.with_suffix(".err")
    began = time.monotonic()
    with output.open("wb") as stdout, errors.open("wb") as stderr:
        process = subprocess.Popen(
            command, stdout=stdout, stderr=stderr, env={**os.environ, **(environment or {})}
        )
        # wait4 and not getrusage(CHILDREN), which mixes all children up.
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise TaskFailed(f"{' '.join(command[:4])}: {errors.read_text()[-2000:]}")
    return Measured(time.monotonic() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)


def run_task(name: str, folder: Path, environment: Mapping[str, str], *arguments: str) -> Measured:
    """Run `python -m bench.tasks NAME ARGUMENTS`; the result is its last line."""
    output = folder / f"{name}.out"
    found = measure([sys.executable, "-m", "bench.tasks", name, *arguments], output, environment)
    result = json.loads(output.read_text().splitlines()[-1])
    return Measured(found.seconds, found.cpu_seconds, found.peak_bytes, result)
