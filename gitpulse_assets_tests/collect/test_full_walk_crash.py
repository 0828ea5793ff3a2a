"""A full walk that dies between any two writes: what is stored stays true, and the next run ends it."""

from itertools import product

import pytest

from gitpulse_assets.collect import walk as walking
from gitpulse_assets.contracts.bronze import ISSUE_PAGE, ISSUES
from gitpulse_assets.contracts.silver import (
    ISSUE_ASSIGNEES,
    ISSUE_BODY,
    ISSUE_CURRENT,
    ISSUE_LABELS,
    ISSUE_TRANSITIONS,
)
from gitpulse_assets.lake.errors import LakeError
from gitpulse_assets.lake.lake import Lake

SHOWN = (ISSUE_CURRENT, ISSUE_LABELS, ISSUE_ASSIGNEES, ISSUE_BODY, ISSUE_TRANSITIONS)
WRITE_COUNT = 38


def cases(*suite: tuple[int, bool]) -> list:
    """Before and after every write; in the suite those alone that are named."""
    return [
        pytest.param(*case, marks=() if case in suite else pytest.mark.slow)
        for case in product(range(1, WRITE_COUNT + 1), (False, True))
    ]


@pytest.fixture(autouse=True)
def small_batches(monkeypatch):
    """A batch for every changed page and for every two unchanged ones."""
    monkeypatch.setattr(walking, "PAGES_PER_BATCH", 1)
    monkeypatch.setattr(walking, "WAITING_PAGES_MAX", 2)


def change(world):
    """News on page 1, a deletion that moves every later page, a label renamed on one issue."""
    acts = world.acts_on("acme/rocket")
    present = [issue for issue in acts.repository.issues.values() if not issue.is_pull_request]
    acts.retitle(present[3], world.clock, None, "News")
    acts.delete(present[200], world.clock)
    label = acts.repository.labels[0]
    label.name = "renamed"
    carrier = next(issue for issue in present[300:] if label in issue.labels)
    carrier.raw = None
    return world


@pytest.fixture
def changed_world(world):
    """The world some time after the first sync."""
    return change(world)


def stored(product):
    """Every row of pages and records that counts, the page's records by where they lie."""
    rows = [row for row in product.lake.manifest(product.repo).rows() if row.stream == ISSUES.name]
    pages = [(row.run_id, range(1, row.page_batch_count + 1)) for row in rows]
    records = [(row.run_id, range(1, row.batch_count + 1)) for row in rows]
    return (
        product.lake.bronze_dataset(ISSUE_PAGE, product.repo, pages).to_table().to_pylist(),
        product.lake.bronze_dataset(ISSUES, product.repo, records).to_table().to_pylist(),
    )


def assert_stored_is_true(product) -> None:
    """No page counts without its records, and nothing counts twice."""
    pages, records = stored(product)
    places = {(record["run_id"], record["page_number"]) for record in records}
    assert {(page["records_run_id"], page["records_page_number"]) for page in pages} <= places
    assert len({(page["run_id"], page["page_number"]) for page in pages}) == len(pages)
    keys = {(record["run_id"], record["page_number"], record["record_number"]) for record in records}
    assert len(keys) == len(records)


def assert_ends_as_if_nothing_happened(product, untroubled) -> None:
    product.sync(is_full=True)
    assert_stored_is_true(product)
    for table in SHOWN:
        assert product.table(table).equals(untroubled[table.name]), table.name


@pytest.fixture(scope="module")
def untroubled(make_product, make_world, synced_folder):
    """The tables as a walk that nothing disturbs leaves them."""
    product = make_product(change(make_world()), copy_of=synced_folder)
    product.sync(is_full=True)
    return {table.name: product.table(table) for table in SHOWN}


def test_the_crashes_below_cover_every_write(changed_world, make_product, synced_folder, crashing):
    product = make_product(changed_world, copy_of=synced_folder)
    store = crashing(product.lake.store)
    product.collect(is_full=True, lake=Lake(store))
    assert store.write_count == WRITE_COUNT


@pytest.mark.parametrize(("write", "is_after"), cases((26, True)))
def test_case_23_a_crash_at_any_write(
    changed_world, make_product, synced_folder, untroubled, crashing, write, is_after
):
    product = make_product(changed_world, copy_of=synced_folder)
    store = crashing(product.lake.store, write, is_after=is_after)
    with pytest.raises(BaseException, match="write") as crash:
        product.collect(is_full=True, lake=Lake(store))
    assert not isinstance(crash.value, Exception)
    assert_stored_is_true(product)
    assert_ends_as_if_nothing_happened(product, untroubled)


@pytest.mark.parametrize(("write", "is_after"), cases((4, False)))
def test_a_write_that_fails_once(
    changed_world, make_product, synced_folder, untroubled, crashing, write, is_after
):
    """The run leaves a true row behind, also where the write was done and only its answer got lost."""
    product = make_product(changed_world, copy_of=synced_folder)
    store = crashing(product.lake.store, write, is_after=is_after, error=LakeError)
    with pytest.raises(LakeError):
        product.collect(is_full=True, lake=Lake(store))
    assert_stored_is_true(product)
    assert_ends_as_if_nothing_happened(product, untroubled)


def test_pages_whose_manifest_row_was_never_written_are_not_known(
    changed_world, make_product, synced_folder, crashing
):
    """Case 23: the ETags of a batch lie in the lake, the row that would make them count does not."""
    product = make_product(changed_world, copy_of=synced_folder)
    writes = crashing(product.lake.store)
    product.collect(is_full=True, lake=Lake(writes))
    nth = writes.keys.index(next(key for key in writes.keys if "/issue_page/" in key)) + 1
    again = make_product(changed_world, copy_of=synced_folder)
    with pytest.raises(BaseException, match="write"):
        again.collect(is_full=True, lake=Lake(crashing(again.lake.store, nth, is_after=True)))
    assert again.lake.store.get(writes.keys[nth - 1]) is not None
    pages, _ = stored(again)
    assert {page["run_id"] for page in pages} == {"run-001"}
