"""Gold from a real repository's records and events, against the independent truth recorded beside them."""

import gzip
import json
from datetime import UTC, datetime

import pyarrow as pa
import pytest

from gitpulse_assets.checks.semantic import GOLD_CHECKS
from gitpulse_assets.contracts.bronze import ISSUE_TIMELINE, ISSUES, REPOSITORY
from gitpulse_assets.lake.duck import connect
from gitpulse_assets.transform.gold import INPUTS
from gitpulse_assets.transform.silver import merge_silver

# A real repository takes a while: `.ci/run` runs it beside the suite.
pytestmark = [pytest.mark.recorded, pytest.mark.dear]

AS_OF = datetime(2023, 8, 7, 23, 59, 59, tzinfo=UTC)
# The truth counts these from created_at; they arrived later, by a transfer, and one of them closed.
TRANSFERRED_IN = {9031, 9161, 9458, 11446, 16867}


@pytest.fixture(scope="module")
def folder(recorded_data):
    return recorded_data / "microsoft__onnxruntime"


def lines(path):
    with gzip.open(path, "rt") as text:
        return [json.loads(line) for line in text]


def bronze(contract, rows):
    """Rows as a bronze table of one run; what a row does not say is null."""
    common = {"run_id": "run-1", "repo_owner": "microsoft", "repo_name": "onnxruntime", "fetched_at": AS_OF}
    common |= {"page_number": 1, "source": "rest_events", "is_complete": True}
    rows = [{"record_number": n, **common, **row} for n, row in enumerate(rows, start=1)]
    return pa.table(
        {name: [row.get(name) for row in rows] for name in contract.column_names}, contract.arrow_schema
    )


@pytest.fixture(scope="module")
def gold(folder, new_silver, make_gold):
    records = lines(folder / "issues.2023-08-07.jsonl.gz")
    ids = {record["number"]: record["id"] for record in records}
    events = [
        {"issue_id": ids[page["_issue_number"]], "issue_number": page["_issue_number"], "payload_json": event}
        for page in lines(folder / "issue_events.2023-08-07.jsonl.gz")
        for event in map(json.dumps, page["body"])
        if page["_issue_number"] in ids
    ]
    issues = [{"issue_id": record["id"], "payload_json": json.dumps(record)} for record in records]
    repository = {"repository_id": 1, "payload_json": '{"id": 1, "full_name": "microsoft/onnxruntime"}'}
    inputs = {
        "bronze_issues": bronze(ISSUES, issues),
        "bronze_issue_timeline": bronze(ISSUE_TIMELINE, events),
        "bronze_repository": bronze(REPOSITORY, [repository]),
    }
    con = connect()
    merge_silver(con, inputs, ["run-1"])
    silver = new_silver()
    silver.made = {contract.name: con.sql(f"from {contract.name}").to_arrow_table() for contract in INPUTS}
    con.close()
    return make_gold(silver, AS_OF)


@pytest.fixture(scope="module")
def truth(folder):
    return json.loads((folder / "ground_truth.json").read_text())


@pytest.fixture(scope="module")
def intervals(folder):
    """Issue number to its (from, to) open intervals, the last `to` null while open."""
    return {
        row["number"]: [
            [end and datetime.fromisoformat(end) for end in pair] for pair in row["open_intervals"]
        ]
        for row in lines(folder / "ground_truth_intervals.jsonl.gz")
    }


def test_counts_and_median_are_the_recorded_truths(gold):
    assert gold.column("select count(*) from mart_issue_lifecycle") == [4895]
    assert gold.column("select count(*) from mart_issue_lifecycle where is_open") == [1638]
    assert gold.column("select sum(closed_issue_count) from mart_issue_closure_age_monthly") == [3257]
    median_days = gold.column("select quantile_cont(closure_age_days, 0.5) from mart_issue_lifecycle")[0]
    assert round(median_days * 86400) == 498_704


def test_the_stock_differs_only_while_a_transferred_issue_was_elsewhere(gold, truth):
    flow = dict(gold.con.sql("select flow_date::varchar, open_at_end from mart_issue_daily_flow").fetchall())
    differing = [day for day, open_at_end, *_ in truth["daily"] if flow.pop(day) != open_at_end]
    print(f"{len(truth['daily'])} days compared, {len(differing)} differ")
    assert (len(differing), flow) == (37, {})


def past_seconds(spans):
    return sum((to - start).total_seconds() for start, to in spans if to)


def open_since(spans):
    return next((start for start, to in spans if to is None), None)


def test_open_seconds_are_those_of_the_true_intervals(gold, intervals):
    query = "select issue_number, past_open_seconds, open_since_at from mart_issue_lifecycle"
    differing = {
        number
        for number, seconds, since in gold.con.sql(query).fetchall()
        if (seconds, since) != (past_seconds(intervals[number]), open_since(intervals[number]))
    }
    assert differing == TRANSFERRED_IN


def test_first_closings_are_the_true_ones_within_the_trail_of_an_event(gold, intervals):
    query = "select issue_number, first_closed_at from mart_issue_lifecycle"
    first = dict(gold.con.sql(query).fetchall())
    truth = {number: spans[0][1] for number, spans in intervals.items() if number not in TRANSFERRED_IN}
    assert {number for number in truth if (truth[number] is None) != (first[number] is None)} == set()
    trails = [(end - first[number]).total_seconds() for number, end in truth.items() if end]
    assert 0 <= min(trails) <= max(trails) <= 2


def test_counting_the_open_issues_changes_the_last_months_answer(gold):
    """743 of the year's 1,324 issues were still open: closings alone say 10 days, with them it is 296."""
    query = (
        "select median_closure_age_days, kaplan_meier_median_closure_age_days, cohort_issue_count, "
        "cohort_censored_count from mart_issue_closure_age_monthly order by closed_month desc limit 1"
    )
    (naive, kaplan_meier, cohort, censored) = gold.con.sql(query).fetchall()[0]
    assert (round(naive, 2), round(kaplan_meier, 4)) == (9.92, 296.0755)
    assert (cohort, censored) == (1324, 743)


def test_no_check_is_broken(gold, check):
    """Those of the marts; whether the history is whole is for the collection to say."""
    names = {one.name for one in GOLD_CHECKS} - {"history_is_complete"}
    assert {name: check(gold, name, AS_OF) for name in names} == {name: [] for name in names}
