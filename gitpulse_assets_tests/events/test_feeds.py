"""Polls of feeds: every event once, and no stretch in which one was missed that is called whole."""

import random
from collections.abc import Callable
from datetime import datetime

import pytest

from gitpulse_assets.events.feed_state import feeds
from gitpulse_assets.events.feeds import Poller, PollRound
from gitpulse_assets.events.forgetting import forget_in_events
from gitpulse_assets.events.projection import projections
from gitpulse_assets.lake.errors import LakeError
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.sandbox.faults import Fault
from gitpulse_assets.setting_values.archives import parse_archives
from gitpulse_assets_tests.events.feed_lives import REPO, FeedLife, polled
from gitpulse_assets_tests.lake.test_crash import Crash, CrashingStore

# A few by default; `make prove` tries all.
SEEDS = [pytest.param(seed, marks=() if seed < 1 else pytest.mark.slow) for seed in range(500)]

Polling = Callable[[Lake, FeedLife], PollRound]


@pytest.fixture
def poll(con) -> Polling:
    """Polls a life's feed once, as a process of its own."""
    return lambda lake, life: polled(lake, con, life)


def dying(lake: Lake, life: FeedLife, poll: Polling, rng: random.Random) -> None:
    """Poll, now and then after runs that died at a write."""
    if rng.random() < 0.4:
        try:
            poll(Lake(CrashingStore(lake.store, rng.randrange(1, 25), is_after=rng.random() < 0.5)), life)  # pyright: ignore[reportArgumentType]
        except Crash:
            return
    poll(lake, life)


def gaps(spans) -> list[tuple[datetime | None, datetime]]:
    """What the spans do not claim, as (after, until)."""
    return [(row["gap_begin_at"], row["span_begin_at"]) for row in spans if row["gap_reason"]]


def is_told(shown_at: datetime, spans) -> bool:
    return any((begin is None or begin < shown_at) and shown_at <= end for begin, end in gaps(spans))


@pytest.mark.parametrize("seed", SEEDS)
def test_case_20_every_event_of_the_proven_time_is_there_once_and_no_gap_goes_untold(
    seed: int, lake, poll, stored
):
    life = FeedLife(seed)
    for _ in life.polls(12):
        dying(lake, life, poll, life.rng)
    life.world.advance(seconds=1000)
    poll(lake, life)
    rows, spans = stored(), stored("feed_span")
    keys = [(row["event_id"], row["event_type"], row["created_at"]) for row in rows]
    assert len(set(keys)) == len(keys)
    truth = life.shown()
    assert set(keys) <= set(truth)
    missed = [at for key, at in truth.items() if key not in set(keys)]
    untold = [at for at in missed if not is_told(at, spans)]
    print(f"\n{len(truth)} events, {len(missed)} missed, {len(untold)} untold, {len(gaps(spans))} gaps")
    assert untold == []


def test_polls_by_position_are_never_called_whole(lake, poll, stored):
    life = FeedLife(5, is_by_position=True)
    for count in (320, 30, 330):
        life.happen(count, 3600)
        poll(lake, life)
    assert [row["gap_reason"] for row in stored("feed_span")] == ["first_poll", "code,other", "code,other"]


def test_pushes_alone_that_overlap_prove_nothing_of_issues(lake, poll, stored):
    """Ids of code lie above all others: 300 pushes hide an issue that was opened before them."""
    life = FeedLife(1)
    for at in range(40):
        life.feed.publish("PushEvent", life.world.clock + at)
    life.feed.publish("IssuesEvent", life.world.clock + 40)
    life.world.advance(seconds=400)
    poll(lake, life)
    life.feed.publish("IssuesEvent", life.world.clock + 1)
    for at in range(280):
        life.feed.publish("PushEvent", life.world.clock + 2 + at)
    life.world.advance(seconds=900)
    poll(lake, life)
    assert [row["gap_reason"] for row in stored("feed_span")] == ["first_poll", "other"]


def test_a_quiet_feed_costs_no_quota_and_its_stretch_goes_on(lake, poll, stored):
    life = FeedLife(2)
    life.happen(150, 600)
    life.world.advance(seconds=400)
    poll(lake, life)
    used = life.app.limits.quota("good-token", "core", life.world.clock).used
    for _ in range(3):
        life.world.advance(seconds=1000)
        poll(lake, life)
    assert life.app.limits.quota("good-token", "core", life.world.clock).used == used
    (span,) = stored("feed_span")
    assert (span["poll_count"], span["span_end_at"]) == (4, life.now)


def test_short_pages_and_the_422_of_a_fourth_are_followed_to_their_end(lake, poll, stored):
    life = FeedLife(3)
    for at in range(290):
        life.feed.publish("WatchEvent", life.world.clock + at, is_hidden=at % 9 == 0)
    life.world.advance(seconds=900)
    poll(lake, life)
    assert len(stored()) == 290 - 33


def test_a_name_that_leads_to_another_repository_is_a_gap_and_said(lake, poll, stored):
    life = FeedLife(4)
    life.happen(10, 600)
    poll(lake, life)
    life.world.rename_repository(str(REPO), "acme/gone")
    other = life.world.add_repository(str(REPO))
    life.world.feeds[other.repository.repository_id].publish("WatchEvent", life.world.clock)
    life.world.advance(seconds=1000)
    poll(lake, life)
    assert stored("feed_span")[-1]["gap_reason"] == "another_repository"


def taken(life: FeedLife):
    """The feed of another repository that took the name."""
    life.world.rename_repository(str(REPO), "acme/gone")
    other = life.world.add_repository(str(REPO)).repository
    return life.world.feeds[other.repository_id]


def test_a_name_that_is_taken_before_its_feed_showed_anything_is_a_gap(lake, poll, stored):
    """An empty feed does not say whose it is; the first one's events of the meantime are in no poll."""
    life = FeedLife(4)
    poll(lake, life)
    life.happen(10, 600)
    taken(life).publish("WatchEvent", life.world.clock)
    life.world.advance(seconds=1000)
    poll(lake, life)
    assert [row["gap_reason"] for row in stored("feed_span")] == ["first_poll", "another_repository"]


def test_a_name_that_is_taken_by_another_silent_repository_is_a_gap_by_the_next_day(lake, poll, stored):
    life = FeedLife(4)
    poll(lake, life)
    life.happen(10, 600)
    other = taken(life).repository
    life.world.advance(to="2026-03-02T00:10:00Z")
    poll(lake, life)
    assert [row["gap_reason"] for row in stored("feed_span")] == ["first_poll", "another_repository"]
    assert feeds(lake.store).load().feeds[str(REPO)].target_id == other.repository_id


def test_an_empty_feed_whose_repository_does_not_answer_proves_nothing(lake, poll, stored):
    life = FeedLife(4)
    life.app.faults.append(Fault("status", f"/repos/{REPO}", skip=1, times=1, status=404))
    (polled,) = poll(lake, life).polls
    assert polled.span is None
    assert polled.state.trouble
    life.world.advance(seconds=1000)
    poll(lake, life)
    (span,) = stored("feed_span")
    assert span["span_begin_at"] == life.now


def test_a_feed_is_left_alone_until_a_third_of_its_rows_may_be_new(lake, poll):
    life = FeedLife(6)
    for at in range(300):
        life.feed.publish("WatchEvent", life.world.clock + 6 * at)
    life.world.advance(seconds=1800)
    poll(lake, life)
    assert feeds(lake.store).load().feeds[str(REPO)].wait_seconds == 600
    life.world.advance(seconds=590)
    assert poll(lake, life).polls == []
    life.world.advance(seconds=10)
    assert len(poll(lake, life).polls) == 1


def test_the_trouble_of_a_feed_is_kept_and_the_next_answer_goes_on(lake, poll, stored):
    life = FeedLife(7)
    life.happen(10, 600)
    poll(lake, life)
    repository = life.world.repositories.pop(life.feed.repository.repository_id)
    life.world.advance(seconds=1000)
    (found,) = poll(lake, life).polls
    assert "is not found" in found.state.trouble
    life.world.repositories[repository.repository_id] = repository
    life.world.advance(seconds=1000)
    (found,) = poll(lake, life).polls
    assert found.state.trouble == ""
    assert [row["gap_reason"] for row in stored("feed_span")] == ["first_poll"]


def test_a_forgotten_persons_feeds_are_in_no_table_and_no_state(lake, poll, con, stored):
    life = FeedLife(8)
    life.happen(10, 600)
    poll(lake, life)
    assert len(stored("feed_span")) == 1
    forget_in_events(lake, con, REPO.owner, projections())
    assert stored("feed_span") == stored("star_count") == []
    assert feeds(lake.store).load().feeds == {}


def test_of_two_processes_that_poll_one_ends_with_what_to_do(lake, poll, monkeypatch):
    life, bring = FeedLife(9), Poller._bring
    life.happen(5, 600)

    def beside_another(self, *told):
        monkeypatch.setattr(Poller, "_bring", bring)
        poll(lake, life)
        bring(self, *told)

    monkeypatch.setattr(Poller, "_bring", beside_another)
    with pytest.raises(LakeError, match="another process polls feeds into this lake; let one go on"):
        poll(lake, life)


def test_no_archive_may_be_called_as_polls_are():
    with pytest.raises(ValueError, match="feed is what polls are called"):
        parse_archives("feed=/data/hours")
