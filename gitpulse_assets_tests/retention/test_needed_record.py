"""Histories made by hand for the rules of `needed_record.sql` that generated ones meet too seldom."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from gitpulse_assets.contracts.bronze import ISSUE_PAGE, ISSUES
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.lake.manifest import ManifestRow
from gitpulse_assets.repo import Repo
from gitpulse_assets.sandbox.world import World
from gitpulse_assets.upkeep.retention import apply_retention
from gitpulse_assets_tests.history.product import Reader
from gitpulse_assets_tests.history.rebuilding import differences

REPO = Repo("octo-org", "hello")
START = datetime(2026, 1, 1, tzinfo=UTC)
URL = "http://github.sandbox/list"


def day(number: int) -> datetime:
    return START + timedelta(days=number)


def record(updated: int, state: str, number: int = 1) -> dict[str, object]:
    return {
        "id": 100 + number,
        "node_id": f"I_{number}",
        "number": number,
        "title": "Title",
        "state": state,
        "labels": [],
        "assignees": [],
        "comments": 0,
        "created_at": day(0).isoformat(),
        "updated_at": day(updated).isoformat(),
        "closed_at": day(updated).isoformat() if state == "closed" else None,
        "user": None,
    }


@pytest.fixture
def fetch(tmp_path: Path) -> tuple[Reader, Callable[..., None]]:
    """A reader, and `fetch(on_day, *records, is_full=…)`: one complete run that received these records."""
    reader = Reader(World(START.isoformat()), REPO, tmp_path)

    def fetch(on_day: int, *records: dict[str, object], is_full: bool = False) -> None:
        run = {"run_id": f"run-{on_day}", "repo_owner": REPO.owner, "repo_name": REPO.name}
        row = ManifestRow(
            **run,
            stream=ISSUES.name,
            status="complete",
            walk_kind="full" if is_full else "incremental",
            started_at=day(on_day),
            as_of_at=day(on_day),
            finished_at=day(on_day),
            batch_count=1,
            page_batch_count=int(is_full),
        )
        rows = [bronze_row(run, on_day, number, one) for number, one in enumerate(records, start=1)]
        write(reader.lake, ISSUES, row.run_id, rows)
        if is_full:
            write(reader.lake, ISSUE_PAGE, row.run_id, [page_row(run, on_day)])
        reader.lake.manifest(REPO).put(row)
        reader.merge()

    return reader, fetch


def bronze_row(run: dict[str, str], on_day: int, number: int, one: dict[str, object]) -> dict[str, object]:
    return run | {
        "page_number": 1,
        "record_number": number,
        "fetched_at": day(on_day),
        "issue_id": one["id"],
        "issue_updated_at": datetime.fromisoformat(str(one["updated_at"])),
        "payload_json": json.dumps(one),
    }


def page_row(run: dict[str, str], on_day: int) -> dict[str, object]:
    return run | {
        "page_number": 1,
        "fetched_at": day(on_day),
        "url": URL,
        "is_unchanged": False,
        "records_run_id": run["run_id"],
        "records_page_number": 1,
    }


def write(lake: Lake, table, run_id: str, rows: list[dict[str, object]]) -> None:
    lake.batch_writer(table, REPO, run_id, batch_count=0).write(
        pa.Table.from_pylist(rows, schema=table.arrow_schema)
    )


def thin(reader: Reader) -> int:
    return apply_retention(reader.lake, REPO, timedelta(0)).record_count


def test_a_record_that_proves_a_later_one_stale_stays(fetch):
    """A lagging replica answers the full walk with an older record, in which the issue was closed."""
    reader, receive = fetch
    receive(1, record(1, "open"), is_full=True)
    receive(5, record(5, "open"))
    receive(6, record(3, "closed"), is_full=True)
    receive(7, record(7, "open"))
    assert thin(reader) == 0
    assert differences(reader.lake, REPO) == {}


@pytest.mark.slow
def test_a_record_that_only_repeats_a_state_goes(fetch):
    reader, receive = fetch
    receive(1, record(1, "open"), is_full=True)
    receive(5, record(5, "open"))
    receive(6, record(5, "open"), is_full=True)
    assert thin(reader) == 1
    assert differences(reader.lake, REPO) == {}


def test_the_record_that_alone_showed_a_closing_stays(fetch):
    reader, receive = fetch
    receive(1, record(1, "open"), is_full=True)
    receive(3, record(3, "closed"))
    receive(4, record(4, "open"))
    receive(5, record(5, "open"))
    receive(6, record(6, "open"), is_full=True)
    assert thin(reader) == 1
    assert differences(reader.lake, REPO) == {}


def test_the_last_record_of_an_issue_the_walk_no_longer_meets_stays(fetch):
    reader, receive = fetch
    receive(1, record(1, "open"), record(1, "open", number=2), is_full=True)
    receive(5, record(5, "open", number=2))
    receive(6, record(6, "open"), is_full=True)
    assert thin(reader) == 0
    assert differences(reader.lake, REPO) == {}


@pytest.mark.slow
def test_what_is_quarantined_stays(fetch):
    reader, receive = fetch
    receive(1, record(1, "open"), record(1, "no state", number=2), is_full=True)
    receive(6, record(6, "open"), is_full=True)
    assert thin(reader) == 0
    assert differences(reader.lake, REPO) == {}
