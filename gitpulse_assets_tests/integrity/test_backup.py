"""Case 2: a backup made at any moment restores to what was published then, and forgets what was forgotten."""

import hashlib
import threading
from pathlib import Path

import pytest

from gitpulse_assets.contracts.bronze import MANIFEST
from gitpulse_assets.contracts.silver import ISSUE_CURRENT
from gitpulse_assets.lake import paths
from gitpulse_assets.lake.backup import INDEX, MARK, Copy, back_up, read_index, restore
from gitpulse_assets.lake.errors import LakeError
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.sandbox.history import generate
from gitpulse_assets.sandbox.plan import HistoryPlan
from gitpulse_assets.sandbox.server import serve
from gitpulse_assets.upkeep.forgetting import objects_of, remove
from gitpulse_assets.upkeep.persons import forget_person
from gitpulse_assets_tests.crash.pipeline import REPO, Place
from gitpulse_assets_tests.history.rebuilding import differences
from gitpulse_assets_tests.integrity.conftest import Load, Made, tables_of
from gitpulse_assets_tests.s3_server import Storage, s3_is_slow

# Each is compared whole: on a slow machine more backups fit beside the load than are worth it.
RESTORED_MAX = 3


@pytest.fixture
def copy(tmp_path: Path) -> Lake:
    return Lake.open(str(tmp_path / "backup"))


def key_of(lake: Lake, name: str = "issues") -> str:
    return next(info.key for info in lake.store.list(f"bronze/github/{name}/"))


def test_02_it_restores_cell_by_cell_between_the_stores(
    made: Made, lake: Lake, storage: Storage, tmp_path: Path
):
    """The small lake came here by a restore; it goes back by way of this store, too."""
    beside = Lake.open(f"{storage.url}-copy", storage.s3)
    assert back_up(lake.store, beside.store).troubles == ()
    folder, bucket = Lake.open(str(tmp_path / "restored")), Lake.open(f"{storage.url}-restored", storage.s3)
    for target in (folder, bucket):
        done = restore(beside.store, target.store)
        assert done.troubles == ()
        assert target.examine(REPO) == []
        assert tables_of(target) == made.tables
        assert target.manifest(REPO).rows() == made.lake.manifest(REPO).rows()
        assert target.store.head(MARK) is None


def test_02_a_restored_lake_is_rebuilt_to_the_same(folder_lake: Lake, copy: Lake, tmp_path: Path):
    back_up(folder_lake.store, copy.store)
    restored = Lake.open(str(tmp_path / "restored"))
    restore(copy.store, restored.store)
    assert differences(restored, REPO) == {}


def test_02_the_next_backup_copies_what_changed(folder_lake: Lake, copy: Lake):
    first = back_up(folder_lake.store, copy.store)
    assert first.copied_count > 30
    folder_lake.store.put(f"{paths.AT_WORK}bringing/mark.json", b"of a process, for as long as it works")
    assert back_up(folder_lake.store, copy.store).copied_count == 0
    key = key_of(folder_lake)
    folder_lake.store.put(key, Path(folder_lake.store.uri(key)).read_bytes())
    assert back_up(folder_lake.store, copy.store).copied_count == 0
    index, _ = read_index(copy.store)
    assert index is not None
    for one in index.objects.values():
        stored = copy.store.get(f"objects/{one.digest[:2]}/{one.digest}")
        assert stored is not None
        assert hashlib.sha256(stored.body).hexdigest() == one.digest


def test_02_a_forgotten_repository_leaves_the_backup(folder_lake: Lake, copy: Lake):
    back_up(folder_lake.store, copy.store)
    remove(folder_lake.store, REPO, objects_of(folder_lake.store, REPO))
    done = back_up(folder_lake.store, copy.store)
    assert (done.object_count, done.troubles) == (0, ())
    assert [info.key for info in copy.store.list("") if not info.key.startswith("_")] == [INDEX]


def test_02_a_forgotten_person_leaves_the_backup(folder_lake: Lake, copy: Lake, run_on):
    logins = folder_lake.dataset(ISSUE_CURRENT, REPO).to_table()["author_login"].to_pylist()
    login = next(one for one in logins if one)
    back_up(folder_lake.store, copy.store)
    forget_person(folder_lake, login)
    run_on(folder_lake, "run-3").merge(is_rebuild=True)
    back_up(folder_lake.store, copy.store)
    restored = Lake.open(str(Path(copy.store.uri("")).parent / "restored"))
    restore(copy.store, restored.store)
    assert forget_person(restored, login) == {}
    assert login not in restored.dataset(ISSUE_CURRENT, REPO).to_table()["author_login"].to_pylist()


def test_02_a_damaged_repository_keeps_its_good_copy(
    made: Made, folder_lake: Lake, copy: Lake, tmp_path: Path
):
    back_up(folder_lake.store, copy.store)
    folder_lake.store.put(key_of(folder_lake), b"PAR1 no more")
    done = back_up(folder_lake.store, copy.store)
    assert len(done.troubles) == 1
    assert done.troubles[0].endswith("; run gitpulse repair acme/rocket")
    restored = Lake.open(str(tmp_path / "restored"))
    restore(copy.store, restored.store)
    assert tables_of(restored) == made.tables


@pytest.mark.parametrize("key", [paths.table_key(ISSUE_CURRENT, REPO), None])
@pytest.mark.parametrize("body", [None, b"PAR1 no more"])
def test_02_one_damaged_object_does_not_end_a_backup(
    made: Made, folder_lake: Lake, copy: Lake, tmp_path: Path, key: str | None, body: bytes | None
):
    """A table that is not its commit's, and a batch that is gone, looked like a publication under way."""
    back_up(folder_lake.store, copy.store)
    key, watch = key or key_of(folder_lake), "_watch/mark.json"
    folder_lake.store.put(watch, b"{}")
    if body:
        folder_lake.store.put(key, body)
    else:
        folder_lake.store.delete(key)
    done = back_up(folder_lake.store, copy.store)
    (trouble,) = done.troubles
    assert trouble.startswith(f"{folder_lake.store.uri(key)}: ")
    assert trouble.endswith("; run gitpulse repair acme/rocket")
    restored = Lake.open(str(tmp_path / "restored"))
    assert restore(copy.store, restored.store).troubles == ()
    assert tables_of(restored) == made.tables
    assert restored.store.head(watch)


def test_02_damage_in_the_copy_is_told_and_the_rest_restored(folder_lake: Lake, copy: Lake, tmp_path: Path):
    back_up(folder_lake.store, copy.store)
    index, _ = read_index(copy.store)
    assert index is not None
    digest = index.objects[key_of(folder_lake)].digest
    copy.store.put(f"objects/{digest[:2]}/{digest}", b"rotten")
    restored = Lake.open(str(tmp_path / "restored"))
    done = restore(copy.store, restored.store)
    assert len(done.troubles) == 1
    assert "not what was copied of bronze/github/issues/" in done.troubles[0]
    assert [one.kind for one in restored.examine(REPO)] == ["batch"]


def test_02_what_is_refused(folder_lake: Lake, copy: Lake, tmp_path: Path):
    inside = Lake.open(f"{folder_lake.store.uri('')}/backup")
    with pytest.raises(LakeError, match="lies within the lake"):
        back_up(folder_lake.store, inside.store)
    copy.store.put("other/thing", b"1")
    with pytest.raises(LakeError, match="holds something that is no backup; name an empty place"):
        back_up(folder_lake.store, copy.store)
    with pytest.raises(LakeError, match="there is no backup"):
        restore(copy.store, Lake.open(str(tmp_path / "empty")).store)
    good = Lake.open(str(tmp_path / "good"))
    back_up(folder_lake.store, good.store)
    with pytest.raises(LakeError, match="is not empty; set GITPULSE_LAKE_URL to an empty place"):
        restore(good.store, folder_lake.store)


def test_02_another_backup_meanwhile_is_told(folder_lake: Lake, copy: Lake, monkeypatch: pytest.MonkeyPatch):
    def beside(self: Copy) -> None:
        monkeypatch.undo()
        back_up(folder_lake.store, copy.store)

    back_up(folder_lake.store, copy.store)
    monkeypatch.setattr(Copy, "watch_list", beside)
    with pytest.raises(LakeError, match="another backup was made meanwhile; run it again"):
        back_up(folder_lake.store, copy.store)


def test_02_a_first_backup_that_was_cut_short_goes_on(
    made: Made, folder_lake: Lake, copy: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    with monkeypatch.context() as patch:
        patch.setattr(Copy, "watch_list", lambda self: 1 // 0)
        with pytest.raises(ZeroDivisionError):
            back_up(folder_lake.store, copy.store)
    assert back_up(folder_lake.store, copy.store).copied_count == 0
    restored = Lake.open(str(tmp_path / "restored"))
    restore(copy.store, restored.store)
    assert tables_of(restored) == made.tables


def test_02_a_restore_that_was_cut_short_begins_again(
    made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    target = Lake.open(str(tmp_path / "restored"))
    with monkeypatch.context() as patch:
        patch.setattr("gitpulse_assets.lake.backup.rank", lambda key: 1 // (MANIFEST.folder not in key))
        with pytest.raises(ZeroDivisionError):
            restore(made.copy.store, target.store)
    assert restore(made.copy.store, target.store).troubles == ()
    assert tables_of(target) == made.tables


@pytest.mark.dear
@s3_is_slow
def test_02_one_made_under_load_is_what_was_published_then(storage: Storage, tmp_path: Path):
    """While refreshes, thinning, clean-up and forgetting run; into an empty folder and an empty bucket."""
    plan = HistoryPlan(REPO.key, seed=5, issue_count=40, day_count=60, body_bytes_mean=50)
    with serve(generate([plan])) as sandbox:
        place = Place(storage.url, storage.s3, sandbox.base_url)
        load = Load(place, sandbox)
        load.round()
        copy = Lake.open(f"{storage.url}-copy", storage.s3)
        thread = threading.Thread(target=load.rounds, args=(2,))
        thread.start()
        restored: list[Lake] = []
        while not restored or (thread.is_alive() and len(restored) < RESTORED_MAX):
            assert back_up(place.open().store, copy.store).troubles == ()
            restored.append(Lake.open(str(tmp_path / f"restored-{len(restored)}")))
            assert restore(copy.store, restored[-1].store).troubles == ()
        thread.join()
    assert load.error is None
    last = Lake.open(f"{storage.url}-last", storage.s3)
    restore(copy.store, last.store)
    for lake in (*restored, last):
        assert lake.examine(REPO) == []
        load.compare(lake)
    assert differences(last, REPO) == {}
