"""Feeds of public events: what a poll costs whose rows are nine tenths known, and a thousand feeds at rest.

The stand-in answers in the same process, so that no socket is measured; its own CPU is taken off.
"""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
from pydantic import SecretStr

from bench.figures import MEGABYTE, Figure, Sizes
from bench.measured import run_task
from gitpulse_assets.contracts.events import PUBLIC_EVENT
from gitpulse_assets.events.feeds import Poller
from gitpulse_assets.events.projection import projections
from gitpulse_assets.github.client import GitHubClient
from gitpulse_assets.lake.duck import connect
from gitpulse_assets.lake.parts import parts_of
from gitpulse_assets.lake_address import open_lake
from gitpulse_assets.repo import Repo
from gitpulse_assets.sandbox.app import SandboxApp
from gitpulse_assets.sandbox.limits import Limits
from gitpulse_assets.sandbox.world import World
from gitpulse_assets.settings import load_settings
from gitpulse_assets_tests.history.product import API_URL, SandboxTransport

TOKEN = "bench"
FEEDS, FEED_ROWS, NEW_ROWS = 50, 300, 30
ROUND_SECONDS, DAY_SECONDS = 1_800, 86_400
TYPES = ("PushEvent", "PushEvent", "PushEvent", "WatchEvent", "IssuesEvent", "PullRequestEvent")


def feeds(sizes: Sizes, folder: Path) -> Iterator[Figure]:
    """Polls with nine rows of ten known beside polls of the new rows alone; then many feeds at rest."""
    found = {}
    for rows in (FEED_ROWS, NEW_ROWS):
        environment = {"GITPULSE_LAKE_URL": str(folder / f"lake-{rows}")}
        measured = run_task("poll_feeds", folder, environment, str(sizes.poll_rounds), str(rows))
        found[rows] = measured.result
        name = f"{found[rows]['poll_count']:,.0f} polls of {rows} rows, {NEW_ROWS} of them new"
        yield Figure(
            f"{name}: CPU a poll", 1000 * found[rows]["cpu_seconds"] / found[rows]["poll_count"], "ms"
        )
        yield Figure(f"{name}: events new", found[rows]["added_count"], "")
        yield Figure(f"{name}: objects of public_event a day at most", found[rows]["parts_max"], "")
        yield Figure(f"{name}: peak memory", measured.peak_bytes / MEGABYTE, "MB")
    ratio = found[FEED_ROWS]["cpu_seconds"] / found[NEW_ROWS]["cpu_seconds"]
    yield Figure("nine rows of ten known / new rows alone", ratio, "times of CPU")
    environment = {"GITPULSE_LAKE_URL": str(folder / "lake-at-rest")}
    for name, one in run_task("poll_at_rest", folder, environment, str(sizes.watched_feeds)).result.items():
        yield Figure(f"{sizes.watched_feeds:,} feeds, {name}: CPU", one["cpu_seconds"], "s", one)
        yield Figure(f"{sizes.watched_feeds:,} feeds, {name}: requests", one["request_count"], "")
        yield Figure(f"{sizes.watched_feeds:,} feeds, {name}: quota", one["quota_cost"], "units")


class TimedTransport(SandboxTransport):
    """Keeps how much CPU the stand-in's answers took."""

    cpu_seconds = 0.0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        began = time.thread_time()
        answer = super().handle_request(request)
        self.cpu_seconds += time.thread_time() - began
        return answer


class Watcher:
    """Who polls some feeds of a stand-in, and what it cost without that."""

    def __init__(self, count: int) -> None:
        self.world = World("2026-03-02T00:10:00Z")
        self.repos = [Repo("bench", f"r{number}") for number in range(count)]
        for repo in self.repos:
            self.world.add_repository(str(repo))
        limits = Limits(10**9, 10**9, 10**9)
        self.transport = TimedTransport(SandboxApp(self.world, limits=limits))
        self.client = GitHubClient(
            api_url=API_URL, graphql_url="", tokens=[SecretStr(TOKEN)], http_transport=self.transport
        )
        self.lake = open_lake(load_settings())

    def happen(self, count: int, seconds: int, kept_rows: int) -> None:
        """So many events in each repository, spread over a time; the feeds then serve their newest rows."""
        begin = self.world.clock
        for repo in self.repos:
            feed = self.world.feed(str(repo))
            for number in range(count):
                at = begin + 1 + number * (seconds - 1) // count
                feed.publish(TYPES[number % len(TYPES)], at, {"action": "opened", "number": number})
            del feed.events[:-kept_rows]
        self.world.advance(seconds=seconds)

    def poll(self) -> dict[str, float]:
        """Poll every feed once."""
        before, own = self.client.spending, self.transport.cpu_seconds
        began = time.process_time()
        with connect() as con:
            now = datetime.fromtimestamp(self.world.clock, UTC)
            found = Poller(self.lake, con, self.client, projections()).poll(self.repos, now)
        after = self.client.spending
        return {
            "cpu_seconds": time.process_time() - began - (self.transport.cpu_seconds - own),
            "poll_count": len(found.polls),
            "added_count": found.added_count,
            "request_count": after.request_count - before.request_count,
            "quota_cost": after.quota_cost - before.quota_cost,
        }

    def parts_max(self) -> int:
        """Of how many objects a day's events are at most."""
        commits = [self.lake.commit("silver", day) for day in self.lake.committed_days("silver")]
        return max(len(parts_of(commit, PUBLIC_EVENT)) for commit in commits)


def poll_feeds(rounds: str, rows: str) -> dict[str, float]:
    """Poll 50 feeds so often after a first time, each showing so many rows, of which 30 are new."""
    watcher = Watcher(FEEDS)
    watcher.happen(int(rows), ROUND_SECONDS, int(rows))
    watcher.poll()
    totals: dict[str, float] = dict.fromkeys(("cpu_seconds", "poll_count", "added_count"), 0.0)
    for _ in range(int(rounds)):
        watcher.happen(NEW_ROWS, ROUND_SECONDS, int(rows))
        found = watcher.poll()
        totals = {name: totals[name] + found[name] for name in totals}
    return totals | {"parts_max": watcher.parts_max()}


def poll_at_rest(count: str) -> dict[str, dict[str, float]]:
    """Poll so many feeds first, again, and a day later, when stars are counted, with nothing new."""
    watcher = Watcher(int(count))
    watcher.happen(5, ROUND_SECONDS, FEED_ROWS)
    found = {"first": watcher.poll()}
    for name, seconds in (("at rest", ROUND_SECONDS), ("at rest a day later, with stars", DAY_SECONDS)):
        watcher.world.advance(seconds=seconds)
        found[name] = watcher.poll()
    return found
