"""The answer in GitHub's Markdown: what strangers wrote is shown and does nothing."""

from datetime import date, timedelta

import pytest

from gitpulse_assets.action.told import change_words, issue_line, thinned, unreferred


def days(count: int) -> list[dict]:
    """Days of the backlog, the newest first."""
    return [{"flow_date": date(2026, 6, 29) - timedelta(days=number)} for number in range(count)]


@pytest.mark.parametrize(
    ("count", "points"), [(0, 0), (1, 1), (7, 1), (8, 2), (90, 13), (98, 14), (1200, 14)]
)
def test_the_curve_has_a_point_a_week_at_most_and_the_newest_day(count, points):
    chosen = thinned(days(count))
    assert len(chosen) <= 14
    assert len(chosen) == points or count > 98
    assert not chosen or chosen[-1]["flow_date"] == date(2026, 6, 29)
    assert chosen == sorted(chosen, key=lambda row: row["flow_date"])


def test_a_title_notifies_nobody_and_breaks_no_line():
    row = {
        "issue_number": 7,
        "html_url": "https://github.com/acme/rocket/issues/7",
        "title": "@everybody `see` #1\n<img src=x>",
        "open_age_days": 3.4,
        "comment_count": 1,
    }
    assert issue_line(row) == (
        "[#7](https://github.com/acme/rocket/issues/7) ``@everybody `see` #1 <img src=x>``, "
        "3 days old, 1 comment"
    )


def test_links_of_the_kept_issue_leave_no_reference_in_what_they_lead_to():
    """A bare link in an issue's text shows up in the other issue, each week anew."""
    text = "[#7](https://github.com/a/b/issues/7) [x](https://ghe.example.com/a/b/issues/7)"
    assert unreferred(text) == (
        "[#7](https://redirect.github.com/a/b/issues/7) [x](https://ghe.example.com/a/b/issues/7)"
    )


@pytest.mark.parametrize(("change", "words"), [(0, "0"), (1200, "+1,200"), (-3, "-3")])
def test_no_change_has_no_sign(change, words):
    assert change_words(change) == words
