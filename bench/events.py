"""Public events: what an hour file costs beside a plain pipeline, and metrics of a day with twenty users.

The plain pipeline unpacks the file, lets DuckDB read it with one wide schema and copies it by type: nothing
is deduplicated, kept as text, checked or published. CPU is compared, not seconds.
"""

import gzip
import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from bench.figures import MEGABYTE, Figure, Sizes
from bench.measured import Measured, run_task
from bench.serving import ROUNDS, TIMEOUT_SECONDS, USERS, served, timed
from gitpulse_assets.lake.hour_name import file_name

BEGIN = datetime(2026, 3, 2, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
# Shares of the types as an hour has them, and how long their payloads are.
TYPES = {
    "PushEvent": (66, 700),
    "CreateEvent": (10, 130),
    "WatchEvent": (6, 20),
    "IssueCommentEvent": (5, 5_400),
    "PullRequestEvent": (5, 17_000),
    "IssuesEvent": (3, 2_700),
    "ForkEvent": (2, 4_800),
    "GollumEvent": (3, 220),
}
KEPT = ",".join(f"owner{number}/r{number}" for number in range(50))
METRICS = (
    "event_count_offset?offset=1440",
    "active_repositories?offset=1440",
    "top_actors?offset=1440",
    "events_per_minute?offset=1440",
    "avg_pr_time?offset=1440",
)


def events(sizes: Sizes, folder: Path) -> Iterator[Figure]:
    """An hour file alone, six of a day, some repositories of it; then the metrics."""
    write_hour(folder / "one", BEGIN, sizes.hour_events)
    for number in range(6):
        write_hour(folder / "six", BEGIN + number * HOUR, sizes.hour_events // 6)
    plain = run_task(
        "plain_events", folder, {}, str(folder / "one" / file_name(BEGIN)), str(folder / "plain")
    )
    for name, found in (
        ("one hour file", imported(folder, "one")),
        ("the same events as six hours", imported(folder, "six")),
        ("50 repositories of one", imported(folder, "one", f"repositories={KEPT}")),
    ):
        yield Figure(
            f"{name}: CPU beside the plain pipeline's", found.cpu_seconds / plain.cpu_seconds, "times"
        )
        yield Figure(f"{name}: peak memory", found.peak_bytes / MEGABYTE, "MB")
    yield from metrics(sizes, folder)


def imported(folder: Path, name: str, kept: str = "") -> Measured:
    """Bring an archive into a lake of its own."""
    environment = {
        "GITPULSE_LAKE_URL": str(folder / f"lake-{name}-{len(kept)}"),
        "GITPULSE_ARCHIVES": f"a={folder / name} {kept}",
    }
    return run_task("import_events", folder, environment, str(BEGIN.date()), str(BEGIN.date()))


def metrics(sizes: Sizes, folder: Path) -> Iterator[Figure]:
    """Days of hours, the last large; each metric over it in a new process, then by twenty users."""
    last = BEGIN + (sizes.event_days - 1) * DAY
    for day in range(sizes.event_days):
        for hour in range(24):
            at = BEGIN + day * DAY + hour * HOUR
            write_hour(folder / "days", at, sizes.day_events if at >= last else sizes.hour_events // 300)
    lake = folder / "lake-days"
    environment = {"GITPULSE_LAKE_URL": str(lake), "GITPULSE_ARCHIVES": f"a={folder / 'days'}"}
    run_task("import_events", folder, environment, str(BEGIN.date()), str(last.date()))
    for path in METRICS:
        with served(lake) as url, httpx.Client(base_url=url, timeout=TIMEOUT_SECONDS) as client:
            name = path.partition("?")[0]
            yield from timed(f"{name}, cold", client, [[f"/kpi/{path}"], [f"/kpi/{path}"]])[:1]
    with served(lake) as url, httpx.Client(base_url=url, timeout=TIMEOUT_SECONDS) as client:
        minutes = [str(1440 - 10 * user) for user in range(USERS)]
        lists = [[f"/kpi/{path.replace('1440', one)}" for path in METRICS] for one in minutes]
        yield from timed("metrics, one time each: first", client, lists)
        yield from timed("metrics, one time each: again", client, [some * ROUNDS for some in lists])


def write_hour(folder: Path, hour_at: datetime, count: int) -> None:
    """An hour file of made-up events, a quarter of which belong to the hour before."""
    folder.mkdir(exist_ok=True)
    rng = random.Random(hour_at.timestamp())
    kinds, weights = list(TYPES), [share for share, _ in TYPES.values()]
    with gzip.open(folder / file_name(hour_at), "wb", 1) as file:
        for number, kind in enumerate(rng.choices(kinds, weights, k=count)):
            at = (
                hour_at + timedelta(seconds=rng.randrange(3600)) - (HOUR if rng.random() < 0.25 else 0 * HOUR)
            )
            file.write(json.dumps(made(rng, number, kind, at)).encode() + b"\n")


def made(rng: random.Random, number: int, kind: str, at: datetime) -> dict[str, Any]:
    """One event as GitHub sends it, its payload as long as those of its type are."""
    actor, repository = rng.randrange(60_000), int(rng.paretovariate(0.5)) % 90_000
    payload = {"action": "opened", "number": number, "ref": "refs/heads/main", "size": 1}
    filler = "".join(chr(97 + rng.randrange(26)) for _ in range(64))
    payload |= {"pull_request": {"id": number, "merged": False}, "body": filler * (TYPES[kind][1] // 64)}
    return {
        "id": str(int(at.timestamp()) * 1_000_000 + number),
        "type": kind,
        "actor": {"id": actor, "login": f"person{actor}"},
        "repo": {"id": repository, "name": f"owner{repository}/r{repository}"},
        "payload": payload,
        "public": True,
        "created_at": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
