"""Feeds and archives together: each event once, no hour whole that is not, metrics as counted by hand."""

import random
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from gitpulse_assets.answers.lake_answers import LakeAnswers
from gitpulse_assets.events.completeness import RULE
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.metrics.answers import MetricAnswers, Question
from gitpulse_assets.metrics.catalogue import shipped_metrics
from gitpulse_assets.metrics.coverage import Coverage
from gitpulse_assets.metrics.parameters import read_values
from gitpulse_assets_tests.events.feed_lives import REPO, polled
from gitpulse_assets_tests.events.mixed_lives import ARCHIVES, DAYS, HOUR, USUAL, VARIES_BY, MixedLife
from gitpulse_assets_tests.events.test_feeds import is_told
from gitpulse_assets_tests.lake.test_crash import Crash, CrashingStore
from gitpulse_assets_tests.metrics import plain
from gitpulse_assets_tests.metrics.plain import Truth, approximately, by_date

# One by default; `make prove` tries all.
SEEDS = [pytest.param(seed, marks=() if seed < 1 else pytest.mark.slow) for seed in range(500)]
BY_ID = {metric.id: metric for metric in shipped_metrics()}
MINUTES = 20_000
LENGTH = timedelta(minutes=MINUTES)


def lived(life: MixedLife, lake: Lake, con) -> None:
    """Live through all hours: polls and backfills in any rhythm, some of which die at a write."""
    rng = life.rng
    for hour_at in life.hours():
        for _ in range(rng.choice([0, 1, 1, 2])):
            seconds = (hour_at + HOUR - life.life.now) / timedelta(seconds=1)
            life.life.world.advance(seconds=max(0, int(seconds * rng.random())))
            dying(lake, rng, lambda lake: polled(lake, con, life.life))
        over_at = max(life.life.now, hour_at + HOUR + timedelta(minutes=5))
        life.life.world.advance(to=f"{over_at:%Y-%m-%dT%H:%M:%SZ}")
        life.deliver(over_at)
        if rng.random() < 0.2:
            dying(lake, rng, lambda lake: life.backfill(lake, con))
    ended(life, lake, con)


def ended(life: MixedLife, lake: Lake, con) -> None:
    """A day later everything has shown, the late files are there, and nothing dies."""
    life.life.world.advance(seconds=7 * 3600)
    polled(lake, con, life.life)
    life.deliver(life.life.now, is_last=True)
    life.backfill(lake, con, life.life.now + timedelta(days=20))


def dying(lake: Lake, rng: random.Random, work) -> None:
    """Do some work, now and then after a run that died at a write."""
    if rng.random() < 0.4:
        try:
            work(Lake(CrashingStore(lake.store, rng.randrange(1, 40), is_after=rng.random() < 0.5)))
        except Crash:
            return
    work(lake)


@pytest.fixture
def answers(lake) -> Iterator[MetricAnswers]:
    of_lake = LakeAnswers(lake)
    found = MetricAnswers(lake, of_lake)
    yield found
    found.close()
    of_lake.close()


@pytest.mark.dear
@pytest.mark.parametrize("seed", SEEDS)
def test_case_19_and_20_feeds_and_archives_together_are_counted_exactly(
    seed: int, tmp_path, lake, con, stored, answers
):
    life = MixedLife(seed, tmp_path / "archives")
    lived(life, lake, con)
    rows, spans = stored(), stored("feed_span")
    keys = [(row["event_id"], row["event_type"], row["created_at"]) for row in rows]
    held = {key: one for key in keys if (one := life.every.get(key))}
    assert len(set(keys)) == len(keys) == len(held)
    assert set(life.filed()) <= set(held)
    shown = life.life.shown()
    missed = [at for key, at in shown.items() if key not in held]
    assert [at for at in missed if not is_told(at, spans)] == []
    called = hours_called_whole_are(life, held, answers)
    truth = Truth(held.values())
    assert wrong_metrics(truth, answers) == []
    tell(life, truth, f"hours called whole: {called}; {len(missed)} missed")


def hours_called_whole_are(life: MixedLife, held, answers: MetricAnswers) -> str:
    """How many hours are called whole, by what.

    By its feed of the one repository all is held; by archives, which are held against what they usually
    bring, as much as the rule promises where they tell of that: they do not know of an hour in which more
    happened than usual, nor of themselves as they should be (ADR 19).
    """
    of_one = {key for key, one in life.every.items() if one["repo"].get("name") == str(REPO)}
    its = called_whole(answers, "avg_pr_time", repository=str(REPO))
    by_feed = its - (by_archives := called_whole(answers, "events_per_hour", hours="200"))
    assert [key for key in of_one if key not in held and hour_of(key[2]) in by_feed] == []
    counts = Counter((hour_of(at), kind) for _, kind, at in held)
    told = {at for at in by_archives if tells_what_is_usual(life, at)}
    happened = {(hour_of(at), kind) for _, kind, at in life.every if hour_of(at) in told}
    assert {one: counts[one] for one in happened if counts[one] < promised(one[1])} == {}
    return (
        f"{len(by_feed)} by the feed and lacking nothing, {len(told)} by archives and with what the rule "
        f"promises, {len(by_archives - told)} more that nothing tells the usual of"
    )


def tells_what_is_usual(life: MixedLife, hour_at: datetime) -> bool:
    """Whether the richer archive has three hours, as they should be, that this one is compared with."""
    days = (hour_at - day * 24 * HOUR for day in range(DAYS))
    near = (at + hours * HOUR for at in days for hours in range(-2, 3))
    states = [life.state.get((ARCHIVES[0], at)) for at in near if at.date() <= hour_at.date()]
    return states.count("whole") >= RULE["compared_least"]


def promised(kind: str) -> float:
    """What an hour that is called whole has of a type at least: half its usual, or what chance lets it be."""
    usual = USUAL[kind] - VARIES_BY
    return min(RULE["thin_below"] * usual, usual - RULE["deviations"] * usual**0.5)


def called_whole(answers: MetricAnswers, name: str, **given: str) -> set[datetime]:
    metric = BY_ID[name]
    coverage = answers.coverage(metric, read_values(metric.entry.parameters, given))
    return set(hours_of(coverage)) - not_whole(coverage)


def hours_of(coverage: Coverage) -> Iterator[datetime]:
    at = coverage.span.first_hour_at
    while at <= coverage.span.last_hour_at:
        yield at
        at += HOUR


def not_whole(coverage: Coverage) -> set[datetime]:
    return {
        at
        for at in hours_of(coverage)
        for one in coverage.stretches
        if one.from_at < at + HOUR and at < one.to_at
    }


def hour_of(at: datetime) -> datetime:
    return at.replace(minute=0, second=0)


def wrong_metrics(truth: Truth, answers: MetricAnswers) -> list[str]:
    """The shipped metrics of events whose answer is not what plain Python counts."""
    told = Told(truth, answers)
    return [name for name, judge in JUDGES.items() if not judge(told)]


class Told:
    """What the metrics say of a lake, beside what happened."""

    def __init__(self, truth: Truth, answers: MetricAnswers) -> None:
        self.truth, self._answers = truth, answers
        collected = self.question("avg_pr_time")
        assert collected.span
        assert collected.first_hour_at
        # A metric that is asked for no time counts all since the first source, which strays lie before.
        self.collected = truth.newest_at - collected.span.from_at
        self.first_hour_at = collected.first_hour_at

    def question(self, name: str, **given: object) -> Question:
        values = {key: str(value) for key, value in given.items()}
        return self._answers.question(BY_ID[name], read_values(BY_ID[name].entry.parameters, values))

    def ask(self, name: str, **given: object) -> list[dict[str, Any]]:
        return self._answers.answer(self.question(name, **given)).rows.to_pylist()

    def since(self, counts: Mapping[date, int]) -> dict[date, int]:
        """The days from the first that a source tells of."""
        return {day: count for day, count in counts.items() if day >= self.first_hour_at.date()}


def counts_are_right(told: Told) -> bool:
    rows = told.ask("event_count_offset", offset=300)
    return {r["event_type"]: r["event_count"] for r in rows} == told.truth.event_counts(
        timedelta(minutes=300)
    )


def gaps_are_right(told: Told) -> bool:
    found = plain.gaps_told(told.ask("avg_pr_time", limit=1000))
    return found == approximately(told.truth.pull_request_gaps(told.collected))


def activity_is_right(told: Told) -> bool:
    rows = told.ask("active_repositories", offset=MINUTES, limit=1000)
    return plain.activity_told(rows) == told.truth.most_active(LENGTH)


def several_are_right(told: Told) -> bool:
    found = told.ask("repositories_with_multiple_prs", limit=1000)
    wanted = {key: len(some) for key, some in told.truth.opened(told.collected).items() if len(some) > 1}
    return {row["repository_id"]: row["opened_count"] for row in found} == wanted


def hours_are_right(told: Told) -> bool:
    found = {r["event_hour_at"]: r["event_count"] for r in told.ask("events_per_hour", hours=200)}
    wanted = {at: count for at, count in told.truth.hour_counts().items() if at >= told.first_hour_at}
    return {at: count for at, count in found.items() if count} == wanted


def minutes_are_right(told: Told) -> bool:
    rows, step = told.ask("events_per_minute", offset=600), timedelta(minutes=3)
    wanted = told.truth.step_counts(timedelta(minutes=600), step)
    return plain.in_steps(rows, told.truth, timedelta(minutes=600), step) == approximately(wanted)


def actors_are_right(told: Told) -> bool:
    rows = told.ask("top_actors", offset=MINUTES, limit=2)
    return all(
        [(r["actor_login"], r["event_count"]) for r in rows if r["is_bot"] is is_bot]
        == told.truth.actors(is_bot, 2, LENGTH)
        for is_bot in (False, True)
    )


def stars_are_right(told: Told) -> bool:
    found = by_date(told.ask("stars_per_day", days=9), "star_date", "star_count")
    return found == told.since(told.truth.stars(timedelta(days=9), None))


def merges_are_right(told: Told) -> bool:
    rows = told.ask("pull_requests_merged_per_day", days=9)
    merged, unknown = told.truth.merges(timedelta(days=9))
    found = [by_date(rows, "merged_date", name) for name in ("merged_count", "unknown_count")]
    return found == [told.since(merged), told.since(unknown)]


JUDGES = {
    "event_count_offset": counts_are_right,
    "avg_pr_time": gaps_are_right,
    "active_repositories": activity_is_right,
    "repositories_with_multiple_prs": several_are_right,
    "events_per_hour": hours_are_right,
    "events_per_minute": minutes_are_right,
    "top_actors": actors_are_right,
    "stars_per_day": stars_are_right,
    "pull_requests_merged_per_day": merges_are_right,
}


def test_every_shipped_metric_of_events_is_judged_here():
    # The firehose, which nobody polls here, is judged in test_firehose.
    elsewhere = {"firehose_share"}
    assert set(JUDGES) == {name for name, metric in BY_ID.items() if metric.is_of_events} - elsewhere


def tell(life: MixedLife, truth: Truth, completeness: str) -> None:
    """Print what was compared, and what the earlier systems' way gives."""
    filed = [one for place, events in life.files.items() if life.is_whole(place) for one in events]
    by_id = len({one["id"] for one in truth.events})
    opened = sum(map(len, truth.opened().values()))
    by_state = sum(one["payload"].get("pull_request", {}).get("state") == "open" for one in truth.events)
    print(
        f"\n{len(truth.events)} events compared, 0 wrong; {completeness} and told; "
        f"the earlier way: {len(filed)} from files with their copies, {by_id} by id alone, "
        f"{by_state} of {opened} opened pull requests by their state"
    )
