"""Recorded data, served as recorded. Numbers and ids only."""

import gzip
import json
from collections import Counter
from pathlib import Path

import pytest

from gitpulse_assets.sandbox.app import SandboxApp
from gitpulse_assets.sandbox.messages import Request
from gitpulse_assets.sandbox.recorded import RecordingUnusable, load_recorded, recorded_dates
from gitpulse_assets.sandbox.times import iso
from gitpulse_assets.sandbox.world import World

NAME = "microsoft/onnxruntime"
BASE = f"/repos/{NAME}"


@pytest.fixture(scope="module")
def folder(recorded_data: Path) -> Path:
    """The recorded repository."""
    return recorded_data / "microsoft__onnxruntime"


@pytest.fixture(scope="module")
def newest(folder) -> World:
    """The newest list."""
    return load_recorded(folder)


@pytest.fixture(scope="module")
def app(newest) -> SandboxApp:
    """The newest list, to be asked."""
    return SandboxApp(newest)


def get(app: SandboxApp, path: str, query: str = ""):
    headers = {"user-agent": "tests", "authorization": "Bearer good"}
    return app.answer(Request("GET", path, query, headers, "http://sandbox"))[0]


def walk(app: SandboxApp, query: str) -> list[bytes]:
    """The list as the recording's lines."""
    pages, target = [], f"{BASE}/issues?{query}"
    while target:
        response = get(app, *target.split("?"))
        assert response.status == 200
        pages.append(response.body)
        link = response.headers.get("link", "")
        target = link[link.index("http://sandbox") + 14 : link.index(">")] if link else ""
    return [json.dumps(record).encode() for page in pages for record in json.loads(page)]


def post(app: SandboxApp, query: str, **variables):
    body = json.dumps({"query": query, "variables": variables}).encode()
    headers = {"user-agent": "tests", "authorization": "Bearer good"}
    return json.loads(app.answer(Request("POST", "/graphql", "", headers, "http://sandbox", body))[0].body)


@pytest.mark.dear
def test_every_record_is_served_byte_for_byte(app, folder):
    with gzip.open(folder / "issues.2023-08-07.jsonl.gz") as file:
        lines = [line.rstrip(b"\n") for line in file]
    response = get(app, f"{BASE}/issues", "state=all&direction=asc&per_page=100")
    assert response.body == b"[" + b",".join(lines[:100]) + b"]"
    assert len(walk(app, "state=all&per_page=100&sort=updated&direction=asc")) == len(lines) == 16_173


def test_the_clock_is_the_end_of_the_recording(newest, app):
    assert iso(newest.clock) == "2023-08-07T23:34:30Z"
    assert get(app, BASE).headers["date"] == "Mon, 07 Aug 2023 23:34:30 GMT"


def test_the_counts(newest, app):
    repository = newest.acts_on(NAME).repository
    assert len(repository.issues) == 16_173
    assert repository.open_count(is_pull_request=False) == 1_638
    query = """{ repository(owner: "microsoft", name: "onnxruntime") {
        databaseId issues(states: OPEN) { totalCount } } }"""
    counted = post(app, query)["data"]["repository"]
    assert counted == {"databaseId": 156_939_672, "issues": {"totalCount": 1_638}}
    assert json.loads(get(app, BASE).body)["open_issues_count"] == 1_638 + 355


@pytest.mark.dear
def test_repeated_rows_are_repeated(folder):
    world = load_recorded(folder, "2022-03-14")
    records = walk(SandboxApp(world), "state=all&per_page=100")
    numbers = Counter(json.loads(record)["number"] for record in records)
    assert (len(records), len(numbers)) == (10_195, 10_110)
    assert sorted(numbers.values())[-86:] == [1] + [2] * 85


@pytest.mark.parametrize("number", [10_046, 11_357, 16_867])
def test_events_are_those_recorded_until_the_clock(app, folder, newest, number):
    with gzip.open(folder / "issue_events.2023-08-07.jsonl.gz") as file:
        recorded = next(
            answer["body"] for answer in map(json.loads, file) if answer["_issue_number"] == number
        )
    served = json.loads(get(app, f"{BASE}/issues/{number}/events", "per_page=100").body)
    assert served == [event for event in recorded if event["created_at"] <= iso(newest.clock)]


@pytest.mark.dear
def test_events_after_an_earlier_list_are_left_out(folder, newest):
    earlier = load_recorded(folder, "2022-04-25")
    issues = earlier.acts_on(NAME).repository.issues
    assert max(event.at for issue in issues.values() for event in issue.events) <= earlier.clock
    assert len(issues) < len(newest.acts_on(NAME).repository.issues)


def test_numbers_that_are_gone(app):
    statuses = [get(app, f"{BASE}/issues/{number}").status for number in (1338, 10_783, 133, 999_999)]
    assert statuses == [410, 410, 200, 404]


def test_timelines_answer_from_the_recorded_events(app, newest):
    issue = newest.acts_on(NAME).repository.issues[16_867]
    query = """query($id: ID!) { node(id: $id) { ... on Issue { number timelineItems(first: 100, itemTypes: [
        CLOSED_EVENT, REOPENED_EVENT, TRANSFERRED_EVENT]) { nodes { __typename
        ... on Node { id } ... on TransferredEvent { createdAt fromRepository { id } } } } } } }"""
    node = post(app, query, id=issue.node_id)["data"]["node"]
    assert node["number"] == 16_867
    items = {item["__typename"]: item for item in node["timelineItems"]["nodes"]}
    assert items["ClosedEvent"]["id"].startswith("CE_")
    assert items["TransferredEvent"]["createdAt"] == "2023-07-26T18:13:04Z"
    assert items["TransferredEvent"]["fromRepository"] is None


def test_every_recorded_event_has_a_graphql_type(app, newest):
    issues = [issue for issue in newest.acts_on(NAME).repository.issues.values() if issue.events]
    one_of_each = {event.kind: issue.node_id for issue in issues for event in issue.events}
    assert len(one_of_each) == 25
    query = """query($ids: [ID!]!) { nodes(ids: $ids) {
        ... on Issue { timelineItems(first: 100) { nodes { __typename } } } } }"""
    answer = post(app, query, ids=list(one_of_each.values()))
    assert "errors" not in answer


def test_null_actors_stay_null(app, newest):
    issues = newest.acts_on(NAME).repository.issues.values()
    events = [(issue, event) for issue in issues for event in issue.events if event.actor is None]
    assert len(events) == 10
    issue, event = events[0]
    served = json.loads(get(app, f"{BASE}/issues/{issue.number}/events", "per_page=100").body)
    assert next(row["actor"] for row in served if row["id"] == event.event_id) is None


def test_records_match_githubs_description(app, openapi):
    for record in json.loads(get(app, f"{BASE}/issues", "state=all&per_page=50").body):
        openapi("issue", record)
    openapi("full-repository", json.loads(get(app, BASE).body))


def test_a_date_without_a_list_is_refused(folder):
    with pytest.raises(RecordingUnusable, match="its lists are of 2022-03-14, 2022-04-25"):
        load_recorded(folder, "2020-01-01")


def test_a_folder_without_lists_is_refused(tmp_path):
    assert recorded_dates(tmp_path) == []
    with pytest.raises(RecordingUnusable, match=r"it has no issues\.YYYY-MM-DD\.jsonl\.gz"):
        load_recorded(tmp_path)
