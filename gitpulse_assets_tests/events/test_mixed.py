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
from gitpulse_assets_tests.events.hours import Key, key_of
from gitpulse_assets_tests.events.mixed_lives import (
    ARCHIVES,
    DAYS,
    FIREHOSE,
    HOUR,
    TURNS,
    USUAL,
    VARIES_BY,
    Event,
    MixedLife,
    hour_of,
)
from gitpulse_assets_tests.events.test_feeds import is_told
from gitpulse_assets_tests.lake.test_crash import Crash, CrashingStore
from gitpulse_assets_tests.metrics import plain
from gitpulse_assets_tests.metrics.plain import Truth, approximately, by_date

# One by default; `make prove` tries all.
SEEDS = [pytest.param(seed, marks=() if seed < 1 else pytest.mark.slow) for seed in range(500)]
BY_ID = {metric.id: metric for metric in shipped_metrics()}
MINUTES = 20_000
Held = Mapping[Key, Event]
LENGTH = timedelta(minutes=MINUTES)
# However busy the machine is: how long an answer may take is tried elsewhere.
SECONDS_MAX = 600


def lived(life: MixedLife, lake: Lake, con) -> None:
    """Live through all hours: polls and backfills in any rhythm, some of which die at a write."""
    rng = life.rng
    life.watch(lake)
    for hour_at in life.hours():
        for _ in range(rng.choice([0, 1, 1, 2])):
            seconds = (hour_at + HOUR - life.life.now) / timedelta(seconds=1)
            life.world.advance(seconds=max(0, int(seconds * rng.random())))
            subjects = life.subjects if rng.random() < 0.7 else rng.sample(life.subjects, 1)
            dying(lake, rng, lambda lake, subjects=subjects: life.poll(lake, con, subjects))
        over_at = max(life.life.now, hour_at + HOUR + timedelta(minutes=5))
        life.world.advance(to=f"{over_at:%Y-%m-%dT%H:%M:%SZ}")
        life.deliver(over_at)
        if rng.random() < 0.2:
            dying(lake, rng, lambda lake: life.backfill(lake, con))
    ended(life, lake, con)


def ended(life: MixedLife, lake: Lake, con) -> None:
    """A day later everything has shown, nothing new comes, the late files are there, and nothing dies."""
    for seconds in (7 * 3600, 1000):
        life.world.advance(seconds=seconds)
        life.poll(lake, con, life.subjects)
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
    held = held_of(life, rows)
    missed = missed_untold(life, held, spans)
    assert lacking(life, held, whole_hours(spans)) == []
    assert wrong_stars(life, stored("star_count")) == []
    called = hours_called_whole_are(life, held, answers)
    truth = Truth(held.values())
    assert wrong_metrics(life, truth, answers) == []
    if FIREHOSE in life.subjects:
        shown = stored("firehose_event") if list(lake.store.list("silver/firehose_event/")) else []
        firehose_is_right(life, truth, whole_hours(spans), {key_of_row(row) for row in shown}, answers)
    tell(life, truth, f"hours called whole: {called}; {missed} missed")


def held_of(life: MixedLife, rows) -> Held:
    """What is held, which is as it was sent, once each, all that has to be and nothing nobody asked for."""
    keys = [key_of_row(row) for row in rows]
    held = {key: one for key in keys if (one := life.every.get(key))}
    assert len(set(keys)) == len(keys) == len(held)
    assert [row for row in rows if not is_as_sent(row, held[key_of_row(row)])] == []
    assert life.filed(is_wanted=True) - set(held) == set()
    by_polls = {key for subject in life.feeds() for key in life.shown_in(subject)}
    firehose = {key for key in held if key[0] in life.shown}
    assert set(held) - by_polls - firehose - life.filed(is_wanted=False) == set()
    assert {key for key in life.every if key[0] in life.brought and key in life.served} - set(held) == set()
    return held


def key_of_row(row) -> Key:
    return row["event_id"], row["event_type"], row["created_at"]


def is_as_sent(row, one: Event) -> bool:
    """Whether a row has the names and ids of its event."""
    told = (row["repository_id"], row["repository_name"], row["actor_id"], row["actor_login"], row["action"])
    actor, repo = one["actor"], one["repo"]
    return told == (
        repo.get("id"),
        repo.get("name"),
        actor["id"],
        actor["login"],
        one["payload"].get("action"),
    )


def missed_untold(life: MixedLife, held: Held, spans) -> int:
    """How many events the feeds served that nobody saw, each in a gap of its feed that is told."""
    count = 0
    for subject in life.feeds():
        own = [row for row in spans if row["repository_name"] == subject.key]
        missed = {key: at for key, at in life.shown_in(subject).items() if key not in held}
        assert {key: at for key, at in missed.items() if not is_told(at, own)} == {}
        count += len(missed)
    return count


def lacking(life: MixedLife, held: Held, whole: set[tuple[str, datetime]]) -> list[Key]:
    """The events that are not held though they were served in hours in which their feed is proven whole."""
    return [
        key
        for subject in life.feeds()
        for key in life.shown_in(subject)
        if key not in held and (subject.key, hour_of(key[2])) in whole
    ]


def wrong_stars(life: MixedLife, rows) -> list[Any]:
    """The counts of stars that are of no repository which the feed's name ever led to."""
    return [row for row in rows if row["star_count"] not in stars_of(life, row)]


def stars_of(life: MixedLife, row) -> set[int]:
    ids, at = life.ids_of(row["repository_name"]), int(row["counted_at"].timestamp())
    return {one.star_count(at) for one in life.world.repositories.values() if one.repository_id in ids}


def hours_called_whole_are(life: MixedLife, held: Held, answers: MetricAnswers) -> str:
    """How many hours are called whole, by what.

    By the feeds of a repository all of it is held, whatever it is called; by archives, which are held against
    what they usually bring, as much as the rule promises where they tell of that: they do not know of an hour
    in which more happened than usual, nor of themselves as they should be (ADR 19).
    """
    by_archives = called_whole(answers, "events_per_hour", hours="200")
    by_feed = [
        (name, hour_at)
        for name in life.names()
        for hour_at in called_whole(answers, "avg_pr_time", repository=name) - by_archives
    ]
    assert [one for one in by_feed if not is_whole(life, held, *one)] == []
    counts = Counter((hour_of(at), kind) for _, kind, at in held)
    told = {at for at in by_archives if tells_what_is_usual(life, at)}
    happened = {(hour_of(at), kind) for _, kind, at in life.every if hour_of(at) in told}
    assert {one: counts[one] for one in happened if counts[one] < promised(one[1])} == {}
    return (
        f"{len(by_feed)} of a name by feeds and lacking nothing, {len(told)} by archives and with what the "
        f"rule promises, {len(by_archives - told)} more that nothing tells the usual of"
    )


def is_whole(life: MixedLife, held: Held, name: str, hour_at: datetime) -> bool:
    """Whether all of a repository's hour is held, or of an archive that is kept in part what is asked for.

    Asked for are pull requests, which may be all that is kept of it.
    """
    repository = life.world.repository(name)
    assert repository
    own = repository.repository_id
    if is_held(life.every, own, hour_at, held):
        return True
    kept = [life.readable(archive, hour_at) for archive in ARCHIVES if life.filters[archive] != [""]]
    told = [events for events in kept if events and has_promised(life, events, hour_at)]
    asked = ({key: one for key, one in events.items() if key[1] == "PullRequestEvent"} for events in told)
    return any(is_held(events, own, hour_at, held) for events in asked)


def is_held(events: Held, repository_id: int, hour_at: datetime, held: Held) -> bool:
    """Whether all of some events that are of a repository and an hour are held."""
    own = (key for key, one in events.items() if one["repo"].get("id") == repository_id)
    return all(key in held for key in own if hour_of(key[2]) == hour_at)


def has_promised(life: MixedLife, events: Held, hour_at: datetime) -> bool:
    """Whether an archive has as much of an hour as the rule promises, where it tells of that."""
    counts = Counter(kind for _, kind, _ in events)
    return not tells_what_is_usual(life, hour_at) or all(counts[kind] >= promised(kind) for kind in USUAL)


def tells_what_is_usual(life: MixedLife, hour_at: datetime) -> bool:
    """Whether the richer archive has three hours, as they should be, that this one is compared with."""
    days = (hour_at - day * 24 * HOUR for day in range(DAYS))
    near = (at + hours * HOUR for at in days for hours in range(-2, 3))
    found = [at for at in near if at.date() <= hour_at.date() and life.is_as_it_should_be(at)]
    return len(found) >= RULE["compared_least"]


def promised(kind: str) -> float:
    """What an hour that is called whole has of a type at least: half its usual, or what chance lets it be."""
    usual = USUAL[kind] - VARIES_BY
    return min(RULE["thin_below"] * usual, usual - RULE["deviations"] * usual**0.5)


def called_whole(answers: MetricAnswers, name: str, **given: str) -> set[datetime]:
    metric = BY_ID[name]
    coverage = answers.coverage(metric, read_values(metric.entry.parameters, given), SECONDS_MAX)
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


def wrong_metrics(life: MixedLife, truth: Truth, answers: MetricAnswers) -> list[str]:
    """The shipped metrics of events whose answer is not what plain Python counts, also of one repository."""
    told = Told(truth, answers)
    wrong = [name for name, judge in JUDGES.items() if not judge(told)]
    names = [name for name in life.names() if told.is_named(name)]
    for name in life.rng.sample(names, min(2, len(names))):
        repository = life.world.repository(name)
        assert repository
        wrong += [] if of_one_are_right(told, name, repository.repository_id) else [name]
    return wrong


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
        parameters = BY_ID[name].entry.parameters
        return self._answers.question(BY_ID[name], read_values(parameters, values), SECONDS_MAX)

    def ask(self, name: str, **given: object) -> list[dict[str, Any]]:
        return self._answers.answer(self.question(name, **given)).rows.to_pylist()

    def is_named(self, name: str) -> bool:
        """Whether an event of the time that sources tell of says which repository a name is."""
        every = (one for one in self.truth.events if one["repo"].get("name") == name)
        return any(plain.at_of(one) >= self.first_hour_at for one in every)

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
    rows = told.ask("stars_per_day", days=9)
    wanted = told.since(told.truth.stars(timedelta(days=9), None))
    # Counts of stars and events never disagree here.
    return (by_date(rows, "star_date", "star_count"), by_date(rows, "star_date", "contradicted_count")) == (
        wanted,
        {},
    )


def merges_are_right(told: Told, repository_id: int | None = None, **given: str) -> bool:
    rows = told.ask("pull_requests_merged_per_day", days=9, **given)
    merged, unknown = told.truth.merges(timedelta(days=9), repository_id)
    found = [by_date(rows, "merged_date", name) for name in ("merged_count", "unknown_count")]
    return found == [told.since(merged), told.since(unknown)]


def of_one_are_right(told: Told, name: str, repository_id: int) -> bool:
    """The same of one repository, by any of its names."""
    gaps = told.truth.pull_request_gaps(told.collected)
    own = {repository_id: gaps[repository_id]} if repository_id in gaps else {}
    stars = by_date(told.ask("stars_per_day", days=9, repository=name), "star_date", "star_count")
    return (
        plain.gaps_told(told.ask("avg_pr_time", repository=name)) == approximately(own)
        and stars == told.since(told.truth.stars(timedelta(days=9), repository_id))
        and merges_are_right(told, repository_id, repository=name)
    )


def whole_hours(spans) -> set[tuple[str, datetime]]:
    """The hours in which a feed is proven whole by its stretches: from before them to six hours after."""
    found: dict[str, list[list[datetime]]] = {}
    for row in sorted(spans, key=lambda row: row["span_begin_at"]):
        own = found.setdefault(row["repository_name"], [])
        if row["gap_reason"] == "another_repository":
            own.clear()
        if row["gap_reason"] or not own:
            own.append([row["span_begin_at"], row["span_end_at"]])
        own[-1][1] = row["span_end_at"]
    return {
        (name, at)
        for name, stretches in found.items()
        for begin, end in stretches
        for number in range(int((end - begin) / HOUR) + 2)
        if begin <= (at := hour_of(begin) + number * HOUR) and at + 7 * HOUR <= end
    }


def firehose_is_right(
    life: MixedLife, truth: Truth, whole: set[tuple[str, datetime]], told: set[Key], answers: MetricAnswers
) -> None:
    """Its share is that of the events of repositories whose feeds are whole, by what the sandbox showed."""
    complete = [key_of(one) for one in truth.within(timedelta(days=9)) if is_in_whole_hour(life, one, whole)]
    rows = Told(truth, answers).ask("firehose_share", days=9)
    assert {row["event_type"]: row["complete_count"] for row in rows} == Counter(key[1] for key in complete)
    # What a poll showed that died then may have come to nothing.
    assert {key for key in complete if key[0] in life.brought} <= told
    assert {key[0] for key in told} <= life.shown
    shown = Counter(key[1] for key in complete if key in told)
    assert {row["event_type"]: row["shown_count"] for row in rows if row["shown_count"]} == shown
    assert all(row["share"] == row["shown_count"] / row["complete_count"] for row in rows)


def is_in_whole_hour(life: MixedLife, one: Event, whole: set[tuple[str, datetime]]) -> bool:
    """Whether an event is in a whole hour of its repository's feed, or of its owner's then."""
    hour_at, sent = hour_of(plain.at_of(one)), one["repo"]
    for name in (subject.key for subject in life.feeds() if (subject.key, hour_at) in whole):
        repository = life.world.repository(name)
        is_own = repository.repository_id == sent.get("id") if repository else is_of_owner(sent, name)
        if is_own:
            return True
    return False


def is_of_owner(sent: Event, name: str) -> bool:
    return sent.get("name", "").startswith(name.removesuffix("*"))


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
    # By what was shown of it: firehose_is_right.
    elsewhere = {"firehose_share"}
    assert set(JUDGES) == {name for name, metric in BY_ID.items() if metric.is_of_events} - elsewhere


def test_every_kind_of_source_and_trouble_is_in_some_lives(tmp_path):
    kinds = Counter(kind for seed in range(500) for kind in MixedLife(seed, tmp_path / str(seed)).kinds())
    assert {"organisation", "firehose", "short pages", "burst", "shifted files", "filters", *TURNS} <= set(
        kinds
    )
    assert min(kinds.values()) > 30
    print(f"\n{dict(kinds)}")


def tell(life: MixedLife, truth: Truth, completeness: str) -> None:
    """Print what was compared, and what the earlier systems' way gives."""
    filed = [one for place, events in life.files.items() if life.is_readable(place) for one in events]
    by_id = len({one["id"] for one in truth.events})
    opened = sum(map(len, truth.opened().values()))
    by_state = sum(one["payload"].get("pull_request", {}).get("state") == "open" for one in truth.events)
    print(
        f"\n{len(truth.events)} events compared, 0 wrong; {completeness} and told; "
        f"the earlier way: {len(filed)} from files with their copies, {by_id} by id alone, "
        f"{by_state} of {opened} opened pull requests by their state; {', '.join(life.kinds()) or 'plain'}"
    )
