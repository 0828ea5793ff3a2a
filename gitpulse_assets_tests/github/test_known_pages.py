"""Sweeping a list whose pages are known: nothing is missed whatever left or came, and little is paid for."""

import json
from random import Random

import pytest
from pydantic import SecretStr

from gitpulse_assets.contracts.sources import ISSUE_LIST
from gitpulse_assets.github.client import GitHubClient
from gitpulse_assets.github.detours import KnownPage
from gitpulse_assets.repo import Repo
from gitpulse_assets.sandbox.history import generate
from gitpulse_assets.sandbox.plan import HistoryPlan
from gitpulse_assets.sandbox.server import serve

ROCKET = Repo("acme", "rocket")


@pytest.fixture(autouse=True)
def _few_records_are_a_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page of one record stands for one of a hundred here, and is not asked for again."""
    monkeypatch.setattr("gitpulse_assets.github.pages.is_short", lambda page: False)


class Sweeper:
    """Walks the list again and again, and remembers of each page what it may know it by."""

    def __init__(self, client) -> None:
        self.client, self.known, self.ids = client, {}, {}

    def sweep(self) -> tuple[set[int], int]:
        """The ids that are listed, by what was received now or earlier, and the pages paid for."""
        known, ids, paid = {}, {}, 0
        for page in self.client.pages(ROCKET, ISSUE_LIST, known=self.known):
            paid += not page.is_unchanged
            received = {json.loads(record)["id"] for record in page.records}
            ids[page.url] = self.ids[page.url] if page.is_unchanged else received
            known[page.url] = KnownPage(page.etag, page.next_url, page.cursor_record_id)
        self.known, self.ids = known, ids
        return set().union(*ids.values()), paid


@pytest.fixture
def world():
    return generate([HistoryPlan("acme/rocket", seed=3, issue_count=600, day_count=100, body_bytes_mean=10)])


@pytest.fixture
def sweeper(world):
    with serve(world) as sandbox:
        tokens = [SecretStr("good-token")]
        graphql_url = f"{sandbox.base_url}/graphql"
        with GitHubClient(api_url=sandbox.base_url, graphql_url=graphql_url, tokens=tokens) as client:
            yield Sweeper(client)


def listed(acts):
    return sorted(acts.repository.issues.values(), key=lambda issue: (issue.created_at, issue.issue_id))


@pytest.mark.parametrize("place", [0, 98, 99, 100, 650])
def test_one_deletion_does_not_cost_every_later_page(sweeper, world, place):
    acts = world.acts_on("acme/rocket")
    sweeper.sweep()
    acts.delete(listed(acts)[place], world.clock)
    ids, paid = sweeper.sweep()
    assert ids == {issue.issue_id for issue in listed(acts)}
    assert paid <= 3
    assert sweeper.sweep()[1] == 1


@pytest.mark.parametrize(
    "place", [99, *(pytest.param(place, marks=pytest.mark.slow) for place in (0, 100, 650))]
)
def test_one_return_does_not_cost_every_later_page(sweeper, world, place):
    acts = world.acts_on("acme/rocket")
    acts.hide(back := listed(acts)[place], world.clock)
    sweeper.sweep()
    acts.restore(back, world.clock)
    ids, paid = sweeper.sweep()
    assert ids == {issue.issue_id for issue in listed(acts)}
    assert paid <= 3


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_a_year_of_weekly_sweeps_misses_nothing(sweeper, world, seed, capsys):
    acts, rng, hidden = world.acts_on("acme/rocket"), Random(seed), []
    paid_count = page_count = 0
    for _ in range(52):
        for issue in rng.sample(listed(acts), rng.choice((0, 1, 2, 8))):
            change = rng.choice(("delete", "hide", "comment"))
            getattr(acts, change)(issue, world.clock)
            hidden += [issue] if change == "hide" else []
        for issue in [issue for issue in hidden if rng.random() < 0.2]:
            acts.restore(issue, world.clock)
            hidden.remove(issue)
        ids, paid = sweeper.sweep()
        paid_count, page_count = paid_count + paid, page_count + len(sweeper.ids)
        assert ids >= {issue.issue_id for issue in listed(acts)}
        gone = {issue.issue_id for issue in acts.repository.departed.values()}
        assert not ids & gone
    with capsys.disabled():
        print(f"\nseed {seed}: {page_count} pages swept, {paid_count} paid for")


PAGE = "https://api.github.test/repositories/9/issues?after={}".format
FIRST = "https://api.github.test/repos/octo/demo/issues?state=all&sort=created&direction=asc&per_page=100"
KNOWN = {
    FIRST: KnownPage('"1"', PAGE(1), 1),
    PAGE(1): KnownPage('"2"', PAGE(2), 2),
    PAGE(2): KnownPage('"3"', PAGE(3), 3),
    PAGE(3): KnownPage('"4"', None, None),
}


def page(answer, *ids, after=None):
    link = {"link": f'<{PAGE(after)}>; rel="next"'} if after else {}
    return answer([{"id": number} for number in ids], **link)


def asked(calls):
    return [url.partition("after=")[2] for url in calls.urls]


def test_a_record_the_list_repeats_does_not_lead_past_pages(script, answer, repo):
    """The last record of page 3 on page 1 too: going on behind it would skip page 2."""
    client, calls = script([page(answer, 3, 9, after=9), page(answer, 10)])
    list(client.pages(repo, ISSUE_LIST, known=KNOWN))
    assert asked(calls) == ["", "9"]


def test_a_known_address_that_leaves_records_out_is_not_followed(script, answer, repo):
    """Were an address a place in the list and no record's, a deletion before it would hide records."""
    client, calls = script(
        [page(answer, 0, 1, 8, 9, after=9), page(answer, 9, 10, after=10), page(answer, 10)]
    )
    pages = list(client.pages(repo, ISSUE_LIST, known=KNOWN))
    assert asked(calls) == ["", "1", "9"]
    assert [found.next_url for found in pages] == [PAGE(9), None]


def test_a_known_address_that_is_refused_is_not_followed(script, answer, repo):
    refusal = answer({"message": "Invalid cursor"}, 422)
    client, calls = script([page(answer, 0, 1, 8, after=8), refusal, page(answer, 9)])
    assert len(list(client.pages(repo, ISSUE_LIST, known=KNOWN))) == 2
    assert asked(calls) == ["", "1", "8"]


def test_a_link_to_a_known_address_is_followed_whatever_the_page_holds(script, answer, repo):
    client, calls = script([page(answer, 1, 8, after=2), page(answer, 9)])
    list(client.pages(repo, ISSUE_LIST, known=KNOWN))
    assert asked(calls) == ["", "2"]
