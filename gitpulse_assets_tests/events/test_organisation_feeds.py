"""An organisation's feed: every public event of all its repositories once, and what it proves for each."""

import random
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from gitpulse_assets.events.feed_state import WAIT_SECONDS_MAX, feeds
from gitpulse_assets.events.feeds import PollRound
from gitpulse_assets.github.target import Firehose, Owner, Target
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.repo import Repo
from gitpulse_assets_tests.events.hours import Key
from gitpulse_assets_tests.events.organisation import Organisation, ask, polled
from gitpulse_assets_tests.lake.test_crash import Crash, CrashingStore

ACME, ROCKET, MOON = Owner("acme"), Repo("acme", "rocket"), Repo("acme", "moon")
FIREHOSE = Firehose()
SEEDS = [pytest.param(seed, marks=() if seed < 1 else pytest.mark.slow) for seed in range(60)]

Polling = Callable[..., PollRound]


@pytest.fixture
def poll(lake: Lake, con) -> Polling:
    """Polls feeds once, as a process of its own."""

    def poll(of: Organisation, *subjects: Target, store=None) -> PollRound:
        return polled(Lake(store or lake.store), con, of, *subjects)

    return poll


def keys_of(rows) -> list[Key]:
    return [(row["event_id"], row["event_type"], row["created_at"]) for row in rows]


def test_an_event_that_both_feeds_served_is_one_event(poll, stored):
    of = Organisation()
    of.happen("rocket", 20, 600)
    of.happen("moon", 10, 600)
    found = poll(of, ROCKET, MOON, ACME)
    assert found.added_count == 30
    assert sorted(keys_of(stored())) == sorted(of.public())
    assert [row["repository_name"] for row in stored("feed_span")] == ["acme/*", "acme/moon", "acme/rocket"]


@pytest.mark.parametrize("seed", SEEDS)
def test_no_event_of_an_organisation_is_missed_untold_whenever_polls_die(seed: int, lake, poll, stored):
    of, rng = Organisation(), random.Random(seed)
    for _ in range(8):
        seconds = rng.choice([60, 300, 3600])
        of.happen(rng.choice(["rocket", "moon"]), rng.choice([0, 3, 60, 250, 320]), seconds, rng=rng)
        if rng.random() < 0.4:
            dying = CrashingStore(lake.store, rng.randrange(1, 25), is_after=rng.random() < 0.5)
            try:
                poll(of, ACME, MOON, store=dying)
            except Crash:
                continue
        poll(of, *rng.sample([ACME, MOON], rng.choice([1, 2])))
    of.world.advance(seconds=1000)
    poll(of, ACME)
    rows = keys_of(stored())
    assert len(set(rows)) == len(rows)
    assert set(rows) <= set(of.public())
    spans = [row for row in stored("feed_span") if row["repository_name"] == "acme/*" and row["gap_reason"]]
    gaps = [(row["gap_begin_at"] or datetime.min.replace(tzinfo=UTC), row["span_begin_at"]) for row in spans]
    missed = [at for key, at in of.public().items() if key not in set(rows)]
    assert [at for at in missed if not any(begin < at <= end for begin, end in gaps)] == []


def test_what_is_private_is_in_its_own_feed_alone(poll, stored):
    of = Organisation()
    of.happen("secret", 5, 600)
    of.happen("rocket", 5, 600)
    poll(of, ACME, Repo("acme", "secret"))
    assert {row["repository_name"] for row in stored()} == {"acme/rocket", "acme/secret"}
    assert {row["repository_name"]: row["is_public"] for row in stored("feed_span")} == {
        "acme/*": True,
        "acme/secret": False,
    }


def test_a_feed_that_became_empty_is_as_private_as_it_was(poll, stored):
    of, secret = Organisation(), Repo("acme", "secret")
    of.happen("secret", 5, 600)
    poll(of, secret)
    of.world.advance(seconds=31 * 86_400)
    poll(of, secret)
    of.world.advance(seconds=1000)
    (found,) = poll(of, secret).polls
    assert found.records == ()
    assert [row["is_public"] for row in stored("feed_span")] == [False, False]


def test_an_organisation_s_feed_says_nothing_of_a_repository_before_it_came(lake, poll):
    """What it did under its former owner is in nobody's feed, and was 0 of an hour that was called whole."""
    of = Organisation()
    of.world.add_repository("other/x")
    poll(of, ACME)
    for name in ("other/x", "acme/x"):
        if name == "acme/x":
            of.world.rename_repository("other/x", name)
        for number in range(2):
            at = of.world.clock + 600 + number
            of.world.feed(name).publish("PullRequestEvent", at, {"action": "opened", "number": number})
        of.world.advance(seconds=2 * 3600)
        poll(of, ACME)
    of.happen("moon", 1, 3600)
    of.world.advance(seconds=8 * 3600)
    poll(of, ACME)
    found = ask(lake, "avg_pr_time", repository="acme/x")
    assert found.coverage is not None
    begun = datetime(2026, 3, 1, 22, 10, tzinfo=UTC)
    assert [one.to_at for one in found.coverage.stretches] == [begun.replace(hour=23, minute=0)]
    moon = ask(lake, "avg_pr_time", repository="acme/moon")
    assert moon.coverage is not None
    assert moon.coverage.share_whole < found.coverage.share_whole


def test_an_organisation_s_feed_says_nothing_of_a_repository_since_it_left(lake, poll):
    """What it did under its next owner was in nobody's feed, and was 0 of an hour that was called whole."""
    of = Organisation()
    of.world.firehose_shares["other"] = 1.0
    poll(of, ACME)
    for name in ("acme/rocket", "acme/rocket", "other/rocket"):
        if name == "other/rocket":
            of.world.rename_repository("acme/rocket", name)
        at = of.world.clock + 2 * 3600 - 60
        of.world.feed(name).publish("PullRequestEvent", at, {"action": "opened", "number": at})
        of.world.advance(seconds=2 * 3600)
        poll(of, ACME, FIREHOSE)
    # Seen by nobody.
    of.world.feed("other/rocket").publish("PullRequestEvent", of.world.clock + 60, {"action": "opened"})
    of.happen("moon", 1, 3600)
    of.world.advance(seconds=8 * 3600)
    poll(of, ACME)
    coverage = ask(lake, "avg_pr_time", repository="acme/rocket").coverage
    assert coverage is not None
    whole = datetime(2026, 3, 1, 22, tzinfo=UTC), datetime(2026, 3, 1, 23, tzinfo=UTC)
    assert (coverage.stretches[0].to_at, coverage.stretches[1].from_at) == whole


def test_a_quiet_organisation_costs_no_quota(poll, stored):
    of = Organisation()
    of.happen("moon", 20, 600)
    of.world.advance(seconds=900)
    poll(of, ACME)
    used = of.used()
    for _ in range(2):
        of.world.advance(seconds=1000)
        poll(of, ACME)
    assert of.used() == used
    assert [row["poll_count"] for row in stored("feed_span")] == [3]


def test_a_person_has_no_such_feed_and_is_seldom_asked_for(lake, poll):
    of = Organisation()
    of.world.people.add("acme")
    (found,) = poll(of, ACME).polls
    assert found.state.trouble == "acme is no organisation at github.sandbox: people have no feed"
    assert feeds(lake.store).load().feeds["acme/*"].wait_seconds == WAIT_SECONDS_MAX


def test_a_login_that_is_another_organisation_s_now_is_a_gap(poll, stored):
    of = Organisation()
    of.happen("moon", 20, 600)
    poll(of, ACME)
    for feed in of.world.feeds.values():
        feed.repository.owner = "gone"
    of.world.add_repository("acme/new")
    of.happen("new", 5, 900)
    poll(of, ACME)
    assert [row["gap_reason"] for row in stored("feed_span")] == ["first_poll", "another_repository"]
