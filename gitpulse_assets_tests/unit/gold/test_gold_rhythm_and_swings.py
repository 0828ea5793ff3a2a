"""mart_issue_weekday_rhythm and mart_issue_swing_days."""

from datetime import UTC, date, datetime, timedelta


def swings(gold, direction):
    return gold.rows(f"from mart_issue_swing_days where direction = '{direction}' order by swing_rank")


def test_case_16_empty_repository_has_all_14_weekday_rows(silver, make_gold):
    rows = make_gold(silver, "2024-01-05").rows(
        "from mart_issue_weekday_rhythm order by weekday_num, event_type"
    )
    assert [(row["weekday_num"], row["event_type"]) for row in rows] == [
        (day, event) for day in range(7) for event in ("closed", "opened")
    ]
    assert {row["issue_count"] for row in rows} == {0}


def test_monday_is_0_and_the_day_is_utc(silver, make_gold):
    silver.issue(1, ("opened", "2024-01-01 00:00"), ("closed", "2024-01-07 23:59"))
    gold = make_gold(silver, "2024-01-10")
    query = (
        "select weekday_num, weekday_name, event_type from mart_issue_weekday_rhythm "
        "where issue_count > 0 order by weekday_num"
    )
    assert gold.con.sql(query).fetchall() == [(0, "Monday", "opened"), (6, "Sunday", "closed")]


def test_an_issue_closed_twice_counts_twice(silver, make_gold):
    silver.issue(
        1,
        ("opened", "2024-01-01"),
        ("closed", "2024-01-02"),
        ("reopened", "2024-01-03"),
        ("closed", "2024-01-09"),
    )
    query = (
        "select issue_count from mart_issue_weekday_rhythm where weekday_num = 1 and event_type = 'closed'"
    )
    assert make_gold(silver, "2024-01-10").column(query) == [2]


def test_swing_days_name_the_issues_behind_them(silver, make_gold):
    silver.issue(7, ("opened", "2024-01-01 01:00"), ("closed", "2024-01-02 10:00"))
    silver.issue(3, ("opened", "2024-01-01 02:00"), ("closed", "2024-01-02 11:00"))
    silver.issue(5, ("opened", "2024-01-01 03:00"), ("closed", "2024-01-01 04:00"))
    silver.issue(9, ("opened", "2024-01-02 12:00"))
    gold = make_gold(silver, "2024-01-10")
    (up,), (down,) = swings(gold, "up"), swings(gold, "down")
    assert (up["flow_date"], up["net_change"], up["opened_count"]) == (date(2024, 1, 1), 2, 3)
    assert (up["issue_numbers"], up["offset_issue_numbers"]) == ([3, 7], [])
    assert (down["net_change"], down["issue_numbers"], down["offset_issue_numbers"]) == (-1, [3, 7], [9])


def test_ten_a_direction_the_largest_first_and_of_equals_the_later(silver, make_gold):
    start, number = datetime(2024, 1, 1, tzinfo=UTC), 0
    for day in range(12):
        for _ in range(2 if day == 4 else 1):
            number += 1
            silver.issue(number, ("opened", start + timedelta(days=day)))
    gold = make_gold(silver, "2024-02-01")
    days = [row["flow_date"].day - 1 for row in swings(gold, "up")]
    assert days == [4, 11, 10, 9, 8, 7, 6, 5, 3, 2]
    assert swings(gold, "down") == []


def test_a_day_whose_flows_cancel_is_no_swing(silver, make_gold):
    silver.issue(1, ("opened", "2024-01-01"), ("closed", "2024-01-02"))
    silver.issue(2, ("opened", "2024-01-02"))
    gold = make_gold(silver, "2024-01-03")
    assert [row["flow_date"].day for row in swings(gold, "up")] == [1]
    assert swings(gold, "down") == []
