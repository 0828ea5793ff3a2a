"""Which process this is, in words that another one can look it up by, and whether that process is gone."""

import os
import socket
from pathlib import Path

PROC = Path("/proc")
BOOT_ID = PROC / "sys/kernel/random/boot_id"
# Where the system does not say when a process began: its number alone then stands for it.
UNKNOWN = "unknown"
GONE_STATES = ("Z", "X")


def this_process() -> str:
    """This process by its host, its number, and when it began."""
    return f"{host()} {os.getpid()} {began(os.getpid())}"


def is_gone(process: str) -> bool:
    """Say whether a process of this host surely is no more; of another host nothing is known."""
    its_host, pid, its_beginning = process.split(" ", 2)
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

    Numbers are given out again, so that a number alone would take a stranger for the process.
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
