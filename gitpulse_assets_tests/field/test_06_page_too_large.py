"""A page too large to be made is asked for in smaller ones, from the same place on, however it breaks.

Reported in chaoss/grimoirelab-perceval#755 (Server Error at 100 a page, 200 at 50) and
microsoft/CEDAR.GitHub.Collector#45.
"""

import json
import re

import pytest

from gitpulse_assets.contracts.sources import ISSUE_LIST
from gitpulse_assets.github.errors import AnswerUnusable, GitHubError
from gitpulse_assets.github.links import PAGE_SIZES
from gitpulse_assets.github.transport import ATTEMPTS
from gitpulse_assets.repo import Repo
from gitpulse_assets.sandbox.faults import ALWAYS, Fault
from gitpulse_assets.sandbox.server import serve
from gitpulse_assets.sandbox.world import World
from gitpulse_assets_tests.field.client_reader import client_of
from gitpulse_assets_tests.field.lists import EVENTS, REPO, Watched

HELLO = Repo("octo-org", "hello")
ISSUE_COUNT = 230
# How an answer breaks: the status, or a connection that ends before it or in its middle.
BREAKS = [("status", 500), ("status", 503), ("status", 502), ("reset", 0), ("truncated", 0)]
BREAK_IDS = ["500", "503", "502", "reset", "truncated"]


def sizes(watched, part: str) -> list[int]:
    served = [one for one in watched.product.app.log if part in one.target and one.status == 200]
    return [int(re.findall(r"per_page=(\d+)", one.target)[0]) for one in served]


@pytest.mark.parametrize("size_max", [25, *(pytest.param(size, marks=pytest.mark.slow) for size in (50, 1))])
def test_06_the_walk_shrinks_its_pages_keeps_its_place_and_grows_again(tmp_path, size_max):
    watched = Watched(tmp_path)
    watched.faults.append(Fault("status", match="page=3", min_nodes=size_max + 1, times=ALWAYS))
    watched.sync()
    assert (watched.present_count(), watched.judged().wrong_days) == (418, 0)
    walked = sizes(watched, "direction=asc")
    assert (walked[:2], walked[2]) == ([100, 100], size_max)
    assert walked[-1] == 100


@pytest.mark.slow
@pytest.mark.parametrize("page", ["&page=3", pytest.param("", marks=pytest.mark.slow)])
def test_06_cousin_pages_that_are_counted_keep_their_place_too(tmp_path, page):
    watched = Watched(tmp_path, token="", with_events=True)
    watched.product.app.limits.anonymous_per_hour = 1000
    match = f"{EVENTS}?per_page=100{page}"
    watched.faults.append(Fault("status", match=match, min_nodes=51, times=ALWAYS))
    watched.sync()
    assert (watched.judged().wrong_days, watched.product.unknown_slices()) == (0, [])


@pytest.mark.slow
def test_06_the_first_page_and_known_pages_shrink_too(tmp_path):
    watched = Watched(tmp_path)
    watched.sync()
    watched.world.clock += 60
    watched.faults.append(Fault("status", match="direction=asc", min_nodes=51, times=ALWAYS))
    watched.sync(is_full=True)
    served = watched.world.repository(REPO.key)
    assert served is not None
    assert watched.present_count() == len(served.listed)


def test_06_a_page_that_no_size_helps_leaves_the_walk_to_be_gone_on_with(tmp_path):
    watched = Watched(tmp_path)
    watched.faults.append(Fault("status", match="page=3", times=ALWAYS))
    with pytest.raises(AnswerUnusable, match="502"):
        watched.sync()
    watched.faults.clear()
    assert watched.sync().resumed_run_id == "run-001"
    assert watched.present_count() == 418


@pytest.fixture(scope="module")
def server():
    world = World("2026-01-01T00:00:00Z")
    acts = world.add_repository("octo-org/hello")
    for number in range(ISSUE_COUNT):
        acts.open(world.clock + number, None, "Title")
    world.advance(seconds=3600)
    with serve(world) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(server):
    """One real server, since a connection that ends needs one."""
    server.app.faults.clear()
    server.app.log.clear()
    return server


def asked_sizes(sandbox, part="per_page=") -> list[int]:
    targets = [served.target for served in sandbox.app.log if part in served.target]
    return [int(re.findall(r"per_page=(\d+)", target)[0]) for target in targets]


def ids_of(pages) -> list[int]:
    return [json.loads(record)["id"] for page in pages for record in page.records]


@pytest.mark.parametrize(("kind", "status"), BREAKS, ids=BREAK_IDS)
def test_06_cousin_however_a_large_page_breaks(sandbox, kind, status):
    sandbox.app.faults.append(Fault(kind, "after=", status=status, min_nodes=51, times=ALWAYS))
    with client_of(sandbox, "good") as client:
        ids = ids_of(client.pages(HELLO, ISSUE_LIST))
    assert len(ids) == len(set(ids)) == ISSUE_COUNT
    # Once 100 were had, then 50 behind the place where as many could not be.
    assert asked_sizes(sandbox) == [100, *[100] * ATTEMPTS, 50, 100, 50, 50]


@pytest.mark.parametrize(("kind", "status"), BREAKS, ids=BREAK_IDS)
def test_06_cousin_however_a_graphql_page_breaks(sandbox, kind, status):
    """Number 5's walk: nobody's history is lost for a page that is too large."""
    sandbox.app.faults.append(Fault(kind, "/graphql", status=status, min_nodes=3_000, times=ALWAYS))
    with client_of(sandbox, "good") as client:
        batches = list(client.repository_lifecycles(HELLO))
    assert [found.issue_number for batch in batches for found in batch.issues] == [*range(1, ISSUE_COUNT + 1)]
    assert {len(batch.issues) for batch in batches[:-1]} == {50}


def test_06_a_size_that_is_never_had_is_seldom_tried(sandbox):
    sandbox.app.faults.append(Fault("status", status=500, min_nodes=6, times=ALWAYS))
    with client_of(sandbox, "good") as client:
        assert len(ids_of(client.pages(HELLO, ISSUE_LIST))) == ISSUE_COUNT
    sizes = asked_sizes(sandbox)
    # The last page is full, and so asked for twice; a larger one was tried before every sixth.
    assert (sizes.count(100), sizes.count(50), sizes.count(5)) == (ATTEMPTS, 1, ISSUE_COUNT // 5 + 1)
    assert sizes.count(25) == 1 + 8


@pytest.mark.parametrize(
    ("fault", "smaller_count"),
    [
        (Fault("status", status=500), len(PAGE_SIZES) - 1),
        (Fault("status", status=503), len(PAGE_SIZES) - 1),
        (Fault("reset"), len(PAGE_SIZES) - 1),
        # It says itself that it is down, and for how long.
        (Fault("status", status=503, headers={"retry-after": "600"}), 0),
        (Fault("html"), 0),
    ],
    ids=["500", "503", "reset", "503 with Retry-After", "a proxy's page"],
)
def test_06_a_github_that_is_down_is_said_in_one_line_soon(sandbox, fault, smaller_count):
    sandbox.app.faults.append(Fault(fault.kind, status=fault.status, headers=fault.headers, times=ALWAYS))
    sleeps = []
    with client_of(sandbox, "good", sleep=sleeps.append) as client, pytest.raises(GitHubError) as error:
        list(client.pages(HELLO, ISSUE_LIST))
    assert len(str(error.value).splitlines()) == 1
    assert len(sandbox.app.log) == ATTEMPTS + smaller_count
    assert sum(sleeps) < 25


@pytest.mark.parametrize("status", [500, 502, 503])
def test_06_a_graphql_that_is_down_is_said_soon(sandbox, status):
    sandbox.app.faults.append(Fault("status", "/graphql", status=status, times=ALWAYS))
    sleeps = []
    with client_of(sandbox, "good", sleep=sleeps.append) as client, pytest.raises(GitHubError):
        list(client.repository_lifecycles(HELLO))
    assert len(sandbox.app.log) == 3 * ATTEMPTS
    assert sum(sleeps) < 50


def test_06_a_walk_that_goes_on_at_a_small_page_grows_again(sandbox):
    with client_of(sandbox, "good") as client:
        first = next(client.pages(HELLO, ISSUE_LIST))
        sandbox.app.log.clear()
        assert first.next_url is not None
        small = first.next_url.replace("per_page=100", "per_page=25")
        assert len(ids_of(client.pages(HELLO, ISSUE_LIST, start_url=small))) == ISSUE_COUNT - 100
    assert asked_sizes(sandbox) == [25, 50, 100]
