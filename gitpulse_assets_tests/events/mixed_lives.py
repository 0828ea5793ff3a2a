"""Public events that come by polls and by archives together, made up for tests, and what really happened.

One repository has a feed that is polled now and then; of all repositories there are the hour files of two
archives, in which hours are thin, late, torn or missing, and copies lie in several files.
"""

import json
import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from gitpulse_assets.events.backfill import Backfill
from gitpulse_assets.events.fetching import Fetcher
from gitpulse_assets.events.projection import projections
from gitpulse_assets.lake.hour_name import file_name
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.sandbox.feeds import event_json
from gitpulse_assets.sandbox.model import Repository, User
from gitpulse_assets.sandbox.world import World
from gitpulse_assets.setting_values.archives import parse_archives
from gitpulse_assets_tests.events.feed_lives import FeedLife
from gitpulse_assets_tests.events.hours import Key, event, key_of, packed

HOUR = timedelta(hours=1)
# Mondays: while closings did not tell of merges, and since they do (fact 20).
BEGINS = (datetime(2025, 11, 3, 19, tzinfo=UTC), datetime(2026, 3, 2, 19, tzinfo=UTC))
DAYS, HOURS_OF_A_DAY = 2, 5
USUAL = {"PushEvent": 40, "WatchEvent": 30, "PullRequestEvent": 30}
VARIES_BY = 4
ARCHIVES = ("one", "two")
PEOPLE = (User(5, "ada"), User(6, "grace"), User(7, "dependabot[bot]", "Bot"), User(8, "Copilot", "Bot"))
ACTIONS = ("opened", "opened", "opened", "closed", "merged", "reopened", "labeled")
# What an archive's file of an hour is: whole, a fifth of it, torn, there later, or not there.
STATES = (("whole", 70), ("thin", 8), ("torn", 6), ("late", 8), ("missing", 8))
THIN_SHARE = 0.2


@dataclass
class MixedLife:
    """What happens, who polls, what archives bring; `seed` decides everything."""

    seed: int
    root: Path
    every: dict[Key, dict[str, Any]] = field(default_factory=dict)
    files: dict[tuple[str, datetime], list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)
        self.begin_at = self.rng.choice(BEGINS)
        world = World((self.begin_at - HOUR).strftime("%Y-%m-%dT%H:%M:%SZ"))
        self.life = FeedLife(self.seed, is_by_position=self.rng.random() < 0.1, world=world)
        self.others = [world.add_repository(f"acme/other{number}").repository for number in range(3)]
        self.state: dict[tuple[str, datetime], str] = {}
        for name in ARCHIVES:
            (self.root / name).mkdir(parents=True)

    @property
    def archives(self) -> str:
        """What GITPULSE_ARCHIVES says."""
        return "; ".join(f"{name}={self.root / name}" for name in ARCHIVES)

    def hours(self) -> Iterator[datetime]:
        """Each hour in which something happens, after it has been published."""
        for number in range(DAYS * HOURS_OF_A_DAY):
            day, hour = divmod(number, HOURS_OF_A_DAY)
            at = self.begin_at + day * 24 * HOUR + hour * HOUR
            self.publish(at)
            yield at

    def publish(self, hour_at: datetime) -> None:
        """The events of an hour, in the order in which they show."""
        begin, now_and_then = int(hour_at.timestamp()), self.rng.random() < 0.1
        planned = [
            (begin + self.rng.randrange(3600), self.delay(), kind)
            for kind, usual in USUAL.items()
            for _ in range(
                self.rng.randint(usual - VARIES_BY, usual + VARIES_BY) * (4 if now_and_then else 1)
            )
        ]
        for at, delay, kind in sorted(planned, key=lambda one: one[0] + one[1]):
            self.publish_one(at, delay, kind)

    def delay(self) -> int:
        """How many seconds later an event shows."""
        return self.rng.choice([0, 0, 0, 20, 300]) if self.rng.random() > 0.03 else 3300

    def publish_one(self, at: int, delay: int, kind: str) -> None:
        """One event of any repository; now and then one that carries a date of four days ago."""
        shown_at = at + delay
        if self.rng.random() < 0.01:
            at -= 4 * 86_400
        payload, person = self.payload(kind), self.rng.choice(PEOPLE)
        if self.rng.random() < 0.3:
            feed = self.life.feed
            body = feed.publish(kind, at, payload, actor=person, delay_seconds=shown_at - at).body
            sent = json.loads(body)
        else:
            sent = self.elsewhere(kind, at, payload, person)
        self.every[key_of(sent)] = sent
        self.file(sent, datetime.fromtimestamp(shown_at, UTC))

    def elsewhere(self, kind: str, at: int, payload: dict[str, Any], person: User) -> dict[str, Any]:
        """An event of a repository whose feed nobody polls; now and then without one (fact 28)."""
        repository: Repository = self.rng.choice(self.others)
        event_id = self.life.world.event_ids.next(kind)
        sent = event_json(repository, event_id, kind, at, payload, person)
        return sent | {"repo": {}} if self.rng.random() < 0.02 else sent

    def payload(self, kind: str) -> dict[str, Any]:
        """A stub, or the older shape, which tells of merges."""
        if kind != "PullRequestEvent":
            return {"action": "started"} if kind == "WatchEvent" else {"ref": "refs/heads/main"}
        number, action = self.rng.randrange(1, 30), self.rng.choice(ACTIONS)
        told: dict[str, Any] = {"id": 9_000 + number, "number": number, "url": "u"}
        if action == "closed" and self.rng.random() < 0.4:
            told |= {"merged": self.rng.random() < 0.5, "state": "closed"}
        return {"action": action, "number": number, "pull_request": told}

    def file(self, sent: dict[str, Any], shown_at: datetime) -> None:
        """Into the files of the hour it shows in, now and then a copy into the next; one archive is poor."""
        hour_at = shown_at.replace(minute=0, second=0)
        for name in ARCHIVES if self.rng.random() < THIN_SHARE else ARCHIVES[:1]:
            self.files[name, hour_at].append(sent)
            if self.rng.random() < 0.05:
                self.files[name, hour_at + HOUR].append(
                    sent | {"payload": sent["payload"] | {"pad": "x" * 9}}
                )
        if self.rng.random() < 0.01:
            # The same id years before (fact 27).
            copy = event(int(sent["id"]), shown_at.replace(year=2021), sent["type"], payload=sent["payload"])
            self.every[key_of(copy)] = copy
            self.files[ARCHIVES[0], hour_at].append(copy)

    def deliver(self, until: datetime, *, is_last: bool = False) -> None:
        """Write the files of the hours that are over into the archives' folders."""
        for (name, hour_at), events in self.files.items():
            if hour_at + HOUR <= until:
                state = self.state.setdefault((name, hour_at), self.chosen_state())
                if is_last and state == "late":
                    state = self.state[name, hour_at] = "whole"
                self.write(self.root / name / file_name(hour_at), state, events)

    def chosen_state(self) -> str:
        """What becomes of a file."""
        return self.rng.choices([name for name, _ in STATES], [weight for _, weight in STATES])[0]

    def write(self, path: Path, state: str, events: list[dict[str, Any]]) -> None:
        """Write a file once, as its state says."""
        if path.exists() or state in ("late", "missing"):
            return
        kept = events
        if state == "thin":
            kept = events[:] = [one for one in events if self.rng.random() < THIN_SHARE]
        content = packed(kept)
        path.write_bytes(content[:-6] if state == "torn" else content)

    def backfill(self, lake: Lake, con: duckdb.DuckDBPyConnection, now: datetime | None = None) -> None:
        """Bring the days of the archives, as a process of its own."""
        chosen = [one for one in projections() if one.event_type in ("PullRequestEvent", "WatchEvent")]
        first = self.begin_at.date()
        with Fetcher() as fetcher:
            backfill = Backfill(lake, con, fetcher, chosen, lambda: now or self.life.now)
            backfill.days(parse_archives(self.archives), first, first + timedelta(days=DAYS))

    def filed(self) -> dict[Key, dict[str, Any]]:
        """The events of the files that are whole."""
        return {
            key_of(one): one for place, events in self.files.items() if self.is_whole(place) for one in events
        }

    def is_whole(self, place: tuple[str, datetime]) -> bool:
        """Whether the archive has the file of an hour, and it can be read."""
        return self.state.get(place) in ("whole", "thin")
