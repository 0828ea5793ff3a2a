"""What a full walk no longer meets: what it takes to count as gone."""

import json

import pytest

from gitpulse_assets.sandbox.faults import ALWAYS, Fault
from gitpulse_assets.sandbox.times import DAY_SECONDS

WITHHELD = {
    "data": {"nodes": [None]},
    "errors": [{"type": "RESOURCE_LIMITS_EXCEEDED", "path": ["nodes", 0], "message": "Too much."}],
}


@pytest.fixture
def acts(world):
    return world.acts_on("acme/rocket")


@pytest.fixture
def open_issue(acts):
    issues = acts.repository.issues.values()
    return next(issue for issue in issues if issue.state == "open" and not issue.is_pull_request)


def last_kind(product, issue) -> str:
    return [kind for issue_id, _, kind in product.transitions() if issue_id == issue.issue_id][-1]


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
