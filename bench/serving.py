"""How long the page and the API take with twenty users at once, on a repository of many issues.

Two figures each: `first`, when nothing was asked before (every user asks another window, so that each answer
is computed), and `again`, when the answers are at hand.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from statistics import quantiles

import httpx

from bench.figures import LARGE, Figure, Sizes, plan, sandbox
from bench.measured import run_task

USERS = 20
ROUNDS = 10
TIMEOUT_SECONDS = 300
QUESTIONS = (
    "verdict",
    "summary",
    "daily-flow",
    "closure-age",
    "weekday-rhythm",
    "swing-days",
    "labels",
    "ages",
)


def serving(sizes: Sizes, folder: Path) -> list[Figure]:
    """Refresh a large repository, serve it, and ask."""
    with sandbox([plan(LARGE, sizes.issues)], folder, token="bench") as environment:
        run_task("cores", folder, environment, LARGE)
    return asked(folder / "lake", LARGE)


def asked(lake: Path, name: str) -> list[Figure]:
    """Serve a lake in a process of its own and ask it about one repository."""
    with served(lake) as url, httpx.Client(base_url=url, timeout=TIMEOUT_SECONDS) as client:
        first = client.get(f"/api/repository/{name}/summary").json()["window"]["end_date"]
        starts = [f"from={int(first[:4]) - 1}-{1 + user // 2:02d}-{1 + user:02d}" for user in range(USERS)]
        figures = []
        for title, paths in (
            ("API, one window each", [f"/api/repository/{name}/{q}?{{}}" for q in QUESTIONS]),
            ("page, one window each", [f"/?repo={name}&{{}}"]),
            ("API, list of issues", [f"/api/repository/{name}/issues?state=open&limit=100&offset={{}}"]),
        ):
            values = [str(100 * user) for user in range(USERS)] if "issues" in paths[0] else starts
            lists = [[path.format(value) for path in paths] for value in values]
            figures += timed(f"{title}: first", client, lists)
            figures += timed(f"{title}: again", client, [one * ROUNDS for one in lists])
    return figures


@contextmanager
def served(lake: Path) -> Iterator[str]:
    """Run `gitpulse serve` until the block ends, and have it answer once that it is up."""
    command = [str(Path(sys.executable).parent / "gitpulse"), "serve", "--port", "0"]
    settings = {"GITPULSE_LAKE_URL": str(lake), "GITPULSE_API_RATE_PER_MINUTE": "0"}
    with subprocess.Popen(
        command, env={**os.environ, **settings}, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            url = process.stdout.readline().split(" on ")[1].split()[0]
            httpx.get(f"{url}/healthz", timeout=TIMEOUT_SECONDS).raise_for_status()
            yield url
        finally:
            process.terminate()


def timed(name: str, client: httpx.Client, lists: Sequence[Sequence[str]]) -> list[Figure]:
    """Let each user ask their list, all at once; return the median and the 95th percentile of a request."""

    def ask(paths: Sequence[str]) -> list[float]:
        seconds = []
        for path in paths:
            began = time.monotonic()
            client.get(path).raise_for_status()
            seconds.append(time.monotonic() - began)
        return seconds

    with ThreadPoolExecutor(USERS) as users:
        spent = [one for seconds in users.map(ask, lists) for one in seconds]
    cuts = quantiles(spent, n=20)
    more = {"requests": len(spent), "users": len(lists)}
    return [
        Figure(f"{name}, median", 1000 * cuts[9], "ms", more),
        Figure(f"{name}, 95th percentile", 1000 * cuts[18], "ms", more),
    ]
