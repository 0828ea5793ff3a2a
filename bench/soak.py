"""`make soak`: a year of half-hourly refreshes on a clock that is moved; flat, or it fails.

Each refresh is of a repository in which something changed, and goes through the bodies of the product's own
assets: collection from a stand-in GitHub, silver with its checks, publication, folding, sync state. Not in it: Dagster's
executor and event log, sockets (the stand-in answers in this process) and, but for one refresh in GOLD_EVERY, the
marts, which read no manifest. Nobody runs `gitpulse maintain`. Every week the whole list is walked.
"""

import json
import logging
import os
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import click

from gitpulse_assets.assets.bronze import RefreshConfig, bronze
from gitpulse_assets.assets.gold import gold
from gitpulse_assets.assets.silver import MergeConfig, silver, sync_state
from gitpulse_assets.lake import maintenance
from gitpulse_assets.lake.duck import connect
from gitpulse_assets.lake.folder_store import FolderStore
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.repo import Repo
from gitpulse_assets.sandbox.acts import Acts
from gitpulse_assets.sandbox.history import generate
from gitpulse_assets.sandbox.plan import HistoryPlan
from gitpulse_assets.sandbox.world import World
from gitpulse_assets_tests.crash.pipeline import body, publish
from gitpulse_assets_tests.history.product import Reader

REPO = Repo("octo-org", "soak")
HALF_HOUR_SECONDS = 1800
REFRESHES_A_YEAR = 17_520
REFRESHES_A_MONTH = REFRESHES_A_YEAR // 12
REFRESHES_A_WEEK = 336
# A refresh makes the marts in some 600 ms whatever came: a year of that would be three hours.
GOLD_EVERY = 48
# What a month may cost more than the first one.
GROWTH_MAX = 1.2


class MovedStore(FolderStore):
    """A folder whose files are as old as the moved clock says."""

    def __init__(self, root: Path, world: World) -> None:
        super().__init__(root)
        self.world = world

    def _replace(self, *args: Any, **options: Any) -> str:
        etag = super()._replace(*args, **options)
        key = args[1]
        os.utime(self.root / key, (self.world.clock, self.world.clock))
        return etag


class MovedClock(datetime):
    """What the clean-up takes for now."""

    world: World

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:
        return datetime.fromtimestamp(cls.world.clock, tz or UTC)


@dataclass
class Month:
    """The figures of one month: of a refresh the mean, of the lake and the process the state at the end."""

    month: int
    refreshes: int
    cpu_ms_a_refresh: float
    objects: int
    lake_mb: float
    manifest_rows: int
    memory_mb: float
    descriptors: int


@dataclass
class Soak:
    """One repository that is refreshed, half hour by half hour."""

    folder: Path
    rng: Random = field(default_factory=lambda: Random("soak"))
    number: int = 0

    def __post_init__(self) -> None:
        plan = HistoryPlan(REPO.key, issue_count=300, day_count=300, body_bytes_mean=100)
        self.world = generate([plan])
        # The history is the stock to begin with; what happens from here on is `change`.
        self.world.forget_future()
        self.acts: Acts = self.world.acts_on(REPO.key)
        self.reader = Reader(self.world, REPO, self.folder)
        self.reader.app.limits.unlimited()
        self.lake = Lake(MovedStore(self.folder, self.world))
        MovedClock.world = self.world

    def change(self) -> None:
        """Something happens to one issue: mostly a comment, now and then a closing, a reopening, a new one."""
        issues = [issue for issue in self.acts.repository.issues.values() if not issue.is_pull_request]
        issue, at = self.rng.choice(issues), self.world.clock - 60
        chance = self.rng.random()
        if chance < 0.04:
            self.acts.open(at, issue.author, "One more")
        elif chance < 0.12:
            self.acts.close(issue, at, issue.author) if issue.is_open else self.acts.reopen(issue, at, None)
        else:
            self.acts.comment(issue, at)

    def refresh(self) -> None:
        """Move the clock, let something happen, and make one refresh."""
        self.number += 1
        self.world.advance(seconds=HALF_HOUR_SECONDS)
        self.change()
        context = SimpleNamespace(
            partition_key=REPO.key,
            run=SimpleNamespace(run_id=f"run-{self.number:06}"),
            log=logging.getLogger(__name__),
        )
        lake = SimpleNamespace(open=lambda: self.lake)
        duckdb = SimpleNamespace(get_connection=connect)
        github = SimpleNamespace(client=lambda on_wait: self.reader.client("good-token"))
        is_full = self.number % REFRESHES_A_WEEK == 1
        publish(body(bronze)(context, RefreshConfig(full=is_full), github, lake, duckdb))
        publish(body(silver)(context, MergeConfig(), lake, duckdb))
        publish(body(sync_state)(context, lake, duckdb))
        if self.number % GOLD_EVERY == 1:
            publish(body(gold)(context, lake, duckdb))

    def month(self, number: int, count: int) -> Month:
        """Make a month's refreshes and measure them."""
        began = time.process_time()
        for _ in range(count):
            self.refresh()
        cpu_seconds = time.process_time() - began
        infos = [info for info in self.lake.store.list("") if not info.key.startswith("_")]
        return Month(
            month=number,
            refreshes=count,
            cpu_ms_a_refresh=round(1000 * cpu_seconds / count, 1),
            objects=len(infos),
            lake_mb=round(sum(info.size_bytes for info in infos) / 1e6, 2),
            manifest_rows=len(self.lake.manifest(REPO).rows()),
            memory_mb=round(int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 1e6),
            descriptors=len(os.listdir("/proc/self/fd")),
        )


@contextmanager
def moved_clock() -> Iterator[None]:
    """Let the clean-up read the moved clock; GitHub's is the only other one that a refresh reads."""
    before = maintenance.datetime
    maintenance.datetime = MovedClock  # pyright: ignore[reportAttributeAccessIssue]
    try:
        yield
    finally:
        maintenance.datetime = before  # pyright: ignore[reportAttributeAccessIssue]


def troubles(months: list[Month]) -> Iterator[str]:
    """Name what grew: the first month is the measure, its lake's bytes and objects those that came in it."""
    first = months[0]
    for month in months[1:]:
        for name in ("cpu_ms_a_refresh", "memory_mb", "descriptors", "manifest_rows"):
            now, then = getattr(month, name), getattr(first, name)
            if now > GROWTH_MAX * then:
                yield f"month {month.month}: {name} is {now}, in the first month {then}"
    for before, month in zip(months[1:], months[2:], strict=False):
        if (grown := month.lake_mb - before.lake_mb) > GROWTH_MAX * (months[1].lake_mb - first.lake_mb) + 0.5:
            yield f"month {month.month}: the lake grew by {grown:.1f} MB, faster than at first"
        if month.objects - before.objects > GROWTH_MAX * first.objects / 10:
            yield f"month {month.month}: {month.objects - before.objects} more objects"


def table(months: list[Month]) -> str:
    """The figures as a Markdown table."""
    names = list(asdict(months[0]))
    lines = ["| " + " | ".join(names) + " |", "|" + "---|" * len(names)]
    lines += ["| " + " | ".join(f"{value:,}" for value in asdict(month).values()) + " |" for month in months]
    return "\n".join(lines)


@click.command()
@click.option("--months", default=12, help="How many months to play.")
@click.option("--refreshes", default=REFRESHES_A_MONTH, help="Refreshes in a month.")
@click.option("--json", "as_json", is_flag=True, help="Print each month as JSON, as it ends.")
def main(months: int, refreshes: int, as_json: bool) -> None:
    """Play the months and print the table; exit code 1 where something grew."""
    logging.disable(logging.INFO)
    played: list[Month] = []
    with tempfile.TemporaryDirectory(prefix="gitpulse-soak-") as folder, moved_clock():
        soak = Soak(Path(folder))
        for number in range(1, months + 1):
            played.append(soak.month(number, refreshes))
            if as_json:
                click.echo(json.dumps(asdict(played[-1])))
    click.echo(table(played))
    found = list(troubles(played))
    click.echo("\n".join(found) or "flat")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
