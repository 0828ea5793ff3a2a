"""A real repository, recorded: what a refresh makes of it, what it costs, and a walk stopped half-way."""

import gzip
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import dagster as dg
import pytest
from pydantic import SecretStr

from gitpulse_assets.collect.refresh import collect
from gitpulse_assets.collect.session import Session
from gitpulse_assets.contracts import bronze, silver
from gitpulse_assets.contracts.model import TableContract
from gitpulse_assets.github.client import GitHubClient
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.marts.issue_daily_flow import MART_ISSUE_DAILY_FLOW
from gitpulse_assets.repo import Repo
from gitpulse_assets.runs.launch import RunOutcome, refresh
from gitpulse_assets.sandbox.faults import ALWAYS, Fault
from gitpulse_assets.sandbox.messages import Served
from gitpulse_assets.sandbox.recorded import load_recorded
from gitpulse_assets.sandbox.server import Sandbox, serve

# A real repository through Dagster takes a while: `.ci/run` runs it beside the suite.
pytestmark = [pytest.mark.recorded, pytest.mark.dear]

REPO = Repo("microsoft", "onnxruntime")
AT = "2023-08-07"
LIST = "per_page=100"
STOP_AFTER_PAGES = 80
PAGE_COUNT = 162


@pytest.fixture(scope="module")
def folder(recorded_data: Path) -> Path:
    return recorded_data / "microsoft__onnxruntime"


@pytest.fixture(scope="module")
def github(folder: Path) -> Iterator[Sandbox]:
    with serve(load_recorded(folder, AT)) as running:
        yield running


@pytest.fixture(scope="module")
def records(folder: Path) -> list[dict[str, Any]]:
    with gzip.open(folder / f"issues.{AT}.jsonl.gz", "rt", encoding="utf-8") as file:
        found = {record["id"]: record for record in map(json.loads, file)}
    return list(found.values())


@pytest.fixture(scope="module")
def arrived(folder: Path) -> set[int]:
    """Numbers of the issues with a `transferred` event, which only the repository they came to has."""
    with gzip.open(folder / f"issue_events.{AT}.jsonl.gz", "rt", encoding="utf-8") as file:
        answers = [json.loads(line) for line in file]
    return {
        answer["_issue_number"]
        for answer in answers
        if any(event["event"] == "transferred" for event in answer["body"])
    }


@dataclass
class Runs:
    """A run stopped after 80 pages, the one that went on, and one right after it; with what each asked."""

    lake: Lake
    outcomes: list[RunOutcome]
    requests: list[list[Served]]

    def rows(self, contract: TableContract, *columns: str) -> list[dict[str, Any]]:
        return self.lake.dataset(contract, REPO).to_table(columns=list(columns) or None).to_pylist()


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, github: Sandbox, defs: dg.Definitions) -> Iterator[Runs]:
    folder = tmp_path_factory.mktemp("recorded")
    with pytest.MonkeyPatch.context() as patch, dg.DagsterInstance.ephemeral() as instance:
        patch.chdir(folder)
        patch.setenv("GITHUB_API_URL", github.base_url)
        patch.setenv("GITHUB_TOKEN", "recorded")
        patch.setenv("GITPULSE_LAKE_URL", str(folder / "lake"))
        patch.setenv("GITPULSE_PATIENCE_SECONDS", "0")
        # So that the pages can be counted: of several under way, it depends on which answer comes first.
        patch.setenv("GITPULSE_REQUESTS_AT_ONCE", "1")
        made = Runs(Lake.open(str(folder / "lake")), [], [])
        for fault in (
            Fault("secondary_limit", LIST, STOP_AFTER_PAGES, ALWAYS, retry_after_seconds=60),
            None,
            None,
        ):
            github.app.faults[:] = [fault] if fault else []
            github.app.log.clear()
            made.outcomes.append(refresh(defs, instance, REPO, is_full=False))
            made.requests.append(list(github.app.log))
        yield made


def test_every_record_and_issue_is_there(runs):
    rows = runs.rows(silver.ISSUE_CURRENT, "is_pull_request", "state", "departed_at")
    issues = [row for row in rows if not row["is_pull_request"]]
    is_open = [row for row in issues if row["state"] == "open" and row["departed_at"] is None]
    assert (len(rows), len(issues), len(is_open)) == (16_173, 4_895, 1_638)


def test_the_last_day_of_the_backlog_is_the_open_issues(runs):
    days = runs.rows(MART_ISSUE_DAILY_FLOW, "flow_date", "open_at_end")
    assert max(days, key=lambda row: row["flow_date"]) == {
        "flow_date": date(2023, 8, 7),
        "open_at_end": 1_638,
    }


def test_opened_a_day_is_what_was_recorded(runs, records, arrived):
    """Issues transferred in were opened elsewhere; here they count from the day they came."""
    opened = Counter(
        record["created_at"][:10]
        for record in records
        if not record.get("pull_request") and record["number"] not in arrived
    )
    days = runs.rows(MART_ISSUE_DAILY_FLOW, "flow_date", "opened_count")
    assert {str(row["flow_date"]): row["opened_count"] for row in days if row["opened_count"]} == opened


def test_a_walk_stopped_at_page_80_of_162_is_gone_on_with(runs):
    stopped, resumed, _ = runs.outcomes
    assert (stopped.is_success, resumed.is_success) == (False, True), resumed.message
    assert "limits token 1 of 1 until" in stopped.message
    before, behind, none = (pages_in(requests) for requests in runs.requests)
    # An answer that a busy machine takes too long for is asked for again, and counts towards the fault.
    assert sum(LIST in served.target for served in runs.requests[0]) == STOP_AFTER_PAGES + 1
    assert before == set(range(1, max(before) + 1))
    assert (behind, none) == (set(range(max(before), PAGE_COUNT + 1)), set())


def pages_in(requests: list[Served]) -> set[int]:
    """The pages of the list that were asked for."""
    asked = [parse_qs(urlsplit(served.target).query) for served in requests if LIST in served.target]
    return {int(query.get("page", ["1"])[0]) for query in asked}


def test_what_was_received_is_what_was_recorded_byte_for_byte(runs, records, folder):
    batches = [
        (row.run_id, range(1, row.batch_count + 1))
        for row in runs.lake.manifest(REPO).rows()
        if row.stream == bronze.ISSUES.name
    ]
    dataset = runs.lake.bronze_dataset(bronze.ISSUES, REPO, batches)
    received = dataset.to_table(columns=["payload_json"])["payload_json"].to_pylist()
    with gzip.open(folder / f"issues.{AT}.jsonl.gz", "rt", encoding="utf-8") as file:
        assert {json.loads(text)["id"] for text in received} == {record["id"] for record in records}
        assert len(set(received) - {line.rstrip("\n") for line in file}) == 0


def test_a_run_right_after_it_costs_at_most_two_units(runs):
    assert runs.outcomes[2].tables["bronze/issues"]["walk_kind"] == "unchanged"
    assert sum(served.cost for served in runs.requests[2]) <= 2


def test_a_first_sync_costs_at_most_170_requests(github, tmp_path):
    github.app.faults.clear()
    client = GitHubClient(
        api_url=github.base_url, graphql_url=f"{github.base_url}/graphql", tokens=[SecretStr("first")]
    )
    with client:
        row = collect(Session(client, Lake.open(str(tmp_path)), REPO, "run-1"), is_full=False)
    assert (row.page_count, row.record_count) == (PAGE_COUNT, 16_173)
    assert client.spending.request_count <= 170
    assert client.graphql_spending.quota_cost <= 60
