"""A repository that is made up record by record, oddly, and lakes that receive it: nothing asks any server.

Each step is a run: what it received lies in bronze as collecting would have stored it.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pyarrow as pa

from gitpulse_assets.catalog.subjects import BATCHED
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.lake.manifest import ManifestRow
from gitpulse_assets.repo import Repo

REPO = Repo("acme", "rocket")
START = datetime(2024, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
FIRST_ID = 1_000
USER = {"login": "ada", "id": 1, "type": "User"}
LABELS = [{"id": number, "name": name, "color": "d73a4a"} for number, name in enumerate("abc", 1)]

Row = dict[str, Any]
Received = dict[str, list[Row]]


def iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass
class Told:
    """One issue as GitHub has it now, with the lifecycle events that a timeline tells of it."""

    issue_id: int
    number: int
    created_at: datetime
    updated_at: datetime
    closed_at: datetime | None = None
    is_pull_request: bool = False
    is_gone: bool = False
    is_bad: bool = False
    labels: list[Row] = field(default_factory=list)
    assignees: list[Row] = field(default_factory=list)
    body: str = "Text"
    events: list[tuple[str, datetime]] = field(default_factory=list)

    def record(self, *, is_bad: bool = False, at: datetime | None = None) -> Row:
        """The issue as its list tells it; a bad record lacks what every one has, or is of the past."""
        return {
            "id": self.issue_id,
            "node_id": f"I_{self.issue_id}",
            "number": self.number,
            "title": f"Issue {self.number}",
            "body": self.body,
            "user": USER,
            "labels": self.labels,
            "state": "sleeping" if is_bad else "closed" if self.closed_at else "open",
            "state_reason": None,
            "locked": False,
            "active_lock_reason": None,
            "assignee": None,
            "assignees": self.assignees,
            "milestone": None,
            "comments": 0,
            "created_at": iso(self.created_at),
            "updated_at": iso(at or self.updated_at),
            "closed_at": self.closed_at and iso(self.closed_at),
            "author_association": "NONE",
            "html_url": f"https://github.com/acme/rocket/issues/{self.number}",
            **({"pull_request": {"merged_at": None}} if self.is_pull_request else {}),
        }

    def nodes(self) -> list[Row]:
        return [
            {
                "__typename": f"{kind.capitalize()}Event",
                "id": f"E_{self.issue_id}_{place}",
                "createdAt": iso(at),
                "actor": None,
            }
            for place, (kind, at) in enumerate(self.events)
        ]


class Repository:
    """Issues that change at random, and what a run receives of them.

    `has_oddities`: also what GitHub hardly ever does, such as another number for an issue.
    """

    def __init__(self, seed: str, issue_count: int) -> None:
        self.rng = Random(seed)
        self.now = START
        self.issues: list[Told] = []
        self.labels = [dict(label) for label in LABELS]
        self.next_number = 1
        self.run_count = 0
        self.run_id = ""
        for _ in range(issue_count):
            self.open()

    def open(self) -> Told:
        self.now += HOUR
        issue_id = FIRST_ID + self.rng.randrange(10**6) * 1_000 + self.next_number
        is_pull_request = self.rng.random() < 0.15
        issue = Told(issue_id, self.next_number, self.now, self.now, is_pull_request=is_pull_request)
        self.next_number += self.rng.choice((1, 1, 1, 2, 5))
        self.issues.append(issue)
        return issue

    def first_run(self) -> Received:
        """Everything there is, by a whole walk."""
        received = self.begin()
        received["issues"] = self._list(self.issues)
        received["reconciliation"] = [self._reconciled(None)]
        return self._counted(received)

    def run(self) -> Received:
        """Let some time pass, and receive some of what happened then."""
        self.now += self.rng.choice((HOUR / 2, HOUR, 30 * HOUR, 300 * HOUR))
        received = self.begin()
        kinds = [self._change, self._tell_lifecycle, self._tell_bad, self._tell_old, self._tell_event]
        kinds += [self._change, self._renumber, self._depart, self._walk_events, self._walk_whole, self._come]
        kinds += [self._tell_empty_lifecycle, self.tell_unknown_lifecycle, self._change, self._mend]
        kinds += [self.tell_unusable, self.tell_unusable, self._tell_bad_again, self._mend]
        for kind in self.rng.sample(kinds, self.rng.choice((1, 1, 2, 3))):
            kind(received)
        return self._counted({table: rows for table, rows in received.items() if rows})

    def begin(self) -> Received:
        self.now += timedelta(seconds=1)
        self.run_count += 1
        self.run_id = f"run-{self.run_count:03}"
        return {name: [] for name in BATCHED}

    def _counted(self, received: Received) -> Received:
        """Count now and then as GitHub does, or otherwise: the totals are of all issues."""
        if self.rng.random() < 0.7:
            here = [one for one in self.issues if not one.is_gone and not one.closed_at]
            count = sum(not one.is_pull_request for one in here) + self.rng.choice((0, 0, 0, 1))
            told = {"open_count_before": count, "open_count_after": count, "our_count": count}
            flags = {"has_pull_requests": False, "is_quiet": True, "is_whole_walk": False}
            received["control_total"] = [
                self._row(**told, **flags, is_known_difference=False, lacked_count=0)
            ]
        return received

    def _row(self, **columns: Any) -> Row:
        return {**REPO.columns, "run_id": self.run_id, "fetched_at": self.now, **columns}

    def _page(self, rows: list[Row], **columns: Any) -> None:
        rows.append(self._row(page_number=1, record_number=len(rows) + 1, **columns))

    def _present(self) -> list[Told]:
        return [one for one in self.issues if not one.is_gone]

    def _some(self, among: list[Told] | None = None) -> list[Told]:
        found = self._present() if among is None else among
        return self.rng.sample(found, min(len(found), self.rng.choice((1, 1, 2, 4))))

    def _list(self, issues: list[Told], **options: Any) -> list[Row]:
        rows: list[Row] = []
        for issue in issues:
            self.tell(rows, issue, **options)
        return rows

    def tell(self, rows: list[Row], issue: Told, **options: Any) -> None:
        payload = json.dumps(issue.record(**options))
        self._page(rows, issue_id=issue.issue_id, payload_json=payload)

    def _change(self, received: Received) -> None:
        """Some issues change, and one opens."""
        changed = self._some()
        for issue in changed:
            self._alter(issue)
        if self.rng.random() < 0.4:
            changed.append(self.open())
        received["issues"] += self._list(changed)
        self._renumbered(received["issues"])

    def _alter(self, issue: Told) -> None:
        issue.is_bad, issue.updated_at = False, self.now
        what = self.rng.choice(("state", "state", "labels", "assignees", "body", "kind"))
        if what == "state":
            self._turn(issue)
        elif what == "labels":
            issue.labels = self.rng.sample(self.labels, self.rng.randrange(3))
            if self.rng.random() < 0.4:
                # Told by whatever is read from here on, and by no updated_at.
                self.rng.choice(self.labels)["name"] = self.rng.choice(("a", "b", "c", "bug", "docs"))
        elif what == "assignees":
            issue.assignees = self.rng.choice(([], [USER]))
        elif what == "body":
            issue.body = f"Text {self.now}"
        elif self.rng.random() < 0.2:
            issue.is_pull_request = True

    def _turn(self, issue: Told) -> None:
        """An open one is closed, a closed one opened again."""
        kind, issue.closed_at = ("reopened", None) if issue.closed_at else ("closed", self.now)
        issue.events.append((kind, self.now))

    def _renumbered(self, rows: list[Row]) -> None:
        for number, row in enumerate(rows, 1):
            row["record_number"] = number

    def _come(self, received: Received) -> None:
        """What had left is seen again."""
        for issue in self._some([one for one in self.issues if one.is_gone]):
            issue.is_gone, issue.updated_at = False, self.now
            self.tell(received["issues"], issue)

    def _renumber(self, received: Received) -> None:
        """An issue is under another number than before."""
        for issue in self._some()[:1]:
            issue.number, issue.updated_at = self.next_number, self.now
            self.next_number += 1
            self.tell(received["issues"], issue)

    def _tell_bad(self, received: Received) -> None:
        for issue in self._some():
            issue.is_bad, issue.updated_at = True, self.now
            self.tell(received["issues"], issue, is_bad=True)
            if self.rng.random() < 0.5:
                self._turn(issue)
                self.tell_timeline(received, issue)

    def tell_unusable(self, received: Received) -> Told:
        """An issue of which no record can be used yet, if ever, and its lifecycle."""
        issue = self.open()
        issue.is_bad = True
        self._tell_again(received, issue)
        return issue

    def _tell_bad_again(self, received: Received) -> None:
        for issue in self._some([one for one in self._present() if one.is_bad]):
            self._tell_again(received, issue)

    def _tell_again(self, received: Received, issue: Told) -> None:
        issue.updated_at = self.now
        self._turn(issue)
        self.tell(received["issues"], issue, is_bad=True)
        self.tell_timeline(received, issue)

    def _mend(self, received: Received) -> None:
        for issue in self._some([one for one in self._present() if one.is_bad]):
            issue.is_bad, issue.updated_at = False, self.now
            self.tell(received["issues"], issue)

    def _tell_old(self, received: Received) -> None:
        """A page of before comes late, or what overlaps comes once more."""
        for issue in self._some():
            self.tell(received["issues"], issue, at=self.rng.choice((None, issue.created_at)))

    def tell_timeline(self, received: Received, issue: Told, **columns: Any) -> None:
        nodes = {"timelineItems": {"nodes": issue.nodes()}}
        payload = {"__typename": "Issue", "id": f"I_{issue.issue_id}", "databaseId": issue.issue_id, **nodes}
        told = {"number": issue.number, "updatedAt": iso(issue.updated_at)}
        self._page(
            received["issue_timeline"],
            **{
                "issue_id": issue.issue_id,
                "issue_number": issue.number,
                "source": "graphql",
                "is_complete": True,
                "payload_json": json.dumps(payload | told),
                **columns,
            },
        )

    def _tell_lifecycle(self, received: Received) -> None:
        for issue in self._some([one for one in self._present() if not one.is_pull_request]):
            self.tell_timeline(received, issue)

    def _tell_empty_lifecycle(self, received: Received) -> None:
        """An answer without any event, or none that GitHub served."""
        for issue in self._some([one for one in self._present() if not one.is_pull_request]):
            if self.rng.random() < 0.5:
                self.tell_timeline(received, issue, is_complete=False, payload_json='{"errors": []}')
            else:
                told, issue.events = issue.events, []
                self.tell_timeline(received, issue)
                issue.events = told

    def tell_unknown_lifecycle(self, received: Received) -> None:
        """Of an issue that no record told of yet."""
        issue = self.open()
        issue.events.append(("closed", self.now))
        issue.closed_at = issue.updated_at = self.now
        self.tell_timeline(received, issue)

    def _tell_event(self, received: Received) -> None:
        """A closing by the REST events, which may name the number alone."""
        for issue in self._some([one for one in self._present() if one.closed_at]):
            at = iso(issue.closed_at or self.now)
            number = int(self.now.timestamp()) + issue.number
            payload = {"id": number, "node_id": f"R_{number}", "event": "closed", "created_at": at}
            self._page(
                received["issue_timeline"],
                issue_id=self.rng.choice((None, issue.issue_id)),
                issue_number=issue.number,
                source="rest_events",
                is_complete=True,
                payload_json=json.dumps(payload),
            )

    def _depart(self, received: Received) -> None:
        for issue in self._some():
            issue.is_gone = True
            nodes = {"timelineItems": {"pageInfo": {"hasNextPage": False}, "nodes": issue.nodes()}}
            received["departure"].append(
                self._row(
                    issue_id=issue.issue_id,
                    issue_number=issue.number,
                    kind=self.rng.choice(("deleted", "transferred_out", "unknown")),
                    departed_at=self.rng.choice((None, self.now - HOUR / 4)),
                    departed_to=None,
                    evidence="nodes",
                    payload_json=json.dumps(self.rng.choice(({}, nodes))),
                )
            )

    def _walk_events(self, received: Received) -> None:
        """A walk of all REST events ended."""
        walk = {"as_of_at": self.now, "complete_since_at": None, "whole_walk_at": self.now}
        received["event_walk"] = [
            self._row(**walk, newest_event_id=1, is_capped=False, page_count=1, lacked_count=0)
        ]

    def _walk_whole(self, received: Received) -> None:
        """A whole walk met all there is."""
        received["issues"] = []
        for issue in self._present():
            self.tell(received["issues"], issue, is_bad=issue.is_bad)
        received["reconciliation"] = [self._reconciled(self.now - 2 * HOUR)]

    def _reconciled(self, since: datetime | None) -> Row:
        told = {"walk_run_ids": [self.run_id], "since": since, "finished_at": self.now}
        return self._row(**told, page_count=1, unchanged_page_count=0)


def store(lake: Lake, repository: Repository, received: Received) -> None:
    """Put what a run received into a lake's bronze."""
    manifest = lake.manifest(REPO)
    for name, rows in ({"issues": []} | received).items():
        contract = BATCHED[name]
        if rows:
            table = pa.Table.from_pylist(rows, contract.arrow_schema)
            lake.batch_writer(contract, REPO, repository.run_id, batch_count=0).write(table)
        manifest.put(
            ManifestRow.of(
                REPO,
                run_id=repository.run_id,
                stream=name,
                status="complete",
                walk_kind="incremental" if repository.run_count > 1 else "full",
                started_at=repository.now,
                as_of_at=repository.now,
                finished_at=repository.now,
                record_count=len(rows),
                batch_count=int(bool(rows)),
            )
        )


def runs(repository: Repository, count: int) -> Iterator[Received]:
    """What so many runs received, the first of everything."""
    yield repository.first_run()
    for _ in range(count - 1):
        yield repository.run()
