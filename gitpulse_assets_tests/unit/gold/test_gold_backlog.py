"""mart_backlog_by_label and mart_backlog_by_age."""

from datetime import timedelta

import pytest

from gitpulse_assets.transform.gold import label_windows
from gitpulse_assets.transform.sql_file import create_table
from gitpulse_assets_tests.unit.gold.conftest import utc

AS_OF = "2024-06-30 12:00"


def by_label(gold, label_id):
    (row,) = gold.rows(f"from mart_backlog_by_label where label_id = {label_id}")
    return row


def test_an_issue_counts_under_each_label_and_without_one_under_none(silver, make_gold):
    silver.issue(1, ("opened", "2024-01-01"), labels=[(1, "bug"), (2, "P1")])
    silver.issue(2, ("opened", "2024-01-01"), ("closed", "2024-01-02"), labels=[(1, "bug")])
    silver.issue(3, ("opened", "2024-01-01"))
    gold = make_gold(silver, AS_OF)
    assert gold.rows(
        "select label_id, label_name, issue_count, open_issue_count, share_of_open "
        "from mart_backlog_by_label order by label_id"
    ) == [
        {
            "label_id": 0,
            "label_name": "(no label)",
            "issue_count": 1,
            "open_issue_count": 1,
            "share_of_open": 0.5,
        },
        {"label_id": 1, "label_name": "bug", "issue_count": 2, "open_issue_count": 1, "share_of_open": 0.5},
        {"label_id": 2, "label_name": "P1", "issue_count": 1, "open_issue_count": 1, "share_of_open": 0.5},
    ]


def test_flows_of_the_last_28_and_90_days_end_at_the_as_of_moment(silver, make_gold):
    silver.issue(1, ("opened", "2024-06-02 12:00"), labels=[(1, "bug")])
    silver.issue(
        2,
        ("opened", "2024-06-02 12:01"),
        ("closed", "2024-06-29"),
        ("reopened", "2024-06-30"),
        labels=[(1, "bug")],
    )
    silver.issue(3, ("opened", "2024-04-01 12:00"), ("deleted", "2024-06-20"), labels=[(1, "bug")])
    row = by_label(make_gold(silver, AS_OF), 1)
    assert (row["opened_28d_count"], row["closed_28d_count"], row["net_change_28d"]) == (1, 1, 0)
    assert (row["opened_90d_count"], row["closed_90d_count"], row["net_change_90d"]) == (2, 1, 1)


def test_case_31_a_renamed_label_is_one_row_with_its_new_name(silver, make_gold):
    silver.issue(1, ("opened", "2024-01-01"), labels=[(1, "type:enhancement")], fetched_at="2024-06-01")
    silver.issue(2, ("opened", "2024-01-01"), labels=[(1, "feature request")], fetched_at="2024-06-02")
    row = by_label(make_gold(silver, AS_OF), 1)
    assert (row["label_name"], row["open_issue_count"]) == ("feature request", 2)


def test_case_31_a_renamed_label_has_one_name_in_mart_page_and_verdict(silver, make_gold):
    silver.issue(1, ("opened", "2024-06-20"), labels=[(1, "bug")], fetched_at="2024-06-21")
    silver.issue(2, ("opened", "2024-06-21"), labels=[(1, "bug")], fetched_at="2024-06-22")
    silver.issue(3, ("opened", "2024-06-22"), labels=[(1, "kind/bug")], fetched_at="2024-06-23")
    gold = make_gold(silver, AS_OF)
    assert gold.rows("select label_name, open_issue_count from mart_backlog_by_label") == [
        {"label_name": "kind/bug", "open_issue_count": 3}
    ]
    assert gold.column("select distinct unnest(label_names) from mart_issue_lifecycle") == ["kind/bug"]
    label_windows(gold.con, [28], utc("2024-06-30"))
    create_table(gold.con, "answers", "label")
    assert gold.column("select (label_name, open_issue_count, net_change) from label") == [("kind/bug", 3, 3)]
    create_table(gold.con, "gold", "verdict_label")
    assert gold.column("select (label_name, net_change) from verdict_label") == [("kind/bug", 3)]


def test_of_a_deleted_label_and_its_namesake_the_one_read_last_counts_for_both(silver, make_gold):
    silver.issue(1, ("opened", "2024-06-20"), labels=[(1, "bug")], fetched_at="2024-06-21")
    silver.issue(2, ("opened", "2024-06-21"), labels=[(2, "bug")], fetched_at="2024-06-22")
    rows = make_gold(silver, AS_OF).rows(
        "select label_id, label_name, issue_count from mart_backlog_by_label"
    )
    assert rows == [{"label_id": 2, "label_name": "bug", "issue_count": 2}]


def test_case_31_a_pull_request_read_last_tells_the_new_name(silver, make_gold):
    silver.issue(1, ("opened", "2024-01-01"), labels=[(1, "bug")], fetched_at="2024-06-01")
    silver.issue(2, is_pull_request=True, labels=[(1, "kind/bug")], fetched_at="2024-06-02")
    gold = make_gold(silver, AS_OF)
    assert by_label(gold, 1)["label_name"] == "kind/bug"
    assert gold.column("select label_names from mart_issue_lifecycle") == [["kind/bug"]]


def test_labels_of_pull_requests_are_left_out(silver, make_gold):
    silver.issue(1, is_pull_request=True, labels=[(1, "bug")]).issue(2, ("opened", "2024-01-01"))
    assert make_gold(silver, AS_OF).column("select label_id from mart_backlog_by_label") == [0]


def test_share_is_null_when_nothing_is_open(silver, make_gold):
    silver.issue(1, ("opened", "2024-01-01"), ("closed", "2024-01-02"), labels=[(1, "bug")])
    gold = make_gold(silver, AS_OF)
    assert by_label(gold, 1)["share_of_open"] is None
    assert set(gold.column("select share_of_open from mart_backlog_by_age")) == {None}
    assert gold.column("select open_issue_count from mart_backlog_by_age") == [0] * 5


@pytest.mark.parametrize(
    ("age", "band"),
    [
        (timedelta(0), "0-7 d"),
        (timedelta(days=7), "0-7 d"),
        (timedelta(days=7, seconds=1), "8-30 d"),
        (timedelta(days=30), "8-30 d"),
        (timedelta(days=90), "31-90 d"),
        (timedelta(days=90, seconds=1), "91-365 d"),
        (timedelta(days=365), "91-365 d"),
        (timedelta(days=365, seconds=1), "> 365 d"),
        (timedelta(seconds=-5), "0-7 d"),
    ],
)
def test_bands_by_exact_age(silver, make_gold, at, age, band):
    silver.issue(1, ("opened", at(AS_OF) - age))
    query = "select age_band from mart_backlog_by_age where open_issue_count = 1"
    assert make_gold(silver, AS_OF).column(query) == [band]


def test_the_oldest_of_a_band_is_named(silver, make_gold):
    silver.issue(9, ("opened", "2024-06-01")).issue(4, ("opened", "2024-06-01")).issue(
        5, ("opened", "2024-06-02")
    )
    silver.issue(2, ("transferred_in", "2024-06-20"), created_at="2022-06-30 12:00")
    query = (
        "select age_band, oldest_issue_number, oldest_age_days, share_of_open "
        "from mart_backlog_by_age where open_issue_count > 0 order by band_num"
    )
    assert make_gold(silver, AS_OF).con.sql(query).fetchall() == [
        ("8-30 d", 4, 29.5, 0.75),
        ("> 365 d", 2, 731.0, 0.25),
    ]


def test_departed_issues_are_in_no_band(silver, make_gold):
    silver.issue(1, ("opened", "2024-06-01"), ("transferred_out", "2024-06-02"))
    assert sum(make_gold(silver, AS_OF).column("select open_issue_count from mart_backlog_by_age")) == 0
