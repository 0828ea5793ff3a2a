"""Every metric that comes with GitPulse, against plain Python over generated events, each counted once."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from statistics import mean, median
from typing import Any

import pytest

from gitpulse_assets.answers.lake_answers import LakeAnswers
from gitpulse_assets.metrics.answers import Answered, MetricAnswers
from gitpulse_assets.metrics.catalogue import shipped_metrics
from gitpulse_assets.metrics.parameters import read_values
from gitpulse_assets_tests.answer_lakes import EMPTY, ROCKET
from gitpulse_assets_tests.metrics.events import (
    BEGIN,
    HOUR,
    HOURS,
    LOGINS,
    MISSING,
    Event,
    Truth,
    at_of,
    made,
)

BY_ID = {metric.id: metric for metric in shipped_metrics()}
Ask = Callable[..., list[dict[str, Any]]]


def answered(answers: MetricAnswers, name: str, **given: Any) -> Answered:
    values = read_values(BY_ID[name].entry.parameters, {key: str(value) for key, value in given.items()})
    return answers.ask(BY_ID[name], values)


@pytest.fixture
def ask(answers: MetricAnswers) -> Ask:
    return lambda name, **given: answered(answers, name, **given).rows.to_pylist()


def by_repository(events: Iterable[Event]) -> dict[int, list[Event]]:
    found = defaultdict[int, list[Event]](list)
    for one in events:
        if one["repo"]:
            found[one["repo"]["id"]].append(one)
    return found


def last_name(events: Iterable[Event]) -> str:
    return max(events, key=lambda one: (at_of(one), one["repo"]["name"]))["repo"]["name"]


def opened(truth: Truth, length: timedelta | None = None) -> dict[int, list[Event]]:
    found = truth.within(length, "PullRequestEvent")
    return by_repository(one for one in found if one["payload"]["action"] == "opened")


def test_every_shipped_metric_is_tried_here():
    text = Path(__file__).read_text(encoding="utf-8")
    assert [name for name in BY_ID if f'"{name}"' not in text] == []


@pytest.mark.parametrize("offset", [1, 60, 300, 5_256_000])
def test_case_19_events_by_type_counts_each_event_once(ask: Ask, truth: Truth, offset: int):
    wanted = Counter(one["type"] for one in truth.within(timedelta(minutes=offset)))
    assert {r["event_type"]: r["event_count"] for r in ask("event_count_offset", offset=offset)} == wanted


@pytest.mark.parametrize("offset", [None, 90])
def test_case_20_and_21_minutes_between_pull_requests_are_those_of_opened_ones(
    ask: Ask, truth: Truth, offset
):
    length = timedelta(minutes=offset) if offset else None
    given = {"offset": offset} if offset else {}
    wanted = {}
    for repository, events in opened(truth, length).items():
        times = sorted(map(at_of, events))
        if len(times) >= 2:
            gaps = [(b - a).total_seconds() / 60 for a, b in pairwise(times)]
            wanted[repository] = (last_name(events), pytest.approx(mean(gaps)), len(times))
    rows = ask("avg_pr_time", **given)
    found = {
        r["repository_id"]: (r["repository_name"], r["average_minutes"], r["opened_count"]) for r in rows
    }
    assert found == wanted
    assert len(wanted) > 3


def test_a_repository_is_its_id_whatever_it_was_called(ask: Ask, truth: Truth):
    (row,) = ask("avg_pr_time", repository="ACME/New3")
    assert (row["repository_id"], row["opened_count"]) == (3, len(opened(truth)[3]))
    assert ask("avg_pr_time", repository="acme/r3")[0]["repository_id"] == 3
    assert ask("avg_pr_time", repository="acme/nothing") == []


@pytest.mark.parametrize("limit", [3, 1000])
def test_active_repositories_are_those_with_most_events(ask: Ask, truth: Truth, limit: int):
    events = by_repository(truth.within(timedelta(hours=4)))
    wanted = [(last_name(found), len(found), key) for key, found in events.items()]
    rows = ask("active_repositories", offset=240, limit=limit)
    found = [(r["repository_name"], r["event_count"], r["repository_id"]) for r in rows]
    assert found == sorted(wanted, key=lambda one: (-one[1], one[2]))[:limit]


@pytest.mark.parametrize("at_least", [2, 18])
def test_repositories_with_several_pull_requests(ask: Ask, truth: Truth, at_least: int):
    wanted = {key: len(found) for key, found in opened(truth).items() if len(found) >= at_least}
    rows = ask("repositories_with_multiple_prs", at_least=at_least)
    assert {r["repository_id"]: r["opened_count"] for r in rows} == wanted


def test_events_an_hour_say_which_hours_are_whole(ask: Ask, truth: Truth):
    hours = Counter(at_of(one).replace(minute=0, second=0) for one in truth.events)
    rows = ask("events_per_hour", hours=HOURS)
    assert {r["event_hour_at"]: r["event_count"] for r in rows if r["event_count"]} == hours
    not_whole = {r["event_hour_at"]: r["verdict"] for r in rows if r["verdict"] != "whole"}
    assert not_whole == {BEGIN + MISSING * HOUR: "missing", BEGIN + 9 * HOUR: "thin"}


@pytest.mark.parametrize("offset", [50, 600])
def test_events_a_minute_add_up_to_all_events(ask: Ask, truth: Truth, offset: int):
    rows = ask("events_per_minute", offset=offset)
    step = timedelta(minutes=1 if offset <= 240 else 3)
    begin = truth.newest_at - timedelta(minutes=offset)
    wanted = Counter((at_of(one) - BEGIN) // step for one in truth.within(timedelta(minutes=offset)))
    for row in rows:
        at = row["begins_at"]
        length = min(at + step, truth.newest_at) - max(at, begin)
        count = (row["events_per_minute"] or 0) * (length / timedelta(minutes=1))
        assert count == pytest.approx(wanted.pop((at - BEGIN) // step, 0))
    # The newest event is the first of a stretch that has no length.
    assert sum(wanted.values()) <= (truth.newest_at.second == 0)
    gap = [r for r in rows if r["events_per_minute"] is None]
    begins = {BEGIN + MISSING * HOUR} if offset == 600 else set[datetime]()
    assert {r["begins_at"].replace(minute=0, second=0) for r in gap} == begins


def test_people_and_bots_are_counted_apart(ask: Ask, truth: Truth):
    counts = Counter((one["actor"]["id"], one["actor"]["login"]) for one in truth.within())
    rows = ask("top_actors", offset=5_256_000, limit=2)
    wanted: dict[bool, list[tuple[str, int]]] = {}
    for is_bot in (False, True):
        chosen = [(key, n) for key, n in counts.items() if (key[1] in LOGINS[2:4]) is is_bot]
        chosen.sort(key=lambda one: (-one[1], one[0][0]))
        wanted[is_bot] = [(login, count) for (_, login), count in chosen[:2]]
    for is_bot, expected in wanted.items():
        assert [(r["actor_login"], r["event_count"]) for r in rows if r["is_bot"] is is_bot] == expected


@pytest.mark.parametrize("repository", [None, "acme/r5"])
def test_stars_a_day_are_those_of_the_day(ask: Ask, truth: Truth, repository: str | None):
    given = {"repository": repository} if repository else {}
    rows = {r["star_date"]: r["star_count"] for r in ask("stars_per_day", days=3, **given)}
    wanted = Counter(
        at_of(one).date()
        for one in truth.within(timedelta(days=3), "WatchEvent")
        if repository is None or one["repo"].get("id") == 5
    )
    assert {day: count for day, count in rows.items() if count} == wanted
    assert set(rows) == {date(2025, 11, 30), date(2025, 12, 1)}


def test_merges_are_counted_where_they_are_known_and_told_where_they_are_not(
    answers: MetricAnswers, truth: Truth
):
    merged: dict[tuple[int | None, int], datetime] = {}
    unknown: dict[tuple[int | None, int], datetime] = {}
    for one in sorted(truth.within(None, "PullRequestEvent"), key=at_of):
        action, key = one["payload"]["action"], (one["repo"].get("id"), one["payload"]["number"])
        as_sent = one["payload"]["pull_request"].get("merged")
        if action == "merged" or (action == "closed" and as_sent):
            merged.setdefault(key, at_of(one))
        elif action == "closed" and as_sent is None and at_of(one).year == 2025 and at_of(one).month < 12:
            unknown[key] = at_of(one)
    unknown = {key: at for key, at in unknown.items() if key not in merged}
    found = answered(answers, "pull_requests_merged_per_day", days=3)
    rows = found.rows.to_pylist()
    assert counted(rows, "merged_count") == Counter(at.date() for at in merged.values())
    assert counted(rows, "unknown_count") == Counter(at.date() for at in unknown.values())
    assert unknown
    assert f"There are {len(unknown):,} closings of which nobody can tell" in (found.reason or "")


def counted(rows: Iterable[Mapping[str, Any]], name: str) -> dict[date, int]:
    return {row["merged_date"]: row[name] for row in rows if row[name]}


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
