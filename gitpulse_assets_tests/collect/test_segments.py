"""A first list walked in segments, and what happened to its issues asked for meanwhile."""

import json
from collections.abc import Callable

import pytest

from gitpulse_assets.collect import ahead, lists, lots, segments, walk
from gitpulse_assets.collect.list_end import ListCut
from gitpulse_assets.collect.refresh import collect
from gitpulse_assets.collect.session import Session
from gitpulse_assets.contracts import silver
from gitpulse_assets.contracts.bronze import ISSUE_TIMELINE, ISSUES
from gitpulse_assets.github import client, links, pages
from gitpulse_assets.github.client import GitHubClient
from gitpulse_assets.github.errors import AnswerUnusable, LimitReached
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.sandbox.faults import ALWAYS, Fault
from gitpulse_assets.sandbox.history import generate
from gitpulse_assets.sandbox.plan import HistoryPlan
from gitpulse_assets.sandbox.world import World
from gitpulse_assets_tests.collect.conftest import REPO, Product

PAGE_SIZE = 8
PAGE_COUNT = 27
SEGMENT_COUNT = 4
TABLES = (
    silver.ISSUE_CURRENT,
    silver.ISSUE_LABELS,
    silver.ISSUE_ASSIGNEES,
    silver.ISSUE_EVENT,
    silver.ISSUE_TRANSITIONS,
)
MAKE = GitHubClient.__init__
BY_UPDATE = "sort=updated&direction=asc"


@pytest.fixture(scope="module", autouse=True)
def small_pages():
    """So that a small history has many."""
    with pytest.MonkeyPatch.context() as patched:
        for module in (client, lists):
            patched.setattr(module, "PER_PAGE", PAGE_SIZE)
        for module in (links, pages):
            patched.setattr(module, "PAGE_SIZES", (PAGE_SIZE, 4, 1))
        for module in (ahead, lots):
            patched.setattr(module, "MOST_NODES", 20)
        yield


def history() -> World:
    return generate([HistoryPlan("acme/rocket", 7, issue_count=150, day_count=200, body_bytes_mean=10)])


@pytest.fixture
def world() -> World:
    return history()


def let(patched: pytest.MonkeyPatch, at_once: int) -> None:
    """Let clients have so many requests under way."""

    def made(self, **options) -> None:
        MAKE(self, **options | {"requests_at_once": at_once})

    patched.setattr(GitHubClient, "__init__", made)


@pytest.fixture(autouse=True)
def four_at_once(monkeypatch):
    let(monkeypatch, SEGMENT_COUNT)


@pytest.fixture(scope="module")
def one_by_one(make_product) -> Product:
    """A first collection of one request after the other."""
    product = make_product(history(), "one-by-one")
    product.collect()
    return product


@pytest.fixture
def empty(world, make_product) -> Product:
    return make_product(world, "empty")


def row_of(product: Product, stream=ISSUES):
    return [row for row in product.lake.manifest(product.repo).rows() if row.stream == stream.name][-1]


def page_targets(product: Product) -> list[str]:
    """The pages of the issue list that the last run asked for."""
    return [one.target for one in product.asked if f"per_page={PAGE_SIZE}" in one.target]


def newest(product: Product, contract) -> dict[int, str]:
    """The newest of what came of each issue."""
    rows = [row for row in product.lake.manifest(product.repo).rows() if row.stream == contract.name]
    batches = [(row.run_id, range(1, row.batch_count + 1)) for row in rows]
    columns = ["issue_id", "payload_json"]
    came = product.lake.bronze_dataset(contract, product.repo, batches).to_table(columns=columns).to_pylist()
    return {row["issue_id"]: row["payload_json"] for row in sorted(came, key=updated_at)}


def updated_at(row) -> str:
    record = json.loads(row["payload_json"])
    return record.get("updated_at") or record["updatedAt"]


def assert_came(product: Product, other: Product) -> None:
    for contract in (ISSUES, ISSUE_TIMELINE):
        assert newest(product, contract) == newest(other, contract), contract.name


def fresh(product: Product, make_product) -> Product:
    """What a sync of one request after the other makes of GitHub as it is now."""
    other = make_product(product.world, "fresh")
    with pytest.MonkeyPatch.context() as patched:
        let(patched, 1)
        other.collect()
    return other


def act_at(product: Product, number: int, act: Callable[[], object], match: str = BY_UPDATE) -> None:
    """Let something happen before GitHub answers the n-th such request, else a page of the list by update."""
    really, seen = product.app.answer, []

    def answer(request):
        if match in request.query_string:
            seen.append(request)
            if len(seen) == number:
                act()
        return really(request)

    product.app.answer = answer


def segment_count(targets: list[str]) -> int:
    """From how many moments on the list was asked for: that depends on which answer came first.

    A segment's last page holds the first records of the next one, so that each costs one page at most.
    """
    return len({target.partition("since=")[2].partition("&")[0] for target in targets})


def test_segments_bring_what_one_walk_brings(empty, one_by_one):
    row = empty.sync()
    assert (row.status, row.segments, row.next_url) == ("complete", None, None)
    assert_came(empty, one_by_one)
    one_by_one.merge()
    for table in TABLES:
        assert empty.table(table) == one_by_one.table(table), table.name
    targets = page_targets(empty)
    assert segment_count(targets) > SEGMENT_COUNT
    assert PAGE_COUNT < len(targets) <= PAGE_COUNT + segment_count(targets)


def test_lifecycles_are_asked_for_while_the_list_is_walked(empty):
    empty.collect()
    targets = [one.target for one in empty.asked]
    first_lot = next(n for n, target in enumerate(targets) if "graphql" in target and n > 3)
    assert first_lot < targets.index(page_targets(empty)[-5])
    assert row_of(empty, ISSUE_TIMELINE).walk_kind == "full"


def test_what_was_spent_is_accounted_for_by_stream(empty):
    empty.collect()
    rows = empty.lake.manifest(empty.repo).rows()
    assert sum(row.request_count for row in rows) == len(empty.app.log)
    lots_and_counts = sum("graphql" in one.target for one in empty.app.log)
    assert row_of(empty, ISSUE_TIMELINE).request_count == lots_and_counts - 2


def crashes() -> list:
    """Before and after every write; in the suite one alone."""
    cases = [(write, is_after) for write in range(1, 55) for is_after in (False, True)]
    suite = [(17, True)]
    return [pytest.param(*case, marks=() if case in suite else pytest.mark.slow) for case in cases]


@pytest.mark.parametrize(("write", "is_after"), crashes())
def test_a_crash_between_any_two_writes_costs_the_pages_of_a_batch(
    empty, one_by_one, crashing, monkeypatch, write, is_after
):
    monkeypatch.setattr(walk, "PAGES_PER_BATCH", 3)
    with pytest.raises(BaseException, match="write"):
        empty.collect(lake=Lake(crashing(empty.lake.store, write, is_after=is_after)))
    walked = page_targets(empty)
    assert empty.collect().status == "complete"
    assert_came(empty, one_by_one)
    walked += page_targets(empty)
    assert len(walked) <= PAGE_COUNT + segment_count(walked) + 3 + 2 * SEGMENT_COUNT


def test_the_crashes_cover_every_write(empty, crashing, monkeypatch):
    monkeypatch.setattr(walk, "PAGES_PER_BATCH", 3)
    store = crashing(empty.lake.store)
    empty.collect(lake=Lake(store))
    assert 49 <= store.write_count <= 54


@pytest.mark.parametrize("page_number", [12, *(pytest.param(n, marks=pytest.mark.slow) for n in (3, 25))])
def test_records_that_move_behind_the_segments_meanwhile_are_met_there(empty, make_product, page_number):
    """From what is read, and from what is not yet: nobody knows which. One moves again while that is read."""
    acts = empty.world.acts_on(REPO.key)
    present = sorted(acts.repository.issues.values(), key=lambda issue: issue.updated_at)

    def move() -> None:
        empty.world.clock += 5
        for issue in present[:: len(present) // 20]:
            acts.comment(issue, empty.world.clock)

    act_at(empty, page_number, move)
    empty.collect()
    assert_came(empty, fresh(empty, make_product))


def test_a_record_that_moves_when_the_list_has_ended_is_met(empty, make_product):
    """Before the newest record is asked for: it was met, but not as it is now, so the list has not ended."""
    acts = empty.world.acts_on(REPO.key)
    oldest = min(acts.repository.issues.values(), key=lambda issue: issue.updated_at)

    def move() -> None:
        empty.world.clock += 5
        acts.comment(oldest, empty.world.clock)

    act_at(empty, 2, move, "sort=updated&direction=desc")
    empty.collect()
    assert_came(empty, fresh(empty, make_product))


def opened(*runs: tuple[int, int]) -> World:
    """A repository in which `count` issues are opened, one each `seconds`; a year lies between the runs."""
    world = World("2020-01-01T00:00:00Z")
    acts = world.add_repository(REPO.key)
    for count, seconds in runs:
        for _ in range(count):
            acts.open(world.clock, None, "An issue")
            world.clock += seconds
        world.clock += 365 * 86_400
    return world


@pytest.mark.parametrize(
    "runs",
    [
        pytest.param(((100, 0),), id="all in one second"),
        pytest.param(((10, 3600), (100, 1)), id="most in five minutes of late", marks=pytest.mark.slow),
        pytest.param(((100, 60), (3, 86_400)), id="most long ago", marks=pytest.mark.slow),
        pytest.param(((60, 60), (60, 60)), id="an empty year between"),
    ],
)
def test_however_updates_lie_in_time_all_records_come(make_product, runs):
    product = make_product(opened(*runs))
    assert product.collect().status == "complete"
    count = sum(count for count, _ in runs)
    assert len(newest(product, ISSUES)) == len(newest(product, ISSUE_TIMELINE)) == count
    targets = page_targets(product)
    assert len(targets) <= count / PAGE_SIZE + 1 + segment_count(targets)


def test_a_list_that_is_not_long_costs_not_one_request_more(make_product):
    product = make_product(opened((PAGE_SIZE * (segments.PAGES_MIN - 1), 60)))
    product.collect()
    other = fresh(product, make_product)
    assert [one.target for one in product.app.log] == [one.target for one in other.app.log]


def test_one_at_once_walks_as_ever(empty, one_by_one, monkeypatch):
    let(monkeypatch, 1)
    empty.collect()
    assert [one.target for one in empty.app.log] == [one.target for one in one_by_one.app.log]
    assert not [one for one in page_targets(empty) if BY_UPDATE in one]


def test_one_at_once_goes_on_with_segments(empty, one_by_one, monkeypatch):
    empty.app.faults[:] = [
        Fault("secondary_limit", BY_UPDATE, skip=12, times=ALWAYS, retry_after_seconds=86_400)
    ]
    with pytest.raises(LimitReached):
        empty.collect()
    empty.app.faults.clear()
    let(monkeypatch, 1)
    assert empty.collect().status == "complete"
    assert_came(empty, one_by_one)


def test_a_limit_leaves_each_segment_where_it_came_to(empty, one_by_one):
    empty.app.faults[:] = [
        Fault("secondary_limit", BY_UPDATE, skip=12, times=ALWAYS, retry_after_seconds=86_400)
    ]
    with pytest.raises(LimitReached, match="still to come"):
        empty.collect()
    row, walked = row_of(empty), page_targets(empty)
    assert row.status == "partial"
    assert row.page_count == 12
    assert 1 < len(segments.read_stored(row.segments)) <= SEGMENT_COUNT + 1
    # A version that knows of no segments begins the list anew.
    assert row.next_url.endswith("/issues?state=all&sort=created&direction=asc&per_page=8")
    empty.app.faults.clear()
    assert empty.collect().status == "complete"
    went_on = page_targets(empty)
    assert len(went_on) <= PAGE_COUNT + segment_count(walked + went_on) - 12
    assert_came(empty, one_by_one)


def test_pages_that_have_to_shrink_bring_all_the_same(empty, one_by_one):
    empty.app.faults[:] = [Fault("status", BY_UPDATE, skip=5, times=60, min_nodes=PAGE_SIZE)]
    assert empty.collect().status == "complete"
    assert_came(empty, one_by_one)


@pytest.mark.parametrize("skip", [11, *(pytest.param(n, marks=pytest.mark.slow) for n in (2, 20))])
def test_case_24_a_segment_that_lost_its_link_is_no_whole_one(empty, one_by_one, skip):
    empty.app.faults[:] = [Fault("no_link", BY_UPDATE, skip=skip, times=ALWAYS)]
    with pytest.raises(ListCut):
        empty.collect()
    assert row_of(empty).status == "partial"
    empty.app.faults.clear()
    assert empty.collect().status == "complete"
    assert_came(empty, one_by_one)


def test_a_server_that_counts_pages_is_walked_as_one(empty, one_by_one, monkeypatch):
    monkeypatch.setattr(segments, "is_by_cursor", lambda url: False)
    assert empty.collect().status == "complete"
    assert_came(empty, one_by_one)


def test_lifecycles_that_fail_meanwhile_do_not_keep_the_list_from_coming(empty, one_by_one):
    empty.app.faults[:] = [Fault("status", "graphql", skip=2, times=ALWAYS)]
    with pytest.raises(AnswerUnusable):
        empty.collect()
    assert row_of(empty).status == "complete"
    empty.app.faults.clear()
    empty.collect()
    assert not page_targets(empty)
    assert_came(empty, one_by_one)


def test_a_later_full_walk_knows_its_pages_again(empty):
    """It does not come to those of segments: the second walk is by creation, the third costs nothing."""
    empty.collect()
    empty.collect(is_full=True)
    assert row_of(empty).unchanged_page_count == 0
    empty.collect(is_full=True)
    assert row_of(empty).unchanged_page_count == PAGE_COUNT - 1


def test_behind_a_secondary_limit_one_request_follows_the_other(empty, one_by_one, monkeypatch):
    """How near the limit is, no answer tells: it goes by what answers take, too."""
    clients = []
    made = GitHubClient.__init__
    monkeypatch.setattr(
        GitHubClient, "__init__", lambda self, **options: (clients.append(self), made(self, **options))[1]
    )
    empty.app.faults[:] = [Fault("secondary_limit", BY_UPDATE, skip=8, times=1, retry_after_seconds=1)]
    assert empty.collect().status == "complete"
    assert [client.requests_at_once for client in clients] == [1]
    assert_came(empty, one_by_one)


def test_the_last_unit_of_an_hour_is_no_secondary_limit(empty):
    empty.app.limits.token_per_hour = 12
    with pytest.raises(LimitReached), empty.client("good-token") as client:
        collect(Session(client, empty.lake, empty.repo, "run-1"), is_full=False)
    assert client.requests_at_once == SEGMENT_COUNT
