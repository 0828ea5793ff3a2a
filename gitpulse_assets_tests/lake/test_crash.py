"""A crash between any two writes: the next run finds the old tables or the new ones, never half (case 17)."""

import os
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count

import pyarrow as pa
import pytest

from gitpulse_assets.contracts.bronze import ISSUES
from gitpulse_assets.contracts.model import TableContract
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.lake.manifest import ManifestRow, resumable_run, unmerged_batches
from gitpulse_assets.repo import Repo

WRITES = {"put", "move", "delete", "delete_prefix"}
NOW = datetime(2026, 1, 1, tzinfo=UTC)
PAGES = 4
# Moments of a killing, in milliseconds after the process began to work; a few in the default run.
MOMENTS = [pytest.param(n, marks=() if n % 36 == 24 else pytest.mark.slow) for n in range(120)]


class Crash(BaseException):
    """Not an Exception: no handler on the way may take it for an error."""


class CrashingStore:
    """A store whose process dies before, or right after, its n-th write."""

    def __init__(self, inner, writes_left: int, *, is_after: bool = False) -> None:
        self.inner, self.writes_left, self.is_after = inner, writes_left, is_after

    def __getattr__(self, name: str):
        method = getattr(self.inner, name)
        return self._counted(method) if name in WRITES else method

    def _counted(self, method):
        def call(*args, **kwargs):
            self.writes_left -= 1
            if self.writes_left == 0 and not self.is_after:
                raise Crash
            result = method(*args, **kwargs)
            if self.writes_left == 0:
                raise Crash
            return result

        return call


@pytest.fixture
def merge(repo: Repo, thing: TableContract, other: TableContract) -> Callable[[Lake, int], None]:
    def merge(lake: Lake, value: int) -> None:
        rows = pa.table({"thing_id": [value], "label": ["x"]}, thing.arrow_schema)
        publication = lake.begin("silver", repo)
        staged = [publication.stage(contract, rows) for contract in (thing, other)]
        publication.seal({"issues": {f"run-{value}": value}})
        for table in staged:
            publication.promote(table)

    return merge


def dies(work: Callable[..., None], *args: object) -> bool:
    try:
        work(*args)
    except Crash:
        return True
    return False


@pytest.mark.parametrize("is_after", [False, True], ids=["before the write", "after the write"])
def test_case_17_a_merge_that_died_between_tables_is_whole_or_absent(
    open_lake, repo: Repo, merge, values, is_after: bool
):
    lake, point, is_dead = open_lake(), 0, True
    while is_dead:
        point += 1
        is_dead = dies(merge, Lake(CrashingStore(lake.store, point, is_after=is_after)), point)
        lake.begin("silver", repo)
        commit = lake.commit("silver", repo)
        merged = commit.merged["issues"].values() if commit else ()
        assert values(lake) == [{max(merged)} if merged else set()] * 2
    # Two tables staged, the plan, two promoted, the commit, the staging removed; then it gets through.
    assert (point, max(merged)) == (8, 8)


def test_whoever_dies_while_finishing_anothers_merge_is_finished_too(lake: Lake, repo: Repo, merge, values):
    """A crash in the roll-forward itself, at every one of its writes."""
    for point in range(1, 6):
        assert dies(merge, Lake(CrashingStore(lake.store, 4)), point)
        is_dead = dies(Lake(CrashingStore(lake.store, point)).begin, "silver", repo)
        assert is_dead == (point < 5)
        lake.begin("silver", repo)
        assert values(lake) == [{point}, {point}]


def sync(lake: Lake, repo: Repo, run_id: str) -> None:
    """A walk of some pages, one batch each, that goes on where the run before was cut short."""
    manifest = lake.manifest(repo)
    old = resumable_run(manifest.rows(), "issues")
    page = int(old.next_url or 1) if old else 1
    row = manifest.put(
        ManifestRow(
            run_id, repo.owner, repo.name, "issues", "running", "full", NOW, next_url=str(page),
            resumed_run_id=old.run_id if old else None,
        )
    )  # fmt: skip
    writer = lake.batch_writer(ISSUES, repo, run_id)
    for number in range(page, PAGES + 1):
        batch_count = writer.write(issue_page(repo, run_id, number))
        row = manifest.put(replace(row, batch_count=batch_count, next_url=str(number + 1)))
    manifest.put(replace(row, status="complete", next_url=None, finished_at=NOW))


def issue_page(repo: Repo, run_id: str, number: int) -> pa.Table:
    record = {
        "run_id": run_id, "repo_owner": repo.owner, "repo_name": repo.name, "page_number": number,
        "record_number": 1, "fetched_at": NOW, "issue_id": number, "payload_json": "{}",
    }  # fmt: skip
    return pa.Table.from_pylist([record], schema=ISSUES.arrow_schema)


def finish(lake: Lake, repo: Repo) -> bool:
    """Go on with a walk that was cut short; says whether it had begun."""
    row = lake.manifest(repo).row("run-1", "issues")
    if row is None or row.status != "complete":
        sync(lake, repo, "run-2")
    return row is not None


def received(lake: Lake, repo: Repo) -> list[int]:
    batches = unmerged_batches(lake.manifest(repo).rows(), "issues", {})
    return lake.bronze_dataset(ISSUES, repo, batches).to_table()["page_number"].to_pylist()


@pytest.mark.parametrize("is_after", [False, True], ids=["before the write", "after the write"])
def test_a_walk_that_died_goes_on_and_nothing_is_lost_or_doubled(lake: Lake, is_after: bool):
    point, is_dead = 0, True
    while is_dead:
        point += 1
        repo = Repo("a", f"walk-{point}")
        is_dead = dies(sync, Lake(CrashingStore(lake.store, point, is_after=is_after)), repo, "run-1")
        finish(lake, repo)
        assert received(lake, repo) == list(range(1, PAGES + 1))
    # Registered, a batch and a row a page, complete.
    assert point == 1 + 2 * PAGES + 1 + 1


def kill_at_work(open_lake: Callable[[], Lake], work: Callable[[Lake], None], after_seconds: float) -> None:
    """Fork a process that works, and kill -9 it; the operating system frees its locks."""
    ready, is_ready = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            lake = open_lake()
            os.write(is_ready, b"1")
            work(lake)
        finally:
            os._exit(1)
    os.read(ready, 1)
    time.sleep(after_seconds)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    os.close(ready)
    os.close(is_ready)
    assert os.WIFSIGNALED(status)


@pytest.mark.parametrize("after_ms", MOMENTS)
def test_kill_9_of_a_merge(open_lake, repo: Repo, merge, values, after_ms: int):
    def work(lake: Lake) -> None:
        for value in range(1, 100_000):
            merge(lake, value)

    kill_at_work(open_lake, work, after_ms / 1000)
    lake = open_lake()
    lake.begin("silver", repo)
    commit = lake.commit("silver", repo)
    merged = commit.merged["issues"] if commit else {}
    assert sorted(merged.values()) == list(range(1, len(merged) + 1))
    assert values(lake) == [{len(merged)} - {0}] * 2
    merge(lake, 100_000)
    assert values(lake) == [{100_000}] * 2


@pytest.mark.parametrize("after_ms", MOMENTS)
def test_kill_9_of_a_walk(open_lake, after_ms: int):
    def work(lake: Lake) -> None:
        for number in range(100_000):
            sync(lake, Repo("a", f"walk-{number}"), "run-1")

    kill_at_work(open_lake, work, after_ms / 1000)
    lake = open_lake()
    for number in count():
        repo = Repo("a", f"walk-{number}")
        had_begun = finish(lake, repo)
        assert received(lake, repo) == list(range(1, PAGES + 1))
        if not had_begun:
            break
