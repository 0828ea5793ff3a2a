"""The walk of the issue list: what is fetched, what a walk cut short leaves, and how it is gone on with."""

import json

import pytest

from gitpulse_assets.collect.issues import ClockBehind, ListCapped
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


def test_first_walk_is_full_and_costs_a_request_a_page(empty_product):
    row = empty_product.sync()
    assert (row.walk_kind, row.status, row.page_count) == ("full", "complete", PAGE_COUNT)
    assert len(empty_product.walked) == PAGE_COUNT
    assert "since=" not in empty_product.walked[0].target


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


def test_case_04_a_walk_that_github_caps_is_not_complete(empty_product):
    fault(empty_product, skip=3, times=ALWAYS, status=422, body=CAP)
    with pytest.raises(ListCapped, match="ended the issue list after 300 records"):
        empty_product.collect()
    (row,) = issue_rows(empty_product)
    assert (row.status, row.is_capped, row.page_count) == ("partial", True, 4)


def test_case_04_a_capped_walk_moves_no_watermark(empty_product):
    fault(empty_product, skip=3, times=ALWAYS, status=422, body=CAP)
    with pytest.raises(ListCapped):
        empty_product.collect()
    empty_product.merge()
    assert ISSUES.name not in empty_product.table(silver.SYNC_STATE)["stream"].to_pylist()


def test_case_04_a_walk_that_an_error_ends_is_partial_and_says_why(empty_product):
    fault(empty_product, skip=3, times=ALWAYS)
    with pytest.raises(AnswerUnusable):
        empty_product.collect()
    (row,) = issue_rows(empty_product)
    assert (row.status, row.page_count, row.record_count) == ("partial", 3, 300)
    assert row.next_url
    assert "502" in row.error


def test_a_walk_that_fails_on_its_first_page_is_failed(empty_product):
    fault(empty_product, times=ALWAYS)
    with pytest.raises(AnswerUnusable):
        empty_product.collect()
    assert issue_rows(empty_product)[0].status == "failed"


@pytest.mark.parametrize(
    "pages_before", [4, *(pytest.param(n, marks=pytest.mark.slow) for n in (1, PAGE_COUNT - 1))]
)
def test_case_28_a_resumed_walk_fetches_only_the_rest(empty_product, untroubled, pages_before):
    fault(empty_product, skip=pages_before, times=ALWAYS)
    with pytest.raises(AnswerUnusable):
        empty_product.collect()
    empty_product.app.faults.clear()
    row = empty_product.sync()
    assert row.page_count == len(empty_product.walked) == PAGE_COUNT - pages_before
    assert (row.status, row.resumed_run_id) == ("complete", "run-001")
    assert_same_tables(empty_product, untroubled)


def test_a_resumed_walk_is_as_of_its_beginning(empty_product):
    """What changed on pages fetched before the stop is found by the next run's overlap with it."""
    began = empty_product.world.clock
    fault(empty_product, skip=4, times=ALWAYS)
    with pytest.raises(AnswerUnusable):
        empty_product.collect()
    empty_product.app.faults.clear()
    empty_product.world.advance(seconds=3600)
    assert empty_product.sync().as_of_at.timestamp() == began


def test_a_limit_in_mid_walk_can_be_resumed(empty_product):
    fault(empty_product, "secondary_limit", skip=4, times=ALWAYS, retry_after_seconds=86_400)
    with pytest.raises(LimitReached):
        empty_product.collect()
    assert issue_rows(empty_product)[0].status == "partial"
    empty_product.app.faults.clear()
    assert empty_product.collect().page_count == PAGE_COUNT - 4


def test_ctrl_c_in_mid_walk_keeps_what_came(empty_product, monkeypatch):
    answer = empty_product.app.answer

    def interrupted(request):
        if LIST in request.target and len(empty_product.walked) == 5:
            raise KeyboardInterrupt
        return answer(request)

    monkeypatch.setattr(empty_product.app, "answer", interrupted)
    with pytest.raises(KeyboardInterrupt):
        empty_product.collect()
    (row,) = issue_rows(empty_product)
    assert (row.status, row.page_count, row.error) == ("partial", 5, "KeyboardInterrupt")


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


def test_records_are_kept_byte_for_byte(empty_product):
    row = empty_product.collect()
    batches = [(row.run_id, range(1, row.batch_count + 1))]
    stored = empty_product.lake.bronze_dataset(ISSUES, empty_product.repo, batches).to_table()
    served = {issue.raw.decode() for issue in empty_product.world.repository("acme/rocket").listed}
    assert set(stored["payload_json"].to_pylist()) == served


@pytest.mark.parametrize("is_full", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_20_a_walk_before_the_newest_one_is_refused(product, is_full):
    """By its `Date` a day back, GitHub's newer records would lose against those already known."""
    product.world.advance(seconds=3_600)
    product.sync()
    before = [product.table(table) for table in TABLES], issue_rows(product)
    product.world.clock -= 86_400
    with pytest.raises(ClockBehind, match=r"GitHub's clock says .* before that time has passed again"):
        product.sync(is_full=is_full)
    assert before == ([product.table(table) for table in TABLES], issue_rows(product))
    product.world.clock += 86_400 + 3_600
    assert product.sync(is_full=is_full).status == "complete"


def test_20_servers_need_not_agree_to_the_second(product):
    product.world.clock -= 30
    assert product.sync(is_full=True).status == "complete"
