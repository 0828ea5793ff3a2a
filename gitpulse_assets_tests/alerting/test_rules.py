"""What becomes an alert, and what ends one."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from gitpulse_assets.alerting import handbook
from gitpulse_assets.alerting.alert import Alert, Note
from gitpulse_assets.alerting.rules import (
    EVENT_DAYS_KEY,
    RULES,
    AllWaiting,
    AnswerHour,
    CheckOutcome,
    DaysNotWhole,
    FinishedRun,
    Hour,
    Morning,
    Owed,
    QuotaLeft,
    RunEnded,
    Standing,
    Stopped,
    WaitingAfterRun,
    judge_morning,
    judge_standings,
    judge_stops,
    judgements,
    overdue_key,
)

NOW = datetime(2026, 7, 5, 6, 1, tzinfo=UTC)
FRESHNESS = timedelta(hours=26)
RUN = FinishedRun("run-1", "refresh", "acme/rocket", is_success=True, will_retry=False, message="")
FAILED_RUN = replace(RUN, is_success=False, message="GitHub is down")
CHECK = CheckOutcome("silver/issue_current", "control_total", True, True, "118 of 118")
BROKEN = replace(
    CHECK, is_passed=False, description="ours 118, GitHub's 120", counts={"our_count": 118}, samples=["n=7"]
)


def alerts(run: FinishedRun, remembered: str = "") -> list[Alert]:
    return [judgement for judgement in judgements(RunEnded(run, remembered)) if isinstance(judgement, Alert)]


def notes(run: FinishedRun, remembered: str = "") -> dict[str, str]:
    return {f.key: f.value for f in judgements(RunEnded(run, remembered)) if isinstance(f, Note)}


def kind(alert: Alert) -> str:
    return alert.key.partition("/")[0]


def test_a_good_run_only_ends_troubles():
    run = replace(RUN, checks=[CHECK])
    assert not alerts(run)
    ended = {"check/acme/rocket/silver/issue_current/control_total": "", "run/refresh/acme/rocket": ""}
    assert notes(run).items() >= ended.items()
    assert set(notes(run).values()) == {""}


def test_a_failed_check_tells_repository_check_counts_samples_and_run():
    (alert,) = alerts(replace(RUN, checks=[BROKEN]))
    assert (kind(alert), alert.severity) == ("check", "error")
    assert alert.title == "acme/rocket: check control_total of silver/issue_current failed"
    assert alert.body("http://ui") == (
        "ours 118, GitHub's 120\ncounts: our_count 118\nsamples: n=7\nhttp://ui/runs/run-1"
    )


def test_a_warning_is_one():
    (alert,) = alerts(replace(RUN, checks=[replace(BROKEN, is_error=False)]))
    assert alert.severity == "warning"
    assert alert.title.endswith("warns")


def test_a_failed_run_tells_its_own_words():
    (alert,) = alerts(FAILED_RUN)
    assert (kind(alert), alert.lines) == ("run", ("GitHub is down",))


def test_a_run_that_failed_by_its_checks_is_told_by_them_alone():
    (alert,) = alerts(replace(FAILED_RUN, checks=[BROKEN]))
    assert kind(alert) == "check"
    assert "the published tables are the ones of before" in alert.lines[-1]


def test_a_run_that_dagster_retries_is_told_by_its_retry():
    assert not alerts(replace(FAILED_RUN, will_retry=True))


@pytest.mark.parametrize(
    ("before", "now", "is_told", "kept"),
    [
        ({}, "growing", False, "growing"),
        ({"90": "growing"}, "growing", False, None),
        ({"90": "shrinking"}, "growing", True, "growing"),
        ({"90": "flat"}, "shrinking", True, "shrinking"),
        # No flip there, and none on the way back.
        ({"90": "growing"}, "unclear", False, None),
    ],
)
def test_a_verdict_flips_from_one_clear_direction_to_another(before, now, is_told, kept):
    run = replace(RUN, verdicts={90: now}, paragraphs={90: "The answer in words."})
    found = [alert for alert in alerts(run, json.dumps(before)) if kind(alert) == "verdict"]
    assert len(found) == is_told
    if is_told:
        assert f"90 days: {before['90']} -> {now}" in found[0].title
        assert found[0].lines == ("The answer in words.",)
    kept_note = notes(run, json.dumps(before)).get("verdict/acme/rocket")
    assert kept_note == (json.dumps({"90": kept}) if kept else None)


@pytest.mark.parametrize(("remaining", "is_told"), [(499, True), (500, False)])
def test_quota_below_a_tenth_is_told(remaining: int, is_told: bool):
    run = replace(RUN, quota=QuotaLeft(remaining, 5000, "2026-07-05 07:00"))
    assert [kind(alert) for alert in alerts(run)] == ["quota"] * is_told


def test_a_quota_that_was_full_in_between_is_told_again():
    low, full = (replace(RUN, quota=QuotaLeft(left, 5000, "")) for left in (1, 5000))
    known, told = "", []
    for run in (low, low, RUN, full, RUN, low):
        for judgement in judgements(RunEnded(run, "")):
            if judgement.key == "quota":
                told.append(isinstance(judgement, Alert) and not known)
                known = "sent" if isinstance(judgement, Alert) else judgement.value
    assert told == [True, False, False, True]


def test_stale_is_past_the_freshness_and_ends_with_a_refresh():
    edge = Standing("a/edge", NOW - FRESHNESS, has_failed=False)
    past = Standing("a/past", NOW - FRESHNESS - timedelta(seconds=1), has_failed=False)
    never = Standing("a/never", None, has_failed=False)
    found = list(judge_standings(Hour([edge, past, never], [], NOW, FRESHNESS)))
    assert [(type(f).__name__, f.key) for f in found] == [("Note", "stale/a/edge"), ("Alert", "stale/a/past")]


def test_a_sensor_stopped_for_longer_than_a_limit_lasts_is_told_and_its_recovery_noted():
    edge = Stopped("edge", NOW - timedelta(hours=1), "a limit")
    past = Stopped("past", NOW - timedelta(hours=3), "the token is refused")
    found = list(judge_stops(Hour([], [Stopped("well", None), edge, past], NOW, FRESHNESS)))
    assert [judgement.key for judgement in found] == ["stopped/well", "stopped/edge", "stopped/past"]
    assert [type(judgement) for judgement in found] == [Note, Note, Alert]
    (alert,) = (judgement for judgement in found if isinstance(judgement, Alert))
    assert (alert.severity, alert.title) == ("error", "The sensor past has been stopped for 3 h")
    assert "2026-07-05 03:01 UTC" in alert.lines[0]
    assert "the token is refused" in alert.lines[0]


def test_the_daily_net_counts_and_names_what_is_left():
    left = [Standing(f"a/r{n:02}", NOW, has_failed=True) for n in range(25)]
    standings = [*left, Standing("a/stale", NOW - 2 * FRESHNESS, False), Standing("a/new", None, False)]
    (net,) = judge_morning(Morning(standings, {"a/gone": "GitHub knows no a/gone"}, NOW, FRESHNESS))
    assert net.title == "Left over this morning: 25 failed, 1 stale, 1 never refreshed"
    assert net.lines[0].endswith("a/r19 and 5 more")
    assert "a/gone: GitHub knows no a/gone" in net.lines


def test_nothing_left_is_no_message():
    assert not list(judge_morning(Morning([Standing("a/b", NOW, has_failed=False)], {}, NOW, FRESHNESS)))


def test_the_handbooks_table_is_the_rules():
    """`make docs` renews it."""
    text = (Path(__file__).parents[2] / "docs" / "operations.md").read_text(encoding="utf-8")
    assert handbook.written(text) == text


def test_every_rule_but_the_outboxs_has_a_judge():
    assert [rule.name for rule in RULES if rule.judge is None] == ["channel", "digest"]
    assert len({rule.name for rule in RULES}) == len(RULES)


def test_keys_begin_with_the_name_of_a_rule():
    told = [*alerts(replace(FAILED_RUN, checks=())), *alerts(replace(RUN, checks=(BROKEN,)))]
    names = {rule.name for rule in RULES}
    assert {alert.key.partition("/")[0] for alert in told} <= names
    assert len(told) == 2


def days(*numbers: int) -> frozenset[date]:
    return frozenset(date(2026, 6, number) for number in numbers)


def told_of_days(not_whole: frozenset[date], told: frozenset[date] = frozenset()) -> list[Alert | Note]:
    return list(judgements(DaysNotWhole(not_whole, told, NOW)))


def test_days_of_events_that_are_not_whole_are_one_message_and_remembered():
    alert, remembered, over = told_of_days(days(1, 2, 3, 9), days(1))
    assert isinstance(alert, Alert)
    assert alert.title == "public events: hours of 3 days are missing or thin"
    assert alert.lines == ("days: 2026-06-02 to 2026-06-03, 2026-06-09",)
    assert remembered == Note(EVENT_DAYS_KEY, "2026-06-01 2026-06-02 2026-06-03 2026-06-09")
    assert over == Note(alert.key)


def test_a_day_told_of_is_not_told_again_until_it_was_whole():
    assert told_of_days(days(1), days(1)) == []
    assert told_of_days(days(), days(1)) == [Note(EVENT_DAYS_KEY)]
    assert len(told_of_days(days(1))) == 3


def test_a_day_whose_late_files_may_still_come_is_not_told_yet():
    recent = frozenset({NOW.date() - timedelta(days=3)})
    assert told_of_days(recent) == []
    assert len(told_of_days(frozenset({NOW.date() - timedelta(days=4)}))) == 3


def test_the_check_of_a_single_day_of_events_is_no_message_of_its_own():
    check = replace(BROKEN, asset="silver/public_event", check="hours_are_whole", is_error=False)
    assert alerts(replace(RUN, checks=[check])) == []


OWED = Owed(
    12, "A title", "https://github.com/acme/rocket/issues/12", NOW, 3, is_overdue=True, is_pending=False
)


def overdue(owed: list[Owed], remembered: str = "") -> tuple[list[Alert], str]:
    """What is told of them, and what is remembered then."""
    found = list(judgements(AllWaiting([WaitingAfterRun(RUN, owed, remembered)])))
    key = overdue_key(RUN.subject)
    notes = [judgement.value for judgement in found if isinstance(judgement, Note) and judgement.key == key]
    return [alert for alert in found if isinstance(alert, Alert)], notes[0] if notes else remembered


def test_what_is_newly_overdue_is_told_once_and_not_at_each_run():
    waits = replace(OWED, number=13, is_overdue=False)
    (alert,), known = overdue([OWED, waits])
    assert (kind(alert), alert.title) == ("overdue", "acme/rocket: 1 newly overdue for an answer")
    assert alert.lines == (
        "acme/rocket, 1",
        "#12 since 2026-07-05, 3 business days (overdue): A title https://github.com/acme/rocket/issues/12",
    )
    assert overdue([replace(OWED, business_days=4), waits], known) == ([], known)
    (alert,), known = overdue([OWED, replace(waits, is_overdue=True)], known)
    assert [line.split()[0] for line in alert.lines[1:]] == ["#13"]


def test_who_was_answered_and_waits_again_is_told_again():
    _, known = overdue([OWED])
    told, known = overdue([], known)
    assert (told, known) == ([], "{}")
    assert len(overdue([OWED], known)[0]) == 1
    _, known = overdue([OWED])
    assert len(overdue([replace(OWED, since=NOW + timedelta(days=9))], known)[0]) == 1


def test_many_that_are_overdue_at_once_are_one_message():
    many = [replace(OWED, number=number) for number in range(500)]
    (alert,), known = overdue(many)
    assert alert.title == "acme/rocket: 500 newly overdue for an answer"
    assert (len(alert.lines), alert.lines[-1]) == (12, "and 490 more")
    assert len(json.loads(known)) == 500


def test_what_is_newly_overdue_in_many_repositories_at_once_is_one_message_and_its_key_is_given_back():
    runs = [replace(RUN, run_id=f"run-{number}", subject=f"acme/r{number}") for number in range(12)]
    alert, *notes = judgements(AllWaiting([WaitingAfterRun(run, [OWED], "") for run in runs]))
    assert isinstance(alert, Alert)
    assert (alert.title, alert.link) == ("12 repositories: 12 newly overdue for an answer", "/runs")
    assert [line for line in alert.lines if line.startswith("acme/")] == [f"{run.subject}, 1" for run in runs]
    # Only once all of them are remembered: a crash before would tell of all again, or never.
    assert [note.key for note in notes] == [*(overdue_key(run.subject) for run in runs), alert.key]
    assert notes[-1] == Note(alert.key)


def test_the_daily_list_names_who_waits_by_repository():
    pending = replace(OWED, number=14, business_days=None, is_overdue=False, is_pending=True)
    hour = AnswerHour({"acme/rocket": [OWED, pending], "acme/quiet": []}, [], "2026-07-05", "http://page")
    (alert,) = judgements(hour)
    assert isinstance(alert, Alert)
    assert alert.key == "answers/2026-07-05"
    assert alert.title == "2 wait for an answer: 1 overdue, 1 pending"
    assert alert.lines[0] == "acme/rocket, 2: http://page/responsiveness?repo=acme/rocket"
    assert alert.lines[2].startswith("#14 since 2026-07-05 (pending): A title")
    assert list(judgements(replace(hour, owed={"acme/quiet": []}))) == []


def test_the_daily_list_names_what_could_not_be_read_even_where_nobody_else_waits():
    (alert,) = judgements(AnswerHour({"acme/quiet": []}, ["acme/broken"], "2026-07-05", "http://page"))
    assert isinstance(alert, Alert)
    assert alert.lines == ("left out, since they could not be read, or not in time: acme/broken",)
