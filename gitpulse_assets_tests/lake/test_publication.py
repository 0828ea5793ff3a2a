"""A merge is published whole or not at all, also when two race or one dies."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gitpulse_assets.contracts.model import TableContract
from gitpulse_assets.lake import maintenance, paths, publication
from gitpulse_assets.lake.backup import repos_of
from gitpulse_assets.lake.commit import MergedCounts
from gitpulse_assets.lake.errors import LakeError, PublicationConflict
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.lake.manifest import ManifestRow
from gitpulse_assets.lake.publication import Publication, StagedTable
from gitpulse_assets.lake.store import Store
from gitpulse_assets.repo import Repo


@pytest.fixture
def rows(thing: TableContract) -> Callable[[int], pa.Table]:
    return lambda value: pa.table({"thing_id": [value], "label": ["x"]}, thing.arrow_schema)


def staging(lake: Lake) -> list[str]:
    return [info.key for info in lake.store.list(paths.STAGING)]


def test_a_merge_is_published_whole(lake: Lake, repo: Repo, publish, values):
    assert (lake.commit("silver", repo), values(lake)) == (None, [set(), set()])
    publish(1)
    publish(2)
    commit = lake.commit("silver", repo)
    assert commit is not None
    assert values(lake) == [{2}, {2}]
    assert commit.merged == {"issues": {"run-1": 1, "run-2": 1}}
    assert {n: t.row_count for n, t in commit.tables.items()} == {"thing": 3, "other": 3}
    assert staging(lake) == []


def test_the_commit_names_what_lies_in_the_lake(lake: Lake, repo: Repo, thing, publish):
    publish(1)
    commit = lake.commit("silver", repo)
    head = lake.store.head(paths.table_key(thing, repo))
    assert commit is not None
    assert head is not None
    assert (commit.tables["thing"].etag, commit.tables["thing"].size_bytes) == (head.etag, head.size_bytes)
    stored = lake.store.get(paths.commit_key("silver", repo))
    assert stored is not None
    assert json.loads(stored.body)["tables"]["thing"]["etag"] == head.etag


def test_equal_rows_of_two_merges_have_different_etags(lake: Lake, repo: Repo, thing, publish):
    publish(1)
    before = lake.store.head(paths.table_key(thing, repo))
    publish(1)
    after = lake.store.head(paths.table_key(thing, repo))
    assert before
    assert after
    assert before.etag != after.etag


def test_parquet_names_its_merge_and_meaning(lake: Lake, repo: Repo, thing, publish):
    publish(1)
    commit = lake.commit("silver", repo)
    opened = lake.store.open(paths.table_key(thing, repo))
    assert opened
    assert commit
    metadata = pq.read_metadata(opened.file)
    assert metadata.metadata[b"gitpulse.merge_id"].decode() == commit.merge_id
    assert metadata.metadata[b"gitpulse.description"] == b"A thing."
    assert metadata.row_group(0).column(0).statistics.max == 1


def test_a_kept_table_is_named_in_the_commit(lake: Lake, repo: Repo, thing, other, rows, publish, values):
    publish(1)
    before = lake.commit("silver", repo)
    with lake.begin("silver", repo) as publication:
        staged = [publication.stage(thing, rows(2)), publication.keep(other)]
        publication.seal()
        assert [publication.promote(s) for s in staged] == [lake.uri(thing, repo), lake.uri(other, repo)]
    after = lake.commit("silver", repo)
    assert before
    assert after
    assert after.tables["other"] == before.tables["other"]
    assert [s.is_unchanged for s in staged] == [False, True]
    assert values(lake) == [{2}, {1}]


@pytest.mark.parametrize("is_rebuild", [False, True], ids=["merge", "rebuild"])
@pytest.mark.parametrize("is_finished", [True, False], ids=["promoted", "finished by the next"])
def test_a_table_that_another_step_moves_on_stays_published(
    lake: Lake, repo: Repo, thing, other, rows, publish, is_finished: bool, is_rebuild: bool
):
    """Readers of both would wait for that step, and after a crash in between for ever."""
    publish(1)
    before = lake.commit("silver", repo)
    merge = lake.begin("silver", repo)
    staged = merge.stage(thing, rows(2))
    merge.seal(is_rebuild=is_rebuild)
    if is_finished:
        merge.promote(staged)
    else:
        lake.begin("silver", repo)
    found = lake.snapshot("silver", repo, [thing, other])
    assert [set(d.to_table()["thing_id"].to_pylist()) for d in found.datasets.values()] == [{2}, {1}]
    assert found.commit
    assert before
    assert found.commit.tables["other"] == before.tables["other"]


def test_a_table_never_published_cannot_be_kept(lake: Lake, repo: Repo, thing):
    with pytest.raises(LakeError, match="not what the last merge published"):
        lake.begin("silver", repo).keep(thing)


def test_a_merge_dropped_before_its_seal_leaves_no_trace(
    lake: Lake, repo: Repo, thing, rows, publish, values
):
    publish(1)
    with lake.begin("silver", repo) as publication:
        publication.stage(thing, rows(2))
    assert (values(lake), staging(lake)) == ([{1}, {1}], [])


def test_of_two_merges_exactly_one_wins(
    open_lake: Callable[[], Lake], repo: Repo, thing, other, rows, publish, values
):
    """The two change different tables: only a common point to fight over keeps them from mixing."""
    publish(1)
    lakes = [open_lake(), open_lake()]
    merges = [lake.begin("silver", repo) for lake in lakes]
    first = [merges[0].stage(thing, rows(2)), merges[0].keep(other)]
    second = [merges[1].keep(thing), merges[1].stage(other, rows(3))]
    merges[1].seal()
    with pytest.raises(
        PublicationConflict, match=r"microsoft/\.github: another run published silver.*run it again"
    ):
        merges[0].seal()
    _promote(merges[1], second)
    with pytest.raises(LakeError):
        merges[0].promote(first[0])
    assert (values(lakes[0]), staging(lakes[0])) == ([{1}, {3}], [])


@pytest.fixture
def long_merged() -> MergedCounts:
    """More runs than fit into the last 64 KB of a commit, which a folder's ETag is made of."""
    return {"issues": {f"{number:032x}": 1 for number in range(2_000)}}


def test_of_two_merges_exactly_one_wins_when_the_commit_has_grown_long(
    lake: Lake, repo: Repo, thing, rows, long_merged: MergedCounts
):
    def publish(value: int) -> None:
        with lake.begin("silver", repo) as merge:
            staged = merge.stage(thing, rows(value))
            merge.seal(long_merged)
            merge.promote(staged)

    publish(1)
    publish(2)
    rival = lake.begin("silver", repo)
    rival.stage(thing, rows(3))
    publish(4)
    with pytest.raises(PublicationConflict):
        rival.seal(long_merged)
    assert lake.dataset(thing, repo).to_table()["thing_id"].to_pylist() == [4]


def test_a_commit_and_a_plan_of_an_older_version_are_read(
    lake: Lake, repo: Repo, thing, rows, publish, values
):
    """They began with the merge's id, and a plan carried nothing over."""
    publish(1)
    age(lake, paths.commit_key("silver", repo))
    merge = lake.begin("silver", repo)
    merge.stage(thing, rows(2))
    merge.seal()
    age(lake, paths.plan_key("silver", repo))
    lake.begin("silver", repo)
    commit = lake.commit("silver", repo)
    assert commit is not None
    assert (commit.merge_id, list(commit.tables)) == (merge.merge_id, ["thing"])
    assert values(lake)[0] == {2}


def age(lake: Lake, key: str) -> None:
    """Store a record as an older version wrote it."""
    stored = lake.store.get(key)
    assert stored is not None
    record = json.loads(stored.body)
    record.pop("carried", None)
    lake.store.put(key, json.dumps({"merge_id": record.pop("merge_id")} | record).encode())


class Interrupted:
    """A store that lets something else happen right after the first read of a plan."""

    def __init__(self, inner: Store, happening: Callable[[], None]) -> None:
        self.inner, self.happening = inner, [happening]

    def __getattr__(self, name: str):
        return getattr(self.inner, name)

    def get(self, key: str):
        found = self.inner.get(key)
        if key.endswith("_plan.json") and self.happening:
            self.happening.pop()()
        return found


def test_a_merge_sealed_while_another_begins_is_not_passed_over(
    lake: Lake, repo: Repo, thing, rows, publish, values
):
    publish(1)
    rival = lake.begin("silver", repo)
    staged = rival.stage(thing, rows(2))
    late = Lake(Interrupted(lake.store, rival.seal)).begin("silver", repo)
    late.stage(thing, rows(3))
    with pytest.raises(PublicationConflict):
        late.seal()
    rival.promote(staged)
    assert values(lake)[0] == {2}


class AnswerLost:
    """A store whose answer to a new plan never arrives, although the plan was stored."""

    def __init__(self, inner: Store, error: BaseException) -> None:
        self.inner, self.error = inner, error

    def __getattr__(self, name: str):
        return getattr(self.inner, name)

    def put(self, key: str, body: bytes, **condition: Any) -> str:
        etag = self.inner.put(key, body, **condition)
        if key.endswith("_plan.json"):
            raise self.error
        return etag


@pytest.mark.parametrize("error", [KeyboardInterrupt(), LakeError("504 Gateway Timeout")], ids=repr)
def test_a_merge_whose_seal_got_no_answer_is_finished_by_the_next(
    lake: Lake, repo: Repo, thing, other, rows, publish, values, error: BaseException
):
    publish(1)
    merge = Lake(AnswerLost(lake.store, error)).begin("silver", repo)
    for table in (thing, other):
        merge.stage(table, rows(2))
    with pytest.raises(type(error)), merge:
        merge.seal()
    lake.begin("silver", repo)
    assert (values(lake), staging(lake)) == ([{2}, {2}], [])


class NothingRemoved:
    """A store that refuses to remove what was staged."""

    def __init__(self, inner: Store) -> None:
        self.inner = inner

    def __getattr__(self, name: str):
        return getattr(self.inner, name)

    def delete_prefix(self, prefix: str) -> None:
        raise LakeError(f"{prefix}: permission denied")


def test_a_merge_that_is_committed_does_not_fail_in_its_clean_up(
    lake: Lake, repo: Repo, thing, rows, values, caplog: pytest.LogCaptureFixture
):
    merge = Lake(NothingRemoved(lake.store)).begin("silver", repo)
    staged = merge.stage(thing, rows(2))
    merge.seal()
    merge.promote(staged)
    assert values(lake)[0] == {2}
    assert "permission denied" in caplog.text


def test_two_repositories_never_meet(lake: Lake, thing, rows):
    repos = [Repo("a", "next.js"), Repo("a-b", "next")]
    merges = [lake.begin("silver", repo) for repo in repos]
    staged = [merge.stage(thing, rows(n)) for n, merge in enumerate(merges)]
    for merge, table in zip(merges, staged, strict=True):
        merge.seal()
        merge.promote(table)
    assert [lake.dataset(thing, r).to_table()["thing_id"].to_pylist() for r in repos] == [[0], [1]]
    assert lake.committed_repos("silver") == sorted(repos)


@pytest.mark.parametrize("order", [lambda key: key, lambda key: key.split("/")], ids=["AWS", "folders"])
def test_repositories_are_told_by_owner_and_name_however_a_store_lists(lake: Lake, thing, rows, order):
    """AWS lists whole keys, in which `a-b/` comes before `a/`; SeaweedFS and a folder go by folders."""
    repos, now = (
        [Repo("a", "next"), Repo("a", "next.js"), Repo("a-b", "next")],
        datetime(2026, 1, 1, tzinfo=UTC),
    )
    for repo in reversed(repos):
        lake.manifest(repo).put(ManifestRow("run-1", repo.owner, repo.name, "issues", "partial", "full", now))
        merge = lake.begin("silver", repo)
        staged = merge.stage(thing, rows(1))
        merge.seal()
        merge.promote(staged)
    listed = lake.store.list
    lake.store.list = lambda prefix: iter(sorted(listed(prefix), key=lambda info: order(info.key)))
    assert lake.committed_repos("silver") == repos
    assert lake.registered_repos() == repos
    assert repos_of(lake.store) == repos


def test_a_slow_merge_that_was_finished_by_another_run_ends_well(
    open_lake: Callable[[], Lake], repo: Repo, thing, other, rows, publish, values
):
    """Between its seal and its promotions another run finishes it and publishes its own."""
    publish(1)
    slow = open_lake().begin("silver", repo)
    staged = [slow.stage(thing, rows(2)), slow.stage(other, rows(2))]
    slow.seal()
    slow.promote(staged[0])
    publish(3)
    slow.promote(staged[1])
    assert values(open_lake()) == [{3}, {3}]
    commit = open_lake().commit("silver", repo)
    assert commit is not None
    assert commit.merge_id != slow.merge_id


def test_a_table_that_something_else_wrote_is_replaced(
    lake: Lake, repo: Repo, thing, other, rows, publish, values
):
    publish(1)
    merge = lake.begin("silver", repo)
    staged = [merge.stage(thing, rows(2)), merge.stage(other, rows(2))]
    lake.store.put(paths.table_key(thing, repo), b"PAR1 not by GitPulse")
    merge.seal()
    _promote(merge, staged)
    assert values(lake) == [{2}, {2}]


def test_runs_that_were_thinned_out_leave_the_commit(lake: Lake, repo: Repo, thing, rows):
    for number, known in ((1, None), (2, ["run-1", "run-2"]), (3, ["run-2", "run-3"])):
        merge = lake.begin("silver", repo)
        table = merge.stage(thing, rows(number))
        merge.seal({"issues": {f"run-{number}": 1}}, run_ids=known)
        merge.promote(table)
    commit = lake.commit("silver", repo)
    assert commit is not None
    assert commit.merged == {"issues": {"run-2": 1, "run-3": 1}}


def test_what_another_run_merged_further_in_between_stays_merged(lake: Lake, repo: Repo, thing, rows):
    """Batches are chosen before `begin`; counted back, they would be merged a second time."""
    for count in (5, 3):
        with lake.begin("silver", repo) as merge:
            staged = merge.stage(thing, rows(count))
            merge.seal({"issues": {"run-1": count}}, run_ids=["run-1"])
            merge.promote(staged)
    commit = lake.commit("silver", repo)
    assert commit is not None
    assert commit.merged == {"issues": {"run-1": 5}}


def test_a_rebuild_forgets_what_was_merged_before(lake: Lake, repo: Repo, thing, rows, publish):
    publish(1)
    merge = lake.begin("silver", repo)
    staged = merge.stage(thing, rows(2))
    merge.seal({"issues": {"run-2": 4}}, is_rebuild=True)
    merge.promote(staged)
    commit = lake.commit("silver", repo)
    assert commit is not None
    assert commit.merged == {"issues": {"run-2": 4}}


def test_a_merge_cannot_be_sealed_after_its_staging_may_be_swept(
    lake: Lake, repo: Repo, thing, rows, monkeypatch: pytest.MonkeyPatch
):
    merge = lake.begin("silver", repo)
    merge.stage(thing, rows(1))
    monkeypatch.setattr(publication, "MERGE_LIFETIME_SECONDS", -1)
    with pytest.raises(LakeError, match="run it again"):
        merge.seal()


def test_a_lost_staged_table_is_told_with_the_way_out(lake: Lake, repo: Repo, thing, rows):
    merge = lake.begin("silver", repo)
    merge.stage(thing, rows(1))
    merge.seal()
    lake.store.delete_prefix(paths.STAGING)
    with pytest.raises(LakeError, match=r"_plan\.json: .* is gone; run gitpulse repair"):
        lake.begin("silver", repo)


def test_a_commit_that_is_no_commit_is_refused(lake: Lake, repo: Repo):
    lake.store.put(paths.commit_key("silver", repo), b"{}")
    with pytest.raises(LakeError, match="not a commit of GitPulse"):
        lake.commit("silver", repo)


def test_the_scratch_of_killed_runs_is_removed(lake: Lake):
    left = lake.store.scratch_folder / "left-over.parquet"
    left.write_bytes(b"half")
    lake.clean_up()
    assert left.exists()
    lake.clean_up(older_than=timedelta(seconds=-60))
    assert not left.exists()


def test_a_clean_up_finishes_the_sealed_and_removes_the_dead(
    open_lake: Callable[[], Lake], repo: Repo, thing, other, rows, publish, values
):
    publish(1)
    lake = open_lake()
    dead = lake.begin("silver", repo)
    dead.stage(thing, rows(2))
    sealed = lake.begin("silver", repo)
    sealed.stage(thing, rows(3))
    sealed.stage(other, rows(3))
    sealed.seal()
    assert maintenance.clean_up(lake.store).object_count == 0
    assert (values(lake), len(staging(lake))) == ([{3}, {3}], 1)
    cleaned = lake.clean_up(older_than=timedelta(seconds=-60))
    assert (cleaned.object_count, staging(lake)) == (1, [])


def test_a_clean_up_says_what_it_finished(lake: Lake, repo: Repo, thing, rows):
    merge = lake.begin("silver", repo)
    merge.stage(thing, rows(3))
    merge.seal()
    assert lake.clean_up().finished == (("silver", repo),)
    assert lake.clean_up().finished == ()


@pytest.mark.parametrize("damage", ["plan", "commit"])
def test_one_publication_in_trouble_stops_no_other_and_keeps_its_staging(
    lake: Lake, repo: Repo, thing, rows, damage: str
):
    broken = Repo("a", "broken")
    for name in (broken, repo):
        merge = lake.begin("silver", name)
        merge.stage(thing, rows(3))
        merge.seal()
    key = paths.plan_key if damage == "plan" else paths.commit_key
    lake.store.put(key("silver", broken), b"{}")
    cleaned = lake.clean_up(older_than=timedelta(seconds=-60))
    assert cleaned.finished == (("silver", repo),)
    (trouble,) = cleaned.troubles
    assert f"not a {damage} of GitPulse" in trouble
    assert len(staging(lake)) == 1


def test_the_dead_are_removed_beside_a_publication_in_trouble(lake: Lake, repo: Repo, thing, rows):
    lost = lake.begin("silver", Repo("a", "broken"))
    lost.stage(thing, rows(1))
    lost.seal()
    lake.store.delete_prefix(paths.STAGING)
    lake.begin("silver", repo).stage(thing, rows(2))
    cleaned = lake.clean_up(older_than=timedelta(seconds=-60))
    assert (cleaned.object_count, staging(lake)) == (1, [])
    assert "; run gitpulse repair " in cleaned.troubles[0]


def _promote(merge: Publication, staged: list[StagedTable]) -> None:
    for table in staged:
        merge.promote(table)
