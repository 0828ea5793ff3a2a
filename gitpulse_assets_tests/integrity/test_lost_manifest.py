"""Case 1: a lost manifest takes nothing with it: two witnesses before a removal, and it is made again."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from gitpulse_assets.catalog.subjects import SILVER_TABLES as SILVER
from gitpulse_assets.contracts.bronze import ISSUES, MANIFEST
from gitpulse_assets.lake import paths
from gitpulse_assets.lake.errors import LakeError, ObjectDamaged
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets_tests.crash.pipeline import REPO, Run
from gitpulse_assets_tests.history.rebuilding import differences
from gitpulse_assets_tests.integrity.conftest import Made, tables_of

KEY = paths.table_key(MANIFEST, REPO)
AT_ONCE = timedelta(0)


def lose(lake: Lake) -> None:
    lake.store.delete(KEY)


def batches(lake: Lake) -> set[str]:
    return {info.key for info in lake.store.list("bronze/") if "/run_id=" in info.key}


def test_01_a_refresh_begins_no_new_one(folder_lake: Lake, run_on: Callable[[Lake, str], Run]):
    lose(folder_lake)
    with pytest.raises(LakeError, match=r"gone, although silver .*; run gitpulse repair acme/rocket"):
        run_on(folder_lake, "run-3").extract()
    assert folder_lake.store.head(KEY) is None


def test_01_one_begun_anew_lets_nothing_be_removed(folder_lake: Lake):
    """As a version before this one left it: the manifest counts one new run, the commit none of the old."""
    before = batches(folder_lake)
    rows = folder_lake.manifest(REPO).rows()
    kept = [row for row in rows if row.run_id == "run-2"]
    folder_lake.manifest(REPO).remake(kept)
    folder_lake.clean_up_runs(REPO, AT_ONCE)
    assert batches(folder_lake) == before
    commit = folder_lake.commit("silver", REPO)
    assert commit is not None
    assert "run-1" in commit.merged[ISSUES.name]


def test_01_what_silver_names_stays_where_the_commit_forgot_it(folder_lake: Lake):
    before = {key for key in batches(folder_lake) if "/github/issues/" in key}
    rows = folder_lake.manifest(REPO).rows()
    folder_lake.manifest(REPO).remake([row for row in rows if row.run_id == "run-2"])
    with folder_lake.begin("silver", REPO) as merge:
        commit = merge.previous
        assert commit is not None
        kept = [merge.keep(table) for table in SILVER if table.name in commit.tables]
        merge.seal(run_ids=["run-2"])
        for table in kept:
            merge.promote(table)
    folder_lake.clean_up_runs(REPO, AT_ONCE)
    assert before <= batches(folder_lake)


def test_01_an_unreadable_witness_lets_nothing_be_removed(folder_lake: Lake):
    before = batches(folder_lake)
    folder_lake.manifest(REPO).remake([])
    folder_lake.store.put(paths.commit_key("silver", REPO), b"{")
    with pytest.raises(ObjectDamaged, match="not a commit of GitPulse"):
        folder_lake.clean_up_runs(REPO, AT_ONCE)
    assert batches(folder_lake) == before


def test_01_what_nothing_speaks_for_is_removed_still(folder_lake: Lake):
    before = batches(folder_lake)
    source = Path(folder_lake.store.uri(next(key for key in before if "/github/issues/" in key)))
    key = paths.batch_key(ISSUES, REPO, "run-dead", 1)
    folder_lake.store.put(key, source.read_bytes())
    assert folder_lake.clean_up_runs(REPO, AT_ONCE).object_count == 1
    assert batches(folder_lake) == before


def test_01_it_is_made_again_and_the_next_refresh_goes_on(
    made: Made, folder_lake: Lake, run_on: Callable[[Lake, str], Run]
):
    known = {(r.stream, r.run_id): r for r in folder_lake.manifest(REPO).rows()}
    lose(folder_lake)
    found = folder_lake.examine(REPO)
    assert [one.kind for one in found] == ["manifest"]
    assert not folder_lake.mend(REPO, found)
    rows = folder_lake.manifest(REPO).rows()
    counts = {(r.stream, r.run_id): r.batch_count for r in rows if r.batch_count}
    assert counts == {place: r.batch_count for place, r in known.items() if r.batch_count}
    assert differences(folder_lake, REPO) == {}
    run = run_on(folder_lake, "run-3")
    run.extract()
    run.merge()
    assert tables_of(folder_lake)["issue_transitions"] == made.tables["issue_transitions"]
    assert folder_lake.examine(REPO) == []


def test_01_a_rebuild_refuses_to_publish_less_than_stands(
    made: Made, folder_lake: Lake, run_on: Callable[[Lake, str], Run]
):
    rows = folder_lake.manifest(REPO).rows()
    folder_lake.manifest(REPO).remake([replace(r, batch_count=0) if r.run_id == "run-1" else r for r in rows])
    told = r"less than stands: .* of 94 rows of issue_current.*gitpulse rebuild acme/rocket --accept-loss"
    with pytest.raises(LakeError, match=told):
        run_on(folder_lake, "run-3").merge_silver(is_rebuild=True)
    assert tables_of(folder_lake) == made.tables
    run_on(folder_lake, "run-3").merge_silver(is_rebuild=True, accepts_loss=True)
    assert sum(tables_of(folder_lake)["issue_current"].values()) < 60


def test_01_it_is_made_again_over_folds(
    folder_lake: Lake, run_on: Callable[[Lake, str], Run], monkeypatch: pytest.MonkeyPatch
):
    """The batches of a fold hold several runs' records, and its list names them."""
    for name, least in (("CLOSED_ROWS", 1), ("RUNS_KEPT", 1)):
        monkeypatch.setattr(f"gitpulse_assets.upkeep.folding.{name}", least)
    run = run_on(folder_lake, "run-3")
    run.extract(is_full=True)
    run.merge()
    assert any(row.status == "folded" for row in folder_lake.manifest(REPO).rows())
    assert folder_lake.examine(REPO) == []
    before = tables_of(folder_lake)
    lose(folder_lake)
    assert not folder_lake.mend(REPO, folder_lake.examine(REPO))
    assert differences(folder_lake, REPO) == {}
    assert tables_of(folder_lake) == before
