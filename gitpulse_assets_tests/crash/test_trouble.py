"""A refresh whose disk fills up, whose store dies or whose GitHub fails ends right, or the next one does."""

import errno
import itertools
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from gitpulse_assets.contracts.silver import ISSUE_BODY, ISSUE_CURRENT
from gitpulse_assets.github.errors import GitHubError
from gitpulse_assets.lake import folder_store
from gitpulse_assets.lake.errors import LakeError
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.lake.s3_options import S3Options
from gitpulse_assets.sandbox.faults import Fault
from gitpulse_assets.sandbox.history import generate
from gitpulse_assets.sandbox.plan import HistoryPlan
from gitpulse_assets.sandbox.server import Sandbox, serve
from gitpulse_assets_tests.conftest import absent
from gitpulse_assets_tests.crash.conftest import Tables, Undisturbed, differences, requests, tables_of
from gitpulse_assets_tests.crash.pipeline import REPO, Fuse, Place, refresh
from gitpulse_assets_tests.s3_server import BUCKET, S3Server, Storage, s3_is_slow

FAULTS = {
    "reset": Fault("reset"),
    "truncated": Fault("truncated"),
    "slow": Fault("slow", seconds=0.1),
    "hang": Fault("hang"),
    "html": Fault("html"),
    "bad gateway": Fault("status", status=502),
    "secondary limit": Fault("secondary_limit", status=403, retry_after_seconds=60),
    "primary limit": Fault("primary_limit"),
    "partial data": Fault("partial_data"),
}
# What one undisturbed refresh asks for (more where a slow machine times out); each of them meets each fault.
REQUEST_COUNT = 10
# How far a refresh has come, by what it writes, when the disk is full.
SHARES = (0.0, 0.1, 0.3, 0.5, 0.65, 0.8, 0.95)
# One fault is ridden out, six in a row are not: then the walk stays partial.
STRIKES = (1, 6)
CASES = [
    pytest.param(kind, request, times, marks=() if number == 110 else pytest.mark.slow)
    for number, (kind, request, times) in enumerate(itertools.product(FAULTS, range(REQUEST_COUNT), STRIKES))
]


@contextmanager
def a_small_sandbox() -> Iterator[Sandbox]:
    """Three pages of a repository, to be asked for by `REQUEST_COUNT` requests."""
    plan = HistoryPlan(REPO.key, seed=7, issue_count=170, day_count=100, body_bytes_mean=10)
    with serve(generate([plan])) as running:
        yield running


@pytest.fixture
def small() -> Iterator[Sandbox]:
    with a_small_sandbox() as running:
        yield running


@pytest.fixture(scope="module")
def untroubled(tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    """What a refresh without trouble gives."""
    with a_small_sandbox() as sandbox:
        place = Place(str(tmp_path_factory.mktemp("untroubled")), S3Options(), sandbox.base_url)
        fuse = Fuse()
        refresh(place, "run-1", fuse)
        assert len(sandbox.app.log) >= REQUEST_COUNT
        return Undisturbed(tables_of(place.open()), fuse.count, requests(sandbox))


@pytest.fixture
def expected(untroubled: Undisturbed) -> Tables:
    return untroubled.tables


def attempt(place: Place, run_id: str, fuse: Fuse | None = None) -> str:
    """Refresh and return the one line it failed with, if it did."""
    try:
        refresh(place, run_id, fuse)
    except (GitHubError, LakeError) as failure:
        said = str(failure)
    else:
        return ""
    assert "\n" not in said
    return said


@pytest.mark.parametrize(("kind", "request_number", "times"), CASES)
def test_any_fault_on_any_request(
    small: Sandbox, expected: Tables, tmp_path: Path, kind: str, request_number: int, times: int
):
    fault = FAULTS[kind]
    small.app.faults[:] = [
        Fault(
            fault.kind,
            skip=request_number,
            times=times,
            status=fault.status,
            seconds=fault.seconds,
            retry_after_seconds=fault.retry_after_seconds,
        )
    ]
    place = Place(str(tmp_path / "lake"), S3Options(), small.base_url)
    # Where no answer is held back, one that takes a busy machine longer is no further fault.
    hasty = replace(place, read_timeout_seconds=0.5) if kind == "hang" else place
    failed = attempt(hasty, "run-1")
    assert small.app.faults[0].seen_count > request_number
    if not failed:
        assert differences(tables_of(place.open()), expected) == {}
    small.app.faults.clear()
    small.world.advance(seconds=3600)
    small.app.log.clear()
    assert attempt(place, "run-2") == ""
    assert names_of_differences_but_times(place, expected) == []


def names_of_differences_but_times(place: Place, expected: Tables) -> list[str]:
    """The clock went on before the second run, so what says as of when may differ."""
    found = tables_of(place.open())
    timeless = ("issue_body", "issue_labels", "issue_assignees", "issue_transitions", "quarantine")
    return [name for name in timeless if found[name] != expected[name]]


class FullDisk:
    """Lets nothing be written durably from a point on, until there is space again."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.is_full = False
        really = folder_store.os.fsync
        monkeypatch.setattr(folder_store.os, "fsync", lambda handle: self.refuse() or really(handle))

    def refuse(self) -> None:
        if self.is_full:
            raise OSError(errno.ENOSPC, "No space left on device")

    def fill(self) -> None:
        self.is_full = True


@pytest.mark.parametrize(
    "share", [pytest.param(share, marks=() if share == 0.8 else pytest.mark.slow) for share in SHARES]
)
def test_a_disk_that_is_full_from_some_write_on(
    small: Sandbox, untroubled: Undisturbed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, share: float
):
    place = Place(str(tmp_path / "lake"), S3Options(), small.base_url)
    disk = FullDisk(monkeypatch)
    said = attempt(place, "run-1", Fuse(1 + int(share * untroubled.point_count), disk.fill))
    assert "the disk is full: free space, then run again" in said
    disk.is_full = False
    assert attempt(place, "run-2") == ""
    assert differences(tables_of(place.open()), untroubled.tables) == {}


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 900 KB, which a first refresh does not fit into."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    mounting = ["mount", "-t", "tmpfs", "-o", "size=900k", "tmpfs", str(folder)]
    if subprocess.run(mounting, capture_output=True, check=False).returncode:
        absent("tmpfs", "a tmpfs cannot be mounted here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.parametrize(
    "size_kb", [150, *(pytest.param(size, marks=pytest.mark.slow) for size in (60, 250))]
)
def test_a_disk_that_is_really_full(small: Sandbox, expected: Tables, tiny_disk: Path, size_kb: int):
    grow(tiny_disk, size_kb)
    place = Place(str(tiny_disk), S3Options(), small.base_url)
    said = attempt(place, "run-1")
    assert "the disk is full" in said
    grow(tiny_disk, 20_000)
    assert attempt(place, "run-2") == ""
    assert differences(tables_of(place.open()), expected) == {}


def grow(folder: Path, size_kb: int) -> None:
    subprocess.run(["mount", "-o", f"remount,size={size_kb}k", str(folder)], check=True)


@pytest.mark.s3
@pytest.mark.parametrize("shares", [(0.3,), pytest.param((0.2, 0.3, 0.4), marks=pytest.mark.slow)])
def test_the_s3_server_dies_in_the_middle_and_comes_back(
    own_server: S3Server, small: Sandbox, untroubled: Undisturbed, shares: tuple[float, ...]
):
    place = Place(f"s3://{BUCKET}/x", own_server.options, small.base_url)
    # A run that goes on writes less than one that begins.
    for number, share in enumerate(shares):
        said = attempt(place, f"run-{number}", Fuse(int(share * untroubled.point_count), own_server.kill))
        assert "AWS_ENDPOINT_URL" in said
        own_server.start()
    assert attempt(place, "run-9") == ""
    assert differences(tables_of(place.open()), untroubled.tables) == {}


@s3_is_slow
def test_case_18_two_refreshes_of_one_repository_at_once(storage: Storage, small: Sandbox, expected: Tables):
    """One wins, the other ends well or says in one line that it lost; readers see whole tables."""
    place = Place(storage.url, storage.s3, small.base_url)
    said: dict[str, str] = {}
    workers = [
        threading.Thread(target=lambda run_id=run_id: said.update({run_id: attempt(place, run_id)}))
        for run_id in ("run-1", "run-2")
    ]
    for worker in workers:
        worker.start()
    read_count = read_while(place.open(), workers)
    assert "" in said.values()
    assert all("another run published" in line for line in said.values() if line)
    assert read_count
    assert attempt(place, "run-3") == ""
    assert differences(tables_of(place.open()), expected) == {}


def read_while(lake: Lake, workers: list[threading.Thread]) -> int:
    """Read two tables of one merge again and again: each has a row an issue, or there is nothing yet."""
    read_count = 0
    while any(worker.is_alive() for worker in workers):
        found = lake.snapshot("silver", REPO, [ISSUE_CURRENT, ISSUE_BODY]).datasets
        counts = {dataset.count_rows() for dataset in found.values()}
        assert len(counts) == 1
        read_count += 1
    return read_count
