"""How much of the time asked for is whole, to the minute."""

import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from gitpulse_assets.answers.lake_answers import LakeAnswers
from gitpulse_assets.contracts.events import FEED_SPAN
from gitpulse_assets.events.incoming import Incoming
from gitpulse_assets.events.merge import merge_day, publish
from gitpulse_assets.events.projection import projections
from gitpulse_assets.lake.duck import connect
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.metrics.answers import MetricAnswers, span_of
from gitpulse_assets.metrics.catalogue import shipped_metrics
from gitpulse_assets.metrics.coverage import AskedTime, coverage_of
from gitpulse_assets.metrics.event_days import Collected, judged
from gitpulse_assets.metrics.parameters import read_values
from gitpulse_assets.place import Day
from gitpulse_assets_tests.events.hours import event, packed
from gitpulse_assets_tests.metrics.events import BEGIN, HOUR, MISSING, THIN
from gitpulse_assets_tests.metrics.plain import Truth

AT = datetime(2026, 3, 1, 10, tzinfo=UTC)
BY_ID = {metric.id: metric for metric in shipped_metrics()}


def row(hour: int, verdict: str = "whole", reason: str | None = None, event_type: str = "PushEvent"):
    return {"event_hour_at": AT + hour * HOUR, "event_type": event_type, "verdict": verdict, "reason": reason}


def test_the_ends_of_the_time_count_as_far_as_they_are_in_it():
    span = AskedTime(AT + timedelta(minutes=45), AT + timedelta(hours=2))
    found = coverage_of([row(0), row(1, "thin", "few_events"), row(2)], span)
    assert found.share_whole == pytest.approx(15 / 75)
    assert dict(found.hour_counts) == {"whole": 2, "thin": 1, "missing": 0}
    (thin,) = found.told()["thin_hours"]
    assert (thin["from_at"], thin["to_at"]) == (AT + HOUR, AT + 2 * HOUR)


def test_an_hour_is_as_good_as_the_worst_of_its_types():
    span = AskedTime(AT, AT + timedelta(minutes=59))
    rows = [row(0), row(0, "thin", "few_events", "WatchEvent"), row(0, "whole", None, "ForkEvent")]
    found = coverage_of(rows, span)
    assert (found.share_whole, found.hour_counts["thin"]) == (0, 1)


def test_hours_on_end_are_one_stretch_where_their_reason_is_the_same():
    span = AskedTime(AT, AT + timedelta(hours=3, minutes=59))
    rows = [row(0, "missing", "no_file"), row(1, "missing", "no_file"), row(3, "thin", "later_files"), row(2)]
    found = coverage_of(rows, span)
    assert [(one.from_at, one.to_at) for one in found.stretches] == [
        (AT, AT + 2 * HOUR),
        (AT + 3 * HOUR, span.to_at),
    ]
    assert (found.reason() or "").startswith(
        "2 of 4 hours are missing: no file of them was read, and no feed is whole; 1 of"
    )


def test_an_hour_nobody_judged_is_missing():
    found = coverage_of([], AskedTime(AT, AT + timedelta(minutes=30)))
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


def test_a_name_that_nothing_bears_is_said_where_its_0_would_be_told_as_whole(answers: MetricAnswers):
    """It may be the former name of a repository whose events came under another."""
    for name, given in (
        ("avg_pr_time", {"offset": "20"}),
        ("stars_per_day", {"days": "1"}),
        ("pull_requests_merged_per_day", {"days": "1"}),
    ):
        parameters = BY_ID[name].entry.parameters
        values = read_values(parameters, {**given, "repository": "acme/former"})
        told = answers.ask(BY_ID[name], values).told()["data_quality"]
        assert (told["verdict"], "says which repository acme/former is" in told["reason"]) == ("thin", True)
    known = read_values(BY_ID["avg_pr_time"].entry.parameters, {"offset": "20", "repository": "acme/r5"})
    assert answers.ask(BY_ID["avg_pr_time"], known).reason is None


def test_issues_have_no_coverage_but_say_what_is_lacking(answers: MetricAnswers):
    metric = BY_ID["open_issue_count"]
    told = answers.ask(metric, read_values(metric.entry.parameters, {})).told()
    assert told["coverage"] is None
    assert told["data_quality"]["verdict"] == "thin"
    assert "acme/half: " in told["data_quality"]["reason"]


def test_a_repository_is_whole_where_its_own_feed_is_though_no_file_was_read(
    lake_with_feed: Lake, truth: Truth
):
    of_lake = LakeAnswers(lake_with_feed)
    answers = MetricAnswers(lake_with_feed, of_lake)
    metric = BY_ID["avg_pr_time"]

    def gaps(**given: str) -> list[datetime]:
        coverage = answers.ask(
            metric, read_values(metric.entry.parameters, {"offset": "360", **given})
        ).coverage
        assert coverage
        return [one.from_at for one in coverage.stretches]

    assert gaps() == [BEGIN + MISSING * HOUR, BEGIN + THIN * HOUR]
    assert gaps(repository="acme/r5") == []
    assert gaps(repository="acme/r1") == gaps()
    answers.close()
    of_lake.close()


def test_a_lake_of_feeds_alone_has_answers(tmp_path: Path):
    lake = Lake.open(str(tmp_path / "lake"))
    note_feed(lake, "acme/r5", AT - timedelta(hours=10), AT + timedelta(hours=13))
    bring_events(lake, event(1, AT, repository=5), event(2, AT + HOUR, repository=5))
    of_lake = LakeAnswers(lake)
    answers = MetricAnswers(lake, of_lake)
    metric = BY_ID["event_count_offset"]
    found = answers.ask(metric, read_values(metric.entry.parameters, {}))
    assert found.rows.to_pylist() == [{"event_type": "PushEvent", "event_count": 1}]
    assert found.coverage
    assert (found.as_of_at, found.coverage.share_whole) == (AT + HOUR, 1)
    answers.close()
    of_lake.close()


def test_a_long_time_is_judged_by_months_and_those_that_are_over_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Judged at once, hours were held against hours: ten years took minutes, again after each new file."""
    lake, march = Lake.open(str(tmp_path / "lake")), datetime(2026, 3, 20, 7, tzinfo=UTC)
    note_feed(lake, "acme/r5", datetime(2026, 1, 10, 9, tzinfo=UTC), datetime(2026, 1, 10, 20, tzinfo=UTC))
    bring_events(lake, event(1, march, repository=5))
    asked: list[tuple[datetime, datetime]] = []

    def noted(con, days, commits, feeds, given):
        asked.append((given.first_hour_at, given.last_hour_at))
        return judged(con, days, commits, feeds, given)

    monkeypatch.setattr("gitpulse_assets.metrics.answers.judged", noted)
    of_lake = LakeAnswers(lake)
    answers, values = MetricAnswers(lake, of_lake), {"offset": 75 * 24 * 60}
    assert len(answers.coverage(BY_ID["event_count_offset"], values).stretches) > 0
    assert [(first.date(), last.date()) for first, last in asked] == [
        (date(2026, 1, 10), date(2026, 1, 31)),
        (date(2026, 2, 1), date(2026, 2, 28)),
        (date(2026, 3, 1), date(2026, 3, 20)),
    ]
    bring_events(lake, event(2, march, repository=5))
    answers.coverage(BY_ID["event_count_offset"], values)
    assert [first.date() for first, _ in asked[3:]] == [date(2026, 3, 1)]
    answers.close()
    of_lake.close()


def bring_events(lake: Lake, *events: dict[str, Any]) -> None:
    """Bring events of one UTC day, as a poll does."""
    at = datetime.fromisoformat(events[0]["created_at"])
    with connect() as con, Incoming(lake.store.scratch_folder, projections()) as incoming:
        with pa.BufferReader(packed(events)) as file:
            incoming.read_file(con, file, "feed", at)
        merge_day(lake, con, incoming, at.date())


def note_feed(lake: Lake, name: str, begin: datetime, end: datetime) -> None:
    """Note a stretch of a feed, as polls leave it at its end."""
    row = {"repository_name": name, "span_begin_at": begin, "span_end_at": end, "poll_count": 9}
    with lake.begin("silver", Day(end.date())) as publication:
        table = pa.Table.from_pylist([row | {"gap_reason": None}], FEED_SPAN.arrow_schema)
        publish(publication, [publication.stage(FEED_SPAN, table)])


@pytest.fixture
def lake_with_feed(folder: Path, tmp_path: Path) -> Lake:
    shutil.copytree(folder, tmp_path / "lake")
    lake = Lake.open(str(tmp_path / "lake"))
    note_feed(lake, "acme/r5", BEGIN - HOUR, BEGIN + timedelta(hours=19))
    return lake


def test_the_time_asked_for_may_be_longer_than_any_calendar():
    metric = BY_ID["event_count_offset"]
    first = datetime(2015, 1, 1, tzinfo=UTC)
    found = span_of(metric, {"offset": 10**18}, Collected(first, first + HOUR))
    # An event of the very first second is in it.
    assert (found.from_at < first, found.to_at) == (True, first + HOUR)
