"""What retention removes, and that a rebuild gives the same silver tables before and after."""

import shutil
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest

from gitpulse_assets.contracts.bronze import DEPARTURE, ISSUE_PAGE, ISSUE_TIMELINE, ISSUES
from gitpulse_assets.contracts.silver import ISSUE_SIGHTING
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.repo import Repo
from gitpulse_assets.sandbox.history import generate
from gitpulse_assets.sandbox.plan import HistoryPlan
from gitpulse_assets.sandbox.times import DAY_SECONDS
from gitpulse_assets.sandbox.world import World
from gitpulse_assets.upkeep.retention import apply_retention
from gitpulse_assets_tests.crash.pipeline import Fuse, FusedStore
from gitpulse_assets_tests.history.product import Reader
from gitpulse_assets_tests.history.rebuilding import differences, rebuilt

REPO = Repo("octo-org", "hello")
AT_ONCE = timedelta(0)
SEEDS = [pytest.param(n, marks=() if n < 1 else pytest.mark.slow) for n in range(200)]


def eventful_world(seed: int, issue_count: int = 60) -> World:
    """A page of records, with every oddity far more often than in a real repository."""
    plan = HistoryPlan(
        REPO.key,
        seed=seed,
        issue_count=issue_count,
        day_count=60,
        pull_request_share_of_records=0.1,
        body_bytes_mean=10,
        reopened_share=0.4,
        closed_again_share=0.2,
        transferred_in_share=0.08,
        transferred_out_share=0.06,
        unreadable_share_of_transfers=0.3,
        deleted_share=0.06,
        converted_share=0.06,
        kept_open_share_of_conversions=0.3,
        hidden_share=0.04,
        returning_share_of_hidden=0.8,
        late_event_share_of_closings=0.3,
        touches_per_issue=2.0,
    )
    return generate([plan])


def play(folder: Path, seed: int, sync_count: int = 4, thinned_share: float = 0.0) -> Reader:
    """Sync a generated history a number of times, now and then fully."""
    rng = Random(f"retention:{seed}")
    world = eventful_world(seed)
    reader = Reader(world, REPO, folder)
    for number in range(sync_count):
        reader.sync(is_full=number == sync_count - 1 or rng.random() < 0.3)
        world.advance(seconds=rng.randint(1, 40 * DAY_SECONDS))
        if rng.random() < thinned_share:
            apply_retention(reader.lake, REPO, AT_ONCE)
    return reader


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    return play(tmp_path_factory.mktemp("played") / "lake", seed=4, sync_count=5)


@pytest.fixture
def reader(played: Reader, tmp_path: Path) -> Reader:
    """Whoever played it, with a lake of the test's own."""
    copied(played, tmp_path / "lake")
    return Reader(played.world, REPO, tmp_path / "lake", run_count=played.run_count)


def stored(lake: Lake, table=ISSUES) -> int:
    prefix = f"{table.folder}/"
    return sum(info.size_bytes for info in lake.store.list(prefix))


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_a_rebuild_gives_the_same_tables_before_and_after(tmp_path: Path, seed: int):
    lake = play(tmp_path, seed, thinned_share=0.4).lake
    assert differences(lake, REPO) == {}
    apply_retention(lake, REPO, AT_ONCE)
    assert differences(lake, REPO) == {}


def test_it_removes_and_the_second_time_nothing(reader):
    lake = reader.lake
    before, kept = stored(lake), [stored(lake, table) for table in (ISSUE_TIMELINE, DEPARTURE)]
    thinned = apply_retention(lake, REPO, AT_ONCE)
    assert thinned.record_count > 0
    assert thinned.object_count > 0
    assert stored(lake) < before
    assert [stored(lake, table) for table in (ISSUE_TIMELINE, DEPARTURE)] == kept
    again = apply_retention(lake, REPO, AT_ONCE)
    assert (again.record_count, again.object_count, again.run_count) == (0, 0, 0)


def test_what_is_young_stays(reader):
    assert apply_retention(reader.lake, REPO, timedelta(days=1000)).record_count == 0


def test_the_next_refresh_goes_on_as_before(reader):
    """Known pages still find their records, nothing is merged twice, and departures are found."""
    apply_retention(reader.lake, REPO, AT_ONCE)
    row = reader.sync(is_full=True)
    assert (row.walk_kind, row.status) == ("full", "complete")
    assert differences(reader.lake, REPO) == {}


def test_runs_whose_records_an_unchanged_page_stands_for_stay_whole(tmp_path: Path):
    player = Reader(eventful_world(3, issue_count=150), REPO, tmp_path)
    for _ in range(3):
        player.sync(is_full=True)
        player.world.advance(seconds=60)
    apply_retention(player.lake, REPO, AT_ONCE)
    rows = {(row.run_id, row.stream): row for row in player.lake.manifest(REPO).rows()}
    newest = [("run-003", range(1, rows["run-003", ISSUES.name].page_batch_count + 1))]
    pages = player.lake.bronze_dataset(ISSUE_PAGE, REPO, newest).to_table()
    assert set(pages["records_run_id"].to_pylist()) == {"run-001", "run-003"}
    first = rows["run-001", ISSUES.name]
    batches = [("run-001", range(1, first.batch_count + 1))]
    assert player.lake.bronze_dataset(ISSUES, REPO, batches).count_rows() == first.record_count
    assert ("run-002", ISSUES.name) not in rows


def test_no_sighting_is_lost_with_the_records_that_showed_it(reader):
    """The trap: a state that only a replaced record showed lives in no full walk."""
    lake = reader.lake
    before = lake.dataset(ISSUE_SIGHTING, REPO).count_rows()
    apply_retention(lake, REPO, AT_ONCE)
    assert rebuilt(lake, REPO)[ISSUE_SIGHTING.name].num_rows == before


class Died(BaseException):
    """Not an Exception: no handler on the way may take it for an error."""


def die() -> None:
    raise Died


@pytest.mark.parametrize("every", [9, pytest.param(1, marks=pytest.mark.slow)])
def test_a_thinning_cut_short_between_writes_loses_nothing(reader, tmp_path: Path, every: int):
    counting = Fuse()
    apply_retention(Lake(FusedStore(copied(reader, tmp_path / "whole").store, counting)), REPO, AT_ONCE)
    assert counting.count > 4
    assert counting.count >= every
    for point in range(every, counting.count + 1, every):
        lake = copied(reader, tmp_path / f"cut-{point}")
        with pytest.raises(Died):
            apply_retention(Lake(FusedStore(lake.store, Fuse(point, die))), REPO, AT_ONCE)
        assert differences(lake, REPO) == {}
        apply_retention(lake, REPO, AT_ONCE)
        assert differences(lake, REPO) == {}


def copied(reader: Reader, folder: Path) -> Lake:
    shutil.copytree(reader.folder, folder)
    return Lake.open(str(folder))
