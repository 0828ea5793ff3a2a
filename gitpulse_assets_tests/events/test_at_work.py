"""Case 5: whoever is forgotten beside a backfill of public events does not come back with it."""

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from gitpulse_assets.events import at_work as module
from gitpulse_assets.events.at_work import Mark, at_work
from gitpulse_assets.events.backfill import Backfill
from gitpulse_assets.events.fetching import Fetched, Fetcher
from gitpulse_assets.events.projection import projections
from gitpulse_assets.lake import paths
from gitpulse_assets.lake.errors import LakeError
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.processes.identity import this_process
from gitpulse_assets.setting_values.archives import Archive, parse_archives
from gitpulse_assets_tests.events.hours import START
from gitpulse_assets_tests.events.test_forgetting import forget, names_octocat, write_archive
from gitpulse_assets_tests.s3_server import no_caller_settings, own_server, s3_server, storage

__all__ = ["no_caller_settings", "own_server", "s3_server", "storage"]

NOW = START + timedelta(days=20)


class Interrupted(Fetcher):
    """Does something else when a file is fetched and nothing of it stored."""

    def __init__(self, meanwhile: Callable[[], None]) -> None:
        super().__init__()
        self.meanwhile = meanwhile

    def fetch(self, archive: Archive, hour_at: datetime, target: Path) -> Fetched | None:
        fetched = super().fetch(archive, hour_at, target)
        if fetched:
            self.meanwhile()
        return fetched


def bring(lake: Lake, con, folder: Path, meanwhile: Callable[[], None]) -> None:
    """Bring the day of an archive, and do something in the midst of it."""
    write_archive(folder)
    archives = parse_archives(f"a={folder / 'archive'}")
    with Interrupted(meanwhile) as fetcher:
        backfill = Backfill(lake, con, fetcher, projections(), lambda: NOW)
        backfill.days(archives, START.date(), START.date())


def marked(lake: Lake, kind: str, process: str) -> str:
    """Leave a mark, as a process does that died."""
    key = f"{paths.AT_WORK}{kind}/left.json"
    lake.store.put(key, msgspec.json.encode(Mark(process, datetime.now(UTC))))
    return key


def marks(lake: Lake) -> list[str]:
    return [info.key for info in lake.store.list(paths.AT_WORK)]


def test_05_forgetting_is_refused_while_a_backfill_has_a_file_in_hand(lake: Lake, con, tmp_path: Path):
    refusals: list[str] = []

    def meanwhile() -> None:
        with pytest.raises(LakeError) as refusal:
            forget(lake, con)
        refusals.append(str(refusal.value))

    bring(lake, con, tmp_path, meanwhile)
    assert len(refusals) == 1
    assert refusals[0].startswith("a backfill or repair of public events is at work since ")
    assert f"(process {os.getpid()} of " in refusals[0]
    forget(lake, con)
    assert not names_octocat(lake)
    assert marks(lake) == []


def test_05_a_backfill_is_refused_while_somebody_is_forgotten(lake: Lake, con, tmp_path: Path):
    with at_work(lake.store, "forgetting"), pytest.raises(LakeError, match="let it end, then run this again"):
        bring(lake, con, tmp_path, lambda: None)
    assert [*lake.store.list("bronze/")] == []
    assert marks(lake) == []


def test_05_several_of_a_kind_work_beside_each_other(lake: Lake):
    with at_work(lake.store, "bringing") as one, at_work(lake.store, "bringing") as other:
        one()
        other()


def test_05_one_that_died_on_this_machine_is_not_waited_for(lake: Lake, con):
    host, pid, began = this_process().split(" ", 2)
    key = marked(lake, "bringing", f"{host} {pid} {began}-before")
    forget(lake, con)
    assert lake.store.head(key) is None


def test_05_one_of_another_machine_is_waited_for_an_hour_after_its_last_sign(
    storage, con, monkeypatch: pytest.MonkeyPatch
):
    lake = storage.open()
    marked(lake, "bringing", "elsewhere/x 12 y")
    with pytest.raises(LakeError, match=r"\(process 12 of elsewhere\); let it end"):
        forget(lake, con)
    monkeypatch.setattr(module, "SIGN_LASTS", timedelta(seconds=-5))
    forget(lake, con)
    assert marks(lake) == []


def test_05_one_that_was_taken_for_dead_brings_nothing_more(storage):
    lake = storage.open()
    with at_work(lake.store, "bringing") as sign:
        sign()
        (key,) = marks(lake)
        lake.store.delete(key)
        with pytest.raises(LakeError, match="taken for dead by another process; run it again"):
            sign()
