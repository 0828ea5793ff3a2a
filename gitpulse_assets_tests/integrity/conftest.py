"""One small lake, made once by the product's own steps, and copies of it on either store to be damaged."""

import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from gitpulse_assets.catalog.subjects import MERGED_TABLES
from gitpulse_assets.catalog.tables import MART_TABLES, find_contract
from gitpulse_assets.contracts.model import Layer
from gitpulse_assets.contracts.silver import ISSUE_CURRENT
from gitpulse_assets.lake import paths
from gitpulse_assets.lake.backup import back_up, restore
from gitpulse_assets.lake.commit import read_commit, read_plan
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.lake.s3_options import S3Options
from gitpulse_assets.lake.sealed import encode
from gitpulse_assets.repo import Repo
from gitpulse_assets.sandbox.history import generate
from gitpulse_assets.sandbox.plan import HistoryPlan
from gitpulse_assets.sandbox.server import Sandbox, serve
from gitpulse_assets.upkeep.persons import forget_person
from gitpulse_assets.upkeep.retention import apply_retention
from gitpulse_assets_tests.crash.pipeline import REPO, Place, Run, refresh
from gitpulse_assets_tests.history.product import Reader
from gitpulse_assets_tests.s3_server import Storage, no_caller_settings, own_server, s3_server, storage

__all__ = ["no_caller_settings", "own_server", "s3_server", "storage"]

Tables = dict[str, Counter[str]]


def tables_of(lake: Lake, repo: Repo = REPO) -> Tables:
    """Every cell of every published table but the sync state, which a repair begins anew."""
    return {
        table.name: Counter(str(row) for row in lake.dataset(table, repo).to_table().to_pylist())
        for table in (*MERGED_TABLES, *MART_TABLES)
    }


@dataclass(frozen=True)
class Made:
    """The small lake: where it is, where its copy is, its GitHub, and what its tables hold."""

    lake: Lake
    copy: Lake
    sandbox: Sandbox
    tables: Tables


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    plan = HistoryPlan(REPO.key, seed=3, issue_count=60, day_count=60, body_bytes_mean=200)
    folder = tmp_path_factory.mktemp("made")
    with serve(generate([plan])) as sandbox:
        place = Place(str(folder / "lake"), S3Options(), sandbox.base_url)
        refresh(place, "run-1")
        sandbox.app.world.advance(seconds=3 * 86_400)
        refresh(place, "run-2")
        lake, copy = place.open(), Lake.open(str(folder / "copy"))
        back_up(lake.store, copy.store)
        yield Made(lake, copy, sandbox, tables_of(lake))


@pytest.fixture
def lake(made: Made, storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lake:
    """A copy of the small lake on one of the two stores."""
    return copied(made.lake, made.copy, storage, tmp_path, monkeypatch)


def copied(lake: Lake, copy: Lake, storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lake:
    """Restore the backup of a lake to one of the two stores."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    opened = storage.open()
    assert restore(copy.store, opened.store).troubles == ()
    with_plans(lake, opened)
    return opened


@pytest.fixture(scope="session")
def worn(tmp_path_factory: pytest.TempPathFactory) -> tuple[Lake, Lake]:
    """A lake that walked events without a token, asked after a deleted issue, and folded; and its copy."""
    world = generate([HistoryPlan(REPO.key, seed=3, issue_count=20, day_count=60, body_bytes_mean=50)])
    folder = tmp_path_factory.mktemp("worn")
    reader = Reader(world, REPO, folder / "lake", token="", with_events=True)
    reader.sync()
    world.advance(seconds=86_400)
    acts = world.acts_on(REPO.key)
    acts.delete(next(iter(acts.repository.issues.values())), world.clock - 60)
    reader.token, reader.with_events = "good-token", False
    reader.sync(is_full=True)
    with pytest.MonkeyPatch.context() as patch:
        for name in ("CLOSED_ROWS", "RUNS_KEPT"):
            patch.setattr(f"gitpulse_assets.upkeep.folding.{name}", 1)
        world.advance(seconds=86_400)
        reader.sync()
    with reader.gold():
        copy = Lake.open(str(folder / "copy"))
    back_up(reader.lake.store, copy.store)
    return reader.lake, copy


@pytest.fixture
def worn_lake(
    worn: tuple[Lake, Lake], storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Lake:
    """A copy of the worn lake on one of the two stores."""
    return copied(*worn, storage, tmp_path, monkeypatch)


def with_plans(made: Lake, opened: Lake) -> None:
    """Add the plans, which no backup needs, as this lake's own merges would have left them."""
    for layer in ("silver", "gold"):
        plan, _ = read_plan(made.store, layer, REPO)
        commit, _ = read_commit(opened.store, layer, REPO)
        assert plan is not None
        assert commit is not None
        carried = {name: commit.tables[name] for name in plan.carried}
        opened.store.put(paths.plan_key(layer, REPO), encode(msgspec.structs.replace(plan, carried=carried)))


@pytest.fixture
def worn_folder(worn: tuple[Lake, Lake], tmp_path: Path) -> Lake:
    """A copy of the worn lake in a folder."""
    shutil.copytree(worn[0].store.uri(""), tmp_path / "lake")
    return Lake.open(str(tmp_path / "lake"))


@pytest.fixture(scope="session")
def damage_table() -> Iterator[list[tuple[str, ...]]]:
    """What the damage tests saw: object, damage, what is said, remedy, what is lost; `-s` shows it."""
    rows: list[tuple[str, ...]] = []
    yield rows
    for row in (("object", "damage", "what is said", "remedy", "lost for good"), *sorted(set(rows))):
        print(f"| {' | '.join(row)} |")


@pytest.fixture
def folder_lake(made: Made, tmp_path: Path) -> Lake:
    """A copy of the small lake in a folder."""
    shutil.copytree(made.lake.store.uri(""), tmp_path / "lake")
    return Lake.open(str(tmp_path / "lake"))


@pytest.fixture
def run_on(made: Made) -> Callable[[Lake, str], Run]:
    """A run on an open lake, by its id."""

    def run_on(lake: Lake, run_id: str) -> Run:
        run = Run(Place(str(made.lake.store.uri("")), S3Options(), made.sandbox.base_url), run_id)
        run.lake = lake
        return run

    return run_on


@dataclass
class Load:
    """Refreshes, thinning, clean-up and forgetting, one after the other; knows what each commit published."""

    place: Place
    sandbox: Sandbox
    count: int = 0
    published: dict[str, Tables] = field(default_factory=dict)
    error: BaseException | None = None

    def rounds(self, count: int) -> None:
        try:
            for _ in range(count):
                self.round()
        except BaseException as error:
            self.error = error
            raise

    def round(self) -> None:
        """Refresh, thin out, clean up, forget a person, and rebuild."""
        self.count += 1
        self.sandbox.app.world.advance(seconds=5 * 86_400)
        run = Run(self.place, f"run-{self.count}")
        run.extract(is_full=True)
        self.publish(run, is_rebuild=False)
        lake = self.place.open()
        apply_retention(lake, REPO, timedelta(0))
        lake.clean_up_runs(REPO, timedelta(0))
        login = lake.dataset(ISSUE_CURRENT, REPO).to_table()["author_login"][self.count].as_py()
        forget_person(lake, login)
        self.publish(Run(self.place, f"rebuild-{self.count}"), is_rebuild=True)

    def publish(self, run: Run, *, is_rebuild: bool) -> None:
        run.merge_silver(is_rebuild=is_rebuild)
        self.note("silver")
        run.move_watermarks()
        self.note("silver")
        run.make_marts()
        self.note("gold")

    def note(self, layer: Layer) -> None:
        """Keep what the commit that was just made published."""
        lake = self.place.open()
        commit = lake.commit(layer, REPO)
        assert commit is not None
        self.published[commit.merge_id] = cells(lake, layer)

    def compare(self, lake: Lake) -> None:
        """Hold a restored lake against what its commits published, cell by cell."""
        for layer in ("silver", "gold"):
            if commit := lake.commit(layer, REPO):
                assert cells(lake, layer) == self.published[commit.merge_id], layer


def cells(lake: Lake, layer: Layer) -> Tables:
    """Every cell of a layer's published tables."""
    commit = lake.commit(layer, REPO)
    names = commit.tables if commit else ()
    return {
        name: Counter(map(str, lake.dataset(find_contract(layer, name), REPO).to_table().to_pylist()))
        for name in names
    }
