"""Which process executes a run that no code server started, and whether that process is gone.

The command line and the sweeps execute runs in their own process, of which Dagster knows nothing. What
follows from a process that is gone is the launcher's (`run_launcher.py`) and `runs.py`'s.
"""

import os
import socket
from pathlib import Path

import dagster as dg
from dagster._core.storage.tags import GRPC_INFO_TAG

PROCESS_TAG = "gitpulse/process"
# The sweep in whose process a run is executed, by its run id.
SWEEP_TAG = "gitpulse/sweep"
PROC = Path("/proc")
BOOT_ID = PROC / "sys/kernel/random/boot_id"
# Where the system does not say when a process began: its number alone then stands for it.
UNKNOWN = "unknown"
GONE_STATES = ("Z", "X")


def process_tag() -> dict[str, str]:
    """Name this process in the tags of a run: host, number, and when it began."""
    return {PROCESS_TAG: f"{host()} {os.getpid()} {began(os.getpid())}"}


def is_process_gone(run: dg.DagsterRun) -> bool:
    """Say whether the run was executed by a process of this host that surely is no more.

    Of another host nothing is known. A run that is executed again inherits the tags, not the process.
    """
    tag = run.tags.get(PROCESS_TAG)
    if tag is None or run.parent_run_id or GRPC_INFO_TAG in run.tags:
        return False
    its_host, pid, its_beginning = tag.split(" ", 2)
    return its_host == host() and began(int(pid)) != its_beginning


def host() -> str:
    """This machine, or this container: process numbers mean something only within their namespace."""
    try:
        namespace = (PROC / "self/ns/pid").readlink()
    except OSError:
        namespace = UNKNOWN
    return f"{socket.gethostname()}/{namespace}"


def began(pid: int) -> str | None:
    """When a process began, in the kernel's ticks since which boot; None where it is gone.

    Numbers are given out again, so that a number alone would take a stranger for the run's process.
    """
    if not BOOT_ID.exists():
        return UNKNOWN if exists(pid) else None
    try:
        # Its name, in brackets, may hold spaces and brackets; what counts stands behind the last one.
        state, *rest = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if state in GONE_STATES else f"{BOOT_ID.read_text().strip()}/{rest[18]}"


def exists(pid: int) -> bool:
    """Whether a process of this number runs, whoever owns it."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
