"""Case 8: the same results whatever the zone of the process and of the DuckDB session; days are UTC days."""

from datetime import UTC, datetime, timedelta

import pytest

from gitpulse_assets.catalog.tables import STATEMENT_MARTS

ZONES = ("UTC", "America/Los_Angeles", "Asia/Tokyo")

TABLES = [mart.contract for mart in STATEMENT_MARTS]


def populate(silver):
    """Moves at every hour around midnights, month ends and both changes of Pacific clocks."""
    number = 0
    for start in ("2023-12-31", "2024-03-09", "2024-11-02"):
        for hour in range(0, 72, 3):
            number += 1
            opened = datetime.fromisoformat(start).replace(tzinfo=UTC) + timedelta(hours=hour)
            silver.issue(
                number, ("opened", opened), ("closed", opened + timedelta(hours=7 * number % 50, minutes=1))
            )
    return silver


def everything(gold):
    """Every mart as JSON in UTC: Python calls no two times of a repeated hour equal across zones."""
    gold.con.execute("set TimeZone = 'UTC'")
    return {
        contract.name: gold.column(f"select to_json(m) from {contract.name} as m order by all")
        for contract in TABLES
    }


def test_case_08_results_do_not_depend_on_the_time_zone(silver, make_gold, process_zone):
    populate(silver)
    results = []
    for zone in ZONES:
        process_zone(zone)
        gold = make_gold(silver, "2024-11-30 23:30", time_zone=zone)
        assert gold.column("select current_setting('TimeZone')") == [zone]
        results.append(everything(gold))
    assert results[0] == results[1] == results[2]


@pytest.mark.parametrize("zone", ZONES)
def test_case_08_a_minute_before_midnight_utc_is_still_the_day(silver, make_gold, process_zone, zone):
    process_zone(zone)
    silver.issue(1, ("opened", "2024-01-31 23:59"), ("closed", "2024-02-01 00:00"))
    gold = make_gold(silver, "2024-02-01 00:00", time_zone=zone)
    assert gold.column("select strftime(flow_date, '%m-%d') from mart_issue_daily_flow order by 1") == [
        "01-31",
        "02-01",
    ]
    query = (
        "select strftime(closed_month, '%m') from mart_issue_closure_age_monthly where closed_issue_count = 1"
    )
    assert gold.column(query) == ["02"]
