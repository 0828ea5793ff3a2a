"""What a refresh costs by its age, and that `make soak` plays and can fail: it is nobody's daily command."""

from dataclasses import asdict, replace
from pathlib import Path

import pytest

from bench.soak import (
    FLAT,
    GROWTH_MAX,
    REFRESHES_A_MONTH,
    WAITING_MAX_MB,
    Month,
    MovedStore,
    Soak,
    Young,
    in_turns,
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


def test_09_what_waits_for_the_next_fold_is_told_apart(soak: Soak):
    kept_mb, waiting_mb, count = soak.sizes()
    assert waiting_mb == 0
    (row, *_) = [row for row in soak.lake.manifest(soak.reader.repo).rows() if row.stream == "control_total"]
    soak.lake.manifest(soak.reader.repo).remove([(row.run_id, row.stream)])
    size_mb = sum(info.size_bytes for info in soak.lake.store.list("bronze/github/control_total/")) / 1e6
    assert 0 < soak.sizes()[1] <= size_mb
    assert soak.sizes()[0] == pytest.approx(kept_mb - soak.sizes()[1], abs=0.02)
    assert soak.sizes()[2] == count


def test_09_a_lake_is_taken_up_where_it_was_left(soak: Soak, tmp_path: Path):
    """The stand-in says the same of it in another process: a refresh finds what changed and no more."""
    again = Soak(tmp_path / "elsewhere", number=soak.number)
    issues = [one.acts.repository.issues.values() for one in (soak, again)]
    mine, other = ([(one.number, one.state, one.updated_at) for one in each] for each in issues)
    assert mine == other
    assert again.world.clock == soak.world.clock


@pytest.mark.slow
def test_07_a_refresh_after_two_months_takes_the_cpu_of_one_after_twenty(tmp_path: Path):
    """In one run and in turns. `make soak` asks the same each month of a year."""
    with moved_clock():
        old, young = Soak(tmp_path / "old"), Young(tmp_path / "young")
        months = [old.month(number, REFRESHES_A_MONTH, young) for number in (1, 2)]
        assert months[-1].times_young <= GROWTH_MAX


def test_09_a_machine_that_is_ever_busier_makes_no_refresh_dearer():
    load = [1.5**number for number in range(9)]
    old, young = iter(load), iter(load)
    assert in_turns(lambda: next(old), lambda: next(young)) == 1


def test_09_a_refresh_that_is_dearer_by_age_is_told_on_whatever_machine():
    """A fold in between, and the first refreshes of a new process, change nothing."""
    load = [1.5**number for number in range(9)]
    old = iter([1.3 * each * (3 if number == 5 else 1) for number, each in enumerate(load)])
    young = iter([each * (9 if number < 2 else 1) for number, each in enumerate(load)])
    assert in_turns(lambda: next(old), lambda: next(young)) == pytest.approx(1.3)


QUIET = [
    Month(number, 1460, 3, 10, 1, 10, 10, 10, 10, number, 1, 10, 10, 10, 100_000, 10)
    for number in range(1, 7)
]


def test_09_a_year_in_which_nothing_grows_is_flat():
    """However busy the machine is."""
    busy = [replace(month, load=3 * month.month, cpu_ms=10 * month.month) for month in QUIET]
    assert list(troubles(busy)) == []


@pytest.mark.parametrize("name", FLAT)
def test_09_what_grows_fails_the_soak(name: str):
    """By less each month than from one to the next is noise."""
    months = [replace(month, **{name: asdict(month)[name] * 1.1**month.month}) for month in QUIET]
    assert {line.split(":")[1].split()[0] for line in troubles(months)} == {name}


@pytest.mark.parametrize(("name", "value"), [("times_young", 1.21), ("waiting_mb", WAITING_MAX_MB + 0.1)])
def test_09_what_is_bounded_by_itself_fails_the_soak_in_any_month(name: str, value: float):
    months = [QUIET[0], replace(QUIET[1], **{name: value})]
    assert [line.split()[:3] for line in troubles(months)] == [["month", "2:", name]]


def test_09_a_lake_that_grows_ever_faster_fails_the_soak():
    months = [replace(month, lake_mb=month.month**3) for month in QUIET]
    assert [line.split(":")[0] for line in troubles(months)] == ["month 4", "month 5", "month 6"]


@pytest.mark.slow
def test_09_without_folding_the_soak_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Real refreshes, eight in each of four months."""
    monkeypatch.setattr("gitpulse_assets.upkeep.folding.CLOSED_ROWS", 100_000)
    monkeypatch.setattr("bench.soak.YOUNG_REFRESHES", 1)
    monkeypatch.setattr(Soak, "times", lambda self, young: 1.0)
    with moved_clock():
        old, young = Soak(tmp_path / "old"), Young(tmp_path / "young")
        months = [old.month(number, 8, young) for number in range(1, 5)]
    found = {line.split(":")[1].split()[0] for line in troubles(months)}
    assert {"objects", "manifest_rows"} <= found
