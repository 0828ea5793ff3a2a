"""A whole refresh without Dagster's executor: the bodies of the assets, on a store and network that may kill.

Importable by a forked process, and free of threads until it works.
"""

import logging
import os
import signal
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from types import SimpleNamespace
from typing import Any

import dagster as dg
import httpx
from pydantic import SecretStr

from gitpulse_assets.assets.bronze import RefreshConfig, bronze
from gitpulse_assets.assets.gold import gold
from gitpulse_assets.assets.silver import MergeConfig, silver, sync_state
from gitpulse_assets.github.client import GitHubClient
from gitpulse_assets.io_manager import lake_errors
from gitpulse_assets.lake.duck import connect
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.lake.s3_options import S3Options
from gitpulse_assets.lake.store import Store
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
    """Where a lake and GitHub are, and what to refresh: all a further process needs."""

    lake_url: str
    s3: S3Options
    api_url: str
    repo: Repo = REPO

    def open(self) -> Lake:
        return Lake.open(self.lake_url, self.s3)


@dataclass
class Run:
    """One run of the assets, which opens the lake once."""

    place: Place
    run_id: str
    fuse: Fuse = field(default_factory=Fuse)

    def __post_init__(self) -> None:
        lake = Lake(FusedStore(self.place.open().store, self.fuse))  # pyright: ignore[reportArgumentType]
        self.lake = SimpleNamespace(open=lambda: lake)
        self.duckdb = SimpleNamespace(get_connection=connect)
        self.context = step_context(self.place.repo, self.run_id)

    def extract(self, *, is_full: bool = False) -> None:
        """Collect, and do nothing with it."""
        github = SimpleNamespace(client=lambda on_wait, was_reached: client(self.place, self.fuse))
        config = RefreshConfig(full=is_full)
        publish(body(bronze)(self.context, config, github, self.lake, self.duckdb))

    def merge(self, *, is_rebuild: bool = False, accepts_loss: bool = False) -> None:
        """Publish what was collected and not merged yet, or on a rebuild all that was."""
        self.merge_silver(is_rebuild=is_rebuild, accepts_loss=accepts_loss)
        tools = (self.lake, self.duckdb)
        publish(body(sync_state)(self.context, *tools))
        publish(body(gold)(self.context, *tools))

    def merge_silver(self, *, is_rebuild: bool = False, accepts_loss: bool = False) -> None:
        """Publish silver alone, as a run does that dies before it moves the watermarks."""
        config = MergeConfig(rebuild=is_rebuild, accept_loss=accepts_loss)
        publish(body(silver)(self.context, config, self.lake, self.duckdb))


def refresh(place: Place, run_id: str, fuse: Fuse | None = None) -> None:
    """Make one refresh run, from the first request to gold committed; raises dg.Failure as a step does."""
    run = Run(place, run_id, fuse or Fuse())
    run.extract()
    run.merge()


def step_context(repo: Repo, run_id: str) -> SimpleNamespace:
    """What the bodies of the assets read of Dagster."""
    return SimpleNamespace(
        partition_key=repo.key,
        retry_number=0,
        run=SimpleNamespace(run_id=run_id),
        instance=SimpleNamespace(has_dynamic_partition=lambda *_: True),
        log=logging.getLogger(__name__),
    )


def body(asset: dg.AssetsDefinition) -> Callable[..., Any]:
    """The generator an asset was made from, which Dagster would call."""
    return asset.op.compute_fn.decorated_fn  # pyright: ignore


def publish(events: Any) -> None:
    """Do with each output what the IO manager does."""
    for event in events:
        if isinstance(event, dg.Output):
            with lake_errors():
                event.value.publication.promote(event.value)


@contextmanager
def client(place: Place, fuse: Fuse):
    with GitHubClient(
        api_url=place.api_url,
        graphql_url=f"{place.api_url}/graphql",
        tokens=[SecretStr("good-token")],
        patience_seconds=0.5,
        sleep=lambda seconds: None,
        read_timeout_seconds=0.5,
        http_transport=FusedTransport(fuse),
    ) as opened:
        yield opened


def die_at(place: Place, run_id: str, point: int) -> None:
    """Refresh in a process of its own and be killed at a point; ends with code 0 if that never comes."""
    refresh(place, run_id, Fuse(point))
