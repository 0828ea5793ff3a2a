"""Public events: what hour files cost beside other ways to read them.

The other ways make typed Parquet by type (`peers/events_run.py`): nothing is deduplicated, kept as text,
checked or published. CPU is compared, not seconds. Where `GITPULSE_RECORDED_DATA` names recorded
events, the files are made of these, with ids and times of their own; else of made-up ones.
"""

import gzip
import json
import os
import random
import shutil
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from bench.figures import MEGABYTE, PEER_FOLDER, Figure, Sizes
from bench.measured import Measured, measure, run_task
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
PEERS = ("plain", "polars", "chdb", "orjson")
SAMPLES = 8_000
KEPT_REPOSITORIES = 50
# What each event of a file has of its own.
NEW = ("id", "created_at")


def events(sizes: Sizes, folder: Path) -> Iterator[Figure]:
    """Hour files of two sizes beside the other ways, with all events and with those of some repositories."""
    for count in (sizes.hour_events, sizes.large_hour_events):
        yield from one_file(folder / str(count), count)
    yield from whole_day(folder / "day", sizes.day_hour_events)


def one_file(folder: Path, count: int) -> Iterator[Figure]:
    """One hour file, by every way, ours with all events kept and with those of some repositories."""
    path = write_hour(folder / "a", BEGIN + 12 * HOUR, count, bodies(samples()))
    yield Figure(f"{count:,} events: packed", path.stat().st_size / MEGABYTE, "MB")
    found = {name: by_peer(name, path) for name in PEERS}
    found |= {"GitPulse": imported(folder), f"{KEPT_REPOSITORIES} repositories": imported(folder, kept())}
    for name, one in found.items():
        yield from cost(f"{count:,} events, {name}", one)
    plain = found["plain"].cpu_seconds
    for name in list(found)[1:]:
        yield Figure(f"{count:,} events, {name} / plain", found[name].cpu_seconds / plain, "times of CPU")
    shutil.rmtree(folder)


def whole_day(folder: Path, count: int) -> Iterator[Figure]:
    """The hours of a day, a quarter of it and all: by hour the same CPU, and the same memory."""
    found: dict[int, Measured] = {}
    for hours in (6, 24):
        for number in range(hours):
            if not (folder / "a" / file_name(BEGIN + number * HOUR)).exists():
                write_hour(folder / "a", BEGIN + number * HOUR, count, bodies(samples()))
        found[hours] = imported(folder)
        yield from cost(f"{hours} hours of {count:,} events", found[hours])
        shutil.rmtree(folder / "lake")
    ratio = found[24].cpu_seconds / found[6].cpu_seconds / 4
    yield Figure("an hour of 24 / an hour of 6", ratio, "times of CPU")


def cost(name: str, found: Measured) -> Iterator[Figure]:
    """CPU and memory of a process."""
    yield Figure(f"{name}: CPU", found.cpu_seconds, "s")
    yield Figure(f"{name}: peak memory", found.peak_bytes / MEGABYTE, "MB")


def by_peer(name: str, path: Path) -> Measured:
    """Read a file in another way, in the environment of these."""
    python = PEER_FOLDER.parents[1] / ".venv-bench/events/bin/python"
    target = path.parents[1] / name
    command = [str(python), str(PEER_FOLDER / "events_run.py"), name, str(path), str(target)]
    found = measure(command, path.parents[1] / f"{name}.out")
    shutil.rmtree(target)
    return found


def imported(folder: Path, chosen: str = "") -> Measured:
    """Bring the archive `a` of a folder into a lake of its own."""
    environment = {
        "GITPULSE_LAKE_URL": str(folder / f"lake{'-kept' if chosen else ''}"),
        "GITPULSE_ARCHIVES": f"a={folder / 'a'} {chosen}",
    }
    return run_task("import_events", folder, environment, str(BEGIN.date()), str(BEGIN.date()))


def kept() -> str:
    """What GITPULSE_ARCHIVES says where some repositories are kept."""
    names = sorted({one["repo"]["name"].lower() for one in samples()})
    return f"repositories={','.join(random.Random(1).sample(names, KEPT_REPOSITORIES))}"


@cache
def samples() -> Sequence[dict[str, Any]]:
    """Events of which hour files are made: recorded ones where they are there."""
    if recorded := os.environ.get("GITPULSE_RECORDED_DATA"):
        with gzip.open(Path(recorded) / "public_events_polls/events.polls.jsonl.gz") as file:
            sent = [one for line in file for one in json.loads(line)["body"]]
        return list({one["id"]: one for one in sent}.values())
    rng = random.Random(1)
    kinds = rng.choices(list(TYPES), [share for share, _ in TYPES.values()], k=SAMPLES)
    return [made(rng, number, kind, TYPES[kind][1]) for number, kind in enumerate(kinds)]


def bodies(sent: Iterable[dict[str, Any]]) -> Sequence[bytes]:
    """Events as JSON without what each has of its own, and without their opening brace."""
    return [json.dumps({k: v for k, v in one.items() if k not in NEW}).encode()[1:] for one in sent]


def write_hour(folder: Path, hour_at: datetime, count: int, of: Sequence[bytes]) -> Path:
    """An hour file of such events, a quarter of which belong to the hour before, but for midnight's."""
    rng, late = random.Random(hour_at.timestamp()), 0.25 if hour_at.hour else 0

    def lines() -> Iterator[bytes]:
        for number in range(count):
            at = moment(rng, hour_at, late)
            head = f'{{"id": "{event_id(at, number)}", "created_at": "{at:%Y-%m-%dT%H:%M:%SZ}", '
            yield head.encode() + rng.choice(of)

    return pack(folder, hour_at, lines())


def pack(folder: Path, hour_at: datetime, lines: Iterable[bytes]) -> Path:
    """Store an hour file, and return where."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / file_name(hour_at)
    with gzip.open(path, "wb", 1) as file:
        file.writelines(line + b"\n" for line in lines)
    return path


def moment(rng: random.Random, hour_at: datetime, late: float) -> datetime:
    """When an event happened: in the hour, or, by the share `late`, in the one before it."""
    return hour_at + timedelta(seconds=rng.randrange(3600)) - (HOUR if rng.random() < late else 0 * HOUR)


def event_id(at: datetime, number: int) -> int:
    """An id that no other event has."""
    return int(at.timestamp()) * 1_000_000 + number


def made(rng: random.Random, number: int, kind: str, payload_bytes: int) -> dict[str, Any]:
    """One event as GitHub sends it, but for what each has of its own; its payload about so long."""
    actor, repository = rng.randrange(60_000), int(rng.paretovariate(0.5)) % 90_000
    payload = {"action": "opened", "number": number, "ref": "refs/heads/main", "size": 1}
    filler = "".join(chr(97 + rng.randrange(26)) for _ in range(min(64, payload_bytes)))
    payload |= {"pull_request": {"id": number, "merged": False}, "body": filler * (payload_bytes // 64)}
    return {
        "type": kind,
        "actor": {"id": actor, "login": f"person{actor}"},
        "repo": {"id": repository, "name": f"owner{repository}/r{repository}"},
        "payload": payload,
        "public": True,
    }
