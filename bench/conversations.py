"""First syncs and refreshes of conversations, GitPulse and tap-github on the same streams, side by side."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from bench.conversation_world import HOUR, NAME
from bench.figures import PEER_FOLDER, Figure, Sizes
from bench.measured import Measured, measure, run_task

STREAMS = ("issues", "pull_requests", "reviews", "issue_comments", "review_comments")


@contextmanager
def talk(thread_count: int, folder: Path) -> Iterator[dict[str, str]]:
    """Serve conversations apart; yields the environment that points GitPulse at them and at an empty lake."""
    command = [sys.executable, "-m", "bench.conversation_world", str(thread_count)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            url = process.stdout.readline().strip() if process.stdout else ""
            yield {
                "GITHUB_API_URL": url,
                "GITHUB_GRAPHQL_URL": f"{url}/graphql",
                "GITHUB_TOKEN": "bench",
                "GITPULSE_LAKE_URL": str(folder / "lake"),
                "GITPULSE_SUBJECTS": "contributors",
                "DAGSTER_HOME": str(folder / "dagster"),
            }
        finally:
            process.terminate()


def conversations(sizes: Sizes, folder: Path) -> list[Figure]:
    """A first sync of both to gold, or to JSON lines, and our refresh with 20 changed threads."""
    with talk(sizes.threads, folder) as environment:
        url = environment["GITHUB_API_URL"]
        measured = run_task("cores", folder, environment, NAME)
        ours = measured.result["refreshes"][0]
        our_requests = asked(url)
        httpx.post(f"{url}/_sandbox/advance", json={"seconds": HOUR})
        run_task("cores", folder, environment, NAME)
        changed_requests = asked(url) - our_requests
        spent = run_task("manifest", folder, environment, NAME).result
        before = asked(url)
        tap = tap_streams(folder, url)
        tap_requests = asked(url) - before
    rates = [sizes.threads / seconds for seconds in (ours["seconds"], tap.seconds)]
    return [
        Figure("conversations: first sync to gold", rates[0], "threads/s", ours),
        Figure("conversations: requests of the first sync", our_requests, "requests"),
        Figure("tap-github, the same streams to JSON lines", rates[1], "threads/s", told(tap)),
        Figure("tap-github: requests", tap_requests, "requests"),
        Figure("threads per second, GitPulse / tap-github", rates[0] / rates[1], "times (aim: 3)"),
        Figure(
            "CPU of the processes, tap-github / GitPulse", tap.cpu_seconds / measured.cpu_seconds, "times"
        ),
        Figure("requests, GitPulse / tap-github", our_requests / tap_requests, "(aim: at most 0.10)"),
        Figure("refresh with 20 changed threads", changed_requests, "requests (aim: at most 12)", spent),
        Figure(
            "refresh with 20 changed threads: quota",
            spent["quota_cost"],
            "units and points (aim: at most 12)",
        ),
    ]


def asked(url: str) -> int:
    """How many requests the stand-in has answered so far."""
    return len(httpx.get(f"{url}/_sandbox/requests", timeout=60).json())


def tap_streams(folder: Path, url: str) -> Measured:
    """Run tap-github with its own interpreter on the same streams."""
    work = folder / "tap"
    work.mkdir()
    python = Path(".venv-bench") / "tap-github" / "bin" / "python"
    command = [str(python), str(PEER_FOLDER / "tap_github_run.py"), url, NAME, str(work), *STREAMS]
    return measure(command, folder / "tap.out")


def told(measured: Measured) -> dict[str, Any]:
    """What the JSON says of a peer's process."""
    return {
        "seconds": measured.seconds,
        "cpu_seconds": measured.cpu_seconds,
        "peak_bytes": measured.peak_bytes,
    }
