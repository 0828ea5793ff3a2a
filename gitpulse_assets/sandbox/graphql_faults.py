"""Spoils an answer of GraphQL as a fault says."""

from collections.abc import Iterator
from typing import Any

from gitpulse_assets.sandbox.faults import Fault

UNSERVED = "Something went wrong while executing your query. Please include the request id in a report."
NO_PERMISSION = "Resource not accessible by personal access token"


def spoil(content: dict[str, Any], fault: Fault) -> list[dict[str, Any]]:
    """Take out of an answer's `data` what the fault withholds; returns the error entries."""
    data = content["data"]
    if fault.kind == "partial_data":
        return withhold_half(data)
    if fault.kind == "forbidden_field":
        return [error for field in fault.fields for error in forbid(data, field.split("."), [])]
    if fault.kind == "unseen_nodes":
        return unseen(data)
    if fault.kind == "unserved_issue" and fault.issue_number in numbers(data):
        content["data"] = None
        return [{"message": UNSERVED}]
    return []


def numbers(data: Any) -> Iterator[int]:
    """The numbers of the issues that an answer holds."""
    if isinstance(data, dict):
        if isinstance(data.get("number"), int):
            yield data["number"]
        for value in data.values():
            yield from numbers(value)
    elif isinstance(data, list):
        for value in data:
            yield from numbers(value)


def forbid(data: Any, path: list[str], place: list[str | int]) -> list[dict[str, Any]]:
    """Null what is at a path, in every element of the lists on the way; returns the error entries."""
    if isinstance(data, list):
        return [error for index, one in enumerate(data) for error in forbid(one, path, [*place, index])]
    if not isinstance(data, dict) or path[0] not in data:
        return []
    at = [*place, path[0]]
    if len(path) > 1:
        return forbid(data[path[0]], path[1:], at)
    if isinstance(data[path[0]], list):
        places = [[*at, index] for index in range(len(data[path[0]]))]
        data[path[0]] = [None] * len(places)
        return [{"type": "FORBIDDEN", "path": place, "message": NO_PERMISSION} for place in places]
    data[path[0]] = None
    return [{"type": "FORBIDDEN", "path": at, "message": NO_PERMISSION}]


def unseen(data: Any) -> list[dict[str, Any]]:
    """Null every node that was asked for by its id, as to a token that sees none."""
    count = len((data or {}).get("nodes") or ())
    if count:
        data["nodes"] = [None] * count
    message = "Could not resolve to a node with the global id."
    return [{"type": "NOT_FOUND", "path": ["nodes", index], "message": message} for index in range(count)]


def withhold_half(data: Any) -> list[dict[str, Any]]:
    """Null the second half of an answer's nodes, as over a resource limit; returns the error entries."""
    nodes, places, path = _main_nodes(data)
    withheld = places[(len(places) + 1) // 2 :]
    for place in withheld:
        nodes[place] = None
    message = "Resource limits for this query exceeded."
    return [
        {"type": "RESOURCE_LIMITS_EXCEEDED", "path": [*path, place], "message": message} for place in withheld
    ]


def _main_nodes(data: Any) -> tuple[Any, list[Any], list[str]]:
    """What holds an answer's nodes, their places there, and the path to it."""
    data = data or {}
    if apart := [name for name, one in data.items() if name != "node" and "timelineItems" in (one or ())]:
        return data, apart, []
    nodes, path = data.get("nodes"), ["nodes"]
    if nodes is None and (timeline := (data.get("node") or {}).get("timelineItems")):
        nodes, path = timeline["nodes"], ["node", "timelineItems", "nodes"]
    if nodes is None:
        issues = (data.get("repository") or {}).get("issues") or {}
        nodes, path = issues.get("nodes") or [], ["repository", "issues", "nodes"]
    return nodes, list(range(len(nodes))), path
