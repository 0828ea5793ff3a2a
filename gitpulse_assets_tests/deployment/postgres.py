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
from typing import Any

import psycopg2

from gitpulse_assets_tests.deployment.compose import wait_until

USER = "gitpulse"
INSTANCE = """
telemetry: {{enabled: false}}
storage:
  custom:
    module: gitpulse_assets.runs.postgres_storage
    class: KeptPostgresStorage
    config:
      postgres_db:
        scheme: postgresql+psycopg2
        hostname: 127.0.0.1
        port: {port}
        username: {user}
        password: {password}
        db_name: gitpulse
"""


@dataclass(frozen=True)
class Server:
    port: int
    password: str

    @property
    def instance(self) -> str:
        """The dagster.yaml of an instance in it."""
        return INSTANCE.format(port=self.port, user=USER, password=self.password)

    @contextmanager
    def cursor(self, database: str = "gitpulse") -> Iterator[Any]:
        """A cursor whose statements are committed one by one; OperationalError where the server is silent."""
        connection = psycopg2.connect(
            host="127.0.0.1", port=self.port, user=USER, password=self.password, dbname=database
        )
        connection.autocommit = True
        try:
            with connection.cursor() as cursor:
                yield cursor
        finally:
            connection.close()

    def cut_all(self) -> int:
        """Cut the connections of all others, and return how many there were."""
        return self._of_others("count(pg_terminate_backend(pid))")

    def connection_count(self) -> int:
        """How many connections others have."""
        return self._of_others("count(*)")

    def _of_others(self, what: str) -> int:
        with self.cursor() as cursor:
            cursor.execute(
                f"select {what} from pg_stat_activity "
                "where backend_type = 'client backend' and pid <> pg_backend_pid()"
            )
            return cursor.fetchone()[0]


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
            reached = Server(port, password)
            wait_until("PostgreSQL answers", lambda: made_database(reached))
            yield reached
        finally:
            # At SIGTERM it would wait for whoever is still connected, as a test that failed is.
            server.send_signal(signal.SIGINT)
            server.wait(60)


def made_database(server: Server) -> bool:
    try:
        with server.cursor("postgres") as cursor:
            cursor.execute("create database gitpulse")
    except psycopg2.OperationalError:
        return False
    return True


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]
