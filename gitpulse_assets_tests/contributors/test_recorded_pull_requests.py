"""Recorded pull requests through the marts, held against the oracle and against what the recording says.

The recording has neither types of accounts nor associations nor what closed a pull request; logins that sound
like a bot's are listed as bots. `pytest -s` prints the differences with their number.
"""

import gzip
import json
import re
from collections import defaultdict
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from gitpulse_assets_tests.contributors.compare import ORACLES, Compared, compared, marts_of
from gitpulse_assets_tests.contributors.truth import Account, Move, Thread, Word, World

FILE = "leanprover-community__mathlib4.graphql/pull_requests.jsonl.gz"
MOVES = {
    "ClosedEvent": "closed",
    "MergedEvent": "merged",
    "ReopenedEvent": "reopened",
    "ReadyForReviewEvent": "ready",
    "ConvertToDraftEvent": "drafted",
}
BOT = re.compile("bot|bors|github-actions", re.IGNORECASE)
Answer = dict[str, Any]


class People:
    """Accounts by login, each with a number of its own."""

    def __init__(self) -> None:
        self.by_login: dict[str, Account] = {}

    def named(self, author: Answer | None) -> Account:
        if author is None:
            return Account(0, "", is_deleted=True)
        login = author["login"]
        return self.by_login.setdefault(login, Account(len(self.by_login) + 1, login))

    def bots(self) -> tuple[str, ...]:
        return tuple(login.lower() for login in self.by_login if BOT.search(login))


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def moves_of(answer: Answer) -> list[Move]:
    """What the timeline tells, and a closing that it does not tell at its own time."""
    nodes = [node for node in answer["timelineItems"]["nodes"] if node["__typename"] in MOVES]
    nobody = Account(0, "", is_deleted=True)
    found = [Move(MOVES[node["__typename"]], moment(node["createdAt"]), nobody) for node in nodes]  # type: ignore[arg-type]
    if answer["state"] == "MERGED":
        found = [move for move in found if move.kind != "closed"]
    ends = [move for move in found if move.kind in ("closed", "merged", "reopened")]
    if answer["state"] == "CLOSED" and (not ends or ends[-1].kind == "reopened"):
        found.append(Move("closed", moment(answer["closedAt"]), nobody))
    return found


def words_of(answer: Answer, people: People) -> list[Word]:
    comments = [
        Word("comment", moment(node["createdAt"]), people.named(node["author"]), "NONE")
        for node in answer["comments"]["nodes"]
    ]
    return comments + [
        Word("review", moment(node["submittedAt"]), people.named(node["author"]), "NONE", node["state"])
        for node in answer["reviews"]["nodes"]
        if node["submittedAt"]
    ]


def thread_of(answer: Answer, people: People) -> Thread:
    moves = moves_of(answer)
    turns = [move.kind for move in moves if move.kind in ("ready", "drafted")]
    return Thread(
        answer["number"],
        True,
        people.named(answer["author"]),
        "NONE",
        moment(answer["createdAt"]),
        is_opened_as_draft=turns[0] == "ready" if turns else answer["isDraft"],
        moves=moves,
        words=words_of(answer, people),
    )


@pytest.fixture(scope="module")
def answers(recorded_data: Path) -> list[Answer]:
    with gzip.open(recorded_data / FILE, "rt", encoding="utf-8") as lines:
        return [json.loads(line)["data"]["repository"]["pullRequest"] for line in lines]


@pytest.mark.recorded
def test_recorded_pull_requests_are_told_as_the_recording_has_them(answers: list[Answer]):
    people = People()
    threads = [thread_of(answer, people) for answer in answers]
    as_of_at = max(moment(answer["updatedAt"]) for answer in answers)
    world, result = World(as_of_at, threads, bots=people.bots()), Compared()
    marts = marts_of(world)
    for name, (oracle, _) in ORACLES.items():
        result.add(compared(name, marts[name], oracle(world)))
    told = {row["pull_request_number"]: row for row in marts["mart_pull_request_lifecycle"]}
    unlike: dict[str, list[int]] = defaultdict(list)
    for answer in answers:
        for name in differences(answer, told[answer["number"]]):
            unlike[name].append(answer["number"])
    cells = f"{result.cells:,} cells compared, {len(result.wrong)} wrong"
    print(f"\n{len(answers)} pull requests: {cells}")
    for name, numbers in unlike.items():
        print(f"{name}: {len(numbers)}: {sorted(numbers)}")
    assert result.wrong == []
    last = marts["mart_pull_request_flow"][-1]
    assert last["open_at_end"] == sum(answer["state"] == "OPEN" for answer in answers)
    assert last["drafts_at_end"] == sum(answer["isDraft"] and answer["state"] == "OPEN" for answer in answers)
    assert set(unlike) <= {"closing event trails closedAt", "merged by a bot's push: closed"}


def differences(answer: Answer, row: dict[str, Any]) -> list[str]:
    """What the mart says otherwise than the recording's snapshot, in words."""
    found: list[str] = []
    if row["state"] != answer["state"].lower() or row["is_draft"] != answer["isDraft"]:
        found.append("state")
    closed_at = moment(answer["closedAt"]) if answer["closedAt"] else None
    if row["closed_at"] != closed_at:
        near = closed_at and row["closed_at"] and abs((row["closed_at"] - closed_at).total_seconds()) <= 5
        found.append("closing event trails closedAt" if near else "closed_at")
    if row["state"] == "closed" and answer["title"].startswith("[Merged by"):
        found.append("merged by a bot's push: closed")
    return found
