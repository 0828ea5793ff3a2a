"""Repositories of one owner made up for tests, and somebody who polls their feeds, and may die."""

import json
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import duckdb
from pydantic import SecretStr

from gitpulse_assets.answers.lake_answers import LakeAnswers
from gitpulse_assets.events.feeds import Poller, PollRound
from gitpulse_assets.events.projection import projections
from gitpulse_assets.github.client import GitHubClient
from gitpulse_assets.github.target import Target
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.metrics.answers import Answered, MetricAnswers
from gitpulse_assets.metrics.catalogue import shipped_metrics
from gitpulse_assets.metrics.parameters import read_values
from gitpulse_assets.sandbox.app import SandboxApp
from gitpulse_assets.sandbox.world import World
from gitpulse_assets.setting_values.event_ages import EventAges
from gitpulse_assets_tests.events.hours import Key, key_of
from gitpulse_assets_tests.history.product import API_URL, SandboxTransport

TYPES = ("PushEvent", "WatchEvent", "IssuesEvent", "ForkEvent")
RNG = random.Random(1)
METRICS = {metric.id: metric for metric in shipped_metrics()}


@dataclass
class Organisation:
    """Two repositories of one owner, and one that is private."""

    world: World = field(default_factory=lambda: World("2026-03-01T20:00:00Z"))

    def __post_init__(self) -> None:
        for name in ("rocket", "moon"):
            self.world.add_repository(f"acme/{name}")
        self.world.add_repository("acme/secret", is_private=True)
        self.app = SandboxApp(self.world)

    def happen(self, name: str, count: int, seconds: int, types=TYPES, rng=RNG) -> None:
        """So many events of a repository in the seconds to come, which pass."""
        feed = self.world.feed(f"acme/{name}")
        for at in sorted(rng.randrange(1, seconds + 1) for _ in range(count)):
            feed.publish(rng.choice(types), self.world.clock + at)
        self.world.advance(seconds=seconds)

    def public(self) -> dict[Key, datetime]:
        """Every event of its public repositories until now, and when it happened."""
        return {
            key_of(json.loads(one.body)): datetime.fromtimestamp(one.created_at, UTC)
            for feed in self.world.feeds.values()
            for one in feed.events
            if not feed.repository.is_private and one.shown_at <= self.world.clock
        }

    def sent(self, name: str) -> list[dict[str, Any]]:
        """The events of a repository as they were sent until now."""
        return [json.loads(one.body) for one in self.world.feed(f"acme/{name}").events]

    def used(self) -> int:
        """Quota that the polls have cost."""
        return self.app.limits.quota("good-token", "core", self.world.clock).used


def polled(
    lake: Lake,
    con: duckdb.DuckDBPyConnection,
    of: Organisation,
    *subjects: Target,
    ages: EventAges = EventAges(),  # noqa: B008
) -> PollRound:
    """Poll feeds once, as a process of its own."""
    chosen = [one for one in projections() if one.event_type == "WatchEvent"]
    with GitHubClient(
        api_url=API_URL,
        graphql_url=f"{API_URL}/graphql",
        tokens=[SecretStr("good-token")],
        http_transport=SandboxTransport(of.app),
        sleep=lambda seconds: None,
    ) as client:
        now = datetime.fromtimestamp(of.world.clock, UTC)
        return Poller(lake, con, client, chosen, ages).poll(subjects, now)


def ask(lake: Lake, metric_id: str, **given: str) -> Answered:
    """Ask a shipped metric."""
    of_lake = LakeAnswers(lake)
    answers = MetricAnswers(lake, of_lake)
    try:
        metric = METRICS[metric_id]
        return answers.ask(metric, read_values(metric.entry.parameters, given))
    finally:
        answers.close()
        of_lake.close()
