"""The walk of the issue list: what is fetched, what a walk cut short leaves, and how it is gone on with."""

import json

import pytest

from gitpulse_assets.collect.lists import ListCapped
from gitpulse_assets.contracts import silver
from gitpulse_assets.contracts.bronze import ISSUES
from gitpulse_assets.github.errors import AnswerUnusable, LimitReached
from gitpulse_assets.sandbox.faults import ALWAYS, Fault

LIST = "per_page=100"
CAP = json.dumps({"message": "In order to keep the API fast, pagination is limited for this resource."})
PAGE_COUNT = 8
TABLES = (silver.ISSUE_CURRENT, silver.ISSUE_LABELS, silver.ISSUE_ASSIGNEES, silver.ISSUE_TRANSITIONS)


@pytest.fixture
def empty_product(world, make_product):
    """A product that has never synced."""
    return make_product(world)


def issue_rows(product):
    return [row for row in product.lake.manifest(product.repo).rows() if row.stream == ISSUES.name]


def fault(product, kind="status", **fields):
    """Let pages of the list fail whatever their size: one of 100 that cannot be had comes in smaller ones."""
    product.app.faults[:] = [Fault(kind, match="direction=asc", **fields)]


def assert_same_tables(product, other):
    for table in TABLES:
        assert product.table(table) == other.table(table), table.name


@pytest.fixture
def untroubled(synced_folder, world, make_product):
    return make_product(world, "untroubled", copy_of=synced_folder)


def test_second_run_costs_at_most_two_units(product):
    assert product.sync().walk_kind == "unchanged"
    assert product.units <= 2


def test_incremental_walk_asks_from_the_watermark_on(product):
    product.world.advance(seconds=2 * 86_400)
    row = product.sync()
    assert row.walk_kind == "incremental"
    assert (issue_rows(product)[0].as_of_at - row.since).total_seconds() == 600
    assert 0 < row.record_count < 100


def test_case_03_two_extracts_before_one_merge_lose_nothing(product, untroubled):
    product.world.advance(seconds=86_400)
    product.collect()
    product.world.advance(seconds=86_400)
    product.collect()
    product.merge()
    untroubled.sync()
    assert_same_tables(product, untroubled)


def test_case_04_a_capped_walk_moves_no_watermark(empty_product):
    fault(empty_product, skip=3, times=ALWAYS, status=422, body=CAP)
    with pytest.raises(ListCapped):
        empty_product.collect()
    empty_product.merge()
    assert ISSUES.name not in empty_product.table(silver.SYNC_STATE)["stream"].to_pylist()


def test_a_limit_in_mid_walk_can_be_resumed(empty_product):
    fault(empty_product, "secondary_limit", skip=4, times=ALWAYS, retry_after_seconds=86_400)
    with pytest.raises(LimitReached):
        empty_product.collect()
    assert issue_rows(empty_product)[0].status == "partial"
    empty_product.app.faults.clear()
    assert empty_product.collect().page_count == PAGE_COUNT - 4


def test_an_expired_address_begins_the_walk_anew(empty_product, untroubled):
    fault(empty_product, skip=4, times=ALWAYS)
    with pytest.raises(AnswerUnusable):
        empty_product.collect()
    fault(empty_product, times=1, status=404)
    assert empty_product.sync().status == "complete"
    assert_same_tables(empty_product, untroubled)


def test_a_full_walk_does_not_go_on_with_an_incremental_one(product):
    product.world.advance(seconds=30 * 86_400)
    fault(product, skip=0, times=ALWAYS)
    with pytest.raises(AnswerUnusable):
        product.collect()
    product.app.faults.clear()
    assert product.collect(is_full=True).walk_kind == "full"


def test_20_servers_need_not_agree_to_the_second(product):
    product.world.clock -= 30
    assert product.sync(is_full=True).status == "complete"
