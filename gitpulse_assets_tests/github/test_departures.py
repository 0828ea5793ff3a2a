from datetime import UTC, datetime

import pytest

from gitpulse_assets.github.departures import MissingIssue
from gitpulse_assets.github.errors import AnswerUnusable, ForeignLink, IssuesDisabled

MISSING = MissingIssue(3_000_000_005, "I_5", 5)
HERE, ELSEWHERE = 7, 8


def event(kind, day, from_id=None):
    source = {"fromRepository": None if from_id is None else {"databaseId": from_id}}
    return {"__typename": kind, "createdAt": f"2024-01-0{day}T00:00:00Z"} | source


def node(repository_id, events=(), **changed):
    return {
        "__typename": "Issue",
        # A transferred issue has another node id in its new repository.
        "id": "I_5" if repository_id == HERE else "I_new",
        "fullDatabaseId": "3000000005",
        "number": 41,
        "repository": {"databaseId": repository_id, "nameWithOwner": "Other/Place"},
        "timelineItems": {"pageInfo": {"hasNextPage": False}, "nodes": [*events, None]},
    } | changed


# What REST says of number 5, whatever the status: the issue, and words about it.
AT_FIVE = {"id": 3_000_000_005, "number": 5, "message": "This issue was deleted"}
NOT_FOUND = {
    "data": {"nodes": [None]},
    "errors": [{"type": "NOT_FOUND", "path": ["nodes", 0], "message": "Could not resolve"}],
}


def unanswered(error_type):
    return {"data": {"nodes": [None]}, "errors": [{"type": error_type, "path": ["nodes", 0]}]}


@pytest.fixture
def probed(script, repo):
    """Probe one missing issue against scripted answers; returns the departure and the calls."""

    def probe(answers, tokens=("tok",), issue=MISSING):
        client, calls = script(answers, tokens=tokens)
        (departure,) = client.departures(repo, HERE, [issue])
        return departure, calls

    return probe


def test_an_issue_found_elsewhere_was_transferred_out(probed, answer):
    events = [
        event("TransferredEvent", 1, HERE),
        event("TransferredEvent", 4, ELSEWHERE),
        event("ClosedEvent", 5),
    ]
    departure, calls = probed([answer({"data": {"nodes": [node(9, events)]}})])
    assert (departure.kind, departure.evidence, departure.departed_to) == (
        "transferred_out",
        "nodes",
        "Other/Place#41",
    )
    assert departure.departed_at == datetime(2024, 1, 1, tzinfo=UTC)
    assert departure.payload.startswith(b'{"__typename":"Issue"')
    assert len(calls.requests) == 1


def test_a_transfer_whose_source_is_not_told(probed, answer):
    departure, _ = probed([answer({"data": {"nodes": [node(9, [event("TransferredEvent", 2)])]}})])
    assert departure.departed_at == datetime(2024, 1, 2, tzinfo=UTC)


def test_a_transfer_without_an_event_has_no_time(probed, answer):
    departure, _ = probed([answer({"data": {"nodes": [node(9, timelineItems=None)]}})])
    assert (departure.kind, departure.departed_at) == ("transferred_out", None)


def test_a_renamed_repository_does_not_make_its_issues_departed(probed, answer):
    departure, _ = probed([answer({"data": {"nodes": [node(HERE)]}})])
    assert (departure.kind, departure.departed_at) == ("present", None)


def test_an_issue_that_became_a_discussion(probed, answer):
    events = [event("ConvertedToDiscussionEvent", 3)]
    departure, _ = probed([answer({"data": {"nodes": [node(HERE, events, state="CLOSED")]}})])
    assert (departure.kind, departure.departed_at) == ("converted", datetime(2024, 1, 3, tzinfo=UTC))
    departure, _ = probed([answer({"data": {"nodes": [{"__typename": "Discussion", "id": "I_5"}]}})])
    assert (departure.kind, departure.departed_at, departure.evidence) == ("converted", None, "nodes")


@pytest.mark.parametrize(
    ("state", "further"),
    [
        ("OPEN", ()),
        ("OPEN", [event("ReopenedEvent", 4)]),
        ("CLOSED", [event("ReopenedEvent", 4), event("ClosedEvent", 5)]),
        ("CLOSED", [event("ClosedEvent", 4)]),
        ("CLOSED", [event("TransferredEvent", 4, ELSEWHERE)]),
    ],
)
def test_a_conversion_that_did_not_close_it_is_no_departure(probed, answer, state, further):
    events = [*further, event("ConvertedToDiscussionEvent", 3)]
    departure, _ = probed([answer({"data": {"nodes": [node(HERE, events, state=state)]}})])
    assert (departure.kind, departure.departed_at) == ("present", None)


def test_a_timeline_that_came_in_part_converts_nothing(script, answer, repo):
    events = [event("ConvertedToDiscussionEvent", 3)]
    partial = {"data": {"nodes": [node(HERE, events, state="CLOSED")]}, "errors": [{"message": "Too much"}]}
    client, _ = script(lambda request: answer(partial))
    (departure,) = client.departures(repo, HERE, [MISSING])
    assert departure.kind == "present"


@pytest.mark.parametrize(("status", "kind"), [(200, "present"), (404, "unknown"), (410, "deleted")])
def test_what_graphql_does_not_find_is_asked_by_rest(probed, answer, status, kind):
    departure, calls = probed([answer(NOT_FOUND), answer(AT_FIVE, status)])
    assert (departure.kind, departure.evidence) == (kind, f"rest_{status}")
    assert calls.urls == ["/graphql", "/repos/octo/demo/issues/5"]
    assert b"deleted" in departure.payload


def test_a_pull_request_that_nodes_shows_is_present(probed, answer):
    departure, calls = probed([answer({"data": {"nodes": [{"__typename": "PullRequest", "id": "I_5"}]}})])
    assert (departure.kind, departure.evidence, calls.urls) == ("present", "nodes", ["/graphql"])


@pytest.mark.parametrize(
    ("status", "kind"), [(200, "present"), (404, "undecided"), (410, "deleted"), (422, "undecided")]
)
@pytest.mark.parametrize("error_type", ["RESOURCE_LIMITS_EXCEEDED", "FORBIDDEN"])
def test_a_404_decides_nothing_while_graphql_does_not_tell(script, answer, repo, error_type, status, kind):
    def github(request):
        is_graphql = request.url.path == "/graphql"
        return answer(unanswered(error_type)) if is_graphql else answer(AT_FIVE, status)

    client, calls = script(github)
    (departure,) = client.departures(repo, HERE, [MISSING])
    assert (departure.kind, departure.evidence) == (kind, f"rest_{status}")
    assert calls.urls[-1] == "/repos/octo/demo/issues/5"


@pytest.mark.parametrize("issue", [MISSING, MissingIssue(3_000_000_005, None, 5)])
def test_without_a_token_or_node_id_rest_alone_is_asked(probed, answer, issue):
    tokens = () if issue.node_id else ("tok",)
    departure, calls = probed([answer({"message": "deleted"}, 410)], tokens, issue)
    assert departure.kind == "deleted"
    assert calls.urls == ["/repos/octo/demo/issues/5"]


def test_a_301_leads_to_another_repository(probed, answer):
    moved = answer({"message": "Moved"}, 301, location="https://api.github.test/repositories/8/issues/41")
    target = answer({"number": 41, "repository_url": "https://api.github.test/repos/Other/Place"})
    departure, calls = probed([moved, target], tokens=())
    assert (departure.kind, departure.evidence, departure.departed_to) == (
        "transferred_out",
        "rest_301",
        "Other/Place#41",
    )
    assert calls.urls[1] == "/repositories/8/issues/41"


def test_a_301_to_where_this_token_cannot_see(probed, answer):
    moved = answer({"message": "Moved"}, 301, location="https://api.github.test/repositories/8/issues/41")
    departure, _ = probed([moved, answer({}, 404)], tokens=())
    assert (departure.kind, departure.departed_to) == ("transferred_out", None)


def test_a_target_without_a_known_address_has_no_name(probed, answer):
    moved = answer({}, 301, location="/repos/other/place/issues/41")
    departure, _ = probed([moved, answer({"number": 41, "repository_url": "x"})], tokens=())
    assert departure.departed_to is None


def test_a_target_of_another_form_is_an_error(probed, answer):
    with pytest.raises(AnswerUnusable, match="unexpected form"):
        probed([answer({}, 301, location="/repositories/8/issues/41"), answer([])], tokens=())


def test_a_301_because_the_repository_was_renamed_is_no_transfer(probed, answer):
    renamed = answer({}, 301, location=f"https://api.github.test/repositories/{HERE}/issues/5")
    departure, calls = probed([renamed, answer({"message": "This issue was deleted"}, 410)], tokens=())
    assert (departure.kind, departure.evidence) == ("deleted", "rest_410")
    assert calls.urls[1] == f"/repositories/{HERE}/issues/5"


def test_a_301_to_another_number_here_is_an_issue_that_was_brought_back(probed, answer):
    moved = answer({}, 301, location=f"https://api.github.test/repositories/{HERE}/issues/41")
    back = answer({"number": 41, "repository_url": "https://api.github.test/repos/octo/demo"})
    departure, _ = probed([moved, back], tokens=())
    assert (departure.kind, departure.departed_to) == ("transferred_out", "octo/demo#41")


def test_a_301_to_another_origin_is_not_followed(probed, answer):
    with pytest.raises(ForeignLink):
        probed([answer({}, 301, location="https://evil.test/repositories/8/issues/41")], tokens=())


def test_a_410_because_issues_are_disabled_deletes_nothing(probed, answer):
    with pytest.raises(IssuesDisabled):
        probed([answer({"message": "Issues are disabled for this repo"}, 410)], tokens=())


def test_every_missing_issue_gets_one_answer(script, answer, repo):
    missing = [MissingIssue(1, "I_1", 1), MISSING, MissingIssue(2, None, 2)]
    nodes = {"data": {"nodes": [None, node(9)]}, "errors": [NOT_FOUND["errors"][0]]}
    client, _ = script([answer(nodes), answer({}, 404), answer({}, 410)])
    kinds = {departure.issue.issue_id: departure.kind for departure in client.departures(repo, HERE, missing)}
    assert kinds == {MISSING.issue_id: "transferred_out", 1: "unknown", 2: "deleted"}


def test_a_graphql_that_serves_none_is_not_asked_for_each(script, answer, repo):
    """It was: seven requests and 15 s of waiting for each; those that are not asked of stay undecided."""
    missing = [MissingIssue(number, f"I_{number}", number) for number in range(30)]

    def github(request):
        if request.url.path != "/graphql":
            return answer({}, 404)
        is_alive = b"RepositoryAlive" in request.content
        return answer({"data": {"repository": {"id": "R_1"}}}) if is_alive else answer({}, 500)

    client, calls = script(github)
    kinds = [departure.kind for departure in client.departures(repo, HERE, missing)]
    assert kinds == ["undecided"] * 30
    assert calls.urls.count("/graphql") < 100
