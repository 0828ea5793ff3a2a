"""Batches and the manifest: what counts, what goes on, what was not merged yet."""

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest

from gitpulse_assets.catalog.subjects import BRONZE
from gitpulse_assets.contracts.bronze import DEPARTURE, ISSUE_TIMELINE, ISSUES, MANIFEST
from gitpulse_assets.contracts.model import TableContract
from gitpulse_assets.lake import paths
from gitpulse_assets.lake.dataset import open_table
from gitpulse_assets.lake.duck import connect
from gitpulse_assets.lake.errors import LakeError, ObjectDamaged
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.lake.manifest import ManifestRow, resumable_run, unmerged_batches
from gitpulse_assets.repo import Repo

NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


def run(repo: Repo, run_id: str, status: Any = "running", **values: Any) -> ManifestRow:
    finished_at = NOW if status == "complete" else None
    row = ManifestRow(run_id, repo.owner, repo.name, "issues", status, "full", NOW, finished_at=finished_at)
    return replace(row, **values)


def issues(repo: Repo, run_id: str, *pages: int) -> pa.Table:
    records = [
        {
            "run_id": run_id, "repo_owner": repo.owner, "repo_name": repo.name, "page_number": page,
            "record_number": 1, "fetched_at": NOW, "payload_json": '{"body": "é\\u0000"}',
        }
        for page in pages
    ]  # fmt: skip
    return pa.Table.from_pylist(records, schema=ISSUES.arrow_schema)


def test_rows_come_back_as_they_were_put(lake: Lake, repo: Repo):
    row = run(
        repo, "r1", next_url="https://x/?page=2", batch_count=3, since=NOW, etag='W/"1"', is_capped=True
    )
    assert lake.manifest(repo).put(row) == replace(row, sequence=1)
    assert lake.manifest(repo).rows() == [replace(row, sequence=1)]
    assert lake.manifest(repo).row("r1", "issues") == replace(row, sequence=1)
    assert lake.manifest(repo).row("r1", "repository") is None


def test_a_row_is_replaced_and_keeps_its_sequence(lake: Lake, repo: Repo):
    manifest = lake.manifest(repo)
    first = manifest.put(run(repo, "r1"))
    manifest.put(run(repo, "r2"))
    manifest.put(replace(first, status="failed", error="the network is down", sequence=99))
    assert [(r.run_id, r.sequence, r.status) for r in manifest.rows()] == [
        ("r1", 1, "failed"),
        ("r2", 2, "running"),
    ]


@pytest.mark.parametrize(
    "cut", [{"next_url": "https://x/?page=2"}, {"is_capped": True}, {"finished_at": None}], ids=str
)
def test_a_walk_cut_short_is_never_complete(lake: Lake, repo: Repo, cut: dict[str, Any]):
    """Case 4: a page limit, a cap or an error."""
    with pytest.raises(LakeError, match="a walk that was cut short cannot be complete"):
        lake.manifest(repo).put(run(repo, "r1", "complete", **cut))
    assert lake.manifest(repo).rows() == []


def test_a_row_of_another_repository_is_refused(lake: Lake, repo: Repo):
    with pytest.raises(LakeError, match="the row belongs to a/b"):
        lake.manifest(repo).put(run(Repo("a", "b"), "r1"))


def test_case_18_rows_put_at_once_are_all_kept(open_lake: Callable[[], Lake], repo: Repo):
    """Two runs of one repository register, and none forgets the other."""
    threads = [
        threading.Thread(target=open_lake().manifest(repo).put, args=(run(repo, f"r{n}"),)) for n in range(5)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rows = open_lake().manifest(repo).rows()
    assert {r.run_id for r in rows} == {f"r{n}" for n in range(5)}
    assert [r.sequence for r in rows] == [1, 2, 3, 4, 5]


def test_the_manifest_is_a_table_like_any_other(lake: Lake, repo: Repo):
    lake.manifest(repo).put(run(repo, "r1"))
    assert lake.dataset(MANIFEST, repo).to_table()["run_id"].to_pylist() == ["r1"]
    assert open_table(lake.store, MANIFEST, repo).opened is not None


def test_case_15_a_manifest_without_newer_columns_is_read(
    lake: Lake, repo: Repo, monkeypatch: pytest.MonkeyPatch
):
    older = replace(MANIFEST, columns=tuple(c for c in MANIFEST.columns if c.name not in {"etag", "error"}))
    with monkeypatch.context() as patch:
        patch.setattr("gitpulse_assets.lake.manifest.MANIFEST", older)
        lake.manifest(repo).put(run(repo, "r1"))
    assert lake.manifest(repo).rows() == [run(repo, "r1", sequence=1)]


def test_removed_runs_no_longer_count(lake: Lake, repo: Repo):
    manifest = lake.manifest(repo)
    for name in ("r1", "r2"):
        manifest.put(run(repo, name))
    manifest.remove([("r1", "issues"), ("r2", "repository")])
    assert [r.run_id for r in manifest.rows()] == ["r2"]
    assert manifest.put(run(repo, "r3")).sequence == 3


NEXT = {"next_url": "https://x/?page=2"}


@pytest.mark.parametrize(
    ("runs", "expected"),
    [
        ([], None),
        ([("a", "complete", {})], None),
        ([("a", "partial", NEXT)], "a"),
        ([("a", "running", NEXT)], "a"),
        ([("a", "running", {})], None),
        ([("a", "partial", NEXT), ("b", "partial", NEXT)], "b"),
        ([("a", "partial", NEXT), ("b", "complete", {})], None),
        ([("a", "partial", NEXT), ("b", "failed", {})], "a"),
        ([("a", "complete", {}), ("b", "running", NEXT)], "b"),
        ([("a", "partial", NEXT), ("b", "complete", {"walk_kind": "unchanged"})], "a"),
        ([("a", "partial", NEXT), ("b", "complete", {"stream": "repository"})], "a"),
    ],
)
def test_the_run_to_go_on_with(repo: Repo, runs, expected: str | None):
    rows = [run(repo, name, status, sequence=n, **more) for n, (name, status, more) in enumerate(runs)]
    found = resumable_run(reversed(rows), "issues")
    assert (found.run_id if found else None) == expected


def test_case_03_batches_not_merged_before(repo: Repo):
    """Every run since the last merge, in the order they registered."""
    rows = [
        run(repo, "b", "complete", sequence=2, batch_count=3),
        run(repo, "a", "partial", sequence=1, batch_count=2),
        run(repo, "c", sequence=3, batch_count=0),
        run(repo, "d", sequence=4, batch_count=9, stream="departure"),
    ]
    assert unmerged_batches(rows, "issues", {}) == [("a", range(1, 3)), ("b", range(1, 4))]
    assert unmerged_batches(rows, "issues", {"a": 2, "b": 1}) == [("b", range(2, 4))]
    assert unmerged_batches(rows, "issues", {"a": 2, "b": 3, "gone": 7}) == []


def test_a_batch_counts_once_the_manifest_says_so(lake: Lake, repo: Repo):
    row = lake.manifest(repo).put(run(repo, "r1"))
    writer = lake.batch_writer(ISSUES, repo, "r1")
    assert [writer.write(issues(repo, "r1", 1, 2)), writer.write(issues(repo, "r1", 3))] == [1, 2]
    lake.manifest(repo).put(replace(row, batch_count=1))
    batches = unmerged_batches(lake.manifest(repo).rows(), "issues", {})
    found = lake.bronze_dataset(ISSUES, repo, batches).to_table()
    assert found["page_number"].to_pylist() == [1, 2]
    assert found["payload_json"].to_pylist() == ['{"body": "é\\u0000"}'] * 2
    assert found.schema == ISSUES.arrow_schema


def test_a_retried_step_writes_over_what_does_not_count(lake: Lake, repo: Repo):
    row = lake.manifest(repo).put(run(repo, "r1"))
    lake.batch_writer(ISSUES, repo, "r1").write(issues(repo, "r1", 1))
    lake.manifest(repo).put(replace(row, batch_count=1))
    lake.batch_writer(ISSUES, repo, "r1").write(issues(repo, "r1", 2))
    assert lake.batch_writer(ISSUES, repo, "r1").write(issues(repo, "r1", 3)) == 2
    found = lake.bronze_dataset(ISSUES, repo, [("r1", range(1, 3))]).to_table()
    assert found["page_number"].to_pylist() == [1, 3]


def test_batches_of_several_runs_and_contracts_read_as_one(lake: Lake, repo: Repo):
    older = replace(ISSUES, columns=tuple(c for c in ISSUES.columns if c.name != "issue_updated_at"))
    lake.batch_writer(older, repo, "r1").write(issues(repo, "r1", 1).select(older.column_names))
    lake.batch_writer(ISSUES, repo, "r2").write(issues(repo, "r2", 2))
    found = lake.bronze_dataset(ISSUES, repo, [("r1", [1]), ("r2", [1])]).to_table()
    assert found.select(["run_id", "issue_updated_at"]).to_pylist() == [
        {"run_id": "r1", "issue_updated_at": None},
        {"run_id": "r2", "issue_updated_at": None},
    ]


def test_no_batches_are_an_empty_dataset(lake: Lake, repo: Repo):
    found = lake.bronze_dataset(ISSUES, repo, [("r1", range(1, 1))])
    assert (found.count_rows(), found.schema) == (0, ISSUES.arrow_schema)


def test_a_counted_batch_that_is_gone_is_told(lake: Lake, repo: Repo):
    with pytest.raises(ObjectDamaged, match="the manifest counts this batch, but it is gone"):
        lake.bronze_dataset(ISSUES, repo, [("r1", [1])])


@pytest.mark.parametrize("run_id", ["", "../r1", "a/b", "a=b", "-x"])
def test_a_run_id_that_is_no_folder_name_is_refused(lake: Lake, repo: Repo, run_id: str):
    with pytest.raises(LakeError, match="cannot name a run"):
        lake.batch_writer(ISSUES, repo, run_id)


@pytest.mark.parametrize("contract", BRONZE, ids=lambda c: c.name)
def test_contracts_are_whole(contract):
    known = set(contract.column_names)
    assert known >= {*contract.key, *contract.order_by, *contract.sample, "run_id", "repo_owner", "repo_name"}
    assert all(c.description.endswith(".") for c in contract.columns)


BROKEN = [
    (ISSUES, {"page_number": 0, "record_number": 1}, "place_counts_from_1"),
    (ISSUE_TIMELINE, {"source": "graphql v5"}, "source_is_known"),
    (DEPARTURE, {"kind": "closed"}, "kind_is_known"),
    (MANIFEST, {"status": "done"}, "status_is_known"),
    (MANIFEST, {"status": "complete", "is_capped": True, "finished_at": NOW}, "cut_short_is_not_complete"),
    (MANIFEST, {"status": "complete", "is_capped": False}, "cut_short_is_not_complete"),
    (MANIFEST, {"status": "complete", "is_capped": False, "finished_at": NOW}, None),
    (MANIFEST, {"status": "partial", "is_capped": True}, None),
]


@pytest.mark.parametrize(("contract", "record", "expected"), BROKEN)
def test_rules_find_the_rows_that_break_them(contract: TableContract, record, expected: str | None):
    con = connect()
    con.register("rows", pa.Table.from_pylist([record], schema=contract.arrow_schema))
    broken = [
        r.name for r in contract.rules if con.execute(f"select 1 from rows where {r.broken_when}").fetchall()
    ]
    assert broken == ([expected] if expected else [])


def test_uri_of_a_bronze_table_is_its_folder_of_runs(lake: Lake, repo: Repo):
    assert lake.uri(ISSUES, repo).endswith("bronze/github/issues/repo_owner=microsoft/repo_name=.github")
    assert lake.uri(MANIFEST, repo).endswith(paths.table_key(MANIFEST, repo))
