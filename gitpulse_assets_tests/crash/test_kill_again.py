"""kill -9 anywhere in an incremental refresh, also tried again under its own id as by Dagster (case 17)."""

import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from gitpulse_assets.contracts.silver import CONTROL_TOTAL, ISSUE_CURRENT
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.lake.s3_options import S3Options
from gitpulse_assets.sandbox.history import generate
from gitpulse_assets.sandbox.plan import HistoryPlan
from gitpulse_assets.sandbox.server import Sandbox, serve
from gitpulse_assets_tests.crash.conftest import Tables, differences, rows_of, tables_of
from gitpulse_assets_tests.crash.pipeline import REPO, Fuse, Place, die_at, refresh

POINTS = 30


@contextmanager
def sandbox_of_two() -> Iterator[Sandbox]:
    """Three pages of the repository, and another that an issue can move to."""
    plan = HistoryPlan(REPO.key, seed=7, issue_count=170, day_count=100, body_bytes_mean=10)
    world = generate([plan])
    world.add_repository("acme/other")
    with serve(world) as running:
        yield running


def change(sandbox: Sandbox) -> None:
    """A day later one issue was opened, one closed, one deleted and one transferred."""
    world = sandbox.world
    world.advance(seconds=86400)
    acts = world.acts_on(REPO.key)
    still_open = [issue for issue in acts.repository.issues.values() if is_open_issue(issue)]
    acts.open(world.clock, None, "News")
    acts.close(still_open[0], world.clock, None)
    acts.delete(still_open[1], world.clock)
    acts.transfer(still_open[2], world.clock, None, world.acts_on("acme/other"))
    world.advance(seconds=3600)


def is_open_issue(issue) -> bool:
    return issue.state == "open" and not issue.is_pull_request


def our_open_count(place: Place) -> int:
    rows = place.open().dataset(ISSUE_CURRENT, REPO).to_table().to_pylist()
    return sum(is_present_and_open(row) for row in rows)


def is_present_and_open(row) -> bool:
    return row["state"] == "open" and row["departed_at"] is None and not row["is_pull_request"]


def overruled_count(lake: Lake) -> str:
    """The count after the second run's first walk, which shows neither what was deleted nor transferred.

    GitHub contradicts it, so the run walks the whole list and writes its second count over the first.
    """
    row = max(rows_of(lake, CONTROL_TOTAL), key=lambda row: row["fetched_at"])
    return str(row | {name: row[name] + 2 for name in ("our_count", "repository_difference")})


@pytest.fixture(scope="module")
def second_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Tables, str, int]:
    """What the second of two undisturbed refreshes gives, the count that it wrote over, and its points."""
    with sandbox_of_two() as sandbox:
        place = Place(str(tmp_path_factory.mktemp("two-runs")), S3Options(), sandbox.base_url)
        refresh(place, "run-1")
        change(sandbox)
        fuse = Fuse()
        refresh(place, "run-2", fuse)
        return tables_of(place.open()), overruled_count(place.open()), fuse.count


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """One for each test: it changes in between."""
    with sandbox_of_two() as running:
        yield running


@pytest.mark.slow
@pytest.mark.parametrize("number", range(POINTS))
def test_case_17_kill_9_in_an_incremental_refresh(
    place: Place, second_run: tuple[Tables, str, int], sandbox: Sandbox, fork, number: int
):
    tables, overruled, point_count = second_run
    refresh(place, "run-1")
    change(sandbox)
    process = fork(die_at, place, "run-2", 1 + number * (point_count - 1) // (POINTS - 1))
    process.join()
    assert process.exitcode == -signal.SIGKILL
    is_same_run = number % 4 == 0
    refresh(place, "run-2" if is_same_run else "run-3")
    found = differences(tables_of(place.open()), tables)
    # Another run has a count of its own, so that of one killed before its second walk stays, as it was then.
    gone, added = found.pop("control_total", (Counter(), Counter()))
    assert (gone, found) == (Counter(), {})
    assert set(added) <= (set() if is_same_run else {overruled})
    truth = sandbox.world.acts_on(REPO.key).repository.open_count(is_pull_request=False)
    assert our_open_count(place) == truth
