"""The merge and the ledger on the recorded repository, against the truth computed beside it by other code.

The truth counts an issue from created_at, also if it was transferred in later; the ledger from its arrival.
"""

import gzip
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

# A real repository takes a while: `.ci/run` runs it beside the suite.
pytestmark = [pytest.mark.recorded, pytest.mark.dear]

AS_OF = datetime(2023, 8, 7, 23, 59, 59, tzinfo=UTC)
TRANSFERRED_IN = {9031, 9161, 9458, 11446, 16867}
CUT_OFF_LENGTH = 30


@pytest.fixture(scope="module")
def folder(recorded_data: Path) -> Path:
    return recorded_data / "microsoft__onnxruntime"


def lines(path: Path) -> Iterator[str]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        yield from (line.rstrip("\n") for line in file)


def events(folder: Path, ids: dict[int, int]) -> Iterator[dict[str, Any]]:
    """The recorded event lists as REST events in bronze; a full page may have been cut off."""
    for line in lines(folder / "issue_events.2023-08-07.jsonl.gz"):
        answer = json.loads(line)
        number = answer["_issue_number"]
        for event in answer["body"]:
            yield {
                "issue_id": ids.get(number),
                "issue_number": number,
                "source": "rest_events",
                "is_complete": len(answer["body"]) < CUT_OFF_LENGTH,
                "payload_json": json.dumps(event),
            }


@pytest.fixture(scope="module")
def merged(folder: Path, load_lake: Any) -> Any:
    records = list(lines(folder / "issues.2023-08-07.jsonl.gz"))
    ids = {record["number"]: record["id"] for record in map(json.loads, records)}
    lake = load_lake()
    lake.run(*records, at=AS_OF, timelines=events(folder, ids)).merge()
    yield lake
    lake.con.close()


def open_days(intervals: list[list[str | None]]) -> set[date]:
    """The days at whose end an issue is open."""
    days: set[date] = set()
    for start, end in intervals:
        day = datetime.fromisoformat(str(start)).date()
        last = datetime.fromisoformat(end).date() if end else AS_OF.date() + timedelta(days=1)
        days |= {day + timedelta(days=n) for n in range((last - day).days)}
    return days


def test_every_recorded_record_is_usable(merged):
    assert len(merged.rows("issue_current")) == 16_173
    states = merged.rows("issue_current", "is_pull_request", "state")
    assert sum(not is_pull_request for is_pull_request, _ in states) == 4_895
    assert states.count((False, "open")) == 1_638
    assert merged.rows("quarantine", "stream", "rule") in ([], [("issue_timeline", "no_id")])
    assert merged.broken_rules() == []


def test_the_open_stock_is_the_truth_on_every_day_but_those_of_the_transferred(merged, folder, capsys):
    truth = json.loads((folder / "ground_truth.json").read_text(encoding="utf-8"))
    flows = merged.con.sql(
        "select transitioned_at::date, sum(delta)::bigint from issue_transitions group by all order by all"
    ).fetchall()
    changes = dict(flows)
    stock, differing = 0, {}
    for text, open_count, *_ in truth["daily"]:
        stock += changes.get(date.fromisoformat(text), 0)
        if stock != open_count:
            differing[date.fromisoformat(text)] = stock - open_count
    early = early_days(merged, folder)
    with capsys.disabled():
        print(f"\n{len(truth['daily'])} days compared, {len(differing)} differ, {len(early)} by transfers")
    assert stock == truth["open_at_end"]
    assert differing == dict.fromkeys(early, -1)
    assert len(differing) == 37


def early_days(merged: Any, folder: Path) -> set[date]:
    """The days on which the truth counts a transferred issue that had not arrived yet."""
    days: set[date] = set()
    for line in filter(None, lines(folder / "ground_truth_intervals.jsonl.gz")):
        told = json.loads(line)
        if told["number"] in TRANSFERRED_IN:
            known = [[at, None] for _, at in merged.ledger(told["number"])]
            pairs = [
                [known[n][0], known[n + 1][0] if n + 1 < len(known) else None]
                for n in range(0, len(known), 2)
            ]
            days |= open_days(told["open_intervals"]) - open_days(pairs)
    return days
