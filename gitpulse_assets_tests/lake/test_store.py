"""What both stores promise: whole objects, compare-and-swap, pinned reads."""

import stat
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import date
from itertools import pairwise
from pathlib import Path

import pytest

from gitpulse_assets.contracts.bronze import ISSUES
from gitpulse_assets.contracts.events import PUBLIC_EVENT
from gitpulse_assets.lake import paths
from gitpulse_assets.lake.errors import LakeError, ObjectNotFound, ObjectReplaced, PreconditionFailed
from gitpulse_assets.lake.folder_store import FolderStore
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.lake.s3_store import S3Store
from gitpulse_assets.lake.store import ListedObject, Store
from gitpulse_assets.place import Day
from gitpulse_assets.repo import Repo
from gitpulse_assets.upkeep.forgetting import objects_of, remove

KEY = "silver/issue_current/repo_owner=a/repo_name=.github/data.parquet"


def body(store: Store, key: str = KEY) -> bytes | None:
    found = store.get(key)
    return found.body if found else None


def test_an_absent_object_is_none(store: Store):
    assert (store.get(KEY), store.head(KEY), store.open(KEY)) == (None, None, None)
    store.delete(KEY)
    store.delete_prefix("silver/nothing/")
    assert list(store.list("silver/nothing/")) == []


def test_put_replaces_whole(store: Store):
    first = store.put(KEY, b"one")
    second = store.put(KEY, b"two")
    found = store.get(KEY)
    assert found is not None
    assert (found.body, found.etag) == (b"two", second)
    assert first != second


def test_a_put_file_is_consumed(store: Store):
    path = store.scratch_folder / "some-file"
    path.write_bytes(b"rows")
    etag = store.put(KEY, path)
    head = store.head(KEY)
    assert head is not None
    assert (head.etag, head.size_bytes, path.exists()) == (etag, 4, False)


@pytest.mark.parametrize("kind", ["bytes", "file"])
def test_a_condition_that_does_not_hold_writes_nothing(store: Store, kind: str):
    def new(text: bytes) -> bytes | Path:
        if kind == "bytes":
            return text
        path = store.scratch_folder / "some-file"
        path.write_bytes(text)
        return path

    with pytest.raises(PreconditionFailed):
        store.put(KEY, new(b"x"), if_match="never")
    old = store.put(KEY, new(b"one"), if_absent=True)
    with pytest.raises(PreconditionFailed):
        store.put(KEY, new(b"two"), if_absent=True)
    store.put(KEY, new(b"three"), if_match=old)
    with pytest.raises(PreconditionFailed):
        store.put(KEY, new(b"four"), if_match=old)
    assert body(store) == b"three"


def test_move_replaces_under_the_same_conditions(store: Store):
    store.put("_staging/m/new", b"new")
    old = store.put(KEY, b"old")
    with pytest.raises(PreconditionFailed):
        store.move("_staging/m/new", KEY, if_absent=True)
    assert body(store) == b"old"
    etag = store.move("_staging/m/new", KEY, if_match=old)
    head = store.head(KEY)
    assert head is not None
    assert (body(store), head.etag) == (b"new", etag)


def test_moving_what_is_gone_is_told_apart(store: Store):
    with pytest.raises(ObjectNotFound):
        store.move("_staging/m/gone", KEY, if_absent=True)
    assert body(store) is None


def test_list_and_delete_by_folder(store: Store):
    keys = [f"_staging/m{n}/{name}" for n in (1, 2) for name in ("a/x", "b")]
    for key in keys:
        store.put(key, b"1")
    assert [i.key for i in store.list("_staging/m1/")] == keys[:2]
    store.delete_prefix("_staging/m1/")
    assert [i.key for i in store.list("_staging/") if "_scratch" not in i.key] == keys[2:]


def test_the_etags_of_a_folder_are_those_of_its_objects(store: Store):
    for key in ("a/b/one", "a/b/two", "a/c"):
        store.put(key, f"of {key}".encode())
    heads = {key: store.head(key) for key in ("a/b/one", "a/b/two")}
    assert store.etags("a/b/") == {key: info.etag for key, info in heads.items() if info}


def test_07_a_listing_reads_no_object(tmp_path: Path):
    """A fold lists bronze: reading each object's end for an ETag nobody asks made refreshes dearer by age."""
    store = FolderStore(tmp_path / "lake")
    store.put(KEY, b"1234")
    found = store.head(KEY)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FolderStore, "open", None)
        listed = [info for info in store.list("") if info.key == KEY]
    assert found is not None
    assert listed == [ListedObject(KEY, 4, found.modified_at, found.version)]


def test_a_listing_tells_an_object_from_the_one_that_took_its_place_in_the_same_moment(store: Store):
    """Whatever is kept by what a listing says would else be told on: size and clock were the same."""
    versions: list[str] = []
    for number in range(8):
        store.put(KEY, b"%d" % number)
        versions += [info.version for info in store.list("") if info.key == KEY]
    assert [one for one, next_one in pairwise(versions) if one == next_one] == []
    head = store.head(KEY)
    assert head is not None
    assert (len(versions), head.version) == (8, versions[-1])


def test_an_open_object_stays_the_version_it_was(store: Store):
    """The tempting refactor, opening by name at each read, mixes two versions of a table."""
    old, new = b"a" * 500_000, b"b" * 500_000
    store.put(KEY, old)
    opened = store.open(KEY)
    assert opened is not None
    store.put(KEY, new)
    try:
        read = opened.file.read_at(100_000, 0)
    except ObjectReplaced:
        return
    assert read == old[:100_000]


@pytest.mark.parametrize("is_new", [True, False])
def test_of_writers_at_once_exactly_one_wins(open_lake: Callable[[], Lake], is_new: bool):
    stores = [open_lake().store for _ in range(4)]
    etag = None if is_new else stores[0].put(KEY, b"before")
    for round_number in range(4):
        key = f"{KEY}{round_number}" if is_new else KEY
        won = _race(stores, key, etag)
        assert len(won) == 1
        assert body(stores[0], key) == won[0][0]
        etag = None if is_new else won[0][1]


def _race(stores: list[Store], key: str, etag: str | None) -> list[tuple[bytes, str]]:
    won: list[tuple[bytes, str]] = []
    start = threading.Barrier(len(stores))

    def write(store: Store, text: bytes) -> None:
        start.wait()
        with suppress(PreconditionFailed):
            won.append((text, store.put(key, text, if_match=etag, if_absent=etag is None)))

    threads = [
        threading.Thread(target=write, args=(s, f"{key} {etag} writer {n}".encode()))
        for n, s in enumerate(stores)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return won


def test_what_another_run_removes_meanwhile_is_gone_and_no_error(open_lake: Callable[[], Lake]):
    """Two that finish one merge remove its staging at once, while a clean-up lists it."""
    stores = [open_lake().store for _ in range(3)]
    for round_number in range(20):
        prefix = f"_staging/m{round_number}/"
        for number in range(6):
            stores[0].put(f"{prefix}{number}/x", b"1")
        works = [
            lambda prefix=prefix: stores[0].delete_prefix(prefix),
            lambda prefix=prefix: stores[1].delete_prefix(prefix),
            lambda prefix=prefix: list(stores[2].list(prefix)),
        ]
        assert _at_once(works) == []
        assert list(stores[0].list(prefix)) == []


def _at_once(works: list[Callable[[], object]]) -> list[BaseException]:
    """Do all of it at the same time and return what was raised."""
    raised: list[BaseException] = []
    start = threading.Barrier(len(works))

    def do(work: Callable[[], object]) -> None:
        start.wait()
        try:
            work()
        except Exception as error:
            raised.append(error)

    threads = [threading.Thread(target=do, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised


def test_uri_is_for_people(lake: Lake):
    assert lake.store.uri(KEY).endswith(KEY)


def test_check_leaves_nothing_behind(store: Store):
    store.check(is_writable=True)
    assert [i.key for i in store.list("_staging/")] == []


def test_a_file_where_a_folder_is_needed_is_one_line(tmp_path: Path):
    (tmp_path / "lake").write_text("not a folder")
    with pytest.raises(LakeError, match=r"^.*set GITPULSE_LAKE_URL to a folder$"):
        Lake.open(str(tmp_path / "lake"))


@pytest.mark.parametrize(("root", "folder", "file"), [(None, 0o700, 0o600), (0o750, 0o750, 0o640)])
def test_18_a_new_folder_lake_is_its_users_alone_and_a_shared_one_stays_shared(
    tmp_path: Path, root: int | None, folder: int, file: int
):
    place = tmp_path / "lake"
    if root:
        place.mkdir()
        place.chmod(root)
    FolderStore(place).put("a/b/object", b"1")
    FolderStore(place).put("a/b/swapped", b"1", if_absent=True)
    modes = [stat.S_IMODE((place / name).stat().st_mode) for name in ("", "a", "a/b")]
    assert modes == [folder] * 3
    assert [stat.S_IMODE(path.stat().st_mode) for path in (place / "a/b").iterdir()] == [file] * 2


def test_05_what_is_forgotten_leaves_no_folder_in_a_listing(store: Store, repo: Repo):
    """SeaweedFS lists an emptied folder for minutes, unless it is deleted by its own name."""
    key = paths.batch_key(ISSUES, repo, "run-1", 1)
    other = key.replace(repo.name, "other")
    for name in (key, key.replace("run-1", "run-2"), other):
        store.put(name, b"1")
    remove(store, repo, objects_of(store, repo))
    assert [info.key for info in store.list("")] == [other]
    assert [name for name in folders(store) if repo.name in name] == []


def test_a_day_of_events_is_forgotten_as_a_repository_is(tmp_path):
    store, day = FolderStore(tmp_path), Day(date(2026, 9, 6))
    other = paths.table_key(PUBLIC_EVENT, Day(date(2026, 9, 7)), "part")
    of_day = (paths.table_key(PUBLIC_EVENT, day, "part"), paths.commit_key("silver", day))
    for key in (*of_day, paths.hour_file_key("archive", day, "12.gz"), other):
        store.put(key, b"1")
    remove(store, day, objects_of(store, day))
    assert [info.key for info in store.list("")] == [other]


def folders(store: Store) -> list[str]:
    """Every folder that a listing shows, by the store's own means."""
    if isinstance(store, FolderStore):
        return [str(path.relative_to(store.root)) for path in store.root.rglob("*") if path.is_dir()]
    assert isinstance(store, S3Store)
    found, waiting = [], [store._prefix]
    while waiting:
        answer = store._client.list_objects_v2(Bucket=store._bucket, Prefix=waiting.pop(), Delimiter="/")
        names = [common["Prefix"] for common in answer.get("CommonPrefixes", [])]
        found, waiting = found + names, waiting + names
    return found


def test_the_folder_of_scratch_stays_for_who_is_about_to_write_there(tmp_path: Path):
    """Opening a lake writes and deletes a probe, while another process makes a file beside it."""
    store = FolderStore(tmp_path / "lake")
    folder = store.scratch_folder
    store.check(is_writable=True)
    assert folder.is_dir()
