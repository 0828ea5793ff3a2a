"""A real PostgreSQL in a folder of its own, from Debian's package."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg2

from gitpulse_assets_tests.deployment.compose import wait_until

USER = "gitpulse"


@dataclass(frozen=True)
class Server:
    port: int
    password: str


def programs() -> Path | None:
    """Return the folder of PostgreSQL's programs; Debian keeps them off the path."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    on_path = shutil.which("initdb")
    return found[-1].parent if found else Path(on_path).parent if on_path else None


def as_another() -> list[str]:
    """Return what goes before a command: PostgreSQL refuses to be run by root."""
    if os.geteuid() != 0:
        return []
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]


@contextmanager
def served(password: str) -> Iterator[Server]:
    """Serve an empty cluster on 127.0.0.1, with the database `gitpulse`, until the block ends."""
    binaries = programs()
    assert binaries is not None
    # Not below pytest's folder, which another user may not enter.
    with tempfile.TemporaryDirectory(prefix="gitpulse-postgres-") as name:
        folder = Path(name)
        (folder / "password").write_text(password)
        if os.geteuid() == 0:
            owner = pwd.getpwnam("postgres")
            for path in (folder, folder / "password"):
                os.chown(path, owner.pw_uid, owner.pw_gid)
        data = str(folder / "data")
        initdb = [str(binaries / "initdb"), "-D", data, "-U", USER, f"--pwfile={folder / 'password'}"]
        options = ["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync"]
        subprocess.run([*as_another(), *initdb, *options], check=True, capture_output=True, cwd=folder)
        port = free_port()
        command = [str(binaries / "postgres"), "-D", data, "-k", name, "-h", "127.0.0.1", "-p", str(port)]
        server = subprocess.Popen(
            [*as_another(), *command, "-c", "fsync=off"], cwd=folder, stderr=(folder / "log").open("wb")
        )
        try:
            wait_until("PostgreSQL answers", lambda: made_database(port, password))
            yield Server(port, password)
        finally:
            # At SIGTERM it would wait for whoever is still connected, as a test that failed is.
            server.send_signal(signal.SIGINT)
            server.wait(60)


def made_database(port: int, password: str) -> bool:
    try:
        connection = psycopg2.connect(
            host="127.0.0.1", port=port, user=USER, password=password, dbname="postgres"
        )
    except psycopg2.OperationalError:
        return False
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("create database gitpulse")
    connection.close()
    return True


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]
