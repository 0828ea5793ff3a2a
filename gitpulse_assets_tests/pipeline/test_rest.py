"""An unchanged repository costs its look and nothing else; whatever is left to be done is done even so."""

import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from gitpulse_assets.collect.session import Session
from gitpulse_assets.contracts.bronze import MANIFEST, REPOSITORY
from gitpulse_assets.contracts.silver import REPOSITORY as KNOWN_REPOSITORY
from gitpulse_assets.contracts.silver import SYNC_STATE
from gitpulse_assets.lake import paths
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.lake.manifest import Manifest
from gitpulse_assets.lake.store import Store
from gitpulse_assets.marts.issue_daily_flow import MART_ISSUE_DAILY_FLOW
from gitpulse_assets.marts.issue_swing_days import MART_ISSUE_SWING_DAYS
from gitpulse_assets.pipeline import rest
from gitpulse_assets.pipeline.refresh import receive, refresh
from gitpulse_assets.repo import Repo
from gitpulse_assets.sandbox.world import World
from gitpulse_assets_tests.history.product import Reader

REPO = Repo("acme", "rocket")
HOUR, DAY = 3_600, 86_400
MANIFEST_KEY = paths.table_key(MANIFEST, REPO)

Objects = dict[str, str]
Refresh = Callable[[], set[str]]


def small_world() -> World:
    """A repository of three issues, at 01:00."""
    world = World("2026-01-01T00:00:00Z")
    acts = world.add_repository(REPO.key)
    for _ in range(3):
        acts.open(world.clock, None, "Title")
    world.advance(seconds=HOUR)
    return world


def refresh_of(reader: Reader, **options: bool) -> None:
    reader.run_count += 1
    with reader.client(reader.token) as client:
        refresh(reader.lake, client, REPO, f"run-{reader.run_count}", **options)


class CountingStore:
    """A store that counts what is asked of which object."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.asked: Counter[tuple[str, str]] = Counter()

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._store, name)

        def counted(key: str, *rest: Any, **named: Any) -> Any:
            self.asked[name, key] += 1
            return found(key, *rest, **named)

        return counted if callable(found) else found


@pytest.fixture(scope="module")
def refreshed_once(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Counter[tuple[str, str]]]:
    """The folder of a lake after one refresh, and what that asked of the lake."""
    reader = Reader(small_world(), REPO, tmp_path_factory.mktemp("refreshed"))
    store: Any = CountingStore(reader.lake.store)
    reader.lake = Lake(store)
    refresh_of(reader)
    return reader.folder, store.asked


@pytest.fixture(scope="module")
def refreshed_folder(refreshed_once: tuple[Path, Counter[tuple[str, str]]]) -> Path:
    """The lake after one refresh, to be copied."""
    return refreshed_once[0]


@pytest.fixture
def reader(refreshed_folder: Path, tmp_path: Path) -> Reader:
    """Whoever refreshed it once, with a world and a lake of the test's own."""
    shutil.copytree(refreshed_folder, tmp_path / "lake")
    return Reader(small_world(), REPO, tmp_path / "lake", run_count=1)


@pytest.fixture
def refreshed(reader: Reader) -> Refresh:
    """Refresh again and return the objects that were written.

    Where the clock moves the stand-in's repository is pushed to, and its record is another.
    """

    def objects() -> Objects:
        store = reader.lake.store
        return {info.key: found.etag for info in store.list("") if (found := store.head(info.key))}

    def once() -> set[str]:
        before = objects()
        refresh_of(reader)
        return {key for key, etag in objects().items() if before.get(key) != etag}

    return once


def published_as_of(reader: Reader) -> datetime:
    """The moment the published tables are of."""
    states = reader.lake.dataset(SYNC_STATE, REPO).to_table().to_pylist()
    return next(row["as_of_at"] for row in states if row["stream"] == "issues")


def test_a_first_refresh_asks_a_store_for_nothing_twice_that_it_knows(
    refreshed_once: tuple[Path, Counter[tuple[str, str]]],
):
    """Of a small repository each request to S3 costs as much as a statement."""
    _, asked = refreshed_once
    assert [key for name, key in asked if name == "head" and key != MANIFEST_KEY] == [
        paths.commit_key("silver", REPO)
    ]
    assert not [key for name, key in asked if name == "source"]
    assert asked["put", MANIFEST_KEY] == 8
    assert asked["get", MANIFEST_KEY] <= 3
    assert asked["get", paths.commit_key("silver", REPO)] <= 14


def test_a_look_that_finds_nothing_writes_its_row_of_the_manifest_alone(reader: Reader, refreshed: Refresh):
    assert refreshed() == {MANIFEST_KEY}
    assert refreshed() == {MANIFEST_KEY}
    newest = reader.lake.manifest(REPO).row(f"run-{reader.run_count}", "issues")
    assert newest
    assert (newest.walk_kind, newest.status) == ("unchanged", "complete")
    assert newest.as_of_at
    assert newest.as_of_at >= published_as_of(reader)


def test_a_push_to_the_repository_is_kept_and_leaves_silver_and_gold_alone(
    reader: Reader, refreshed: Refresh
):
    for run_id in ("run-2", "run-3"):
        reader.world.advance(seconds=60)
        reader.world.acts_on(REPO.key).repository.pushed_at = reader.world.clock
        assert refreshed() == {
            MANIFEST_KEY,
            f"{paths.run_prefix(REPOSITORY, REPO, run_id)}batch-00001.parquet",
        }


def test_a_repository_that_is_archived_is_merged(reader: Reader, refreshed: Refresh):
    reader.world.advance(seconds=60)
    refreshed()
    reader.world.acts_on(REPO.key).repository.is_archived = True
    reader.world.advance(seconds=60)
    refreshed()
    (told,) = reader.lake.dataset(KNOWN_REPOSITORY, REPO).to_table().to_pylist()
    assert told["is_archived"]
    assert told["fetched_at"].timestamp() == reader.world.clock


def test_what_changed_is_merged_from_the_last_look_on(reader: Reader, refreshed: Refresh):
    refreshed()
    reader.world.acts_on(REPO.key).open(reader.world.clock, None, "News")
    reader.world.advance(seconds=60)
    assert paths.table_key(MART_ISSUE_DAILY_FLOW, REPO) in refreshed()
    flow = reader.lake.dataset(MART_ISSUE_DAILY_FLOW, REPO).to_table().sort_by("flow_date").to_pylist()
    assert flow[-1]["open_at_end"] == 4


def test_a_new_day_brings_the_marts_to_it(reader: Reader, refreshed: Refresh):
    reader.world.advance(seconds=DAY)
    assert paths.table_key(MART_ISSUE_DAILY_FLOW, REPO) in refreshed()
    days = reader.lake.dataset(MART_ISSUE_DAILY_FLOW, REPO).to_table().sort_by("flow_date")["flow_date"]
    assert f"{days[-1].as_py()}" == "2026-01-02"
    assert refreshed() == {MANIFEST_KEY}


def test_a_full_walk_is_merged_though_it_found_nothing(reader: Reader):
    reader.world.advance(seconds=HOUR)
    refresh_of(reader, is_full=True)
    assert published_as_of(reader).hour == 2


@pytest.mark.parametrize("step", ["move_watermarks", pytest.param("merge", marks=pytest.mark.slow)])
def test_a_run_that_died_between_its_steps_is_made_up_for(reader: Reader, refreshed: Refresh, step: str):
    reader.world.acts_on(REPO.key).open(reader.world.clock - 60, None, "News")
    with reader.client(reader.token) as client:
        receive(Session(client, reader.lake, REPO, "run-dead"))
    reader.merge()
    if step == "move_watermarks":
        reader.move_watermarks()
    reader.world.advance(seconds=60)
    assert paths.table_key(MART_ISSUE_DAILY_FLOW, REPO) in refreshed()
    assert refreshed() == {MANIFEST_KEY}


def test_a_run_that_died_before_its_merge_is_made_up_for(reader: Reader, refreshed: Refresh):
    reader.world.acts_on(REPO.key).open(reader.world.clock - 60, None, "News")
    with reader.client(reader.token) as client:
        receive(Session(client, reader.lake, REPO, "run-dead"))
    reader.world.advance(seconds=60)
    assert paths.table_key(MART_ISSUE_DAILY_FLOW, REPO) in refreshed()


class Killed(BaseException):
    """The process is no more: nothing of it is done behind this."""


@pytest.mark.parametrize("written", [1, *(pytest.param(count, marks=pytest.mark.slow) for count in (0, 2))])
def test_a_look_that_is_killed_between_its_writes_is_made_up_for(
    reader: Reader, refreshed: Refresh, monkeypatch: pytest.MonkeyPatch, written: int
):
    store, left = Manifest._write, iter(range(written))

    def write(*args: object) -> object:
        if next(left, None) is None:
            raise Killed
        return store(*args)

    before = reader.lake.commit("gold", REPO)
    with monkeypatch.context() as patch:
        patch.setattr(Manifest, "_write", write)
        with pytest.raises(Killed):
            refreshed()
    assert reader.lake.commit("gold", REPO) == before
    assert refreshed() == {MANIFEST_KEY}
    reader.world.acts_on(REPO.key).open(reader.world.clock, None, "News")
    reader.world.advance(seconds=60)
    assert paths.table_key(MART_ISSUE_DAILY_FLOW, REPO) in refreshed()


@pytest.mark.parametrize("damage", ["replaced", pytest.param("gone", marks=pytest.mark.slow)])
def test_a_table_that_is_not_as_published_is_made_again(reader: Reader, refreshed: Refresh, damage: str):
    key = paths.table_key(MART_ISSUE_SWING_DAYS, REPO)
    if damage == "gone":
        reader.lake.store.delete(key)
    else:
        reader.lake.store.put(key, b"somebody else's")
    assert key in refreshed()
    assert refreshed() == {MANIFEST_KEY}


def test_tables_of_another_contract_are_made_again(
    reader: Reader, refreshed: Refresh, monkeypatch: pytest.MonkeyPatch
):
    newer = replace(MART_ISSUE_SWING_DAYS, columns=MART_ISSUE_SWING_DAYS.columns[:-1])
    monkeypatch.setattr(rest, "MART_TABLES", (newer,))
    assert paths.table_key(MART_ISSUE_SWING_DAYS, REPO) in refreshed()
