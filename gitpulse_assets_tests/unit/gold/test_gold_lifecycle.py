"""mart_issue_lifecycle: ages, closings, labels and departures of one issue at a time."""

from datetime import UTC, date, datetime

import pytest

from gitpulse_assets.setting_values.label_groups import LabelGroup
from gitpulse_assets.transform.gold import GoldParameters, build_gold

AS_OF = "2024-03-01 12:00"


def lifecycle(gold, number=1):
    (row,) = gold.rows(f"select * from mart_issue_lifecycle where issue_number = {number}")
    return row


def test_case_09_two_minutes_across_midnight_are_zero_days(silver, make_gold):
    silver.issue(1, ("opened", "2024-01-01 23:59"), ("closed", "2024-01-02 00:01"))
    row = lifecycle(make_gold(silver, AS_OF))
    assert row["closure_age_days"] == pytest.approx(2 / 1440, abs=1e-12)
    assert (row["created_date"], row["closed_date"]) == (date(2024, 1, 1), date(2024, 1, 2))
    assert (row["past_open_seconds"], row["open_since_at"]) == (120, None)


def test_case_06_reopening_keeps_the_first_closing(silver, make_gold):
    silver.issue(
        1,
        ("opened", "2024-01-01"),
        ("closed", "2024-01-03"),
        ("reopened", "2024-01-10"),
        ("closed", "2024-01-11"),
    )
    row = lifecycle(make_gold(silver, AS_OF))
    assert row["first_closed_at"] == datetime(2024, 1, 3, tzinfo=UTC)
    assert (row["times_reopened"], row["closure_age_days"]) == (1, 10.0)
    assert row["past_open_seconds"] == 3 * 86400


def test_case_06_reopened_and_still_open_keeps_the_first_closing(silver, make_gold):
    silver.issue(1, ("opened", "2024-01-01"), ("closed", "2024-01-03"), ("reopened", "2024-02-29 12:00"))
    row = lifecycle(make_gold(silver, AS_OF))
    assert (row["is_open"], row["is_closed"], row["closed_date"]) == (True, False, None)
    assert row["first_closed_at"] == datetime(2024, 1, 3, tzinfo=UTC)
    assert row["past_open_seconds"] == 2 * 86400
    assert row["open_since_at"] == datetime(2024, 2, 29, 12, tzinfo=UTC)


def test_closing_dated_before_creation_takes_effect_at_creation(silver, make_gold):
    silver.issue(1, ("opened", "2024-01-02"), ("closed", "2024-01-02"), closed_at="2024-01-01 23:01")
    row = lifecycle(make_gold(silver, AS_OF))
    assert (row["closure_age_days"], row["closed_date"]) == (0.0, date(2024, 1, 2))


def test_closed_without_a_time_takes_the_ledgers(silver, make_gold):
    silver.issue(1, ("opened", "2024-01-01"), ("closed", "2024-01-05"), closed_at=None)
    assert lifecycle(make_gold(silver, AS_OF))["closure_age_days"] == 4.0


def test_event_that_trails_closed_at_does_not_move_the_first_closing(silver, make_gold):
    silver.issue(1, ("opened", "2024-01-01"), ("closed", "2024-01-05 00:02"), closed_at="2024-01-05 00:01")
    row = lifecycle(make_gold(silver, AS_OF))
    assert row["first_closed_at"] == row["closed_at"] == datetime(2024, 1, 5, 0, 1, tzinfo=UTC)


@pytest.mark.parametrize("kind", ["deleted", "transferred_out", "converted"])
def test_departed_issue_stays_and_is_neither_open_nor_closed(silver, make_gold, kind):
    silver.issue(1, ("opened", "2024-01-01"), (kind, "2024-01-04"))
    row = lifecycle(make_gold(silver, AS_OF))
    assert (row["is_open"], row["is_closed"], row["departure_kind"]) == (False, False, kind)
    assert row["past_open_seconds"] == 3 * 86400


def test_transferred_in_is_in_the_backlog_from_its_arrival(silver, make_gold):
    silver.issue(1, ("transferred_in", "2024-02-29 12:00"), created_at="2020-01-01")
    row = lifecycle(make_gold(silver, AS_OF))
    assert (row["past_open_seconds"], row["created_date"]) == (0, date(2020, 1, 1))
    assert row["open_since_at"] == datetime(2024, 2, 29, 12, tzinfo=UTC)


def test_no_row_depends_on_the_as_of_moment(silver, make_gold):
    silver.issue(1, ("opened", "2024-03-01 11:00"), ("closed", "2024-03-01 13:00"))
    silver.issue(2, ("opened", "2024-03-01 12:30"))
    rows = [
        make_gold(silver, as_of).rows("from mart_issue_lifecycle order by all")
        for as_of in (AS_OF, "2026-03-01")
    ]
    assert rows[0] == rows[1]
    assert [row["past_open_seconds"] for row in rows[0]] == [2 * 3600, 0]


def test_arrived_closed_has_no_ledger_row_and_still_counts_as_closed(silver, make_gold):
    silver.issue(1, created_at="2024-01-01", closed_at="2024-01-03")
    row = lifecycle(make_gold(silver, AS_OF))
    assert (row["is_closed"], row["closure_age_days"], row["past_open_seconds"]) == (True, 2.0, 0)
    assert row["first_closed_at"] == row["closed_at"]


def test_labels_and_assignees_are_sorted_by_code_point(silver, make_gold):
    silver.issue(1, ("opened", "2024-01-01"), labels=["zeta", "Alpha", "été"], assignees=["bo", "Al"])
    silver.issue(2, ("opened", "2024-01-01"))
    gold = make_gold(silver, AS_OF)
    assert lifecycle(gold)["label_names"] == sorted(["zeta", "Alpha", "été"])
    assert lifecycle(gold)["assignee_logins"] == ["Al", "bo"]
    assert lifecycle(gold, 2)["label_names"] == lifecycle(gold, 2)["assignee_logins"] == []


@pytest.mark.parametrize(
    ("labels", "group"),
    [
        (["kind/BUG"], "bug"),
        (["debugger"], "other"),
        (["enhancement"], "feature"),
        (["documentation", "enhancement"], "feature"),
        (["area: docs"], "docs"),
        (["Question", "type:bug"], "bug"),
        (["help wanted"], "other"),
        ([], "other"),
    ],
)
def test_label_group_is_the_first_that_matches(silver, make_gold, labels, group):
    silver.issue(1, ("opened", "2024-01-01"), labels=labels)
    assert lifecycle(make_gold(silver, AS_OF))["label_group"] == group


def test_label_groups_can_be_configured(silver, make_gold):
    silver.issue(1, ("opened", "2024-01-01"), labels=["bug", "P0"])
    groups = (LabelGroup("urgent", "^p0$"), LabelGroup("bug", "bug"))
    assert lifecycle(make_gold(silver, AS_OF, label_groups=groups))["label_group"] == "urgent"


def test_pull_requests_are_left_out(silver, make_gold):
    silver.issue(1, ("opened", "2024-01-01")).issue(2, is_pull_request=True)
    assert make_gold(silver, AS_OF).column("select issue_number from mart_issue_lifecycle") == [1]


def test_as_of_without_time_zone_is_refused(silver):
    with pytest.raises(ValueError, match="time zone"):
        build_gold(None, silver.tables(), GoldParameters(datetime(2024, 1, 1)))  # noqa: DTZ001
