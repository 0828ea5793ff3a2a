import json
from datetime import UTC, datetime

import httpx
import pytest

from gitpulse_assets.github.errors import (
    AnswerUnusable,
    CursorRefused,
    Forbidden,
    LimitReached,
    NetworkDown,
    RepositoryNotFound,
    TokenRequired,
)
from gitpulse_assets.github.graphql import BatchSize
from gitpulse_assets.github.lifecycle import MissingNode

RESOURCES = {"type": "RESOURCE_LIMITS_EXCEEDED", "message": "Resource limits for this query exceeded."}
TIMED_OUT = {
    "message": "Something went wrong while executing your query. This may be the result of a timeout"
}


def timeline(count, end=None, start=0):
    events = [
        {"__typename": "ClosedEvent", "id": f"E{n}", "createdAt": "2024-01-01T00:00:00Z"}
        for n in range(start, start + count)
    ]
    return {"pageInfo": {"hasNextPage": end is not None, "endCursor": end}, "nodes": events}


def issue(number, **changed):
    return {
        "__typename": "Issue",
        "id": f"I_{number}",
        "fullDatabaseId": str(3_000_000_000 + number),
        "number": number,
        "state": "OPEN",
        "repository": {"databaseId": 7, "nameWithOwner": "Octo/Demo"},
        "timelineItems": timeline(1),
    } | changed


def ids(*numbers):
    return [f"I_{number}" for number in numbers]


def by_ids(issues, errors=(), cost=1):
    return {"data": {"rateLimit": {"cost": cost}, "nodes": issues}} | (
        {"errors": list(errors)} if errors else {}
    )


def walked(issues, end=None, errors=()):
    page = {
        "pageInfo": {"hasNextPage": end is not None, "endCursor": end},
        "nodes": issues,
    }
    answer = {"data": {"rateLimit": {"cost": 1}, "repository": {"issues": page}}}
    return answer | ({"errors": list(errors)} if errors else {})


def variables(request):
    return json.loads(request.content)["variables"]


@pytest.fixture
def repository_of(answer):
    """A handler that serves `count` issues by id or by walk and fails above `most` issues at once."""

    def build(count, most=100, overload=None):
        def handler(request):
            asked = variables(request)
            if len(asked.get("ids", range(asked.get("first", 1)))) > most:
                return overload() if callable(overload) else overload
            if "ids" in asked:
                return answer(by_ids([issue(int(node_id[2:])) for node_id in asked["ids"]]))
            start = int(asked["after"] or 0)
            end = min(count, start + asked["first"])
            nodes = [issue(number) for number in range(start + 1, end + 1)]
            return answer(walked(nodes, str(end) if end < count else None))

        return handler

    return build


def test_given_issues_come_in_batches_of_a_hundred_for_a_point_each(script, repo, repository_of):
    client, calls = script(repository_of(250))
    batches = list(client.lifecycles(repo, ids(*range(1, 251))))
    assert [len(batch.issues) for batch in batches] == [100, 100, 50]
    assert [batch.number for batch in batches] == [1, 2, 3]
    assert client.graphql_spending.quota_cost == client.graphql_spending.request_count == 3
    assert client.spending.request_count == 0
    assert str(calls.requests[0].url).endswith("/graphql")


def test_a_refresh_with_20_changed_issues_costs_one_request(script, repo, repository_of):
    client, calls = script(repository_of(20))
    list(client.lifecycles(repo, ids(*range(1, 21))))
    assert len(calls.requests) == 1


def test_no_ids_cost_nothing(script, repo):
    client, calls = script([])
    assert list(client.lifecycles(repo, [])) == []
    assert calls.requests == []


def test_an_issue_is_typed_and_its_text_as_received(script, answer, repo):
    client, _ = script([answer(by_ids([issue(5)]))])
    ((found,),) = [batch.issues for batch in client.lifecycles(repo, ids(5))]
    assert (found.node_id, found.issue_id, found.issue_number) == ("I_5", 3_000_000_005, 5)
    assert (found.repository_id, found.repository_full_name) == (7, "Octo/Demo")
    assert found.is_complete
    assert found.payload == json.dumps(issue(5), separators=(",", ":")).encode()


def test_the_walk_of_4895_issues_costs_49_points(script, repo, repository_of):
    client, _ = script(repository_of(4895))
    batches = list(client.repository_lifecycles(repo))
    numbers = [found.issue_number for batch in batches for found in batch.issues]
    assert numbers == list(range(1, 4896))
    assert client.graphql_spending.request_count == client.graphql_spending.quota_cost == 49


def test_the_walk_goes_on_after_a_stored_cursor(script, repo, repository_of):
    client, _ = script(repository_of(250))
    first = next(iter(client.repository_lifecycles(repo)))
    rest = list(client.repository_lifecycles(repo, after=first.end_cursor))
    assert [len(batch.issues) for batch in rest] == [100, 50]
    assert rest[-1].end_cursor is None


def test_a_cursor_no_longer_taken_asks_for_a_new_walk(script, answer, repo):
    problem = {"type": "INVALID_CURSOR_ARGUMENTS", "message": "`x` does not appear to be a valid cursor."}
    client, _ = script([answer({"data": {"repository": None}, "errors": [problem]})])
    with pytest.raises(CursorRefused, match="start the walk again"):
        list(client.repository_lifecycles(repo, after="x"))


@pytest.fixture(params=["502", "504", "read time-out", "partial", "timed out", "null data"])
def overload(request, answer):
    def build():
        return {
            "502": answer(b"<html>", 502),
            "504": answer(b"", 504),
            "read time-out": httpx.ReadTimeout("timed out"),
            "partial": answer(by_ids([issue(1), None], [RESOURCES | {"path": ["nodes", 1]}])),
            "timed out": answer({"data": None, "errors": [TIMED_OUT]}),
            "null data": answer({"data": None}),
        }[request.param]

    return build


def test_batches_shrink_when_github_is_overloaded(script, repo, repository_of, overload):
    client, calls = script(repository_of(60, most=30, overload=overload))
    numbers = [
        found.issue_number for batch in client.lifecycles(repo, ids(*range(1, 61))) for found in batch.issues
    ]
    assert numbers == list(range(1, 61))
    assert [len(variables(request)["ids"]) for request in calls.requests] == [60, 50, 25, 25, 10]
    assert calls.sleeps == []


def test_the_walk_shrinks_when_github_is_overloaded(script, repo, repository_of, overload):
    client, calls = script(repository_of(60, most=30, overload=overload))
    batches = list(client.repository_lifecycles(repo))
    assert [found.issue_number for batch in batches for found in batch.issues] == list(range(1, 61))
    assert all(found.is_complete for batch in batches for found in batch.issues)
    assert [variables(request)["first"] for request in calls.requests] == [100, 50, 25, 25, 25]


def test_a_batch_grows_again_after_some_that_passed():
    size = BatchSize(100)
    size.shrink()
    sizes = []
    for _ in range(6):
        size.passed()
        sizes.append(size.value)
    assert sizes == [50, 50, 50, 50, 100, 100]


def test_a_single_issue_that_stays_too_heavy_is_taken_incomplete(script, answer, repo):
    client, calls = script(lambda _: answer(by_ids([issue(1)], [RESOURCES | {"path": ["nodes", 0, "x"]}])))
    (batch,) = client.lifecycles(repo, ids(1))
    assert [found.is_complete for found in batch.issues] == [False]
    assert len(calls.requests) == 7


def test_a_single_issue_without_an_answer_is_unanswered_and_not_not_found(script, answer, repo):
    client, _ = script(lambda _: answer({"data": None, "errors": [TIMED_OUT]}))
    (batch,) = client.lifecycles(repo, ids(1))
    assert (batch.issues, batch.missing) == ([], [MissingNode("I_1", "unanswered", TIMED_OUT["message"])])


def test_a_walk_takes_what_it_gets_of_a_single_heavy_issue(script, answer, repo):
    problem = RESOURCES | {"path": ["repository", "issues", "nodes", 0]}
    client, _ = script(
        lambda request: answer(
            walked([None], "a", errors=[problem])
            if variables(request)["after"] is None
            else walked([issue(2)])
        )
    )
    first, second = client.repository_lifecycles(repo)
    assert (first.issues, first.missing) == ([], [MissingNode(None, "unanswered")])
    assert [found.is_complete for found in second.issues] == [True]


def test_a_server_that_stays_down_fails_loudly(script, repo):
    client, _ = script(lambda _: httpx.ReadTimeout("timed out"))
    with pytest.raises(NetworkDown, match="timed out"):
        list(client.lifecycles(repo, ids(1, 2)))


def test_a_connection_error_is_tried_again_at_the_same_size(script, answer, repo):
    client, calls = script([httpx.ConnectError("refused"), answer(by_ids([issue(1), issue(2)]))])
    list(client.lifecycles(repo, ids(1, 2)))
    assert len(calls.sleeps) == 1


def test_a_500_is_tried_again_at_the_same_size_then_once_at_the_smaller_ones_and_fails(script, answer, repo):
    client, calls = script(lambda _: answer(b"", 500))
    with pytest.raises(AnswerUnusable, match="500"):
        list(client.lifecycles(repo, ids(*range(1, 101))))
    sizes = [len(variables(request).get("ids", ())) for request in calls.requests]
    # Last the question whether GitHub answers anything.
    assert sizes == [100] * 6 + [50, 25, 12, 6, 3, 1] + [0] * 6


def test_what_is_not_found_is_told_apart_from_what_is_not_answered(script, answer, repo):
    problems = [
        {"type": "NOT_FOUND", "path": ["nodes", 1], "message": "Could not resolve to a node"},
        {"type": "FORBIDDEN", "path": ["nodes", 2], "message": "SAML enforcement"},
        {"type": "NOT_FOUND", "path": ["nodes", 0, "timelineItems", "nodes", 0, "fromRepository"]},
    ]
    nodes = [issue(1), None, None, {"__typename": "Discussion", "id": "I_4"}]
    client, calls = script([answer(by_ids(nodes, problems))])
    (batch,) = client.lifecycles(repo, ids(1, 2, 3, 4))
    assert [found.is_complete for found in batch.issues] == [True]
    assert [(node.node_id, node.reason) for node in batch.missing] == [
        ("I_2", "not_found"),
        ("I_3", "forbidden"),
        ("I_4", "Discussion"),
    ]
    assert len(calls.requests) == 1


def test_a_long_timeline_is_joined_over_its_pages(script, answer, repo):
    def page(items):
        return answer({"data": {"rateLimit": {"cost": 1}, "node": {"timelineItems": items}}})

    client, calls = script(
        [
            answer(by_ids([issue(1, timelineItems=timeline(50, "a"), extra="é")])),
            page(timeline(100, "b", 50)),
            page(timeline(3, None, 150)),
        ]
    )
    ((found,),) = [batch.issues for batch in client.lifecycles(repo, ids(1))]
    joined = json.loads(found.payload)
    assert [event["id"] for event in joined["timelineItems"]["nodes"]] == [f"E{n}" for n in range(153)]
    assert joined["timelineItems"]["pageInfo"]["hasNextPage"] is False
    assert joined["extra"] == "é"
    assert found.is_complete
    assert [variables(request).get("after") for request in calls.requests[1:]] == ["a", "b"]


@pytest.mark.parametrize("node", [None, {"timelineItems": None}])
def test_a_long_timeline_cut_off_is_incomplete_and_keeps_what_came(script, answer, repo, node):
    client, _ = script(
        [answer(by_ids([issue(1, timelineItems=timeline(50, "a"))])), answer({"data": {"node": node}})]
    )
    ((found,),) = [batch.issues for batch in client.lifecycles(repo, ids(1))]
    assert not found.is_complete
    assert len(json.loads(found.payload)["timelineItems"]["nodes"]) == 50


def test_an_issue_without_a_timeline_is_incomplete(script, answer, repo):
    client, _ = script([answer(by_ids([issue(1, timelineItems=None, fullDatabaseId=None)]))])
    ((found,),) = [batch.issues for batch in client.lifecycles(repo, ids(1))]
    assert (found.is_complete, found.issue_id) == (False, None)


@pytest.mark.parametrize(
    "end", [{"hasNextPage": True, "endCursor": None}, {"hasNextPage": True, "endCursor": "a"}]
)
def test_more_without_a_way_to_it_is_never_the_end(script, answer, repo, end):
    page = walked([issue(1)])
    page["data"]["repository"]["issues"]["pageInfo"] = end
    client, _ = script(lambda _: answer(page))
    with pytest.raises(AnswerUnusable, match="more but not where"):
        list(client.repository_lifecycles(repo, after="a"))


def test_an_answer_for_none_of_the_ids_is_an_error(script, answer, repo):
    client, _ = script([answer(by_ids([]))])
    with pytest.raises(AnswerUnusable, match="none of the ids"):
        list(client.lifecycles(repo, ids(1)))


@pytest.mark.parametrize(
    "body",
    [[], {"data": {"nodes": 1}}, {"data": {"nodes": [{"__typename": "Issue"}]}}, {"data": {"nodes": [3]}}],
)
def test_an_answer_of_another_form_is_an_error(script, answer, repo, body):
    client, _ = script([answer(body)])
    with pytest.raises(AnswerUnusable, match="unexpected form"):
        list(client.lifecycles(repo, ids(1)))


def test_graphql_without_a_token_is_refused_before_it_is_asked(script, repo):
    client, calls = script([], tokens=())
    with pytest.raises(TokenRequired, match="set GITHUB_TOKEN"):
        list(client.lifecycles(repo, ids(1)))
    assert calls.requests == []


def test_a_repository_graphql_cannot_find(script, answer, repo):
    problem = {"type": "NOT_FOUND", "path": ["repository"], "message": "Could not resolve to a Repository"}
    client, _ = script(lambda _: answer({"data": {"repository": None}, "errors": [problem]}))
    for ask in (lambda: list(client.repository_lifecycles(repo)), lambda: client.issue_counts(repo)):
        with pytest.raises(RepositoryNotFound, match="octo/demo"):
            ask()


def test_a_repository_that_is_null_without_a_reason(script, answer, repo):
    client, _ = script([answer({"data": {"repository": None}})])
    with pytest.raises(RepositoryNotFound):
        list(client.repository_lifecycles(repo))


def test_a_walk_that_gets_no_page_at_all_fails_loudly(script, answer, repo):
    client, _ = script(lambda _: answer({"data": {"repository": None}, "errors": [RESOURCES]}))
    with pytest.raises(AnswerUnusable, match="Resource limits"):
        list(client.repository_lifecycles(repo))


@pytest.mark.parametrize("kind", ["FORBIDDEN", "INSUFFICIENT_SCOPES"])
def test_a_query_that_is_forbidden(script, answer, repo, kind):
    client, _ = script([answer({"data": None, "errors": [{"type": kind, "message": "SAML\nenforcement"}]})])
    with pytest.raises(Forbidden, match="SAML enforcement"):
        list(client.repository_lifecycles(repo))


def test_a_query_forbidden_for_want_of_single_sign_on_tells_where(script, answer, repo):
    where = "https://github.com/orgs/acme/sso?authorization_request=1"
    problem = {"type": "FORBIDDEN", "message": "Resource protected by organization SAML enforcement."}
    client, _ = script([answer({"data": None, "errors": [problem]}, x_github_sso=f"required; url={where}")])
    with pytest.raises(Forbidden) as refusal:
        list(client.repository_lifecycles(repo))
    assert str(refusal.value).endswith(f"; authorise the token for single sign-on at {where}")


def test_a_graphql_address_that_is_none(script, answer, repo):
    client, _ = script([answer({"message": "Not Found"}, 404)])
    with pytest.raises(AnswerUnusable, match="GITHUB_GRAPHQL_URL"):
        client.issue_counts(repo)


def test_rate_limited_with_status_200_is_waited_out(script, answer, repo):
    reset = int(datetime(2024, 6, 3, 21, 19, 53, tzinfo=UTC).timestamp())
    refused = {"errors": [{"type": "RATE_LIMITED", "message": "API rate limit exceeded"}]}
    headers = {"x_ratelimit_remaining": "0", "x_ratelimit_reset": str(reset), "x_ratelimit_limit": "5000"}
    client, calls = script([answer(refused, **headers), answer(by_ids([issue(1)]))])
    assert len(list(client.lifecycles(repo, ids(1)))) == 1
    assert calls.sleeps == [61]
    client, calls = script(lambda _: answer(refused, **headers), patience_seconds=10)
    with pytest.raises(LimitReached, match="until 2024-06-03 21:19:54 UTC"):
        list(client.lifecycles(repo, ids(1)))


def test_the_issue_counts_are_githubs_own(script, answer, repo):
    counts = {"openIssues": {"totalCount": 1638}, "issues": {"totalCount": 4895}}
    body = {"data": {"rateLimit": {"cost": 1}, "repository": counts}}
    client, _ = script([answer(body, x_ratelimit_remaining="4990", x_ratelimit_resource="graphql")])
    counted = client.issue_counts(repo)
    assert (counted.open_issue_count, counted.issue_count, counted.date.year) == (1638, 4895, 2024)
    assert (client.graphql_spending.quota_cost, client.graphql_spending.quota_remaining) == (1, 4990)
    assert client.spending.quota_remaining is None


def test_no_count_is_no_zero(script, answer, repo):
    client, _ = script([answer({"data": None, "errors": [TIMED_OUT]})])
    with pytest.raises(AnswerUnusable, match="gives no count"):
        client.issue_counts(repo)
