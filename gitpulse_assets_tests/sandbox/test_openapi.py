"""What the stand-in answers is what GitHub's own OpenAPI description allows."""

from collections import Counter

import httpx
import jsonschema
import pytest

from gitpulse_assets.sandbox.model import User

LIST = "/repos/octo-org/hello/issues"


def test_records_of_the_issue_list(client, openapi):
    records = client.get(f"{LIST}?state=all&per_page=100").json()
    assert Counter("pull_request" in record for record in records).keys() == {True, False}
    for record in records:
        openapi("issue", record)


def test_every_state_an_issue_can_be_in(client, world, openapi):
    issues = world.repository("octo-org/hello").issues.values()
    one_of_each = {(issue.state, issue.state_reason, issue.locked): issue.number for issue in issues}
    assert len(one_of_each) >= 6
    for number in one_of_each.values():
        openapi("issue", client.get(f"{LIST}/{number}").json())


def test_the_repository(client, openapi):
    openapi("full-repository", client.get("/repos/octo-org/hello").json())


def test_the_members_of_an_organisation(client, world, openapi):
    acts = world.organization("octo-org")
    acts.roles["good-token"] = "admin"
    for number in (1, 2):
        acts.join(User(number, f"person-{number}"), world.clock, is_hidden=number == 2)
    listed = client.get("/orgs/octo-org/members").json()
    assert [record["id"] for record in listed] == [1, 2]
    for record in listed:
        openapi("simple-user", record)
    openapi("org-membership", client.get("/user/memberships/orgs/octo-org").json())
    stranger = client.get("/orgs/octo-org/members", headers={"Authorization": "Bearer other"}).json()
    assert [record["id"] for record in stranger] == [1]


def test_pull_requests_and_their_reviews(client, world, openapi):
    acts = world.acts_on("octo-org/hello")
    issue = next(one for one in acts.repository.issues.values() if one.is_pull_request and not one.labels)
    acts.review(issue, world.clock, issue.author, "COMMENTED")
    (newest,) = client.get(
        "/repos/octo-org/hello/pulls?state=all&sort=updated&direction=desc&per_page=1"
    ).json()
    assert newest["number"] == issue.number
    openapi("pull-request-simple", newest)
    (review,) = client.get(f"/repos/octo-org/hello/pulls/{issue.number}/reviews").json()
    openapi("pull-request-review", review)
    assert client.get("/repos/octo-org/hello/pulls/0/reviews").status_code == 404


def test_the_rate_limits(client, openapi):
    openapi("rate-limit-overview", client.get("/rate_limit").json())


def test_events_of_the_repository(client, openapi):
    kinds = set()
    for page in range(1, 5):
        for event in client.get(f"{LIST}/events?per_page=100&page={page}").json():
            openapi("issue-event", event)
            kinds.add(event["event"])
    assert kinds >= {"closed", "reopened", "labeled", "transferred", "locked", "converted_to_discussion"}


@pytest.mark.parametrize(
    ("path", "schema"), [("events", "issue-event-for-issue"), ("timeline", "timeline-issue-events")]
)
def test_events_of_one_issue(client, world, openapi, path, schema):
    issues = world.repository("octo-org/hello").issues.values()
    with_events = sorted(issues, key=lambda issue: -len(issue.events))[:20]
    for issue in with_events:
        for event in client.get(f"{LIST}/{issue.number}/{path}").json():
            # The description forbids a null actor; recorded answers have it for deleted accounts.
            openapi(schema, event | {"actor": event["actor"] or client.get(LIST).json()[0]["user"]})


def test_errors(client, openapi):
    openapi("basic-error", client.get("/repos/no/such").json())
    openapi("basic-error", client.get("/user/repos").json())


def test_the_validator_refuses_what_the_description_forbids(client: httpx.Client, openapi):
    record = client.get(LIST).json()[0]
    with pytest.raises(jsonschema.ValidationError):
        openapi("issue", record | {"number": "12"})
    with pytest.raises(jsonschema.ValidationError):
        openapi("issue", {key: value for key, value in record.items() if key != "user"})


def test_an_issue_that_is_opened_and_rewritten(client, openapi):
    opened = client.post(LIST, json={"title": "A title", "body": "a **text**"})
    assert opened.status_code == 201
    openapi("issue", opened.json())
    number = opened.json()["number"]
    rewritten = client.patch(f"{LIST}/{number}", json={"body": "another"})
    assert rewritten.status_code == 200
    openapi("issue", rewritten.json())
    assert (rewritten.json()["title"], rewritten.json()["body"]) == ("A title", "another")
    assert client.get(f"{LIST}/{number}").json() == rewritten.json()


@pytest.mark.parametrize(
    ("token", "content", "status"),
    [
        ("", {"title": "x"}, 401),
        ("read_only", {"title": "x"}, 403),
        ("t", {"title": ""}, 422),
        ("t", [], 400),
    ],
)
def test_who_may_not_write_or_writes_wrongly_is_refused(client, token, content, status):
    headers = {"Authorization": f"Bearer {token}"} if token else {"Authorization": ""}
    assert client.post(LIST, json=content, headers=headers).status_code == status
