"""Gold from a real repository's snapshot, against the independent truth recorded beside it."""

import gzip
import json
from datetime import UTC, datetime

import pytest

pytestmark = pytest.mark.recorded

AS_OF = datetime(2023, 8, 8, tzinfo=UTC)


@pytest.fixture(scope="module")
def gold(recorded_data, new_silver, make_gold):
    silver = new_silver()
    with gzip.open(recorded_data / "microsoft__onnxruntime/issues.2023-08-07.jsonl.gz", "rt") as lines:
        for record in map(json.loads, lines):
            add(silver, record)
    return make_gold(silver, AS_OF)


def add(silver, record):
    """One record as an issue whose ledger knows only the snapshot: created, and closed if it is."""
    times = {
        name: record[name] and datetime.fromisoformat(record[name]) for name in ("created_at", "closed_at")
    }
    is_pull_request = record.get("pull_request") is not None
    moves = [] if is_pull_request else [("opened", times["created_at"])]
    if moves and record["state"] == "closed":
        moves.append(("closed", times["closed_at"]))
    labels = [(label["id"], label["name"]) for label in record["labels"]]
    fields = {"state": record["state"], "is_pull_request": is_pull_request, **times}
    silver.issue(record["number"], *moves, labels=labels, **fields)


def test_counts_and_median_are_the_recorded_truths(gold, check):
    assert gold.column("select count(*) from mart_issue_lifecycle") == [4895]
    assert gold.column("select arg_max(open_at_end, flow_date) from mart_issue_daily_flow") == [1638]
    assert gold.column("select sum(closed_issue_count) from mart_issue_closure_age_monthly") == [3257]
    median_days = gold.column("select quantile_cont(closure_age_days, 0.5) from mart_issue_lifecycle")[0]
    assert round(median_days * 86400) == 498_704
    assert check(gold, "closure_months_agree_with_lifecycle", AS_OF) == []


def test_opened_per_day_is_that_of_the_records(gold):
    flow = "select flow_date, opened_count from mart_issue_daily_flow where opened_count > 0"
    records = "select created_at::date, count(*) from issue_current where not is_pull_request group by all"
    assert dict(gold.con.sql(flow).fetchall()) == dict(gold.con.sql(records).fetchall())


def test_counting_the_open_issues_changes_the_last_months_answer(gold):
    """743 of the year's 1,324 issues were still open: closings alone say 10 days, with them it is 296."""
    query = (
        "select median_closure_age_days, kaplan_meier_median_closure_age_days, cohort_issue_count, "
        "cohort_censored_count from mart_issue_closure_age_monthly order by closed_month desc limit 1"
    )
    (naive, kaplan_meier, cohort, censored) = gold.con.sql(query).fetchall()[0]
    assert (round(naive, 2), round(kaplan_meier, 4)) == (9.92, 296.0755)
    assert (cohort, censored) == (1324, 743)
