"""mart_issue_closure_age_monthly: quantiles and the Kaplan-Meier median, by hand and against plain Python."""

from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from statistics import median

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

START = datetime(2023, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
KAPLAN_MEIER = "kaplan_meier_median_closure_age_days"


def months(gold):
    rows = gold.rows("select * from mart_issue_closure_age_monthly order by closed_month")
    return {row["closed_month"]: row for row in rows}


def add(silver, number, created, closed=None, departed=None):
    moves = [("opened", created)]
    moves += [("closed", closed)] if closed else []
    moves += [("deleted", departed)] if departed else []
    return silver.issue(number, *moves)


def test_quantiles_and_shares_by_hand(silver, make_gold):
    for number, days in enumerate([1, 7, 8, 90, 91], start=1):
        closed = datetime(2024, 5, 10, tzinfo=UTC)
        add(silver, number, closed - days * DAY, closed)
    month = months(make_gold(silver, "2024-05-20"))[date(2024, 5, 1)]
    assert (month["closed_issue_count"], month["median_closure_age_days"]) == (5, 8.0)
    assert month["p90_closure_age_days"] == pytest.approx(90.6)
    assert (month["share_closed_within_7d"], month["share_closed_after_90d"]) == (0.4, 0.2)


def test_one_second_past_a_week_is_not_within_it(silver, make_gold):
    closed = datetime(2024, 5, 10, tzinfo=UTC)
    add(silver, 1, closed - 7 * DAY - timedelta(seconds=1), closed)
    assert months(make_gold(silver, "2024-05-20"))[date(2024, 5, 1)]["share_closed_within_7d"] == 0


def test_a_month_belongs_to_the_closing_and_quiet_ones_are_there(silver, make_gold):
    add(silver, 1, "2024-01-31 23:00", "2024-04-01 00:00")
    rows = months(make_gold(silver, "2024-06-15"))
    assert [row["closed_issue_count"] for row in rows.values()] == [0, 0, 0, 1, 0, 0]
    assert list(rows)[3] == date(2024, 4, 1)
    assert rows[date(2024, 5, 1)]["median_closure_age_days"] is None


def test_closed_elsewhere_before_it_arrived_lengthens_the_spine(silver, make_gold):
    silver.issue(1, created_at="2023-11-01", closed_at="2023-12-05").issue(2, ("opened", "2024-02-01"))
    rows = months(make_gold(silver, "2024-02-10"))
    assert [row["closed_issue_count"] for row in rows.values()] == [1, 0, 0]


def test_open_issues_lengthen_the_median(silver, make_gold):
    for number in range(1, 4):
        add(silver, number, "2024-05-01", f"2024-05-0{number + 1}")
    for number in range(4, 8):
        add(silver, number, "2024-05-01")
    month = months(make_gold(silver, "2024-05-31"))[date(2024, 5, 1)]
    assert month["median_closure_age_days"] == 2.0
    assert month[KAPLAN_MEIER] is None
    assert (month["cohort_issue_count"], month["cohort_censored_count"]) == (7, 4)


def test_a_share_of_exactly_one_half_is_the_median(silver, make_gold):
    for number in range(1, 7):
        add(silver, number, "2024-05-01", f"2024-05-0{number + 1}" if number <= 3 else None)
    assert months(make_gold(silver, "2024-05-31"))[date(2024, 5, 1)][KAPLAN_MEIER] == 3.0


def test_a_past_month_knows_nothing_of_later_closings(silver, make_gold):
    add(silver, 1, "2024-01-31", "2024-03-05")
    rows = months(make_gold(silver, "2024-03-10"))
    assert [row[KAPLAN_MEIER] for row in rows.values()] == [None, None, 34.0]
    assert [row["cohort_censored_count"] for row in rows.values()] == [1, 1, 0]


def test_an_issue_leaves_the_cohort_after_365_days(silver, make_gold):
    add(silver, 1, "2023-01-01 00:00:01", "2023-01-02")
    rows = months(make_gold(silver, "2024-02-01 00:00"))
    assert [row["cohort_issue_count"] for row in rows.values()] == [1] * 12 + [0, 0]


def kaplan_meier_median(observations):
    """The first age, in days, that no more than half survive, in exact fractions; None without one."""
    surviving = Fraction(1)
    for age in sorted({age for age, is_closing in observations if is_closing}):
        at_risk = sum(other >= age for other, _ in observations)
        closing = sum(other == age and is_closing for other, is_closing in observations)
        surviving *= Fraction(at_risk - closing, at_risk)
        if surviving <= Fraction(1, 2):
            return age / DAY
    return None


def observe(created, closed, departed, end):
    """What is known of one issue at `end`: how long it was followed, and whether it was closed then."""
    followed_to = min(time for time in (closed, departed, end) if time)
    return followed_to - created, closed == followed_to


def expected_month(issues, month_start, as_of):
    next_month = (month_start + 32 * DAY).replace(day=1)
    end = min(next_month - timedelta(microseconds=1), as_of)
    cohort = [issue for issue in issues if end - 365 * DAY < issue[0] <= end]
    ages = [
        closed - created for created, closed, _ in issues if closed and month_start <= closed < next_month
    ]
    return {
        "closed_issue_count": len(ages),
        "median_closure_age_days": median(age / DAY for age in ages) if ages else None,
        "cohort_issue_count": len(cohort),
        KAPLAN_MEIER: kaplan_meier_median([observe(*issue, end) for issue in cohort]),
    }


@st.composite
def closings(draw):
    """(created, closed or None, departed or None); coarse steps, so that ages tie and shares hit one half."""
    created = START + draw(st.integers(0, 60)) * 10 * DAY
    ends = draw(st.sampled_from(["open", "closed", "departed", "both"]))
    closed = created + draw(st.integers(0, 40)) * 5 * DAY if ends in ("closed", "both") else None
    departed = (
        (closed or created) + draw(st.integers(1, 20)) * 5 * DAY if ends in ("departed", "both") else None
    )
    return created, closed, departed


@settings(deadline=None)
@given(issues=st.lists(closings(), min_size=1, max_size=12))
def test_months_equal_plain_python(new_silver, make_gold, issues):
    repository = new_silver()
    for number, issue in enumerate(issues, start=1):
        add(repository, number, *issue)
        if issue[1]:
            repository.rows["issue_current"][-1].update(state="closed", closed_at=issue[1])
    as_of = START + 1000 * DAY
    for month, row in months(make_gold(repository, as_of)).items():
        expected = expected_month(issues, datetime(month.year, month.month, 1, tzinfo=UTC), as_of)
        assert {name: row[name] for name in expected} == pytest.approx(expected)
