"""The list of issues: filters, orders and pages."""

from datetime import timedelta
from itertools import chain

import pytest

from gitpulse_assets.answers.repository import IssueFilter


@pytest.fixture(scope="module")
def rows(rocket):
    return rocket.published.datasets["mart_issue_lifecycle"].to_table().to_pylist()


def numbers(rocket, **chosen) -> list[int]:
    page = rocket.issues(IssueFilter(**{"limit": 10_000, **chosen}))
    assert page.total_count >= page.rows.num_rows
    return page.rows["issue_number"].to_pylist()


def test_every_issue_once(rocket, rows):
    assert sorted(numbers(rocket)) == sorted(row["issue_number"] for row in rows)


@pytest.mark.parametrize(
    ("state", "is_of_state"),
    [
        ("open", lambda row: row["is_open"]),
        ("closed", lambda row: row["is_closed"] and not row["departed_at"]),
        ("departed", lambda row: row["departed_at"]),
    ],
)
def test_by_state(rocket, rows, state, is_of_state):
    found = numbers(rocket, state=state)
    assert found
    assert sorted(found) == sorted(row["issue_number"] for row in rows if is_of_state(row))


@pytest.mark.parametrize(
    ("sort", "key"),
    [
        ("oldest", lambda row: row["created_at"]),
        ("newest", lambda row: -row["created_at"].timestamp()),
        ("most_discussed", lambda row: -row["comment_count"]),
        ("recently_updated", lambda row: -row["updated_at"].timestamp()),
    ],
)
def test_by_order(rocket, sort, key):
    keys = [key(row) for row in rocket.issues(IssueFilter(sort=sort, limit=10_000)).rows.to_pylist()]
    assert keys == sorted(keys)


def test_pages_make_up_the_whole(rocket):
    pages = [numbers(rocket, limit=37, offset=offset) for offset in range(0, 500, 37)]
    assert list(chain.from_iterable(pages)) == numbers(rocket)


def test_beyond_the_end_is_an_empty_page(rocket):
    page = rocket.issues(IssueFilter(limit=10, offset=10_000_000))
    assert (page.total_count, page.rows.num_rows) == (len(numbers(rocket)), 0)


def test_by_day_opened_and_closed(rocket, rows):
    day = rocket.published.last_complete_date - timedelta(days=30)
    found = numbers(rocket, opened_from=day - timedelta(days=9), opened_to=day)
    expected = [row for row in rows if day - timedelta(days=9) <= row["created_date"] <= day]
    assert sorted(found) == sorted(row["issue_number"] for row in expected)
    closed = numbers(rocket, closed_from=day - timedelta(days=9), closed_to=day)
    expected = [r for r in rows if r["closed_date"] and day - timedelta(days=9) <= r["closed_date"] <= day]
    assert sorted(closed) == sorted(row["issue_number"] for row in expected)


def test_a_swing_days_issues_are_those_of_its_drill_down(rocket):
    for row in rocket.swing_days(rocket.window("all")).to_pylist()[:6]:
        behind = sorted([*row["issue_numbers"], *row["offset_issue_numbers"]])
        assert sorted(numbers(rocket, moved_on=row["flow_date"])) == behind


def test_by_label(rocket, rows):
    found = numbers(rocket, label="performance", state="open")
    expected = [row for row in rows if row["is_open"] and "performance" in row["label_names"]]
    assert sorted(found) == sorted(row["issue_number"] for row in expected)
    without = numbers(rocket, label="(no label)")
    assert sorted(without) == sorted(row["issue_number"] for row in rows if not row["label_names"])


@pytest.mark.parametrize("label", ["no such label", "'; drop table lifecycle; --", "%", "\x00", "\\", "🦆"])
def test_a_label_that_no_issue_has(rocket, label):
    assert numbers(rocket, label=label) == []


def test_ages_are_told_of_open_issues_only(rocket):
    for row in rocket.issues(IssueFilter(limit=1_000)).rows.to_pylist():
        assert (row["open_age_days"] is not None) == (row["state"] == "open")
