"""How often a refresh looks at the manifest, and that `make soak` plays: it is nobody's daily command."""

import pytest

from bench.soak import MovedStore, Soak, moved_clock
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
