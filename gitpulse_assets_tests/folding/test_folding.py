"""Case 7: what folding puts together, and that all that reads bronze and the manifest goes on as before."""

import uuid
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import log2
from pathlib import Path
from random import Random

import pytest

from gitpulse_assets.catalog.subjects import BRONZE, MERGED_TABLES
from gitpulse_assets.catalog.tables import find_contract
from gitpulse_assets.contracts.bronze import CONTROL_TOTAL, FOLDED_RUN, ISSUES, MANIFEST
from gitpulse_assets.contracts.silver import ISSUE_CURRENT
from gitpulse_assets.lake import paths
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.lake.manifest import FOLD, ManifestRow
from gitpulse_assets.sandbox.times import DAY_SECONDS
from gitpulse_assets.upkeep import folding
from gitpulse_assets.upkeep.retention import apply_retention, batches
from gitpulse_assets_tests.crash.pipeline import Fuse, FusedStore
from gitpulse_assets_tests.history.product import Reader
from gitpulse_assets_tests.history.rebuilding import differences, rows
from gitpulse_assets_tests.retention.test_retention import REPO, Died, copied, die, eventful_world
from gitpulse_assets_tests.s3_server import BUCKET, SharedServer, no_caller_settings, s3_server

__all__ = ["no_caller_settings", "s3_server"]

SEEDS = [pytest.param(n, marks=() if n < 1 else pytest.mark.slow) for n in range(60)]
AT_ONCE = timedelta(0)


def fold_often(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(folding, "CLOSED_ROWS", 4)
    patch.setattr(folding, "RUNS_KEPT", 1)


@pytest.fixture
def folds_often(monkeypatch: pytest.MonkeyPatch) -> None:
    fold_often(monkeypatch)


def played(
    seed: int, folder: Path, sync_count: int = 5, thinned_share: float = 0.0, lake: Lake | None = None
) -> Reader:
    """A reader who synced a generated history a number of times, now and then fully; `lake`: elsewhere."""
    rng = Random(f"folding:{seed}")
    reader = Reader(eventful_world(seed, issue_count=40), REPO, folder)
    reader.lake = lake or reader.lake
    for _ in range(sync_count):
        reader.sync(is_full=rng.random() < 0.3)
        reader.world.advance(seconds=rng.randint(1, 20 * DAY_SECONDS))
        if rng.random() < thinned_share:
            apply_retention(reader.lake, REPO, AT_ONCE)
    return reader


@pytest.fixture(scope="module")
def plain_reader(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    """One who never folds."""
    return played(4, tmp_path_factory.mktemp("plain"))


@pytest.fixture(scope="module")
def folding_reader(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    """One who synced the same history, and folds often."""
    with pytest.MonkeyPatch.context() as patch:
        fold_often(patch)
        return played(4, tmp_path_factory.mktemp("folded"))


def fold_each_time(patch: pytest.MonkeyPatch) -> None:
    """Begin a new fold with each closed run."""
    patch.setattr(folding, "CLOSED_ROWS", 1)
    patch.setattr(folding, "RUNS_KEPT", 1)
    patch.setattr(folding, "FOLD_SPAN", timedelta(days=-1))


@pytest.fixture
def folds_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    fold_each_time(monkeypatch)


@pytest.fixture(scope="module")
def aged_reader(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    """One with several folds of each stream, who came back after more than a year."""
    with pytest.MonkeyPatch.context() as patch:
        fold_each_time(patch)
        reader = played(4, tmp_path_factory.mktemp("aged"))
    reader.world.advance(seconds=400 * DAY_SECONDS)
    reader.sync()
    return reader


@pytest.fixture
def folded_lake(folding_reader: Reader, tmp_path: Path) -> Lake:
    """A copy of the lake that is often folded."""
    return copied(folding_reader, tmp_path / "copy")


def folded_rows(lake: Lake) -> list[str]:
    return [row.stream for row in lake.manifest(REPO).rows() if row.status == "folded"]


@pytest.mark.s3
@pytest.mark.slow
@pytest.mark.usefixtures("folds_often")
def test_07_in_a_bucket_a_rebuild_gives_the_same_tables_from_folds(s3_server: SharedServer, tmp_path: Path):
    """Also when the batches that were folded are gone."""
    lake = Lake.open(f"s3://{BUCKET}/{uuid.uuid4().hex}", s3_server.options)
    played(1, tmp_path, thinned_share=0.4, lake=lake)
    assert FOLDED_RUN.name in folded_rows(lake)
    assert lake.clean_up_runs(REPO, AT_ONCE).object_count > 0
    assert differences(lake, REPO) == {}
    apply_retention(lake, REPO, AT_ONCE)
    assert differences(lake, REPO) == {}


@pytest.mark.slow
@pytest.mark.usefixtures("folds_often")
@pytest.mark.parametrize("seed", SEEDS)
def test_07_a_rebuild_gives_the_same_tables_from_folds(tmp_path: Path, seed: int):
    lake = played(seed, tmp_path, thinned_share=0.4).lake
    assert FOLDED_RUN.name in folded_rows(lake)
    assert differences(lake, REPO) == {}
    apply_retention(lake, REPO, AT_ONCE)
    assert differences(lake, REPO) == {}


def test_07_the_tables_are_those_of_a_lake_that_never_folds(plain_reader: Reader, folding_reader: Reader):
    lakes = plain_reader.lake, folding_reader.lake
    assert [bool(folded_rows(lake)) for lake in lakes] == [False, True]
    for table in MERGED_TABLES:
        one, other = (rows(lake.dataset(table, REPO).to_table()) for lake in lakes)
        assert one == other, table.name


def test_07_every_record_and_every_run_is_kept(folded_lake: Lake):
    manifest = folded_lake.manifest(REPO).rows()
    lists = [row for row in manifest if row.stream == FOLDED_RUN.name]
    archive = folded_lake.bronze_dataset(FOLDED_RUN, REPO, batches(lists)).to_table().to_pylist()
    listed = {(row["run_id"], row["stream"]) for row in archive}
    live = {(row.run_id, row.stream) for row in manifest if row.status != "folded"}
    assert not listed & live
    assert {run_id for run_id, _ in listed | live} == {f"run-{number:03}" for number in range(1, 6)}
    for row in manifest:
        if row.status == "folded":
            table = find_contract("bronze", row.stream)
            held = folded_lake.bronze_dataset(table, REPO, batches([row])).to_table()
            assert held.num_rows == row.record_count
            assert row.run_id not in held["run_id"].to_pylist()


def test_07_what_was_folded_goes_with_a_later_fold(folded_lake: Lake):
    """A rebuild that began before a fold finds what it reads."""
    counted = {row.run_id for row in folded_lake.manifest(REPO).rows()}

    def runs_held() -> set[str]:
        keys = [info.key for table in BRONZE for info in folded_lake.store.list(f"{table.folder}/")]
        return {key.partition("run_id=")[2].partition("/")[0] for key in keys} - {""}

    assert runs_held() - counted
    folded_lake.clean_up_runs(REPO, AT_ONCE)
    assert runs_held() <= counted
    assert differences(folded_lake, REPO) == {}


@pytest.mark.usefixtures("folds_often")
def test_07_a_silver_that_is_gone_is_merged_anew_with_the_folds(folding_reader: Reader, folded_lake: Lake):
    stored = rows(folded_lake.dataset(ISSUE_CURRENT, REPO).to_table())
    folded_lake.store.delete_prefix("silver/")
    again(folding_reader, folded_lake)
    assert rows(folded_lake.dataset(ISSUE_CURRENT, REPO).to_table()) == stored
    assert differences(folded_lake, REPO) == {}


@pytest.mark.usefixtures("folds_often")
@pytest.mark.parametrize("step", [30, pytest.param(1, marks=pytest.mark.slow)])
def test_07_a_fold_cut_short_between_writes_loses_nothing(plain_reader: Reader, tmp_path: Path, step: int):
    counting = Fuse()
    whole = copied(plain_reader, tmp_path / "whole")
    again(plain_reader, Lake(FusedStore(whole.store, counting)))  # pyright: ignore[reportArgumentType]
    assert folded_rows(whole)
    for point in range(1, counting.count + 1, step):
        lake = copied(plain_reader, tmp_path / f"cut-{point}")
        with pytest.raises(Died):
            again(plain_reader, Lake(FusedStore(lake.store, Fuse(point, die))))  # pyright: ignore[reportArgumentType]
        again(plain_reader, lake)
        assert folded_rows(lake)
    assert differences(lake, REPO) == {}


def again(player: Reader, lake: Lake) -> None:
    """Merge once more, in another lake."""
    reader = Reader(player.world, REPO, player.folder)
    reader.lake = lake
    reader.merge()


@pytest.mark.usefixtures("folds_often")
def test_07_a_damaged_old_batch_stops_no_refresh(
    plain_reader: Reader, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    lake = copied(plain_reader, tmp_path / "copy")
    broken = next(info for info in lake.store.list(f"{CONTROL_TOTAL.folder}/"))
    lake.store.put(broken.key, b"cut")
    again(plain_reader, lake)
    assert folded_rows(lake)
    assert "runs of control_total are not folded" in caplog.text
    assert CONTROL_TOTAL.name not in folded_rows(lake)


@pytest.mark.parametrize("is_manifest_lost", [False, True])
def test_03_a_lost_list_of_folded_runs_is_made_again_from_the_folds(
    folded_lake: Lake, is_manifest_lost: bool
):
    """A rebuild that does not know the order of folded runs fails for good."""
    (listed,) = (row for row in folded_lake.manifest(REPO).rows() if row.stream == FOLDED_RUN.name)
    key = paths.batch_key(FOLDED_RUN, REPO, listed.run_id, 1)
    folded_lake.store.put(key, b"PAR1 no more")
    if is_manifest_lost:
        folded_lake.store.delete(paths.table_key(MANIFEST, REPO))
    found = folded_lake.examine(REPO)
    if not is_manifest_lost:
        assert [(one.key, one.lost) for one in found] == [(key, "how folded runs ended and what they cost")]
    folded_lake.mend(REPO, found)
    assert folded_lake.examine(REPO) == []
    assert differences(folded_lake, REPO) == {}


def fold_lines(lake: Lake) -> set[tuple[str, str]]:
    """The folds that the commit counts as merged, by stream."""
    commit = lake.snapshot("silver", REPO, (ISSUE_CURRENT,)).commit
    assert commit
    return {(stream, run) for stream, runs in commit.merged.items() for run in runs if run.startswith(FOLD)}


@pytest.mark.usefixtures("folds_each_time")
def test_07_folds_of_long_ago_become_one(aged_reader: Reader, tmp_path: Path):
    """A line a stream and month made the commit of the soak's year 1.4 times that of its first months."""
    lake = copied(aged_reader, tmp_path / "copy")
    before = Counter(folded_rows(lake))
    assert min(before[name] for name in (ISSUES.name, CONTROL_TOTAL.name, FOLDED_RUN.name)) > 2
    again(aged_reader, lake)
    after = Counter(folded_rows(lake))
    # The old ones in one, beside what was closed since.
    assert max(after.values()) == 2
    folds = [row for row in lake.manifest(REPO).rows() if row.status == "folded"]
    assert fold_lines(lake) == {(row.stream, row.run_id) for row in folds}
    lake.clean_up_runs(REPO, AT_ONCE)
    assert differences(lake, REPO) == {}
    assert lake.examine(REPO) == []
    apply_retention(lake, REPO, AT_ONCE)
    assert differences(lake, REPO) == {}


@pytest.mark.slow
@pytest.mark.usefixtures("folds_each_time")
def test_07_folding_old_folds_cut_short_between_writes_loses_nothing(aged_reader: Reader, tmp_path: Path):
    counting = Fuse()
    whole = copied(aged_reader, tmp_path / "whole")
    stored = rows(whole.dataset(ISSUE_CURRENT, REPO).to_table())
    again(aged_reader, Lake(FusedStore(whole.store, counting)))  # pyright: ignore[reportArgumentType]
    for point in range(1, counting.count + 1):
        lake = copied(aged_reader, tmp_path / f"cut-{point}")
        with pytest.raises(Died):
            again(aged_reader, Lake(FusedStore(lake.store, Fuse(point, die))))  # pyright: ignore[reportArgumentType]
        again(aged_reader, lake)
        assert max(Counter(folded_rows(lake)).values()) == 2
        assert rows(lake.dataset(ISSUE_CURRENT, REPO).to_table()) == stored
        assert differences(lake, REPO) == {}


def records(lake: Lake) -> dict[str, Counter[str]]:
    """What the manifest counts of each stream, but the list of folded runs."""
    manifest = lake.manifest(REPO).rows()
    streams = {row.stream for row in manifest if row.batch_count} - {FOLDED_RUN.name}
    held = {name: batches([row for row in manifest if row.stream == name]) for name in streams}
    tables = {
        name: lake.bronze_dataset(find_contract("bronze", name), REPO, of_stream).to_table()
        for name, of_stream in held.items()
    }
    return {name: rows(table) for name, table in tables.items()}


@pytest.mark.usefixtures("folds_each_time")
def test_07_folding_old_folds_cut_short_in_the_middle_keeps_every_record(aged_reader: Reader, tmp_path: Path):
    whole, cut = (copied(aged_reader, tmp_path / name) for name in ("whole", "cut"))
    held, counting = records(whole), Fuse()

    def fold(lake: Lake, fuse: Fuse) -> None:
        commit = lake.commit("silver", REPO)
        assert commit
        fused = Lake(FusedStore(lake.store, fuse))  # pyright: ignore[reportArgumentType]
        folding.fold_runs(fused, REPO, fused.manifest(REPO), commit.merged)

    fold(whole, counting)
    with pytest.raises(Died):
        fold(cut, Fuse(counting.count // 2, die))
    assert records(cut) == held
    fold(cut, Fuse())
    for lake in (whole, cut):
        assert records(lake) == held
        assert max(Counter(folded_rows(lake)).values()) == 2


def test_07_folds_that_would_be_too_large_together_stay(aged_reader: Reader, monkeypatch: pytest.MonkeyPatch):
    lake = aged_reader.lake
    rows = lake.manifest(REPO).rows()
    assert list(folding.aged_folds(lake, REPO, rows, ISSUES.name))
    monkeypatch.setattr(folding, "FOLD_BYTES", 1000)
    assert list(folding.aged_folds(lake, REPO, rows, ISSUES.name)) == []


def test_07_the_number_of_folds_grows_with_the_logarithm_of_the_age(monkeypatch: pytest.MonkeyPatch):
    """Ten years of monthly folds."""
    monkeypatch.setattr(folding, "size_bytes", lambda lake, repo, folds: 0)
    folds: list[ManifestRow] = []
    for month in range(120):
        at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=31 * month)
        new = replace(closed_row(0), run_id=f"fold-{month}", status="folded", sequence=month)
        folds.append(replace(new, started_at=at, finished_at=at + timedelta(days=31)))
        for group in folding.aged_folds(None, REPO, folds, ISSUES.name):  # pyright: ignore[reportArgumentType]
            row = replace(folding.fold_row(group[-1].run_id, group), stream=ISSUES.name)
            folds = sorted([*(one for one in folds if one not in group), row], key=lambda one: one.sequence)
        assert len(folds) <= 4 + 2 * log2(month + 1)
    assert folds[0].started_at == datetime(2026, 1, 1, tzinfo=UTC)
    # What is younger than a fold is long stays apart from it.
    assert 3 < len(folds) < 12


@pytest.mark.usefixtures("folds_each_time")
def test_07_a_damaged_list_of_folded_runs_stops_no_refresh(
    aged_reader: Reader, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(folding, "FOLD_SPAN", timedelta(days=10_000))
    lake = copied(aged_reader, tmp_path / "copy")
    lists = [row for row in lake.manifest(REPO).rows() if row.stream == FOLDED_RUN.name]
    lake.store.put(paths.batch_key(FOLDED_RUN, REPO, lists[-1].run_id, 1), b"cut")
    before = folded_rows(lake)
    again(aged_reader, lake)
    assert folded_rows(lake) == before
    assert "for want of the list of folded runs" in caplog.text


def closed_row(number: int) -> ManifestRow:
    at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=number)
    return ManifestRow("run", "a", "b", "issues", "complete", "incremental", at, finished_at=at)


def test_07_a_run_that_was_kept_for_weeks_does_not_end_the_fold_it_joins():
    """The soak saw two folds a month and stream, since the newest full walk is kept for four weeks."""
    kept, one, other, last = map(closed_row, (0, 40, 41, 42))
    fold = folding.fold_row("fold-1", [one, other])
    joined = folding.fold_row("fold-2", [fold, kept, last])
    assert fold.started_at == joined.started_at == other.started_at
    assert joined.finished_at == last.finished_at
