"""How large a merge is, before anything of it is read."""

import datetime as dt

from gitpulse_assets.lake.commit import Commit, CommittedTable
from gitpulse_assets.lake.manifest import ManifestRow
from gitpulse_assets.pipeline.merge import row_count
from gitpulse_assets.repo import Repo

NOON = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)


def received(run_id: str, batch_count: int, record_count: int) -> ManifestRow:
    return ManifestRow.of(
        Repo("o", "r"),
        run_id=run_id,
        stream="issues",
        status="partial",
        walk_kind="full",
        started_at=NOON,
        batch_count=batch_count,
        record_count=record_count,
    )


def test_a_merge_reads_what_is_published_and_the_runs_that_are_not_merged_whole():
    rows = [received("whole", 2, 200), received("half", 3, 30), received("new", 1, 4)]
    table = CommittedTable("etag", 1_000, 1, "contract")
    merged = {"issues": {"whole": 2, "half": 1}}
    before = Commit(tables={"a": table, "b": table}, merged=merged, made=NOON, merge_id="m")
    assert row_count(before, rows) == 2_034
    assert row_count(None, rows) == 234
