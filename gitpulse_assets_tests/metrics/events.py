"""A few hours of public events made up for tests, in a lake by the product's path."""

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

from gitpulse_assets.events.backfill import Backfill
from gitpulse_assets.events.fetching import Fetcher
from gitpulse_assets.events.projection import projections
from gitpulse_assets.lake.duck import connect
from gitpulse_assets.lake.hour_name import file_name
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.setting_values.archives import parse_archives
from gitpulse_assets_tests.events.hours import packed
from gitpulse_assets_tests.metrics.plain import Event

BEGIN = datetime(2025, 11, 30, 18, tzinfo=UTC)
HOUR = timedelta(hours=1)
HOURS = 11
MISSING, THIN = 7, 9
TYPES = {"PushEvent": 120, "WatchEvent": 60, "PullRequestEvent": 60, "IssueCommentEvent": 12}
LOGINS = ("ada", "grace", "dependabot[bot]", "Copilot", "linus")


def event(rng: random.Random, number: int, at: datetime, event_type: str) -> Event:
    """An event as GitHub sends it; a repository is renamed half-way."""
    repository, actor = rng.randrange(1, 9), rng.randrange(len(LOGINS))
    name = f"acme/{'new' if at >= BEGIN + 5 * HOUR and repository == 3 else 'r'}{repository}"
    # Case 20: a stub, as all have been since October 2025.
    payload: Event = {"ref": "refs/heads/main"}
    if event_type == "PullRequestEvent":
        action = rng.choice(["opened", "opened", "closed", "reopened", "merged", "labeled"])
        pull_request: Event = {"url": "u", "id": 9_000 + number, "number": number}
        if at < BEGIN + 2 * HOUR and action == "closed":
            pull_request["merged"] = rng.random() < 0.5
        payload = {"action": action, "number": number % 40, "pull_request": pull_request}
    return {
        "id": str(number),
        "type": event_type,
        "actor": {"id": actor + 1, "login": LOGINS[actor]},
        # Fact 28: it occurs.
        "repo": {} if rng.random() < 0.03 else {"id": repository, "name": name},
        "payload": payload,
        "public": True,
        "created_at": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def made(seed: int = 5) -> dict[datetime, list[Event]]:
    """The files by their hours: one is missing, one thin, and one event in eight is there twice."""
    rng = random.Random(seed)
    files: dict[datetime, list[Event]] = {}
    for hour in range(HOURS):
        at = BEGIN + hour * HOUR
        types = [name for name, usual in TYPES.items() for _ in range(usual // (8 if hour == THIN else 1))]
        numbers = range(hour * 1_000, hour * 1_000 + len(types))
        found = [
            event(rng, number, at + timedelta(seconds=rng.randrange(3_600)), name)
            for number, name in zip(numbers, types, strict=True)
        ]
        # Case 19.
        files[at] = found + rng.sample(found, len(found) // 8)
    del files[BEGIN + MISSING * HOUR]
    return files


def bring(lake: Lake, folder: Path, files: dict[datetime, list[Event]]) -> None:
    """Bring the files by a backfill whose clock stands a month later."""
    folder.mkdir()
    for at, events in files.items():
        (folder / file_name(at)).write_bytes(packed(events))
    with connect() as con, Fetcher() as fetcher:
        backfill = Backfill(lake, con, fetcher, projections(), lambda: BEGIN + timedelta(days=30))
        backfill.days(parse_archives(f"mine={folder}"), BEGIN.date(), (BEGIN + HOURS * HOUR).date())
