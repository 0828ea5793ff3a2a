"""Who was a member on which days, and which lists are believed at once."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import reduce

import pytest

from gitpulse_assets.members.roll import Listed, NamedMember, Roll

START = datetime(2026, 3, 1, 22, tzinfo=UTC)
DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)


def listed(at: datetime, *user_ids: int, token: str = "a", role: str | None = "member") -> Listed:
    return Listed(at, {user_id: NamedMember(f"login-{user_id}") for user_id in user_ids}, token, role)


def after(*lists: Listed) -> Roll:
    return reduce(Roll.after, lists, Roll())


def days(roll: Roll, user_id: int) -> list[tuple[date | None, date | None]]:
    return [(span.from_date, span.to_date) for span in roll.spans if span.user_id == user_id]


def test_the_first_list_says_since_before_the_first_look():
    roll = after(listed(START, 1, 2))
    assert days(roll, 1) == [(None, None)]
    assert roll.first_look_at == START


def test_case_25_a_member_who_leaves_and_returns_has_two_spans():
    roll = after(
        listed(START, 1, 2), listed(START + DAY, 1), listed(START + 2 * DAY, 1), listed(START + 3 * DAY, 1, 2)
    )
    assert days(roll, 2) == [(None, date(2026, 3, 2)), (date(2026, 3, 4), None)]
    assert [span.span_number for span in roll.spans if span.user_id == 2] == [1, 2]


def test_case_25_an_empty_list_makes_nobody_leave_until_a_second_one_an_hour_later():
    roll = after(listed(START, 1, 2), listed(START + DAY))
    assert days(roll, 1) == [(None, None)]
    assert (roll.looks[-1].is_taken, roll.looks[-1].doubt) == (False, "empty")
    early = roll.after(listed(START + DAY + HOUR - MINUTE))
    assert days(early, 1) == [(None, None)]
    late = early.after(listed(START + DAY + HOUR))
    assert days(late, 1) == [(None, date(2026, 3, 2))]
    assert late.aside is None


def test_an_empty_list_that_nothing_confirms_leaves_no_trace_in_the_spans():
    before = after(listed(START, 1, 2))
    roll = before.after(listed(START + DAY)).after(listed(START + DAY + HOUR, 1, 2))
    assert roll.spans == before.spans
    assert roll.aside is None


def test_an_organisation_without_members_is_believed_at_the_second_look_and_from_then_on():
    roll = after(listed(START))
    assert roll.looks[-1].doubt == "empty"
    roll = roll.after(listed(START + HOUR)).after(listed(START + DAY))
    assert [look.is_taken for look in roll.looks] == [True, True, True]
    assert roll.after(listed(START + 2 * DAY, 5)).spans[0].from_date == date(2026, 3, 3)


@pytest.mark.parametrize(
    ("before", "left", "is_taken"), [(10, 5, True), (10, 6, False), (11, 6, False), (9, 8, True)]
)
def test_losing_more_than_half_of_at_least_ten_at_once_is_doubted(before: int, left: int, is_taken: bool):
    roll = after(listed(START, *range(before)), listed(START + DAY, *range(left, before)))
    assert roll.looks[-1].is_taken is is_taken
    assert days(roll, 0) == [(None, date(2026, 3, 2) if is_taken else None)]


@pytest.mark.parametrize(
    ("change", "doubt"),
    [
        ({"token": "b"}, "another_token"),
        ({"role": None}, "another_right"),
        ({"role": "admin"}, "another_right"),
    ],
)
def test_a_list_read_with_another_token_or_right_is_doubted(change: dict[str, str | None], doubt: str):
    other = replace(listed(START + DAY, 1), **change)  # type: ignore[arg-type]
    roll = after(listed(START, 1, 2), other)
    assert (roll.looks[-1].doubt, days(roll, 2)) == (doubt, [(None, None)])
    confirmed = roll.after(replace(other, looked_at=START + 2 * DAY))
    assert days(confirmed, 2) == [(None, date(2026, 3, 2))]
    assert confirmed.after(replace(other, looked_at=START + 3 * DAY)).looks[-1].doubt is None


def test_a_token_that_is_another_in_each_run_freezes_nobody():
    looks = [listed(START + day * DAY, 1, token=f"job-{day}", role=None) for day in range(3)]
    roll = after(replace(looks[0], people={1: NamedMember("one"), 2: NamedMember("two")}), *looks[1:])
    assert [look.is_taken for look in roll.looks] == [True, True, True]
    assert days(roll, 2) == [(None, date(2026, 3, 2))]
    other_right = replace(looks[2], role="admin")
    assert not after(*looks[:2], other_right).looks[-1].is_taken


def test_a_second_look_that_disagrees_with_the_one_aside_is_put_aside_in_its_place():
    roll = after(listed(START, *range(12)), listed(START + DAY), listed(START + DAY + 2 * HOUR, 1))
    assert [look.aside_user_ids for look in roll.looks] == [None, None, (1,)]
    assert days(roll, 3) == [(None, None)]


def test_of_two_lists_that_agree_each_counts_from_its_own_day():
    whole, few = range(20), range(4)
    roll = after(listed(START, *whole), listed(START + DAY, *few), listed(START + 2 * DAY, *few, 99))
    assert days(roll, 7) == [(None, date(2026, 3, 2))]
    assert days(roll, 99) == [(date(2026, 3, 3), None)]


def test_who_comes_and_goes_on_one_day_was_a_member_on_no_day():
    roll = after(listed(START, 1), listed(START + HOUR, 1, 2), listed(START + HOUR + MINUTE, 1))
    assert days(roll, 2) == []


def test_days_are_utc_days():
    roll = after(listed(START, 1), listed(START + 2 * HOUR - MINUTE, 1, 2), listed(START + 2 * HOUR, 1, 2, 3))
    assert (days(roll, 2), days(roll, 3)) == ([(date(2026, 3, 1), None)], [(date(2026, 3, 2), None)])


def test_a_renamed_login_neither_leaves_nor_joins():
    renamed = Listed(START + DAY, {1: NamedMember("new-name")}, "a", "member")
    roll = after(listed(START, 1), renamed)
    assert [(span.user_login, span.to_date) for span in roll.spans] == [("new-name", None)]
    assert (roll.looks[-1].joined_count, roll.looks[-1].left_count) == (0, 0)


def test_a_look_is_due_once_a_utc_day_and_an_hour_after_a_list_was_put_aside():
    assert Roll().is_due(START)
    roll = after(listed(START, 1))
    assert not roll.is_due(START + 2 * HOUR - MINUTE)
    assert roll.is_due(START + 2 * HOUR)
    aside = roll.after(listed(START + DAY))
    assert not aside.is_due(START + DAY + HOUR - MINUTE)
    assert aside.is_due(START + DAY + HOUR)
