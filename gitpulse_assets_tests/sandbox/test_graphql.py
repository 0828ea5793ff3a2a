"""GraphQL of the stand-in GitHub."""

import pytest

from gitpulse_assets.sandbox.faults import Fault
from gitpulse_assets.sandbox.graphql_types import item_type_of_kind
from gitpulse_assets.sandbox.times import iso

WALK = """query($after: String, $first: Int = 100) {
  rateLimit { cost remaining nodeCount resetAt }
  repository(owner: "octo-org", name: "hello") {
    issues(first: $first, after: $after, orderBy: {field: CREATED_AT, direction: ASC}) {
      totalCount
      pageInfo { hasNextPage endCursor }
      nodes {
        id number state stateReason(enableDuplicate: true) createdAt closedAt fullDatabaseId databaseId
        author { __typename login }
        timelineItems(first: 50, itemTypes: [CLOSED_EVENT, REOPENED_EVENT, TRANSFERRED_EVENT]) {
          totalCount
          nodes {
            __typename
            ... on ClosedEvent { id createdAt stateReason actor { __typename login } }
            ... on ReopenedEvent { id createdAt actor { login } }
            ... on TransferredEvent { createdAt fromRepository { nameWithOwner } }
          }
        }
      }
    }
  }
}"""
NODES = """query($ids: [ID!]!) {
  nodes(ids: $ids) { __typename ... on Issue { number repository { nameWithOwner } } }
}"""


@pytest.fixture
def repository(world):
    """The repository that is served."""
    return world.acts_on("octo-org/hello").repository


@pytest.fixture
def issues(repository):
    """Its present issues, without pull requests."""
    return {issue.number: issue for issue in repository.issues.values() if not issue.is_pull_request}


def walked(graphql) -> list[dict]:
    nodes, after = [], None
    while True:
        answer = graphql(WALK, after=after)
        assert "errors" not in answer
        connection = answer["data"]["repository"]["issues"]
        nodes += connection["nodes"]
        after = connection["pageInfo"]["endCursor"]
        if not connection["pageInfo"]["hasNextPage"]:
            assert len(nodes) == connection["totalCount"]
            return nodes


def test_a_walk_sees_every_issue_and_no_pull_request(graphql, issues):
    assert sorted(node["number"] for node in walked(graphql)) == sorted(issues)


def test_issues_are_as_the_state_is(graphql, issues):
    for node in walked(graphql):
        issue = issues[node["number"]]
        assert node["state"] == issue.state.upper()
        assert node["stateReason"] == (issue.state_reason or "").upper() or node["stateReason"] is None
        assert node["closedAt"] == (iso(issue.closed_at) if issue.closed_at else None)
        assert node["fullDatabaseId"] == str(issue.issue_id)
        assert node["databaseId"] is None


def test_timelines_hold_the_wanted_kinds_in_order(graphql, issues):
    wanted = {"closed": "ClosedEvent", "reopened": "ReopenedEvent", "transferred": "TransferredEvent"}
    for node in walked(graphql):
        kinds = [wanted[event.kind] for event in issues[node["number"]].events if event.kind in wanted]
        assert [item["__typename"] for item in node["timelineItems"]["nodes"]] == kinds
        assert node["timelineItems"]["totalCount"] == len(kinds)


def test_deleted_accounts_are_null_and_bots_have_no_suffix(graphql):
    nodes = walked(graphql)
    assert any(node["author"] is None for node in nodes)
    bots = {node["author"]["login"] for node in nodes if (node["author"] or {}).get("__typename") == "Bot"}
    assert bots == {"triage-helper"}
    items = [item for node in nodes for item in node["timelineItems"]["nodes"]]
    assert any("actor" in item and item["actor"] is None for item in items)


def test_a_page_of_100_timelines_costs_one_point(graphql, app):
    answer = graphql(WALK)["data"]["rateLimit"]
    assert (answer["cost"], answer["remaining"], answer["nodeCount"]) == (1, 4999, 100 + 100 * 50)
    assert app.log[-1].cost == 1


def test_deeper_connections_cost_more(graphql):
    query = """{ rateLimit { cost } repository(owner: "octo-org", name: "hello") {
        issues(first: 100) { nodes { labels(first: 10) { nodes { name } } timelineItems(first: 1) {
        totalCount } assignees(first: 5) { nodes { login } } } } } }"""
    assert graphql(query)["data"]["rateLimit"]["cost"] == 3


def test_a_count_alone_needs_no_page_size(graphql, issues):
    query = '{ repository(owner: "octo-org", name: "hello") { issues(states: OPEN) { totalCount } } }'
    count = graphql(query)["data"]["repository"]["issues"]["totalCount"]
    assert count == sum(issue.state == "open" for issue in issues.values())


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        ("", "MISSING_PAGINATION_BOUNDARIES"),
        ("(first: 101)", "MISSING_PAGINATION_BOUNDARIES"),
        ("(first: 0)", "MISSING_PAGINATION_BOUNDARIES"),
    ],
)
def test_pages_are_bounded(graphql, arguments, kind):
    query = f'{{ repository(owner: "octo-org", name: "hello") {{ issues{arguments} {{ nodes {{ id }} }} }} }}'
    assert graphql(query)["errors"][0]["type"] == kind


def test_more_than_500_000_nodes_are_refused(graphql):
    timelines = " ".join(f"t{n}: timelineItems(first: 100) {{ totalCount }}" for n in range(51))
    issues = f"issues(first: 100) {{ nodes {{ {timelines} }} }}"
    query = f'{{ repository(owner: "octo-org", name: "hello") {{ {issues} }} }}'
    assert graphql(query)["errors"][0]["type"] == "MAX_NODE_LIMIT_EXCEEDED"


def test_updated_issues_by_filter(graphql, issues):
    moments = sorted(issue.updated_at for issue in issues.values())
    query = """query($since: DateTime!) { repository(owner: "octo-org", name: "hello") { issues(first: 100,
        filterBy: {since: $since, states: [OPEN, CLOSED]}, orderBy: {field: UPDATED_AT, direction: DESC}) {
        nodes { updatedAt } } } }"""
    answer = graphql(query, since=iso(moments[-20]))
    found = [node["updatedAt"] for node in answer["data"]["repository"]["issues"]["nodes"]]
    assert found == [iso(moment) for moment in reversed(moments) if moment >= moments[-20]]


def test_a_long_timeline_is_paged(graphql, issues):
    issue = max(issues.values(), key=lambda issue: len(issue.events))
    query = """query($id: ID!, $after: String) { node(id: $id) { ... on Issue {
        timelineItems(first: 2, after: $after) { pageInfo { hasNextPage endCursor startCursor }
        nodes { ... on Node { id } } } } } }"""
    ids, after = [], None
    while True:
        page = graphql(query, id=issue.node_id, after=after)["data"]["node"]["timelineItems"]
        ids += [node["id"] for node in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert len(set(ids)) == len(ids) == len(issue.events) + len(issue.said)


def test_departed_ids(graphql, repository):
    departed = list(repository.departed.values())[:100]
    answer = graphql(NODES, ids=[issue.node_id for issue in departed])
    for place, (issue, node) in enumerate(zip(departed, answer["data"]["nodes"], strict=True)):
        if issue.moved_to:
            assert node["repository"]["nameWithOwner"] == "elsewhere/outside"
        else:
            assert node is None
            error = next(error for error in answer["errors"] if error["path"] == ["nodes", place])
            assert error["type"] == "NOT_FOUND"
            assert issue.node_id in error["message"]


def test_a_moved_issue_tells_when_it_left(graphql, repository, world):
    moved = next(issue for issue in repository.departed.values() if issue.moved_to)
    query = """query($id: ID!) { node(id: $id) { ... on Issue { timelineItems(last: 1,
        itemTypes: TRANSFERRED_EVENT) { nodes { ... on TransferredEvent { createdAt
        fromRepository { nameWithOwner } issue { number } } } } } } }"""
    event = graphql(query, id=moved.node_id)["data"]["node"]["timelineItems"]["nodes"][0]
    stay = world.truth("octo-org/hello").presences[moved.issue_id][-1]
    assert event["createdAt"] == iso(stay.end or 0)
    assert event["fromRepository"] == {"nameWithOwner": "Octo-Org/Hello"}


def test_a_pull_request_is_a_node_too(graphql, repository):
    pull_request = next(issue for issue in repository.issues.values() if issue.is_pull_request)
    assert graphql(NODES, ids=[pull_request.node_id])["data"]["nodes"] == [{"__typename": "PullRequest"}]


def test_an_unknown_repository_is_not_found(graphql):
    answer = graphql('{ repository(owner: "no", name: "such") { id } }')
    assert answer["data"] == {"repository": None}
    assert answer["errors"][0]["type"] == "NOT_FOUND"


@pytest.mark.parametrize(("follow", "is_found"), [("true", True), ("false", False)])
def test_a_former_name_is_followed(graphql, follow, is_found):
    query = (
        f'{{ repository(owner: "octo-org", name: "old-hello", followRenames: {follow}) {{ nameWithOwner }} }}'
    )
    assert bool(graphql(query)["data"]["repository"]) is is_found


def test_a_token_is_needed(anonymous):
    assert anonymous.post("/graphql", json={"query": "{ rateLimit { cost } }"}).status_code == 401


def test_an_overrun_is_status_200_with_an_error(graphql, app):
    app.limits.graphql_points_per_hour = 2
    answers = [graphql("{ rateLimit { cost } }") for _ in range(3)]
    assert [list(answer) for answer in answers] == [["data"], ["data"], ["errors"]]
    assert answers[-1]["errors"][0]["type"] == "RATE_LIMITED"


def test_partial_data_over_a_resource_limit(graphql, app, issues):
    app.faults.append(Fault("partial_data", match="/graphql"))
    ids = [issue.node_id for issue in issues.values()][:10]
    answer = graphql(NODES, ids=ids)
    assert [node is None for node in answer["data"]["nodes"]] == [False] * 5 + [True] * 5
    assert {error["type"] for error in answer["errors"]} == {"RESOURCE_LIMITS_EXCEEDED"}
    assert [error["path"] for error in answer["errors"]] == [["nodes", place] for place in range(5, 10)]


def test_a_query_that_is_too_large_times_out(client, app):
    app.faults.append(Fault("status", match="/graphql", min_nodes=2000, times=99))
    statuses = [
        client.post("/graphql", json={"query": WALK, "variables": {"first": first}}).status_code
        for first in (100, 50, 25)
    ]
    assert statuses == [502, 502, 200]


@pytest.mark.parametrize("body", [{}, {"query": "{"}, {"query": "{ nothing }"}, {"query": 1}, [], "text"])
def test_what_cannot_be_executed_is_an_error(client, body):
    answer = client.post("/graphql", json=body)
    assert answer.status_code == 200
    assert answer.json()["errors"]


def test_the_enterprise_path(client):
    answer = client.post("/api/graphql", json={"query": "{ rateLimit { limit } }"})
    assert answer.json() == {"data": {"rateLimit": {"limit": 5000}}}


@pytest.mark.parametrize(
    ("kind", "item_type"), [("closed", "CLOSED_EVENT"), ("renamed", "RENAMED_TITLE_EVENT")]
)
def test_item_types(kind, item_type):
    assert item_type_of_kind(kind) == item_type
