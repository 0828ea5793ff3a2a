"""Single histories acted out by hand: a repository, a place outside, and a reader who syncs when told."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from gitpulse_assets.lake import ranges
from gitpulse_assets.repo import Repo
from gitpulse_assets.sandbox.acts import Acts
from gitpulse_assets.sandbox.model import Issue
from gitpulse_assets.sandbox.truth import Walk
from gitpulse_assets.sandbox.world import World
from gitpulse_assets_tests.history.product import Reader
from gitpulse_assets_tests.history.verdicts import judge_ledger

START = "2026-01-01T00:00:00Z"


@dataclass
class Scene:
    """Acts happen at the clock, which `at` moves to a time of January 2026 such as `05T12:00:00`."""

    folder: Path
    world: World = field(default_factory=lambda: World(START))
    walks: list[Walk] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.acts: Acts = self.world.add_repository("octo-org/hello")
        self.outside: Acts = self.world.add_repository("elsewhere/outside")
        self.reader = Reader(self.world, Repo("octo-org", "hello"), self.folder)

    def at(self, time: str, act: Callable[..., Any] | None = None, *arguments: Any, **options: Any) -> Any:
        """Move the clock to the time and act: the issue first if there is one, then the moment."""
        self.world.advance(to=f"2026-01-{time}{'' if 'T' in time else 'T12:00:00'}Z")
        clock = self.world.clock
        if act is None:
            return None
        if arguments and isinstance(arguments[0], Issue):
            return act(arguments[0], clock, *arguments[1:], **options)
        return act(clock, *arguments, **options)

    def open(self, time: str) -> Issue:
        """Open an issue."""
        return self.at(time, self.acts.open, None, "Title")

    def sync(self, time: str, *, is_full: bool = False) -> list[str]:
        """Sync, hold the ledger against what can be known, and return what differs."""
        self.at(time)
        row = self.reader.sync(is_full=is_full)
        self.walks.append(Walk(self.world.clock, row.walk_kind == "full"))
        return judge_ledger(self.reader.transitions(), self.acts.truth, self.walks).mistakes

    def ledger(self) -> list[tuple[str, str]]:
        """The transitions as (day of the month, kind), by issue."""
        return [(f"{day:%d}", kind) for _, day, kind in self.reader.transitions()]


@pytest.fixture(autouse=True)
def few_issues_a_range(monkeypatch: pytest.MonkeyPatch) -> None:
    """A table of issues has several objects, and what moves an issue meets their bounds."""
    monkeypatch.setattr(ranges, "NARROW", 3)


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)
