"""A small repository whose lists a test has cut short, and what the product then says of it."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from gitpulse_assets.contracts import silver
from gitpulse_assets.lake.manifest import ManifestRow
from gitpulse_assets.repo import Repo
from gitpulse_assets.sandbox.faults import Fault
from gitpulse_assets.sandbox.history import generate
from gitpulse_assets.sandbox.plan import HistoryPlan
from gitpulse_assets.sandbox.truth import Walk
from gitpulse_assets.sandbox.world import World
from gitpulse_assets_tests import shared
from gitpulse_assets_tests.collect.conftest import Product
from gitpulse_assets_tests.history.verdicts import Verdict, judge_days

REPO = Repo("acme", "rocket")
LIST, EVENTS = "direction=asc&per_page=100", "/issues/events"


def small_world(issue_count: int = 300) -> World:
    """418 records on 5 pages, of which 68 are open issues, and 1,019 events on 11 pages."""
    plan = HistoryPlan(
        REPO.key, seed=49, issue_count=issue_count, day_count=200, tendency="shrinking", body_bytes_mean=10
    )
    return generate([plan])


@dataclass
class Watched:
    """A product that is synced and judged; `token` is empty without one."""

    folder: Path
    world: World = field(default_factory=small_world)
    token: str = "good-token"
    with_events: bool = False

    def __post_init__(self) -> None:
        self.product = Product(self.world, REPO, self.folder)
        self.walks: list[Walk] = []

    @property
    def faults(self) -> list[Fault]:
        return self.product.app.faults

    def sync(self, *, is_full: bool = False) -> ManifestRow:
        row = self.product.sync(is_full=is_full, with_events=self.with_events, token=self.token)
        self.walks.append(Walk(self.world.clock, row.walk_kind == "full"))
        return row

    def judged(self) -> Verdict:
        """What the published days have wrong against the history that was generated."""
        with self.product.gold() as con:
            truth = self.world.truth(REPO.key)
            return judge_days(con, truth, self.walks, has_token=bool(self.token))

    def present_count(self) -> int:
        """Records in silver that have not departed."""
        rows = self.product.table(silver.ISSUE_CURRENT).to_pylist()
        return sum(row["departed_at"] is None for row in rows)

    def asked(self, part: str) -> list[int]:
        """The statuses of the last run's requests whose address holds a text."""
        return [served.status for served in self.product.app.log if part in served.target]

    def error_of(self, stream: str) -> str | None:
        """What the last run's manifest row of a stream says went wrong."""
        row = self.product.lake.manifest(REPO).row(f"run-{self.product.run_count:03}", stream)
        return row and row.error


def synced(config: pytest.Config, folder: Path, make_world: Callable[[], World] = small_world) -> Watched:
    """Whoever has synced such a world once with a token; the lake is copied, made once a run of the tests."""

    def make(place: Path) -> dict[str, str]:
        Watched(place, make_world()).sync()
        return {"folder": str(place)}

    made = shared.made_once(config, f"synced-{make_world.__name__}", make)["folder"]
    shutil.copytree(made, folder, dirs_exist_ok=True)
    return met_once(Watched(folder, make_world()))


def met_once(watched: Watched) -> Watched:
    """The lake of one whose first run is there already."""
    watched.product.run_count = 1
    watched.walks.append(Walk(watched.world.clock, is_full=True))
    return watched
