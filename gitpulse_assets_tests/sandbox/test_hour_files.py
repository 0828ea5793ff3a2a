"""The stand-in's archive: every event once, in the file of its hour; and ids that chance does not decide."""

import gzip
import json
from datetime import UTC, datetime

from gitpulse_assets.sandbox.app import SandboxApp
from gitpulse_assets.sandbox.history import generate
from gitpulse_assets.sandbox.hour_files import ARCHIVE_PREFIX, hour_file
from gitpulse_assets.sandbox.messages import Request
from gitpulse_assets.sandbox.plan import HistoryPlan
from gitpulse_assets.sandbox.public_life import live
from gitpulse_assets.sandbox.world import World

LOST = datetime(2026, 6, 30, 2, tzinfo=UTC)


def lively_world() -> World:
    plans = [HistoryPlan(f"acme/{name}", seed, 30, 20) for seed, name in enumerate("ab")]
    world = generate(plans, "2026-06-30T04:00:00Z")
    live(world, world.clock - 4 * 3600, world.clock + 900, seed=1, seconds_between=120)
    return world


def served(world: World, hour: int) -> tuple[int, list[dict]]:
    request = Request("GET", f"{ARCHIVE_PREFIX}2026-06-30-{hour}.json.gz", "", {}, "http://sandbox")
    answer = hour_file(world, {LOST}, request)
    lines = gzip.decompress(answer.body).splitlines() if answer.status == 200 else []
    return answer.status, [json.loads(line) for line in lines]


def test_each_event_is_in_the_file_of_its_hour_and_in_no_other():
    world = lively_world()
    found = [int(event["id"]) for hour in (0, 1, 3) for event in served(world, hour)[1]]
    happened = {
        event.event_id: datetime.fromtimestamp(event.created_at, UTC)
        for feed in world.feeds.values()
        for event in feed.events
    }
    assert len(set(found)) == len(found) > 100
    assert set(found) == {
        event_id for event_id, at in happened.items() if at.date() == LOST.date() and at.hour in (0, 1, 3)
    }


def test_a_lost_hour_and_one_that_is_not_over_have_no_file():
    world = lively_world()
    assert [served(world, hour)[0] for hour in (1, 2, 3, 4)] == [200, 404, 200, 404]
    world.advance(seconds=3600)
    assert served(world, 4)[0] == 200


def test_what_is_still_to_come_is_in_no_feed_before_the_clock_gets_there():
    world = lively_world()
    feed = world.feed("acme/a")
    before = len(feed.rows(world.clock))
    world.advance(seconds=900)
    assert len(feed.rows(world.clock)) > before
    assert all(event.created_at <= world.clock for event in feed.events)


def test_ids_do_not_depend_on_which_feed_is_asked_for_first():
    """The demo is run twice into one lake: other ids would be other events."""
    plans = [HistoryPlan(f"acme/{name}", seed, 30, 20) for seed, name in enumerate("ab")]
    one, other = generate(plans), generate(plans)
    for world, names in ((one, "ab"), (other, "ba")):
        app = SandboxApp(world)
        for name in names:
            app.answer(
                Request("GET", f"/repos/acme/{name}/events", "", {"user-agent": "t"}, "http://sandbox")
            )
    assert one.feed("acme/b").events
    assert [vars(event) for event in one.feed("acme/b").events] == [
        vars(event) for event in other.feed("acme/b").events
    ]
