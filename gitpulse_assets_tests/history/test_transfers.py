"""Transfers between two watched repositories, refreshed in either order: each side names the other."""

import shutil
from pathlib import Path

import pytest

from gitpulse_assets.contracts.silver import ISSUE_CURRENT, ISSUE_LABELS
from gitpulse_assets.lake import paths
from gitpulse_assets.sandbox.times import DAY_SECONDS
from gitpulse_assets_tests.history.moving import NEW, OLD, transferred, two_repositories
from gitpulse_assets_tests.history.product import Reader


@pytest.fixture
def world():
    return two_repositories()


@pytest.fixture(scope="module")
def synced_folder(tmp_path_factory):
    """A lake in which both were refreshed, on one day and the next, to be copied."""
    folder, world = tmp_path_factory.mktemp("synced"), two_repositories()
    for repo in (OLD, NEW):
        Reader(world, repo, folder).sync(is_full=True)
        world.advance(seconds=DAY_SECONDS)
    return folder


@pytest.fixture
def readers(world, tmp_path):
    return {repo: Reader(world, repo, tmp_path / "lake") for repo in (OLD, NEW)}


@pytest.fixture
def both_synced(world, readers, synced_folder, tmp_path):
    """Both were refreshed before."""
    shutil.copytree(synced_folder, tmp_path / "lake", dirs_exist_ok=True)
    world.advance(seconds=2 * DAY_SECONDS)
    for reader in readers.values():
        reader.run_count = 1


@pytest.fixture
def sync(world, readers):
    """Refresh a repository, a day after the last one."""

    def run(repo, *, is_full=True):
        readers[repo].sync(is_full=is_full)
        world.advance(seconds=DAY_SECONDS)

    return run


@pytest.fixture
def transfers(readers):
    """The transfers of a repository as its last refresh left them."""
    return lambda repo: readers[repo].transfers()


def side(transfers, repo):
    (row,) = transfers(repo)
    return row["direction"], row["other_repository"], row["other_issue_number"], row["is_linked"]


@pytest.mark.parametrize("token", ["good", pytest.param("", marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    "order",
    [
        pytest.param((OLD, NEW), id="old first"),
        pytest.param((NEW, OLD), id="new first", marks=pytest.mark.dear),
    ],
)
def test_the_side_refreshed_later_finds_the_other(order, token, world, readers, sync, transfers):
    for repo in order:
        readers[repo].token, readers[repo].with_events = token, not token
        sync(repo)
    moved = transferred(world)
    first, later = order
    sync(first)
    assert side(transfers, first)[-1] is False
    sync(later)
    names = {"in": ("octo-org/old", 1), "out": ("octo-org/new", moved.number)}
    for repo in (later, first):
        direction, *other, is_linked = side(transfers, repo)
        assert (tuple(other), is_linked) == (names[direction], True)
    (came,), (went,) = transfers(NEW), transfers(OLD)
    assert (came["label_names"], came["other_label_names"]) == (["bug"], ["area: old", "bug"])
    assert (went["label_names"], went["other_issue_id"]) == (["area: old", "bug"], moved.issue_id)
    # Without a token nobody tells when it left: that was noticed later.
    assert (went["transferred_at"] == came["transferred_at"]) is bool(token)


def test_an_issue_from_a_repository_that_nobody_watches_is_not_linked(world, sync, transfers):
    sync(NEW)
    transferred(world)
    sync(NEW)
    assert side(transfers, NEW) == ("in", "octo-org/old", None, False)


@pytest.mark.parametrize("table", [ISSUE_CURRENT, pytest.param(ISSUE_LABELS, marks=pytest.mark.slow)])
def test_a_neighbour_that_cannot_be_read_fails_nobody(both_synced, world, readers, sync, transfers, table):
    transferred(world)
    sync(OLD)
    uri = readers[OLD].lake.store.uri(paths.table_key(table, OLD))
    with Path(uri.removeprefix("file://")).open("r+b") as damaged:
        damaged.truncate(40)
    sync(NEW)
    assert side(transfers, NEW) == ("in", "octo-org/old", None, False)


def test_a_renamed_neighbours_issue_is_found_under_its_old_key(both_synced, world, sync, transfers):
    """What came is found by where the others' issues went, which names us as we are called by then."""
    transferred(world)
    world.rename_repository("octo-org/new", "octo-org/newer")
    sync(OLD)
    sync(NEW)
    assert side(transfers, NEW) == ("in", "octo-org/old", 1, True)


@pytest.mark.slow
@pytest.mark.parametrize("renamed", ["old", pytest.param("new", marks=pytest.mark.slow)])
def test_a_neighbour_renamed_before_the_transfer_is_found_by_its_present_name(
    world, sync, transfers, renamed
):
    """GitHub names it as it is called by then, the watch list by the name it was registered with."""
    sync(OLD)
    sync(NEW)
    world.rename_repository(f"octo-org/{renamed}", "Octo-Org/Renamed")
    old, new = (world.acts_on(f"octo-org/{'renamed' if n == renamed else n}") for n in ("old", "new"))
    moved = old.transfer(old.repository.issues[1], world.clock, None, new)
    world.advance(seconds=3600)
    for repo in (OLD, NEW, OLD):
        sync(repo)
    assert side(transfers, OLD) == ("out", "octo-org/new", moved.number, True)
    assert side(transfers, NEW) == ("in", "octo-org/old", 1, True)


@pytest.mark.slow
def test_a_neighbour_renamed_after_the_transfer_is_found_by_its_former_name(world, sync, transfers):
    """What was noticed before the renaming keeps the name it was told with."""
    world.rename_repository("octo-org/new", "octo-org/between")
    sync(OLD)
    sync(NEW)
    old, new = world.acts_on("octo-org/old"), world.acts_on("octo-org/between")
    moved = old.transfer(old.repository.issues[1], world.clock, None, new)
    world.advance(seconds=3600)
    sync(OLD)
    world.rename_repository("octo-org/between", "octo-org/newest")
    sync(NEW)
    assert side(transfers, OLD) == ("out", "octo-org/new", moved.number, True)
    assert side(transfers, NEW) == ("in", "octo-org/old", 1, True)


@pytest.mark.slow
@pytest.mark.parametrize("token", [pytest.param("good", marks=pytest.mark.slow), ""])
def test_an_issue_that_was_brought_back_went_where_it_came_back_from(token, world, readers, sync, transfers):
    """GitHub tells of its first leaving only where it is now: here, under another number."""
    for repo in (OLD, NEW):
        readers[repo].token, readers[repo].with_events = token, not token
        sync(repo)
    there = transferred(world)
    sync(NEW)
    back = world.acts_on("octo-org/new").transfer(there, world.clock, None, world.acts_on("octo-org/old"))
    world.advance(seconds=3600)
    for repo in (OLD, NEW, OLD):
        sync(repo)
    found = {(row["direction"], row["issue_number"]): row for row in transfers(OLD)}
    assert set(found) == {("out", 1), ("in", back.number)}
    for row in found.values():
        assert (row["other_repository"], row["other_issue_number"]) == ("octo-org/new", there.number)
    linked = {row["direction"]: row["other_issue_id"] for row in transfers(NEW)}
    # Without a token nobody tells where it had come from, nor when it left there.
    assert linked == {"in": found["out", 1]["issue_id"] if token else None, "out": back.issue_id}


def test_an_issue_brought_back_from_where_nobody_watches_went_there(world, sync, transfers):
    sync(OLD)
    there = transferred(world)
    world.acts_on("octo-org/new").transfer(there, world.clock, None, world.acts_on("octo-org/old"))
    world.advance(seconds=3600)
    sync(OLD)
    went = next(row for row in transfers(OLD) if row["direction"] == "out")
    assert (went["other_repository"], went["other_issue_number"]) == ("octo-org/new", None)
    assert not went["is_linked"]


@pytest.mark.slow
def test_both_sides_of_a_move_are_linked_though_the_issue_moved_on(both_synced, world, sync, transfers):
    moved = transferred(world)
    sync(NEW)
    world.acts_on("octo-org/new").transfer(moved, world.clock, None, world.add_repository("else/where"))
    world.advance(seconds=60)
    for repo in (OLD, NEW):
        sync(repo)
    came = next(row for row in transfers(NEW) if row["direction"] == "in")
    assert (came["other_repository"], came["other_issue_number"]) == ("octo-org/old", 1)


@pytest.mark.dear
def test_an_issue_that_moves_on_has_two_sides(both_synced, world, sync, transfers):
    moved = transferred(world)
    sync(OLD)
    sync(NEW)
    world.acts_on("octo-org/new").transfer(moved, world.clock, None, world.add_repository("else/where"))
    world.advance(seconds=60)
    sync(NEW)
    rows = {row["direction"]: row for row in transfers(NEW)}
    assert (rows["in"]["is_linked"], rows["in"]["other_repository"]) == (True, "octo-org/old")
    assert (rows["out"]["is_linked"], rows["out"]["other_repository"]) == (False, "else/where")
