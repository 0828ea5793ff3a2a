"""What a refresh costs by its age, and that `make soak` plays and can fail: it is nobody's daily command."""

from dataclasses import asdict, replace
from pathlib import Path

import pytest

from bench.soak import (
    FLAT,
    GROWTH_MAX,
    REFRESHES_A_MONTH,
    Month,
    MovedStore,
    Soak,
    aged,
    moved_clock,
    troubles,
)
from gitpulse_assets.lake.folder_store import FolderStore
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.lake.store import OpenObject

# Every reading, and every write, which first compares; 43 readings beside 12 writes before runs were folded.
LOOKS_MAX = 18


class ManifestStore(MovedStore):
    """Counts what is read of the manifest alone."""

    def open(self, key: str) -> OpenObject | None:
        return super().open(key) if "/manifest/" in key else FolderStore.open(self, key)


@pytest.fixture(scope="module")
def soak(tmp_path_factory: pytest.TempPathFactory) -> Soak:
    """A repository that was refreshed once, and its changes collected for the rest of a day."""
    made = Soak(tmp_path_factory.mktemp("soak"))
    with moved_clock(), made.reader.client("good-token") as client:
        made.day(client, 4)
    return made


def test_07_a_refresh_looks_at_the_manifest_so_often(soak: Soak):
    counted = ManifestStore(soak.folder, soak.world)
    soak.lake = Lake(counted)
    with moved_clock():
        soak.refresh()
    assert 0 < counted.reads <= LOOKS_MAX


def test_09_the_soak_collects_as_a_whole_refresh_does(soak: Soak):
    """One row a stream and run, all of them known to the next reader."""
    rows = soak.lake.manifest(soak.reader.repo).rows()
    of_collected = [row.stream for row in rows if row.run_id == "run-000003"]
    assert of_collected == ["issues", "issue_timeline", "control_total"]
    assert {row.status for row in rows} == {"complete"}


@pytest.mark.slow
def test_07_a_refresh_after_two_months_takes_the_cpu_of_one_after_twenty(tmp_path: Path):
    """In one run and in turns. `make soak` asks the same after a year."""
    old = Soak(tmp_path / "old")
    with moved_clock():
        for number in (1, 2):
            old.month(number, REFRESHES_A_MONTH)
        assert aged(old, Soak(tmp_path / "young")) <= GROWTH_MAX


QUIET = [Month(number, 1460, 10, 10, 10, 10, 10, number, 10, 10, 10, 10) for number in range(1, 7)]


def test_09_a_year_in_which_nothing_grows_is_flat():
    assert list(troubles(QUIET)) == []


@pytest.mark.parametrize("name", FLAT)
def test_09_what_grows_fails_the_soak(name: str):
    """By less each month than from one to the next is noise."""
    months = [replace(month, **{name: asdict(month)[name] * 1.1**month.month}) for month in QUIET]
    assert {line.split(":")[1].split()[0] for line in troubles(months)} == {name}


def test_09_a_lake_that_grows_ever_faster_fails_the_soak():
    months = [replace(month, lake_mb=month.month**3) for month in QUIET]
    assert [line.split(":")[0] for line in troubles(months)] == ["month 4", "month 5", "month 6"]
