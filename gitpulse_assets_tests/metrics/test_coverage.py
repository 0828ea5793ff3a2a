"""How much of the time asked for is whole, to the minute."""

from datetime import UTC, datetime, timedelta

import pytest

from gitpulse_assets.metrics.answers import MetricAnswers
from gitpulse_assets.metrics.catalogue import shipped_metrics
from gitpulse_assets.metrics.coverage import Span, coverage_of
from gitpulse_assets.metrics.parameters import read_values
from gitpulse_assets_tests.metrics.events import BEGIN, HOUR, MISSING, THIN, Truth

AT = datetime(2026, 3, 1, 10, tzinfo=UTC)
BY_ID = {metric.id: metric for metric in shipped_metrics()}


def row(hour: int, verdict: str = "whole", reason: str | None = None, event_type: str = "PushEvent"):
    return {"event_hour_at": AT + hour * HOUR, "event_type": event_type, "verdict": verdict, "reason": reason}


def test_the_ends_of_the_time_count_as_far_as_they_are_in_it():
    span = Span(AT + timedelta(minutes=45), AT + timedelta(hours=2))
    found = coverage_of([row(0), row(1, "thin", "few_events"), row(2)], span)
    assert found.share_whole == pytest.approx(15 / 75)
    assert dict(found.hour_counts) == {"whole": 2, "thin": 1, "missing": 0}
    (thin,) = found.told()["thin_hours"]
    assert (thin["from_at"], thin["to_at"]) == (AT + HOUR, AT + 2 * HOUR)


def test_an_hour_is_as_good_as_the_worst_of_its_types():
    span = Span(AT, AT + timedelta(minutes=59))
    rows = [row(0), row(0, "thin", "few_events", "WatchEvent"), row(0, "whole", None, "ForkEvent")]
    found = coverage_of(rows, span)
    assert (found.share_whole, found.hour_counts["thin"]) == (0, 1)


def test_hours_on_end_are_one_stretch_where_their_reason_is_the_same():
    span = Span(AT, AT + timedelta(hours=3, minutes=59))
    rows = [row(0, "missing", "no_file"), row(1, "missing", "no_file"), row(3, "thin", "later_files"), row(2)]
    found = coverage_of(rows, span)
    assert [(one.from_at, one.to_at) for one in found.stretches] == [
        (AT, AT + 2 * HOUR),
        (AT + 3 * HOUR, span.to_at),
    ]
    assert (found.reason() or "").startswith(
        "2 of 4 hours are missing: no archive's file was read; 1 of 4 hours is"
    )


def test_an_hour_nobody_judged_is_missing():
    found = coverage_of([], Span(AT, AT + timedelta(minutes=30)))
    assert (found.share_whole, found.hour_counts["missing"]) == (0, 1)


def test_an_answer_says_what_is_lacking_and_up_to_when_it_holds(answers: MetricAnswers, truth: Truth):
    metric = BY_ID["active_repositories"]
    told = answers.ask(metric, read_values(metric.entry.parameters, {"offset": "360"})).told()
    assert told["as_of"] == truth.newest_at
    assert told["data_quality"]["verdict"] == "thin"
    gaps, thin = told["coverage"]["gaps"], told["coverage"]["thin_hours"]
    assert [one["from_at"] for one in gaps] == [BEGIN + MISSING * HOUR]
    assert [one["from_at"] for one in thin] == [BEGIN + THIN * HOUR]
    assert told["coverage"]["share_whole"] == pytest.approx(4 / 6, abs=0.01)


def test_over_whole_time_nothing_is_said(answers: MetricAnswers):
    metric = BY_ID["active_repositories"]
    told = answers.ask(metric, read_values(metric.entry.parameters, {"offset": "20"})).told()
    assert told["data_quality"] == {"verdict": "whole", "reason": None}
    assert told["coverage"]["share_whole"] == 1


def test_issues_have_no_coverage_but_say_what_is_lacking(answers: MetricAnswers):
    metric = BY_ID["open_issue_count"]
    told = answers.ask(metric, read_values(metric.entry.parameters, {})).told()
    assert told["coverage"] is None
    assert told["data_quality"]["verdict"] == "thin"
    assert "acme/half: " in told["data_quality"]["reason"]
