"""Maintenance by the whole product on either store: it thins out, and keeps what a rebuild rests on."""

from collections.abc import Iterator

import pytest

from gitpulse_assets.automation.maintain import maintained
from gitpulse_assets.contracts.bronze import DEPARTURE, ISSUE_PAGE, ISSUE_TIMELINE, ISSUES
from gitpulse_assets.contracts.model import TableContract
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.lake.manifest import ManifestRow
from gitpulse_assets.sandbox.server import Sandbox
from gitpulse_assets_tests.crash.conftest import PUBLISHED
from gitpulse_assets_tests.crash.pipeline import REPO, Place, Run, refresh
from gitpulse_assets_tests.integration.conftest import open_issues

RETENTION_DAYS = 90


@pytest.fixture
def kept_long(place: Place, sandbox: Sandbox, change) -> Place:
    """Two increments after a full walk, and a hundred days later a full one that misses two issues."""
    refresh(place, "run-0")
    for number in (1, 2):
        change()
        refresh(place, f"run-{number}")
    world, acts = sandbox.world, sandbox.world.acts_on(REPO.key)
    deleted, moved = open_issues(sandbox)[2:4]
    acts.delete(deleted, world.clock)
    acts.transfer(moved, world.clock, None, None)
    world.advance(seconds=100 * 86_400)
    change()
    run = Run(place, "run-3")
    run.extract(is_full=True)
    run.merge()
    return place


def maintain(lake: Lake) -> list[str]:
    troubles: list[str] = []
    done = list(maintained(lake, RETENTION_DAYS, troubles))
    assert troubles == []
    return done


def received(lake: Lake, table: TableContract, row: ManifestRow, count: int) -> list[dict[str, object]]:
    return lake.bronze_dataset(table, REPO, [(row.run_id, range(1, count + 1))]).to_table().to_pylist()


def rested_on(lake: Lake) -> Iterator[tuple[str, str, list[dict[str, object]]]]:
    """Every lifecycle answer and departure, and the newest complete walk whole, by stream and run."""
    for row in lake.manifest(REPO).rows():
        for table in (ISSUE_TIMELINE, DEPARTURE):
            if row.stream == table.name:
                answers = received(lake, table, row, row.batch_count)
                if answers:
                    yield row.stream, row.run_id, answers
        if (row.stream, row.run_id) == (ISSUES.name, "run-3"):
            assert (row.walk_kind, row.status) == ("full", "complete")
            yield row.stream, row.run_id, received(lake, ISSUES, row, row.batch_count)
            yield row.stream, row.run_id, received(lake, ISSUE_PAGE, row, row.page_batch_count)


@pytest.mark.slow
def test_maintenance_keeps_what_a_rebuild_rests_on(kept_long: Place):
    lake = kept_long.open()
    before = {table.name: lake.dataset(table, REPO).to_table() for table in PUBLISHED}
    kept = list(rested_on(lake))
    assert {stream for stream, _, _ in kept} == {ISSUES.name, ISSUE_TIMELINE.name, DEPARTURE.name}
    (thinned,) = maintain(lake)
    assert thinned.startswith(f"{REPO}: of runs older than {RETENTION_DAYS} days went ")
    assert list(rested_on(lake)) == kept
    Run(kept_long, "run-4").merge(is_rebuild=True)
    assert [
        table.name
        for table in PUBLISHED
        if not lake.dataset(table, REPO).to_table().equals(before[table.name])
    ] == []
    assert maintain(lake) == []
