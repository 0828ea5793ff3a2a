"""Runs the services of docker-compose.yml as processes on loopback: the same commands, the same environment.

A container is a process group with an address of its own in 127.0.0.0/8, so that the services keep their
ports; its paths are mapped to folders. What only Docker does (limits, read-only file systems, restarts) is
not proved here.
"""

import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
VARIABLE = re.compile(r"\$\$|\$\{(?P<name>\w+)(?:(?P<how>:?[-?])(?P<word>[^}]*))?\}")
# A machine of two cores on which fifteen processes compute takes ten times what an idle one does.
WAIT_SECONDS_MAX = 600


def interpolated(value: Any, variables: Mapping[str, str]) -> Any:
    """Return a part of the file with its ${…} filled in; KeyError for a required one that is missing."""
    if isinstance(value, dict):
        return {key: interpolated(passed(key, part, variables), variables) for key, part in value.items()}
    if isinstance(value, list):
        return [interpolated(part, variables) for part in value]
    return VARIABLE.sub(lambda m: filled(m, variables), value) if isinstance(value, str) else value


def passed(key: str, value: Any, variables: Mapping[str, str]) -> Any:
    """Return the value of a key; one that stands alone takes its variable's, None where that is not set."""
    return variables.get(key) if value is None else value


def filled(match: re.Match[str], variables: Mapping[str, str]) -> str:
    if match[0] == "$$":
        return "$"
    found, how = variables.get(match["name"]), match["how"] or ""
    is_missing = found is None or (how.startswith(":") and not found)
    if is_missing and how.endswith("?"):
        raise KeyError(match["name"])
    return (match["word"] or "") if is_missing else str(found)


def wait_until(what: str, holds: Callable[[], Any], seconds_max: float = WAIT_SECONDS_MAX) -> Any:
    """Return the first true answer; fail when there is none in time."""
    end = time.monotonic() + seconds_max
    while time.monotonic() < end:
        if answer := holds():
            return answer
        time.sleep(0.5)
    raise AssertionError(f"{what}: not within {seconds_max} s")


def sealing(folder: Path) -> list[str]:
    """Return what goes before a command that may not write to the folder; nothing where that is refused."""
    script = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && cd "$0" && exec "$@"'
    command = ["unshare", "--mount", "sh", "-c", script, str(folder)]
    tried = subprocess.run([*command, "true"], capture_output=True, check=False)
    return command if tried.returncode == 0 else []


NAMING = ["unshare", "--uts", "sh", "-c", 'hostname "$0" && exec "$@"']


@cache
def can_name() -> bool:
    """Say whether a command may have a host name of its own."""
    return subprocess.run([*NAMING, "tried", "true"], capture_output=True, check=False).returncode == 0


def scaled(services: Mapping[str, Any], scale: Mapping[str, int]) -> dict[str, Any]:
    """Return the services with the further containers that `--scale` asks for, as worker-2, worker-3."""
    further = {f"{name}-{n}": services[name] for name, count in scale.items() for n in range(2, count + 1)}
    return {**services, **further}


class Compose:
    """The services of the file, each a process group; `variables` are those of .env, `scale` of `--scale`."""

    def __init__(
        self,
        folder: Path,
        variables: Mapping[str, str],
        volumes: Mapping[str, Path],
        scale: Mapping[str, int] | None = None,
    ) -> None:
        text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
        services = interpolated(yaml.safe_load(text), variables)["services"]
        self.services: dict[str, Any] = scaled(services, scale or {})
        self.folder = folder
        block = f"127.{random.randint(16, 250)}.{random.randint(1, 250)}"
        self.addresses = {name: f"{block}.{number}" for number, name in enumerate(self.services, start=2)}
        # What the image holds at its working directory, in a folder that is to stay as it is.
        shutil.copytree(ROOT / "deploy", folder / "srv" / "deploy")
        self._paths = {"/srv/gitpulse": folder / "srv", **volumes}
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._sealing = sealing(folder / "srv")

    def placed(self, text: str, name: str) -> str:
        """Return a command's or variable's text with the container's paths and its own address replaced."""
        for path, folder in self._paths.items():
            text = text.replace(path, str(folder))
        return text.replace("0.0.0.0", self.addresses[name])

    def reached(self, text: str) -> str:
        """Return a variable's text with the service it names, with or without a port, by its address."""
        named = re.fullmatch(r"(redis://)?([a-z0-9]+)((?::\d+)?(?:/\d+)?)", text)
        if named is None or named[2] not in self.addresses:
            return text
        return f"{named[1] or ''}{self.addresses[named[2]]}{named[3]}"

    def environment(self, name: str) -> dict[str, str]:
        """Return what the image and the file set, and nothing of this shell."""
        given = self.services[name].get("environment", {}).items()
        own = {key: self.reached(self.placed(value, name)) for key, value in given if value is not None}
        home = self.folder / "home"
        home.mkdir(exist_ok=True)
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        image = {"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore", "PYTHONUNBUFFERED": "1"}
        return {"PATH": path, "HOME": str(home), **image, **own}

    def _naming(self, name: str) -> list[str]:
        """What goes before a command: a container is its own host, by which workers tell themselves apart."""
        return [*NAMING, name] if can_name() else []

    def start(self, name: str) -> None:
        """Start a service, or start it again."""
        command = [self.placed(part, name) for part in self.services[name]["command"]]
        if self.services[name].get("read_only"):
            command = [*self._sealing, *command]
        command = [*self._naming(name), *command]
        with self.log_path(name).open("ab") as log:
            self._processes[name] = subprocess.Popen(
                command,
                env=self.environment(name),
                cwd=self.folder / "srv",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def run(self, name: str) -> None:
        """Run a service that ends, as those do which others wait for."""
        self.start(name)
        if self._processes[name].wait(WAIT_SECONDS_MAX):
            raise AssertionError(f"{name} failed:\n{self.tail(name)}")

    def execute(self, name: str, *command: str) -> "subprocess.CompletedProcess[str]":
        """Run a command in a service's container, as `docker compose exec` does."""
        return subprocess.run(
            [*self._naming(name), *command],
            env=self.environment(name),
            cwd=self.folder / "srv",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=WAIT_SECONDS_MAX,
            check=False,
        )

    def is_healthy(self, name: str) -> bool:
        """Run the service's own health check."""
        kind, *command = self.services[name]["healthcheck"]["test"]
        assert kind == "CMD"
        command = [part.replace("127.0.0.1", self.addresses[name]) for part in command]
        if command[1] == "deploy/healthy.py":
            command.append(self.addresses[name])
        return self.execute(name, *command).returncode == 0

    def wait_healthy(self, *names: str) -> None:
        for name in names:
            wait_until(f"{name} is healthy", lambda n=name: self.is_alive(n) and self.is_healthy(n))

    def is_alive(self, name: str) -> bool:
        if self._processes[name].poll() is not None:
            raise AssertionError(f"{name} ended:\n{self.tail(name)}")
        return True

    def pid(self, name: str) -> int:
        return self._processes[name].pid

    def kill(self, name: str) -> None:
        """End the service with every process it started, as the loss of its container does."""
        process = self._processes.pop(name)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def freeze(self, name: str) -> None:
        """Have every process of the service stand still."""
        os.killpg(self.pid(name), signal.SIGSTOP)

    def thaw(self, name: str) -> None:
        """Let the service's processes go on."""
        os.killpg(self.pid(name), signal.SIGCONT)

    def stop(self) -> None:
        for name in reversed(list(self._processes)):
            self.kill(name)

    def log_path(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def tail(self, name: str) -> str:
        path = self.log_path(name)
        return path.read_text(errors="replace")[-3000:] if path.exists() else ""


def children(pid: int) -> list[int]:
    """Return the processes that a process started and that live."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid and fields[0] != "Z":
            found.append(int(stat.parent.name))
    return found
