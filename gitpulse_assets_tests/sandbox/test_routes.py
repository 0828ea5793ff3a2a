"""The REST paths of the stand-in GitHub."""

from itertools import pairwise

import httpx
import pytest

from gitpulse_assets.sandbox.app import SandboxApp
from gitpulse_assets.sandbox.messages import Request
from gitpulse_assets.sandbox.render import issue_bytes
from gitpulse_assets.sandbox.server import serve
from gitpulse_assets.sandbox.times import iso

LIST = "/repos/octo-org/hello/issues"


def walk(client: httpx.Client, url: str) -> list[dict]:
    """All records of a list, by following `Link`."""
    records, next_url = [], url
    while next_url:
        answer = client.get(next_url)
        assert answer.status_code == 200, answer.text
        records += answer.json()
        next_url = answer.links.get("next", {}).get("url")
    return records


@pytest.fixture
def repository(world):
    """The repository that is served."""
    return world.acts_on("octo-org/hello").repository


@pytest.mark.parametrize("sort", ["created", "updated", "comments"])
@pytest.mark.parametrize("direction", ["asc", "desc"])
def test_a_cursor_walk_sees_every_record_once_in_order(client, repository, sort, direction):
    records = walk(client, f"{LIST}?state=all&per_page=37&sort={sort}&direction={direction}")
    assert sorted(record["number"] for record in records) == sorted(repository.issues)
    column = "comments" if sort == "comments" else f"{sort}_at"
    values = [record[column] for record in records]
    assert values == sorted(values, reverse=direction == "desc")


def test_links_carry_a_cursor_and_the_numeric_repository_and_no_last(client, repository):
    links = client.get(f"{LIST}?state=all&per_page=100").links
    assert set(links) == {"next"}
    next_url = links["next"]["url"]
    assert next_url.startswith(f"http://sandbox.test/repositories/{repository.repository_id}/issues?")
    assert "after=" in next_url
    assert "page=2" in next_url


def test_the_last_page_has_no_link(client, repository):
    answer = client.get(f"{LIST}?state=all&per_page=100&page={-(-len(repository.issues) // 100)}")
    assert answer.json()
    assert "link" not in answer.headers


def test_an_issue_touched_during_an_ascending_walk_is_met_twice_and_none_is_lost(client, world, repository):
    url = f"{LIST}?state=all&per_page=50&sort=updated&direction=asc"
    first = client.get(url)
    touched = repository.issues[first.json()[10]["number"]]
    world.acts_on("octo-org/hello").comment(touched, world.clock)
    numbers = [record["number"] for record in first.json() + walk(client, first.links["next"]["url"])]
    assert numbers.count(touched.number) == 2
    assert set(numbers) == set(repository.issues)


@pytest.mark.parametrize("steps", range(3))
def test_a_walk_of_a_living_repository_loses_none_that_stays(client, world, repository, steps):
    before, numbers = set(repository.issues), set()
    next_url = f"{LIST}?state=all&per_page=20&sort=updated&direction=asc"
    while next_url:
        answer = client.get(next_url)
        numbers |= {record["number"] for record in answer.json()}
        next_url = answer.links.get("next", {}).get("url")
        world.advance(seconds=3600 * 7**steps)
    assert (before & set(repository.issues)) <= numbers


@pytest.mark.parametrize("state", ["open", "closed"])
def test_the_state_filter(client, repository, state):
    records = walk(client, f"{LIST}?state={state}&per_page=100")
    assert {record["number"] for record in records} == {
        issue.number for issue in repository.issues.values() if issue.state == state
    }


def test_since_is_inclusive_and_filters_updated_at(client, repository):
    moments = sorted(issue.updated_at for issue in repository.issues.values())
    since = moments[len(moments) // 2]
    records = walk(client, f"{LIST}?state=all&since={iso(since)}&per_page=100")
    assert len(records) == sum(moment >= since for moment in moments)
    assert min(record["updated_at"] for record in records) == iso(since)


def test_since_the_epoch_answers_an_empty_list(client):
    assert client.get(f"{LIST}?state=all&since=1970-01-01T00:00:00Z").json() == []


@pytest.mark.parametrize(("page", "per_page", "status"), [(99, 100, 200), (100, 100, 422), (9999, 1, 200)])
def test_deep_pages_want_a_cursor(client, page, per_page, status):
    answer = client.get(f"{LIST}?state=all&page={page}&per_page={per_page}")
    assert answer.status_code == status
    if status == 422:
        assert answer.json()["message"].startswith("Pagination with the page parameter is not supported")


def test_a_cursor_goes_deeper_than_pages_may(client):
    link = client.get(f"{LIST}?state=all&per_page=100").links["next"]["url"]
    assert client.get(link.replace("page=2", "page=100")).status_code == 200


@pytest.mark.parametrize("query", ["state=any", "sort=title", "since=yesterday", "after=nonsense"])
def test_wrong_parameters_answer_422(client, query):
    assert client.get(f"{LIST}?{query}").status_code == 422


@pytest.mark.parametrize(("per_page", "count"), [("5", 5), ("1000", 100), ("0", 30), ("x", 30), ("", 30)])
def test_page_sizes(client, per_page, count):
    assert len(client.get(f"{LIST}?state=all&per_page={per_page}").json()) == count


def test_any_letter_case_is_the_same_repository(client, repository):
    answer = client.get("/repos/OCTO-org/HELLO")
    assert answer.json()["full_name"] == "Octo-Org/Hello"
    assert client.get(f"/repositories/{repository.repository_id}").json() == answer.json()


def test_a_former_name_redirects_to_the_numeric_repository(client, repository):
    answer = client.get("/repos/Octo-Org/Old-Hello/issues?state=all")
    assert answer.status_code == 301
    location = f"http://sandbox.test/repositories/{repository.repository_id}/issues?state=all"
    assert answer.headers["location"] == answer.json()["url"] == location
    assert client.get(location).status_code == 200


def test_a_rename_redirects_from_then_on(client, world):
    world.rename_repository("octo-org/hello", "octo-org/goodbye")
    assert client.get("/repos/octo-org/hello").status_code == 301
    assert client.get("/repos/octo-org/goodbye/issues").json()[0]["url"].count("octo-org/goodbye") == 1


def test_open_issues_count_counts_pull_requests_too(client):
    assert client.get("/repos/octo-org/hello").json()["open_issues_count"] == len(
        walk(client, f"{LIST}?per_page=100")
    )


def test_departed_issues(client, repository):
    statuses = {}
    for issue in repository.departed.values():
        kind = "moved" if issue.moved_to else issue.departure
        answer = client.get(f"{LIST}/{issue.number}")
        statuses.setdefault(kind, set()).add(answer.status_code)
        if issue.moved_to:
            followed = client.get(answer.headers["location"]).json()
            assert followed["id"] == issue.moved_to.issue_id
            assert followed["created_at"] == iso(issue.created_at)
    assert statuses == {"moved": {301}, "transferred_out": {404}, "deleted": {410}, "hidden": {404}}


@pytest.mark.parametrize(
    "path", [f"{LIST}/999999", "/repos/no/such", "/repositories/1", "/user", LIST + "/1/x"]
)
def test_what_is_not_there_answers_404(client, path):
    assert client.get(path).status_code == 404


def test_nothing_but_issues_can_be_written(client, repository):
    assert client.post("/repos/octo-org/hello/labels", json={"name": "new"}).status_code == 404
    assert client.get("/graphql").status_code == 404


def test_disabled_issues_answer_410(client, repository):
    repository.has_issues = False
    assert client.get(LIST).status_code == 410
    assert client.get("/repos/octo-org/hello").json()["has_issues"] is False


@pytest.mark.parametrize("part", ["events", "timeline"])
def test_events_of_an_issue_are_paged_and_oldest_first(client, repository, part):
    issue = max(repository.issues.values(), key=lambda issue: len(issue.events))
    events = walk(client, f"{LIST}/{issue.number}/{part}?per_page=2")
    assert [event["id"] for event in events] == [event.event_id for event in issue.events]


def test_events_of_the_repository_are_newest_first_with_their_issue(client, repository):
    events = walk(client, f"{LIST}/events?per_page=100")
    assert len(events) == sum(len(issue.events) for issue in repository.issues.values())
    assert all(newer["id"] > older["id"] for newer, older in pairwise(events))
    assert {"pull_request" in event["issue"] for event in events} == {True, False}


def test_the_repository_events_end_at_a_cap(world):
    app = SandboxApp(world, event_rows_max=200)
    statuses = [get(app, f"{LIST}/events", f"per_page=100&page={page}").status for page in (1, 2, 3)]
    assert statuses == [200, 200, 422]


def get(app: SandboxApp, path: str, query: str = ""):
    """Answer a request without a server."""
    headers = {"user-agent": "tests", "authorization": "Bearer good"}
    return app.answer(Request("GET", path, query, headers, "http://sandbox"))[0]


def test_a_record_is_rendered_once_until_it_changes(client, world, repository):
    issue = next(iter(repository.issues.values()))
    first = issue_bytes(issue)
    assert issue_bytes(issue) is first
    world.acts_on("octo-org/hello").comment(issue, world.clock)
    assert client.get(f"{LIST}/{issue.number}").json()["comments"] == issue.comment_count


def test_links_stay_below_the_enterprise_prefix(client, repository):
    answer = client.get(f"/api/v3{LIST}?state=all&per_page=100")
    assert answer.links["next"]["url"].startswith("http://sandbox.test/api/v3/repositories/")
    assert len(walk(client, f"/api/v3{LIST}?state=all&per_page=100")) == len(repository.issues)


def test_the_world_goes_on_while_it_is_served(world):
    with serve(world) as running, httpx.Client(headers={"user-agent": "tests"}) as client:
        before = client.get(f"{running.base_url}{LIST}?per_page=1&state=all").json()[0]["number"]
        world.advance(seconds=5 * 86_400)
        answer = client.get(f"{running.base_url}{LIST}?per_page=1&state=all")
        assert answer.json()[0]["number"] > before
        assert answer.headers["date"] == "Sun, 05 Jul 2026 12:00:00 GMT"
