"""A run that died is followed by another, or tried again under its own id as by Dagster: nothing is lost."""

import pytest

from gitpulse_assets.collect import refresh
from gitpulse_assets.contracts.bronze import ISSUE_TIMELINE, ISSUES
from gitpulse_assets.contracts.silver import CONTROL_TOTAL, ISSUE_CURRENT
from gitpulse_assets.repo import Repo
from gitpulse_assets.sandbox.world import World

REPO = Repo("acme", "one")


# At the count after the walk, at the one that disagrees, and at that after the walk of the whole list.
DEATHS = [
    pytest.param(count, same, marks=() if (count, same) in {(2, False), (4, True)} else pytest.mark.slow)
    for count in (2, 3, 4)
    for same in (True, False)
]


class Trouble(Exception):
    """What ends an attempt."""


def small_world() -> World:
    """Five open issues of yesterday."""
    world = World("2026-01-01T00:00:00Z")
    acts = world.add_repository(REPO.key)
    for _ in range(5):
        acts.open(world.clock, None, "Old")
    world.advance(seconds=86400)
    return world


@pytest.fixture(scope="module")
def synced_folder(make_product):
    """The lake after a first sync, to be copied."""
    product = make_product(small_world(), repo=REPO)
    product.sync()
    return product.folder


@pytest.fixture
def product(make_product, synced_folder):
    """Five open issues, synced a day ago."""
    product = make_product(small_world(), copy_of=synced_folder, repo=REPO)
    product.world.advance(seconds=86400)
    return product


@pytest.fixture
def acts(product):
    return product.world.acts_on(REPO.key)


@pytest.fixture
def die_at_count(monkeypatch):
    """Let a collection die when it asks for GitHub's count for the n-th time."""

    def die(product, number: int, **options) -> None:
        counts = iter(range(1, number))

        def github_count(session):
            if next(counts, None) is None:
                raise Trouble
            return really(session)

        really = refresh.github_count
        with monkeypatch.context() as patched:
            patched.setattr(refresh, "github_count", github_count)
            with pytest.raises(Trouble):
                product.collect(**options)
        product.world.advance(seconds=60)

    return die


def open_numbers(product) -> list[int]:
    rows = product.lake.dataset(ISSUE_CURRENT, product.repo).to_table().to_pylist()
    return sorted(row["issue_number"] for row in rows if row["state"] == "open" and not row["departed_at"])


def present_numbers(product) -> list[int]:
    return sorted(product.world.acts_on(REPO.key).repository.issues)


def row_of(product, run_id: str, stream: str):
    return product.lake.manifest(product.repo).row(run_id, stream)


@pytest.mark.parametrize(("count_number", "is_same_run"), DEATHS)
def test_a_deletion_is_noticed_though_the_run_died_between_walk_and_count(
    product, acts, die_at_count, count_number: int, is_same_run: bool
):
    """The next one finds the list unchanged; the third count begins the walk of the whole list."""
    acts.delete(acts.repository.issues[3], product.world.clock)
    acts.open(product.world.clock, None, "News")
    product.world.advance(seconds=3600)
    die_at_count(product, count_number)
    product.run_count -= is_same_run
    product.sync()
    assert open_numbers(product) == present_numbers(product) == [1, 2, 4, 5, 6]
    newest = product.table(CONTROL_TOTAL, with_provenance=True).to_pylist()[-1]
    assert (newest["our_count"], newest["open_count_after"]) == (5, 5)
    product.world.advance(seconds=86400)
    assert product.sync().walk_kind == "unchanged"
    about_repository, about_list = product.asked
    assert about_repository.target == "/repos/acme/one"
    assert (about_list.status, about_list.cost) == (304, 0)


def test_a_full_walk_tried_again_as_an_incremental_one_still_tells_what_left(product, acts, die_at_count):
    acts.delete(acts.repository.issues[3], product.world.clock)
    die_at_count(product, 2, is_full=True)
    assert row_of(product, "run-002", ISSUES.name).walk_kind == "full"
    acts.comment(acts.repository.issues[1], product.world.clock)
    product.world.advance(seconds=60)
    product.run_count -= 1
    assert product.sync().walk_kind == "incremental"
    assert open_numbers(product) == present_numbers(product) == [1, 2, 4, 5]


def test_a_full_walk_tried_again_meets_only_what_is_there_now(product, acts, die_at_count):
    die_at_count(product, 2, is_full=True)
    acts.delete(acts.repository.issues[3], product.world.clock)
    product.world.advance(seconds=60)
    product.run_count -= 1
    product.sync(is_full=True)
    assert row_of(product, "run-002", ISSUES.name).page_batch_count == 1
    assert open_numbers(product) == present_numbers(product) == [1, 2, 4, 5]


def test_lifecycles_walked_whole_are_so_after_another_attempt_too(make_product, product):
    """Else the next run would walk all of them again."""
    first = make_product(product.world, repo=REPO)
    first.collect()
    product.world.advance(seconds=3600)
    first.run_count -= 1
    first.sync()
    row = row_of(first, "run-001", ISSUE_TIMELINE.name)
    assert (row.status, row.walk_kind) == ("complete", "full")
