"""Real timelines through the parsing: what silver says is held against what the recordings say beside them.

The recordings were asked for otherwise than we ask: mathlib's pull requests lack associations and have 100
entries at most, onnxruntime's issues come from REST, 30 entries at most, whose labels have no id.
"""

import base64
import gzip
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from gitpulse_assets.catalog.subjects import COLLECTED
from gitpulse_assets.lake.duck import connect
from gitpulse_assets.transform.silver import merge_silver

pytestmark = pytest.mark.recorded

Record = dict[str, Any]
MINUTE = timedelta(minutes=1)
FETCHED_AT = datetime(2026, 6, 1, tzinfo=UTC)
RUN = {"run_id": "run-1", "repo_owner": "o", "repo_name": "r", "fetched_at": FETCHED_AT}
# REST's names of what GraphQL calls otherwise.
TYPES = {"commented": "IssueComment", "reviewed": "PullRequestReview", "renamed": "RenamedTitleEvent"}


def lines(path: Path) -> Iterator[Record]:
    with gzip.open(path, "rt") as file:
        yield from map(json.loads, file)


def merged(issues: list[Record], threads: list[Record], fetched_at: datetime = FETCHED_AT) -> dict[str, list]:
    """The silver tables of these records, each list in one run."""
    run = RUN | {"fetched_at": fetched_at}
    bronze = {
        "issues": [
            {**run, "issue_id": one["id"], "payload_json": json.dumps(one), **place(number)}
            for number, one in enumerate(issues)
        ],
        "issue_timeline": [
            {
                **run,
                "issue_id": one.pop("issue_id"),
                "issue_number": one["number"],
                "source": "graphql",
                "is_complete": True,
                "payload_json": json.dumps(one),
                **place(number),
            }
            for number, one in enumerate(threads)
        ],
    }
    inputs = {
        f"bronze_{table.name}": pa.Table.from_pylist(bronze.get(table.name, []), table.arrow_schema)
        for table in COLLECTED
    }
    names = ("conversation_event", "label_span", "review", "pull_request_current", "issue_labels")
    with connect() as con:
        merge_silver(con, inputs, ["run-1"])
        return {name: con.table(name).to_arrow_table().to_pylist() for name in names}


def comment_counts(tables: dict[str, list]) -> Counter[int]:
    """How many comments are held of each thread."""
    events = tables["conversation_event"]
    return Counter(row["thread_number"] for row in events if row["event_type"] == "commented")


def place(number: int) -> Record:
    return {"page_number": number // 100 + 1, "record_number": number % 100 + 1}


def print_and_count(what: str, differing: dict[int, Any]) -> int:
    """Show each difference with its number."""
    for number, told in sorted(differing.items()):
        print(f"#{number}: {what}: {told}")
    print(f"{what}: {len(differing)} differ")
    return len(differing)


@pytest.fixture(scope="module")
def pull_requests(recorded_data: Path) -> list[Record]:
    path = recorded_data / "leanprover-community__mathlib4.graphql" / "pull_requests.jsonl.gz"
    return [line["data"]["repository"]["pullRequest"] for line in lines(path)]


def as_asked(found: Record) -> Record:
    """A recorded pull request as our document asks for one, with the reviews' times from the list of them."""
    submitted = {review["id"]: review for review in found["reviews"]["nodes"]}
    nodes = [as_item(node, submitted) for node in found["timelineItems"]["nodes"] if "id" in node]
    kept = ("id", "number", "createdAt", "updatedAt", "mergedAt", "headRefName", "baseRefName", "additions")
    return {
        **{name: found[name] for name in kept},
        "__typename": "PullRequest",
        "issue_id": found["number"] + 10_000,
        "author": as_actor(found["author"]),
        "authorAssociation": "NONE",
        "timelineItems": {"nodes": nodes},
    }


def as_actor(author: Record | None) -> Record | None:
    return author and {"__typename": "User", "login": author["login"], "databaseId": 1}


def as_item(node: Record, submitted: dict[str, Record]) -> Record:
    item = {name: node[name] for name in ("__typename", "id", "createdAt") if name in node}
    if review := submitted.get(node["id"]):
        item |= {"state": review["state"], "submittedAt": review["submittedAt"]}
        item["fullDatabaseId"] = str(abs(hash(node["id"])) % 10**12)
    if node["__typename"] in ("IssueComment", "PullRequestReview"):
        item |= {"author": as_actor(node["author"]), "authorAssociation": "NONE"}
    return item | {name: node[name] for name in ("label", "mergeRefName") if name in node}


def as_listed(found: Record) -> Record:
    """The record that the issue list would have of it."""
    return {
        "id": found["number"] + 10_000,
        "node_id": found["id"],
        "number": found["number"],
        "title": "A title",
        "user": None,
        "labels": [{"id": label_id_of(one["id"]), "name": one["name"]} for one in found["labels"]["nodes"]],
        "state": "open" if found["state"] == "OPEN" else "closed",
        "created_at": found["createdAt"],
        "updated_at": found["updatedAt"],
        "closed_at": found["closedAt"],
        "comments": len(found["comments"]["nodes"]),
        "pull_request": {"merged_at": found["mergedAt"]},
    }


def label_id_of(node_id: str) -> int:
    """The number in a label's id, read here by its places alone."""
    if not node_id.startswith("LA_"):
        return int(base64.b64decode(node_id).decode().removeprefix("05:Label"))
    raw = base64.urlsafe_b64decode(node_id[3:] + "=" * (-len(node_id[3:]) % 4))
    return int.from_bytes(raw[8:], "big")


def test_recorded_pull_requests_of_mathlib4(pull_requests):
    whole = [one for one in pull_requests if len(one["timelineItems"]["nodes"]) < 100]
    tables = merged([as_listed(one) for one in whole], [as_asked(one) for one in whole])
    by_number = {one["number"]: one for one in whole}
    labels: dict[int, set[str]] = defaultdict(set)
    for span in tables["label_span"]:
        if span["to_at"] is None:
            labels[span["thread_number"]].add(span["label_name"])
    inferred = {row["thread_number"] for row in tables["label_span"] if row["is_to_inferred"]}
    other_labels = {
        number: labels[number] ^ {label["name"] for label in one["labels"]["nodes"]}
        for number, one in by_number.items()
        if labels[number] != {label["name"] for label in one["labels"]["nodes"]}
    }
    assert print_and_count("labels now", other_labels) == 0
    print(f"labels that no event took off: on {len(inferred)} pull requests")
    held = comment_counts(tables)
    other_comments = {
        number: (held[number], len(one["comments"]["nodes"]))
        for number, one in by_number.items()
        if held[number] != len(one["comments"]["nodes"])
    }
    assert print_and_count("comments held and told", other_comments) == 0
    states = Counter(row["state"] for row in tables["pull_request_current"])
    assert states == Counter(one["state"].lower() for one in whole)
    held_reviews = Counter(row["state"] for row in tables["review"])
    told = Counter(review["state"] for one in whole for review in one["reviews"]["nodes"])
    print(f"reviews held {dict(held_reviews)}, told {dict(told)}")
    # Those that lack reply to comments on lines: in no timeline, and told by the list of those comments.
    assert told - held_reviews == Counter(COMMENTED=313)


@pytest.fixture(scope="module")
def timelines(recorded_data: Path) -> dict[int, list[Record]]:
    """REST's timelines of onnxruntime's issues that came whole, by number."""
    path = recorded_data / "microsoft__onnxruntime" / "issue_timeline.2022-12-14.jsonl.gz"
    return {one["_issue_number"]: one["body"] for one in lines(path) if len(one["body"]) < 30}


def as_graph_item(event: Record, label_ids: dict[str, int]) -> Record:
    """An entry of a REST timeline as GraphQL has it."""
    kind = "".join(word.capitalize() for word in re.split("[-_]", event["event"])) + "Event"
    user = event.get("user") if event["event"] == "commented" else event.get("actor")
    actor = user and {"__typename": user["type"], "login": user["login"], "databaseId": user["id"]}
    item = {
        "__typename": TYPES.get(event["event"], kind),
        "id": event.get("node_id"),
        "createdAt": event.get("created_at"),
        "author" if event["event"] == "commented" else "actor": actor,
        "authorAssociation": event.get("author_association"),
        "fullDatabaseId": str(event.get("id")),
    }
    if label := event.get("label"):
        item["label"] = {"id": node_id_of(label_ids.get(label["name"])), "name": label["name"]}
    return item


def node_id_of(label_id: int | None) -> str | None:
    return label_id and base64.b64encode(f"05:Label{label_id}".encode()).decode()


@pytest.mark.slow
def test_real_timelines_of_onnxruntime(timelines, recorded_data):
    path = recorded_data / "microsoft__onnxruntime" / "issues.2022-09-16.jsonl.gz"
    listed = {
        one["number"]: one
        for one in lines(path)
        if not one.get("pull_request") and one["number"] in timelines
    }
    # The list was read in the night to its last day: it shows what happened in its first half hour.
    at = max(datetime.fromisoformat(one["updated_at"]) for one in listed.values())
    label_ids = {label["name"]: label["id"] for one in listed.values() for label in one["labels"]}
    threads = [
        {
            "__typename": "Issue",
            "issue_id": one["id"],
            "id": one["node_id"],
            "number": number,
            "createdAt": one["created_at"],
            "updatedAt": one["updated_at"],
            "authorAssociation": one["author_association"],
            "timelineItems": {
                "nodes": [
                    as_graph_item(event, label_ids)
                    for event in timelines[number]
                    if event.get("created_at", "9") <= moment_text(at)
                ]
            },
        }
        for number, one in listed.items()
    ]
    tables = merged(list(listed.values()), threads, at)
    held = comment_counts(tables)
    other_comments = {
        number: (held[number], one["comments"])
        for number, one in listed.items()
        if held[number] != one["comments"]
    }
    print_and_count("comments held and told", other_comments)
    unexplained = other_comments.keys() - {
        number for number in other_comments if is_gone(listed[number], timelines[number])
    }
    on = {(row["issue_id"], row["label_id"]) for row in tables["label_span"] if row["to_at"] is None}
    assert on == {(row["issue_id"], row["label_id"]) for row in tables["issue_labels"]}
    told: dict[str, list[int]] = defaultdict(list)
    renamed = {row["thread_number"] for row in tables["label_span"] if row["label_id"] < 0}
    for row in tables["label_span"]:
        told[reason_of(row, renamed)].append(row["thread_number"])
    print(f"{len(listed)} issues, {len(told.pop('', []))} spans by events")
    for why, numbers in told.items():
        print(f"{len(numbers)} spans {why}: {sorted(numbers)}")
    assert unexplained == set()
    assert told.keys() == {
        "of a name that no label has now",
        "that events may have begun under a former name",
    }


def reason_of(span: Record, renamed: set[int]) -> str:
    """Why the events do not tell a span, empty where they do. REST's timelines have names and no ids."""
    if span["is_to_inferred"]:
        return "of a name that no label has now" if span["label_id"] < 0 else "that no event ended"
    if not span["is_from_inferred"]:
        return ""
    is_renamed = span["thread_number"] in renamed
    return "that events may have begun under a former name" if is_renamed else "that no event began"


def moment_text(at: datetime) -> str:
    """A moment as GitHub writes it."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def is_gone(listed: Record, timeline: list[Record]) -> bool:
    """Whether the timeline, read later, lacks what moved an issue's updated_at as the list had it.

    Who was mentioned in a comment that is deleted stays.
    """
    moved_at = datetime.fromisoformat(listed["updated_at"])
    entries = [
        one for one in timeline if one["event"] not in ("mentioned", "subscribed") and "created_at" in one
    ]
    return not any(abs(datetime.fromisoformat(one["created_at"]) - moved_at) < MINUTE for one in entries)
