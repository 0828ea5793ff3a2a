"""A whole refresh, step by step, on a store and network that may kill.

Importable by a forked process, and free of threads until it works.
"""

import os
import signal
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import httpx
from pydantic import SecretStr

from gitpulse_assets.collect.session import Session
from gitpulse_assets.github.client import GitHubClient
from gitpulse_assets.github.connection import READ_SECONDS
from gitpulse_assets.lake import ranges
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.lake.s3_options import S3Options
from gitpulse_assets.lake.store import Store
from gitpulse_assets.pipeline.refresh import (
    Options,
    publish,
    publish_marts,
    publish_merge,
    publish_watermarks,
    receive,
)
from gitpulse_assets.repo import Repo

REPO = Repo("acme", "rocket")
WRITES = {"put", "move", "delete", "delete_prefix"}


@dataclass
class Fuse:
    """Counts what happens, and calls `blow` at one of it; without a point it only counts."""

    point: int = 0
    blow: Callable[[], None] = field(default=lambda: os.kill(os.getpid(), signal.SIGKILL))
    count: int = 0

    def burn(self) -> None:
        self.count += 1
        if self.count == self.point:
            self.blow()


class FusedStore:
    """A store each of whose writes is two points: right before it and right after it."""

    def __init__(self, inner: Store, fuse: Fuse) -> None:
        self._inner, self._fuse = inner, fuse

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._inner, name)
        return partial(self._burning, method) if name in WRITES else method

    def _burning(self, method: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        self._fuse.burn()
        result = method(*args, **kwargs)
        self._fuse.burn()
        return result


class FusedTransport(httpx.HTTPTransport):
    """A network each of whose answers is a point."""

    def __init__(self, fuse: Fuse) -> None:
        super().__init__()
        self._fuse = fuse

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = super().handle_request(request)
        self._fuse.burn()
        return response


@dataclass(frozen=True)
class Place:
    """Where a lake and GitHub are, and what to refresh: all a further process needs.

    An answer that a busy machine takes a second for is no overloaded GitHub, which is asked for less: only
    where answers are held back is less than `read_timeout_seconds` waited for them. With few
    `issues_a_range` a run dies between two objects of one table, too.
    """

    lake_url: str
    s3: S3Options
    api_url: str
    repo: Repo = REPO
    read_timeout_seconds: float = READ_SECONDS
    issues_a_range: int = ranges.NARROW

    def open(self) -> Lake:
        return Lake.open(self.lake_url, self.s3)


@dataclass
class Run:
    """One run's steps, which opens the lake once."""

    place: Place
    run_id: str
    fuse: Fuse = field(default_factory=Fuse)

    def __post_init__(self) -> None:
        self.lake = Lake(FusedStore(self.place.open().store, self.fuse))  # pyright: ignore[reportArgumentType]

    def extract(self, *, is_full: bool = False) -> None:
        """Collect, and do nothing with it."""
        with client(self.place, self.fuse) as opened:
            receive(Session(opened, self.lake, self.place.repo, self.run_id), is_full=is_full)

    def merge(self, *, is_rebuild: bool = False, accepts_loss: bool = False) -> None:
        """Publish what was collected and not merged yet, or on a rebuild all that was."""
        publish(self.lake, self.place.repo, Options(is_rebuild=is_rebuild, accepts_loss=accepts_loss))

    def merge_silver(self, *, is_rebuild: bool = False, accepts_loss: bool = False) -> None:
        """Publish silver alone, as a run does that dies before it moves the watermarks."""
        publish_merge(self.lake, self.place.repo, Options(is_rebuild=is_rebuild, accepts_loss=accepts_loss))

    def move_watermarks(self) -> None:
        """Publish the sync state alone."""
        publish_watermarks(self.lake, self.place.repo)

    def make_marts(self) -> None:
        """Publish gold alone."""
        publish_marts(self.lake, self.place.repo)


def refresh(place: Place, run_id: str, fuse: Fuse | None = None, *, is_full: bool = False) -> None:
    """Make one refresh run, from the first request to gold committed."""
    with in_ranges(place.issues_a_range):
        run = Run(place, run_id, fuse or Fuse())
        run.extract(is_full=is_full)
        run.merge()


@contextmanager
def in_ranges(width: int):
    """Have ranges be of so few numbers that a small repository has some."""
    before, ranges.NARROW = ranges.NARROW, width
    try:
        yield
    finally:
        ranges.NARROW = before


@contextmanager
def client(place: Place, fuse: Fuse):
    with GitHubClient(
        api_url=place.api_url,
        graphql_url=f"{place.api_url}/graphql",
        tokens=[SecretStr("good-token")],
        patience_seconds=0.5,
        sleep=lambda seconds: None,
        read_timeout_seconds=place.read_timeout_seconds,
        http_transport=FusedTransport(fuse),
    ) as opened:
        yield opened


def die_at(place: Place, run_id: str, point: int) -> None:
    """Refresh in a process of its own and be killed at a point; ends with code 0 if that never comes."""
    refresh(place, run_id, Fuse(point))
