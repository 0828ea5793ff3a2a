"""Runs the stand-in GitHub in a process of its own, so that its work and memory are not the reader's.

`python -m gitpulse_assets.sandbox.process` serves what the first line of its input says, JSON, and prints the
base URL first.
"""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from gitpulse_assets.sandbox.history import generate
from gitpulse_assets.sandbox.limits import Limits
from gitpulse_assets.sandbox.plan import HistoryPlan
from gitpulse_assets.sandbox.recorded import load_recorded
from gitpulse_assets.sandbox.render import issue_bytes
from gitpulse_assets.sandbox.server import serve_forever
from gitpulse_assets.sandbox.world import DEFAULT_CLOCK, World

END_SECONDS_MAX = 5


@contextmanager
def serve_generated_apart(
    plans: Sequence[HistoryPlan], clock: str = DEFAULT_CLOCK, limits: Limits | None = None
) -> Iterator[str]:
    """Serve generated histories from another process; yields the base URL."""
    spec = {"plans": list(map(asdict, plans)), "clock": clock, "limits": asdict(limits or Limits())}
    with _process(spec) as base_url:
        yield base_url


@contextmanager
def serve_recorded_apart(folder: Path, at: str | None = None) -> Iterator[str]:
    """Serve recorded data from another process; yields the base URL."""
    with _process({"recorded": str(folder), "at": at}) as base_url:
        yield base_url


def world_of(spec: dict[str, Any]) -> World:
    """Make the world that a spec names."""
    if "recorded" in spec:
        return load_recorded(Path(spec["recorded"]), spec["at"])
    world = generate([HistoryPlan(**plan) for plan in spec["plans"]], spec["clock"])
    # Render before the first request, so that a benchmark's first walk does not wait for it.
    for repository in world.repositories.values():
        for issue in repository.issues.values():
            issue_bytes(issue)
    return world


@contextmanager
def _process(spec: dict[str, Any]) -> Iterator[str]:
    command = [sys.executable, "-m", "gitpulse_assets.sandbox.process"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        assert process.stdout
        try:
            print(json.dumps(spec), file=process.stdin, flush=True)
            base_url = process.stdout.readline().strip()
            if not base_url:
                raise RuntimeError("the stand-in GitHub did not start")
            yield base_url
        finally:
            _end(process)


def _end(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(END_SECONDS_MAX)
    except subprocess.TimeoutExpired:
        process.kill()


def _end_with_parent() -> None:
    # The parent holds the other end of stdin, which the system closes however the parent ends.
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGTERM)


def main() -> None:
    """Serve what the first line says until terminated, or until the parent is gone."""
    spec = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_parent, daemon=True).start()
    limits = Limits(**spec.get("limits", {}))
    serve_forever(world_of(spec), limits=limits, announce=lambda url: print(url, flush=True))


if __name__ == "__main__":
    main()
