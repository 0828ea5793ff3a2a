"""What folding puts together, and that everything that reads bronze and the manifest goes on as before."""

from datetime import timedelta
from pathlib import Path
from random import Random

import pytest

from gitpulse_assets import folding
from gitpulse_assets.contracts.bronze import BRONZE, CONTROL_TOTAL, FOLDED_RUN, ISSUES
from gitpulse_assets.contracts.silver import ISSUE_CURRENT
from gitpulse_assets.lake import paths
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.retention import apply_retention, batches
from gitpulse_assets.sandbox.times import DAY_SECONDS
from gitpulse_assets_tests.crash.pipeline import Fuse, FusedStore
from gitpulse_assets_tests.history.product import Reader
from gitpulse_assets_tests.history.rebuilding import differences, rows
from gitpulse_assets_tests.retention.test_retention import REPO, Died, copied, die, eventful_world

SEEDS = [pytest.param(n, marks=() if n < 2 else pytest.mark.slow) for n in range(60)]
AT_ONCE = timedelta(0)


@pytest.fixture
def folds_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folding, "CLOSED_ROWS", 4)
    monkeypatch.setattr(folding, "RUNS_KEPT", 1)


def played(seed: int, folder: Path, sync_count: int = 6, thinned_share: float = 0.0) -> Reader:
    """A reader who synced a generated history a number of times, now and then fully."""
    rng = Random(f"folding:{seed}")
    reader = Reader(eventful_world(seed, issue_count=40), REPO, folder)
    for _ in range(sync_count):
        reader.sync(is_full=rng.random() < 0.3)
        reader.world.advance(seconds=rng.randint(1, 20 * DAY_SECONDS))
        if rng.random() < thinned_share:
            apply_retention(reader.lake, REPO, AT_ONCE)
    return reader


def folded_rows(lake: Lake) -> list[str]:
    return [row.stream for row in lake.manifest(REPO).rows() if row.status == "folded"]


@pytest.mark.usefixtures("folds_often")
@pytest.mark.parametrize("seed", SEEDS)
def test_a_rebuild_gives_the_same_tables_from_folds(tmp_path: Path, seed: int):
    lake = played(seed, tmp_path, thinned_share=0.4).lake
    assert FOLDED_RUN.name in folded_rows(lake)
    assert differences(lake, REPO) == {}
    apply_retention(lake, REPO, AT_ONCE)
    assert differences(lake, REPO) == {}


def test_the_tables_are_those_of_a_lake_that_never_folds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    plain = played(3, tmp_path / "plain")
    monkeypatch.setattr(folding, "CLOSED_ROWS", 4)
    monkeypatch.setattr(folding, "RUNS_KEPT", 1)
    folded = played(3, tmp_path / "folded")
    assert folded_rows(folded.lake)
    assert not folded_rows(plain.lake)
    for lake in (plain.lake, folded.lake):
        assert differences(lake, REPO) == {}
    one, other = (rows(lake.dataset(ISSUE_CURRENT, REPO).to_table()) for lake in (plain.lake, folded.lake))
    assert one == other


@pytest.mark.usefixtures("folds_often")
def test_every_record_and_every_run_is_kept(tmp_path: Path):
    lake = played(4, tmp_path).lake
    manifest = lake.manifest(REPO).rows()
    archive = lake.bronze_dataset(
        FOLDED_RUN, REPO, batches(r for r in manifest if r.stream == FOLDED_RUN.name)
    )
    listed = {(row["run_id"], row["stream"]) for row in archive.to_table().to_pylist()}
    live = {(row.run_id, row.stream) for row in manifest if row.status != "folded"}
    assert not listed & live
    assert {run_id for run_id, _ in listed | live} == {f"run-{number:03}" for number in range(1, 7)}
    for table in BRONZE:
        for row in manifest:
            if row.status == "folded" and row.stream == table.name:
                assert lake.bronze_dataset(table, REPO, batches([row])).count_rows() == row.record_count


@pytest.mark.usefixtures("folds_often")
def test_what_was_folded_goes_with_a_later_fold(tmp_path: Path):
    """A rebuild that began before a fold finds what it reads."""
    lake = played(5, tmp_path).lake
    rows_ = lake.manifest(REPO).rows()
    counted = {paths.batch_key(ISSUES, REPO, r.run_id, 1) for r in rows_ if r.stream == ISSUES.name}
    held = {info.key for info in lake.store.list(f"{ISSUES.folder}/")}
    assert held - counted
    lake.sweep_runs(REPO, AT_ONCE)
    assert {info.key for info in lake.store.list(f"{ISSUES.folder}/")} <= held
    assert differences(lake, REPO) == {}


@pytest.mark.usefixtures("folds_often")
def test_a_lost_commit_is_merged_anew_with_the_folds(tmp_path: Path):
    reader = played(6, tmp_path)
    stored = rows(reader.lake.dataset(ISSUE_CURRENT, REPO).to_table())
    (tmp_path / paths.commit_key("silver", REPO)).unlink()
    (tmp_path / paths.plan_key("silver", REPO)).unlink()
    reader.merge()
    assert rows(reader.lake.dataset(ISSUE_CURRENT, REPO).to_table()) == stored
    assert differences(reader.lake, REPO) == {}


@pytest.mark.usefixtures("folds_often")
def test_a_fold_cut_short_between_writes_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(folding, "RUNS_KEPT", 99)
    player = played(7, tmp_path / "played", sync_count=5)
    monkeypatch.setattr(folding, "RUNS_KEPT", 1)
    counting = Fuse()
    whole = copied(player, tmp_path / "whole")
    again(player, Lake(FusedStore(whole.store, counting)))  # pyright: ignore[reportArgumentType]
    assert folded_rows(whole)
    for point in range(1, counting.count + 1, 4):
        lake = copied(player, tmp_path / f"cut-{point}")
        with pytest.raises(Died):
            again(player, Lake(FusedStore(lake.store, Fuse(point, die))))  # pyright: ignore[reportArgumentType]
        again(player, lake)
        assert folded_rows(lake)
        assert differences(lake, REPO) == {}


def again(player: Reader, lake: Lake) -> None:
    """Merge once more, in another lake."""
    reader = Reader(player.world, REPO, player.folder)
    reader.lake = lake
    reader.merge()


@pytest.mark.usefixtures("folds_often")
def test_a_damaged_old_batch_stops_no_refresh(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    reader = played(8, tmp_path, sync_count=2)
    broken = next(info for info in reader.lake.store.list(f"{CONTROL_TOTAL.folder}/"))
    (tmp_path / broken.key).write_bytes(b"cut")
    for _ in range(4):
        reader.world.advance(seconds=DAY_SECONDS)
        reader.sync()
    assert folded_rows(reader.lake)
    assert "runs of control_total are not folded" in caplog.text
    assert CONTROL_TOTAL.name not in folded_rows(reader.lake)
