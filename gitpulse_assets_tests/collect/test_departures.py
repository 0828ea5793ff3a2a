"""What a full walk no longer meets: what it takes to count as gone."""

import json

import pytest
from pyarrow.dataset import field

from gitpulse_assets.contracts.silver import CONTROL_TOTAL
from gitpulse_assets.sandbox.faults import ALWAYS, Fault
from gitpulse_assets.sandbox.times import DAY_SECONDS

WITHHELD = {
    "data": {"nodes": [None]},
    "errors": [{"type": "RESOURCE_LIMITS_EXCEEDED", "path": ["nodes", 0], "message": "Too much."}],
}


@pytest.fixture
def acts(world):
    return world.acts_on("acme/rocket")


def first_open(acts, *, is_pull_request: bool):
    records = acts.repository.issues.values()
    return next(one for one in records if one.state == "open" and one.is_pull_request is is_pull_request)


@pytest.fixture
def open_issue(acts):
    return first_open(acts, is_pull_request=False)


@pytest.fixture
def pull_request(acts):
    return first_open(acts, is_pull_request=True)


def last_kind(product, issue) -> str:
    return [kind for issue_id, _, kind in product.transitions() if issue_id == issue.issue_id][-1]


def is_contradicted(product) -> bool:
    """Whether the verdict would say that GitHub counts other than we do."""
    return any("GitHub counts" in what for what in product.unknown_slices())


def test_an_issue_that_graphql_does_not_tell_of_stays_until_it_does(product, acts, open_issue):
    # GitHub answers 404 for it by REST, as for what is out of a token's sight for a while.
    before = last_kind(product, open_issue)
    acts.hide(open_issue, product.world.clock)
    product.world.advance(seconds=DAY_SECONDS)
    product.app.faults.append(
        Fault("status", match="/graphql", times=ALWAYS, status=200, body=json.dumps(WITHHELD), min_nodes=1)
    )
    product.sync(is_full=True)
    asked = [served for served in product.app.log if served.target.endswith(f"/issues/{open_issue.number}")]
    assert [served.status for served in asked] == [404]
    assert last_kind(product, open_issue) == before
    assert "deleted_count" not in product.repairs()

    product.app.faults.clear()
    product.world.advance(seconds=DAY_SECONDS)
    product.sync(is_full=True)
    assert last_kind(product, open_issue) == "deleted"
    assert product.repairs()["unknown_count"] == 1


@pytest.mark.parametrize("way", ["hide", pytest.param("delete", marks=pytest.mark.slow)])
def test_an_open_pull_request_that_is_gone_is_no_longer_counted(product, acts, pull_request, way):
    # Without a token GitHub's count has the pull requests in it.
    getattr(acts, way)(pull_request, product.world.clock)
    product.world.advance(seconds=DAY_SECONDS)
    product.sync(is_full=True, token="")
    (count,) = product.table(CONTROL_TOTAL).filter(field("has_pull_requests")).to_pylist()
    assert count["our_count"] == count["open_count_after"]
    assert not is_contradicted(product)


@pytest.mark.slow
def test_a_count_without_a_token_finds_an_open_pull_request_gone(product, acts, pull_request, open_issue):
    acts.hide(pull_request, product.world.clock)
    product.world.advance(seconds=DAY_SECONDS)
    acts.comment(open_issue, product.world.clock - 3600)
    assert product.sync(token="").walk_kind == "full"
    assert not is_contradicted(product)

    product.world.advance(seconds=DAY_SECONDS)
    acts.restore(pull_request, product.world.clock - 3600)
    assert product.sync(token="").walk_kind == "incremental"
    assert not is_contradicted(product)


def test_closed_pull_requests_that_are_gone_are_not_asked_about(product, acts):
    records = acts.repository.issues.values()
    closed = next(one for one in records if one.state == "closed" and one.is_pull_request)
    acts.delete(closed, product.world.clock)
    product.sync(is_full=True, token="")
    assert not any(served.target.endswith(f"/issues/{closed.number}") for served in product.app.log)
