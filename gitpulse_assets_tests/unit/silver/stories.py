"""Many small histories merged together, because a merge costs as much for one issue as for a hundred.

A story is a generator that adds runs and yields where they are to be merged. All stories of a test module
share a lake and its merges, in step; each has issue numbers of its own, which it calls 0 to 9. A story that
needs to see anything but its own issues is an ordinary test.
"""

import inspect
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

Outcomes = dict[str, Exception]
StoryFunction = Callable[..., Iterator[None]]

ISSUES_A_STORY = 10
FIRST_ISSUE_ID = 1000
SHIFTED_KEYS = ("number", "databaseId", "issue_id", "issue_number")

REGISTERED: dict[str, list[StoryFunction]] = {}


def together(function: StoryFunction) -> Callable[[Outcomes], None]:
    """Register a story with its module's others; the test that stands in its place says how it went."""
    REGISTERED.setdefault(function.__module__, []).append(function)

    def test(outcomes: Outcomes) -> None:
        if function.__name__ in outcomes:
            raise outcomes[function.__name__]

    test.__name__ = function.__name__
    return test


def play(functions: Iterable[StoryFunction], lake: Any, makers: dict[str, Any]) -> Outcomes:
    """Play stories in step, a merge between their steps; return what those that failed raised."""
    outcomes: Outcomes = {}
    running = {}
    for place, function in enumerate(functions):
        told = {**makers, "lake": Story(lake, place * ISSUES_A_STORY)}
        running[function.__name__] = function(
            *(told[name] for name in inspect.signature(function).parameters)
        )
    while running:
        for name, story in list(running.items()):
            try:
                next(story)
            except StopIteration:
                del running[name]
            except Exception as error:
                outcomes[name] = error
                del running[name]
        if running:
            lake.merge()
    return outcomes


@dataclass(frozen=True)
class Story:
    """What a story sees of the lake that it shares: its own issues, under its own numbers."""

    lake: Any
    offset: int

    def run(
        self,
        *issues: dict[str, Any],
        timelines: Iterable[dict[str, Any]] = (),
        departures: Iterable[dict[str, Any]] = (),
        **options: Any,
    ) -> "Story":
        """Add a run of its own to the lake."""
        records = [self._shifted(record) | {"id": record["id"] + self.offset} for record in issues]
        self.lake.run(
            *records,
            timelines=[self._shifted_timeline(timeline) for timeline in timelines],
            departures=[self._shifted_timeline(gone) for gone in departures],
            **options,
        )
        return self

    def _shifted(self, values: dict[str, Any]) -> dict[str, Any]:
        shifted = {key: values[key] + self.offset for key in SHIFTED_KEYS if key in values}
        return {**values, **shifted}

    def _shifted_timeline(self, row: dict[str, Any]) -> dict[str, Any]:
        payload = json.dumps(self._shifted(json.loads(row.get("payload_json", "{}"))))
        return {**self._shifted(row), "payload_json": payload}

    def rows(self, table: str, *columns: str) -> list[Any]:
        first = FIRST_ISSUE_ID + self.offset
        found = self.lake.rows(table, "issue_id", *columns)
        mine = [rest for issue_id, *rest in found if issue_id and first <= issue_id < first + ISSUES_A_STORY]
        own = [tuple(self._own(*pair) for pair in zip(columns, row, strict=True)) for row in mine]
        return [row[0] for row in own] if len(columns) == 1 else own

    def _own(self, column: str, value: Any) -> Any:
        return value - self.offset if column in SHIFTED_KEYS else value

    def issue(self, number: int = 1) -> dict[str, Any]:
        return self.lake.issue(self.offset + number)

    def ledger(self, number: int = 1) -> list[tuple[str, str]]:
        return self.lake.ledger(self.offset + number)
