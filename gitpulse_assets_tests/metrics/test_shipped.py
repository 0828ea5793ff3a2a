"""Every metric that comes with GitPulse, against plain Python over generated events, each counted once."""

from collections import defaultdict
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from gitpulse_assets.answers.lake_answers import LakeAnswers
from gitpulse_assets.metrics.answers import Answered, MetricAnswers
from gitpulse_assets.metrics.catalogue import shipped_metrics
from gitpulse_assets.metrics.parameters import read_values
from gitpulse_assets_tests.answer_lakes import EMPTY, ROCKET
from gitpulse_assets_tests.metrics.events import BEGIN, HOUR, HOURS, MISSING, made
from gitpulse_assets_tests.metrics.plain import (
    Truth,
    activity_told,
    approximately,
    by_date,
    gaps_told,
    in_steps,
)

BY_ID = {metric.id: metric for metric in shipped_metrics()}
Ask = Callable[..., list[dict[str, Any]]]


def answered(answers: MetricAnswers, name: str, **given: Any) -> Answered:
    values = read_values(BY_ID[name].entry.parameters, {key: str(value) for key, value in given.items()})
    return answers.ask(BY_ID[name], values)


@pytest.fixture
def ask(answers: MetricAnswers) -> Ask:
    return lambda name, **given: answered(answers, name, **given).rows.to_pylist()


def test_every_shipped_metric_is_tried_here():
    text = Path(__file__).read_text(encoding="utf-8")
    elsewhere = {"firehose_share": "events/test_firehose.py"}
    assert [name for name in BY_ID if f'"{name}"' not in text and name not in elsewhere] == []


@pytest.mark.parametrize("offset", [1, 60, 300, 5_256_000])
def test_case_19_events_by_type_counts_each_event_once(ask: Ask, truth: Truth, offset: int):
    wanted = truth.event_counts(timedelta(minutes=offset))
    assert {r["event_type"]: r["event_count"] for r in ask("event_count_offset", offset=offset)} == wanted


@pytest.mark.parametrize("offset", [None, 90])
def test_case_20_and_21_minutes_between_pull_requests_are_those_of_opened_ones(
    ask: Ask, truth: Truth, offset
):
    wanted = truth.pull_request_gaps(timedelta(minutes=offset) if offset else None)
    rows = ask("avg_pr_time", **({"offset": offset} if offset else {}))
    assert gaps_told(rows) == approximately(wanted)
    assert len(wanted) > 3


def test_a_repository_is_its_id_whatever_it_was_called(ask: Ask, truth: Truth):
    (row,) = ask("avg_pr_time", repository="ACME/New3")
    assert (row["repository_id"], row["opened_count"]) == (3, len(truth.opened()[3]))
    assert ask("avg_pr_time", repository="acme/r3")[0]["repository_id"] == 3
    assert ask("avg_pr_time", repository="acme/nothing") == []


@pytest.mark.parametrize("limit", [3, 1000])
def test_case_19_active_repositories_are_those_with_most_events(ask: Ask, truth: Truth, limit: int):
    rows = ask("active_repositories", offset=240, limit=limit)
    assert activity_told(rows) == truth.most_active(timedelta(hours=4))[:limit]


@pytest.mark.parametrize("at_least", [2, 18])
def test_case_19_20_and_21_repositories_with_several_opened_pull_requests(
    ask: Ask, truth: Truth, at_least: int
):
    wanted = {key: len(found) for key, found in truth.opened().items() if len(found) >= at_least}
    rows = ask("repositories_with_multiple_prs", at_least=at_least)
    assert {r["repository_id"]: r["opened_count"] for r in rows} == wanted


def test_case_19_events_an_hour_say_which_hours_are_whole(ask: Ask, truth: Truth):
    rows = ask("events_per_hour", hours=HOURS)
    assert {r["event_hour_at"]: r["event_count"] for r in rows if r["event_count"]} == truth.hour_counts()
    not_whole = {r["event_hour_at"]: r["verdict"] for r in rows if r["verdict"] != "whole"}
    assert not_whole == {BEGIN + MISSING * HOUR: "missing", BEGIN + 9 * HOUR: "thin"}


@pytest.mark.parametrize("offset", [50, 600])
def test_case_19_events_a_minute_add_up_to_all_events(ask: Ask, truth: Truth, offset: int):
    rows = ask("events_per_minute", offset=offset)
    length, step = timedelta(minutes=offset), timedelta(minutes=1 if offset <= 240 else 3)
    assert in_steps(rows, truth, length, step) == approximately(truth.step_counts(length, step))
    gap = [r for r in rows if r["events_per_minute"] is None]
    begins = {BEGIN + MISSING * HOUR} if offset == 600 else set[datetime]()
    assert {r["begins_at"].replace(minute=0, second=0) for r in gap} == begins


def test_events_a_minute_of_a_month_are_counted_in_steps_of_three_hours(ask: Ask, truth: Truth):
    """As microseconds a step of that length is no number of 32 bits: the answer was an error."""
    rows = ask("events_per_minute", offset=43_200)
    length, step = timedelta(minutes=43_200), timedelta(hours=3)
    assert in_steps(rows, truth, length, step) == approximately(truth.step_counts(length, step))


def test_case_19_people_and_bots_are_counted_apart(ask: Ask, truth: Truth):
    rows = ask("top_actors", offset=5_256_000, limit=2)
    for is_bot in (False, True):
        found = [(r["actor_login"], r["event_count"]) for r in rows if r["is_bot"] is is_bot]
        assert found == truth.actors(is_bot, 2)


@pytest.mark.parametrize(("repository", "repository_id"), [(None, None), ("acme/r5", 5)])
def test_case_19_stars_a_day_are_those_of_the_day(ask: Ask, truth: Truth, repository, repository_id):
    given = {"repository": repository} if repository else {}
    rows = ask("stars_per_day", days=3, **given)
    assert by_date(rows, "star_date", "star_count") == truth.stars(timedelta(days=3), repository_id)
    assert {row["star_date"] for row in rows} == {date(2025, 11, 30), date(2025, 12, 1)}


def test_case_19_20_and_21_merges_are_counted_where_they_are_known_and_told_where_they_are_not(
    answers: MetricAnswers, truth: Truth
):
    merged, unknown = truth.merges(timedelta(days=3))
    found = answered(answers, "pull_requests_merged_per_day", days=3)
    rows = found.rows.to_pylist()
    assert by_date(rows, "merged_date", "merged_count") == merged
    assert by_date(rows, "merged_date", "unknown_count") == unknown
    assert unknown
    assert f"There are {sum(unknown.values()):,} closings of which nobody can tell" in (found.reason or "")


@pytest.fixture(scope="module")
def of_issues(lake) -> Any:
    made_of = LakeAnswers(lake)
    yield made_of
    made_of.close()


def test_open_issues_are_those_of_the_marts(ask: Ask, of_issues: LakeAnswers):
    open_count = {one.repo: one.open_count for one in of_issues.repositories() if one.as_of_at}
    assert ask("open_issue_count") == [{"open_issue_count": sum(open_count.values())}]
    assert ask("open_issue_count", repository="ACME/Rocket") == [{"open_issue_count": open_count[ROCKET]}]


def test_open_issues_by_day_are_those_of_the_marts(ask: Ask, of_issues: LakeAnswers):
    flows = [of_issues.ask(repo, lambda of: of.published.flow.to_pylist()) for repo in (ROCKET, EMPTY)]
    wanted = defaultdict[date, list[int]](lambda: [0, 0])
    for row in (row for flow in flows for row in flow):
        wanted[row["flow_date"]][0] += row["open_at_end"]
        wanted[row["flow_date"]][1] += row["opened_count"]
    rows = ask("backlog_per_day", days=30)
    newest = max(wanted)
    assert {r["flow_date"]: [r["open_at_end"], r["opened_count"]] for r in rows} == {
        day: counts for day, counts in wanted.items() if day > newest - timedelta(days=30)
    }


def test_ages_of_closed_issues_are_those_of_the_marts(ask: Ask, of_issues: LakeAnswers):
    lifecycle = of_issues.ask(ROCKET, lambda of: of.published.datasets["mart_issue_lifecycle"].to_table())
    closed = [row for row in lifecycle.to_pylist() if row["is_closed"] and row["closed_date"]]
    newest = max(row["closed_date"] for row in closed)
    ages = [r["closure_age_days"] for r in closed if r["closed_date"] > newest - timedelta(days=60)]
    (row,) = ask("closure_age_by_repository", days=60)
    assert row["repository_name"] == ROCKET.key
    assert row["closed_issue_count"] == len(ages)
    assert row["median_closure_age_days"] == pytest.approx(median(ages))


def test_the_earlier_systems_way_is_wrong_by_a_tenth(truth: Truth, capsys: pytest.CaptureFixture[str]):
    sent = [one for events in made().values() for one in events]
    by_id = {one["id"] for one in sent}
    with capsys.disabled():
        print(
            f"\n{len(truth.events)} events; without taking copies off {len(sent)}, by id alone {len(by_id)}"
        )
    assert len(sent) > 1.1 * len(truth.events)
