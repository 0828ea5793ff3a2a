"""Feeds made up for tests: what happens in a repository between polls, and who polls it, and dies."""

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import duckdb
from pydantic import SecretStr

from gitpulse_assets.events.feeds import Poller, PollRound
from gitpulse_assets.events.projection import projections
from gitpulse_assets.github.client import GitHubClient
from gitpulse_assets.github.target import Target
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.repo import Repo
from gitpulse_assets.sandbox.app import SandboxApp
from gitpulse_assets.sandbox.limits import Limits
from gitpulse_assets.sandbox.times import DAY_SECONDS
from gitpulse_assets.sandbox.world import World
from gitpulse_assets_tests.events.hours import Key, key_of
from gitpulse_assets_tests.history.product import API_URL, SandboxTransport

REPO = Repo("acme", "rocket")
TYPES = ("PushEvent", "PushEvent", "WatchEvent", "IssuesEvent", "PullRequestEvent", "ReleaseEvent")
# How many events come between two polls: mostly few, now and then more than a feed holds.
BURSTS = (0, 0, 1, 3, 10, 60, 250, 310, 400)
PAUSES_SECONDS = (60, 60, 300, 900, 3600, 40_000, 90_000)


@dataclass
class FeedLife:
    """One repository whose feed is polled now and then; `seed` decides everything."""

    seed: int
    is_by_position: bool = False
    world: World = field(default_factory=lambda: World("2026-03-01T20:00:00Z"))

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)
        self.world.add_repository(str(REPO))
        self.feed = self.world.feed(str(REPO))
        self.feed.is_by_position = self.is_by_position
        self.app = SandboxApp(self.world, limits=Limits(anonymous_per_hour=5000))

    @property
    def now(self) -> datetime:
        """The world's clock."""
        return datetime.fromtimestamp(self.world.clock, UTC)

    def polls(self, count: int) -> Iterator[None]:
        """Let something happen before each of so many polls."""
        for _ in range(count):
            self.happen(self.rng.choice(BURSTS), self.rng.choice(PAUSES_SECONDS))
            yield

    def happen(self, count: int, pause_seconds: int) -> None:
        """So many events in so long a time, of one family or both, some of them shown later."""
        begin = self.world.clock
        types = self.rng.choice([TYPES, TYPES, ("PushEvent",), ("WatchEvent", "IssuesEvent")])
        for at in sorted(self.rng.randrange(1, pause_seconds + 1) for _ in range(count)):
            self.publish(begin + at, self.rng.choice(types))
        self.world.advance(seconds=pause_seconds)

    def publish(self, at: int, event_type: str) -> None:
        """One event; some carry a date of long ago, some show later."""
        is_old = self.rng.random() < 0.03
        delay = self.rng.choice([0, 0, 0, 0, 20, 300])
        happened = at - self.rng.randrange(DAY_SECONDS) if is_old else at
        self.feed.publish(event_type, happened, {"action": "opened"}, delay_seconds=at + delay - happened)

    def shown(self) -> dict[Key, datetime]:
        """Every event that was served at any time until now, and since when."""
        shown = [one for one in self.feed.events if one.shown_at <= self.world.clock]
        return {key_of(json.loads(one.body)): datetime.fromtimestamp(one.shown_at, UTC) for one in shown}


def polled(
    lake: Lake, con: duckdb.DuckDBPyConnection, life: FeedLife, subjects: Sequence[Target] = (REPO,)
) -> PollRound:
    """Poll a life's feed, or others of its world, once, as a process of its own."""
    chosen = [one for one in projections() if one.event_type in ("PullRequestEvent", "WatchEvent")]
    with GitHubClient(
        api_url=API_URL,
        graphql_url=f"{API_URL}/graphql",
        tokens=[SecretStr("good-token")],
        http_transport=SandboxTransport(life.app),
        sleep=lambda seconds: None,
    ) as client:
        return Poller(lake, con, client, chosen).poll(subjects, life.now)
