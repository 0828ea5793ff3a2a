"""Windows: which days they hold, and which cannot be had."""

from datetime import UTC, date, datetime

import pytest

from gitpulse_assets.answers.window import Window, WindowError, between, last_days

LAST = date(2026, 6, 29)


def test_the_last_days_end_with_the_last_complete_one():
    window = last_days(28, LAST)
    assert window == Window(date(2026, 6, 2), LAST)
    assert window.days == 28
    assert (window.start_at, window.end_at) == (
        datetime(2026, 6, 2, tzinfo=UTC),
        datetime(2026, 6, 30, tzinfo=UTC),
    )


@pytest.mark.parametrize("days", [0, -1, 30_000, 10**12])
def test_a_length_out_of_bounds_is_refused(days):
    with pytest.raises(WindowError, match="a window has 1 to"):
        last_days(days, LAST)


@pytest.mark.parametrize(
    ("start", "end", "reason"),
    [
        (date(2026, 6, 2), date(2026, 6, 1), "after its end"),
        (date(1969, 12, 31), LAST, "the earliest day is 1970-01-01"),
        (date.min, LAST, "the earliest day is 1970-01-01"),
        (LAST, date(2026, 6, 30), "the last complete day known is 2026-06-29"),
        (LAST, date.max, "the last complete day known is 2026-06-29"),
    ],
)
def test_days_out_of_bounds_are_refused(start, end, reason):
    with pytest.raises(WindowError, match=reason):
        between(start, end, LAST)


def test_it_says_its_days():
    assert str(between(LAST, LAST, LAST)) == "2026-06-29 to 2026-06-29 (1 day)"
    assert str(last_days(1_500, LAST)) == "2022-05-22 to 2026-06-29 (1,500 days)"


def test_without_an_end_a_window_goes_to_the_last_complete_day(rocket):
    last = rocket.published.last_complete_date
    assert rocket.window(start=date(2026, 1, 1)).end_date == last
    assert rocket.window(end=last) == rocket.window("all")
