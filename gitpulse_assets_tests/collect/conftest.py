"""A product without Dagster: a stand-in GitHub in this process, a lake in a folder, and runs that may die."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from gitpulse_assets.collect.refresh import LISTS, collect
from gitpulse_assets.collect.session import Session
from gitpulse_assets.contracts import silver
from gitpulse_assets.contracts.model import TableContract
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.lake.manifest import ManifestRow
from gitpulse_assets.pipeline.refresh import publish_silver
from gitpulse_assets.repo import Repo
from gitpulse_assets.sandbox.app import SandboxApp
from gitpulse_assets.sandbox.history import generate
from gitpulse_assets.sandbox.limits import Limits
from gitpulse_assets.sandbox.messages import Served
from gitpulse_assets.sandbox.plan import HistoryPlan
from gitpulse_assets.sandbox.world import World
from gitpulse_assets_tests.history.product import Reader

TOKEN = "good-token"
OTHER_LISTS = tuple(f"{stream.listing.path}?" for stream in LISTS)
REPO = Repo("acme", "rocket")
PROVENANCE = {"run_id", "page_number", "fetched_at"}
WRITES = {"put", "move", "delete", "delete_prefix"}


class Crash(BaseException):
    """Not an Exception: no handler on the way may take it for an error."""


class CrashingStore:
    """A store that dies before, or right after, its n-th write; without `write` it only counts.

    With another error than Crash that write fails and the later ones are done.
    """

    def __init__(self, inner, write: int = 0, *, is_after: bool = False, error=Crash) -> None:
        self.inner, self.write, self.is_after, self.error = inner, write, is_after, error
        self.keys: list[str] = []

    @property
    def write_count(self) -> int:
        return len(self.keys)

    def __getattr__(self, name: str):
        method = getattr(self.inner, name)
        return self._counted(method) if name in WRITES else method

    def _counted(self, method):
        def call(key, *args, **kwargs):
            self.keys.append(key)
            is_last = self.write_count == self.write
            if self.error is Crash and 0 < self.write < self.write_count:
                raise Crash(f"dead since write {self.write}")
            if is_last and not self.is_after:
                raise self.error(f"before write {self.write}")
            result = method(key, *args, **kwargs)
            if is_last:
                raise self.error(f"after write {self.write}")
            return result

        return call


@pytest.fixture
def crashing() -> type[CrashingStore]:
    return CrashingStore


class Product(Reader):
    """One repository's lake and how it is refreshed; a lake may see one world after another."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.show(self.world)

    def show(self, world: World, **options: Any) -> None:
        """Let GitHub be another one from now on."""
        self.world = world
        self.app = SandboxApp(world, limits=Limits(), **options)

    def collect(
        self,
        *,
        is_full: bool = False,
        with_events: bool = False,
        lake: Lake | None = None,
        token: str = TOKEN,
    ) -> ManifestRow:
        """Collect in a new run, which `lake` may cut short."""
        self.run_count += 1
        self.app.log.clear()
        with self.client(token) as client:
            session = Session(client, lake or self.lake, self.repo, f"run-{self.run_count:03}")
            return collect(session, is_full=is_full, with_events=with_events)

    def sync(self, *, is_full: bool = False, with_events: bool = False, token: str = TOKEN) -> ManifestRow:
        """Collect, merge and publish in a new run."""
        row = self.collect(is_full=is_full, with_events=with_events, token=token)
        self.merge()
        return row

    def merge(self) -> None:
        """Merge what no merge has taken in, publish it, and move the watermarks."""
        publish_silver(self.lake, self.repo)

    def table(self, contract: TableContract, *, with_provenance: bool = False) -> pa.Table:
        """A published table in its key's order, without the columns that say where a row came from."""
        kept = [name for name in contract.column_names if with_provenance or name not in PROVENANCE]
        order = [(name, "ascending") for name in contract.key if name in kept]
        return self.lake.dataset(contract, self.repo).to_table(columns=kept).sort_by(order)

    def repairs(self) -> dict[str, int]:
        """The counts of the newest full walk that are not zero."""
        walks = self.lake.dataset(silver.RECONCILIATION, self.repo).to_table().to_pylist()
        newest = max(walks, key=lambda walk: walk["run_id"])
        return {name: count for name, count in newest.items() if name.endswith("_count") and count}

    @property
    def asked(self) -> list[Served]:
        """What the last run asked for, without the lists that the issues know nothing of."""
        return [one for one in self.app.log if not any(path in one.target for path in OTHER_LISTS)]

    @property
    def walked(self) -> list[Served]:
        """The pages of the issue list the last run asked for."""
        return [served for served in self.asked if "per_page=100" in served.target]

    @property
    def units(self) -> int:
        """What the last run cost for the issues."""
        return sum(served.cost for served in self.asked)


def make_world() -> World:
    return generate([HistoryPlan("acme/rocket", seed=7, issue_count=500, day_count=200, body_bytes_mean=10)])


@pytest.fixture(scope="session", name="make_world")
def world_maker() -> Callable[[], World]:
    return make_world


@pytest.fixture
def world() -> World:
    """709 records on 8 pages."""
    return make_world()


@pytest.fixture(scope="session")
def synced_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The lake after the first sync of such a world, to be copied."""
    folder = tmp_path_factory.mktemp("synced")
    Product(make_world(), REPO, folder).sync()
    return folder


@pytest.fixture(scope="session")
def make_product(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Product]:
    """Build a product on an empty lake, or on a copy of the lake in a folder."""

    def make(
        world: World, name: str = "product", *, copy_of: Path | None = None, repo: Repo = REPO
    ) -> Product:
        folder = tmp_path_factory.mktemp(name) / "lake"
        if copy_of:
            shutil.copytree(copy_of, folder)
        return Product(world, repo, folder, run_count=1 if copy_of else 0)

    return make


@pytest.fixture
def product(world: World, make_product: Callable[..., Product], synced_folder: Path) -> Product:
    """A product that has synced its repository once."""
    return make_product(world, copy_of=synced_folder)
