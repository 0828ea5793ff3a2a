"""The firehose: a sample that is never called complete, and how much of the truth it shows."""

import gzip
import json
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from gitpulse_assets.events.feed_state import feeds
from gitpulse_assets.events.feeds import Poller
from gitpulse_assets.events.forgetting import forget_in_events
from gitpulse_assets.events.projection import projections
from gitpulse_assets.github.client import GitHubClient
from gitpulse_assets.github.target import Firehose, Owner
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.repo import Repo
from gitpulse_assets_tests.events.organisation import Organisation, ask, polled
from gitpulse_assets_tests.lake.test_crash import Crash, CrashingStore

ACME, FIREHOSE = Owner("acme"), Firehose()


def lived(lake: Lake, con, *, polls_die: bool = False) -> Organisation:
    """Polls in 20 minutes, of the firehose, too; then eight hours in which all shows up."""
    of = Organisation()
    of.world.add_repository("other/unwatched")
    polled(lake, con, of, ACME, FIREHOSE)
    for number in range(3):
        of.happen("rocket", 40, 200)
        of.happen("moon", 20, 200)
        for event_type in ("PushEvent", "WatchEvent") * 20:
            of.world.feed("other/unwatched").publish(event_type, of.world.clock - number)
        if polls_die:
            dying = Lake(CrashingStore(lake.store, 3 + 4 * number, is_after=False))  # pyright: ignore[reportArgumentType]
            with suppress(Crash):
                polled(dying, con, of, ACME, FIREHOSE)
        polled(lake, con, of, FIREHOSE, ACME)
    of.world.advance(seconds=8 * 3600)
    polled(lake, con, of, ACME)
    return of


def truth(of: Organisation) -> dict[str, tuple[int, int]]:
    """By type: the events of the followed repositories, and those of them that the firehose showed."""
    every, shown = Counter(), Counter()
    for name in ("acme/rocket", "acme/moon"):
        for event in of.world.feed(name).events:
            event_type = json.loads(event.body)["type"]
            every[event_type] += 1
            shown[event_type] += event.event_id in of.world.firehose_shown
    return {event_type: (shown[event_type], every[event_type]) for event_type in every}


@pytest.mark.parametrize("polls_die", [False, True])
def test_its_share_is_that_of_the_events_of_repositories_whose_own_feeds_are_whole(lake, con, polls_die):
    of = lived(lake, con, polls_die=polls_die)
    rows = ask(lake, "firehose_share").rows.to_pylist()
    assert {row["event_type"]: (row["shown_count"], row["complete_count"]) for row in rows} == truth(of)
    for row in rows:
        assert row["share"] == pytest.approx(row["shown_count"] / row["complete_count"])
        assert 0 <= row["share_at_least"] <= row["share"] <= row["share_at_most"] <= 1
    by_type = {row["event_type"]: row["share"] for row in rows}
    assert by_type["PushEvent"] > by_type["WatchEvent"]


def test_counts_of_it_are_never_called_whole_and_say_that_it_is_a_sample(lake, con, stored):
    lived(lake, con)
    assert {row["repository_name"] for row in stored("feed_span")} == {"acme/*"}
    others = {row["first_seen_source"] for row in stored() if row["repository_name"] == "other/unwatched"}
    assert others == {"firehose"}
    assert "other/unwatched" not in {row["repository_name"] for row in stored("firehose_event")}
    found = ask(lake, "event_count_offset", offset="1440")
    assert found.reason is not None
    assert found.reason.endswith("a sample: the metric firehose_share says of what part.")
    # Nor in an hour in which all that is followed is whole: what others did is a sample there, too.
    short = ask(lake, "active_repositories", offset="3")
    assert {row["repository_name"] for row in short.rows.to_pylist()} > {"other/unwatched"}
    assert short.coverage is not None
    assert (short.coverage.share_whole, "a sample of all others" in str(short.reason)) == (0, True)
    other = ask(lake, "avg_pr_time", repository="other/unwatched")
    assert other.coverage is not None
    assert other.coverage.share_whole == 0


def test_private_repositories_of_an_organisation_whose_feed_is_whole_are_no_part_of_its_share(lake, con):
    of = Organisation()
    polled(lake, con, of, ACME, FIREHOSE)
    of.happen("secret", 30, 100)
    of.happen("moon", 30, 100)
    # Its own feed, which tells that it is private, is proven nowhere.
    polled(lake, con, of, Repo("acme", "secret"), ACME, FIREHOSE)
    of.world.advance(seconds=8 * 3600)
    polled(lake, con, of, ACME)
    rows = ask(lake, "firehose_share").rows.to_pylist()
    assert sum(row["complete_count"] for row in rows) == 30


def test_a_repository_that_was_renamed_is_part_of_its_share_by_its_id(lake, con):
    """By the names as sent, no event of it was met by the feed that is asked for by the former one."""
    of, rocket = Organisation(), Repo("acme", "rocket")
    of.happen("rocket", 1, 60)
    polled(lake, con, of, rocket, FIREHOSE)
    of.world.advance(seconds=3540)
    of.world.rename_repository("acme/rocket", "moon/booster")
    feed = of.world.feed("moon/booster")
    for number in range(30):
        feed.publish("PushEvent", of.world.clock + 900 + number)
    of.world.advance(seconds=1000)
    polled(lake, con, of, FIREHOSE, rocket)
    of.world.advance(seconds=8 * 3600)
    polled(lake, con, of, rocket)
    (row,) = ask(lake, "firehose_share").rows.to_pylist()
    shown = sum(one.event_id in of.world.firehose_shown for one in feed.events)
    assert (row["complete_count"], row["shown_count"]) == (30, shown)
    assert shown > 0


def test_it_is_left_alone_as_long_as_github_asks(lake, con):
    of = Organisation()
    polled(lake, con, of, FIREHOSE)
    of.world.advance(seconds=59)
    assert polled(lake, con, of, FIREHOSE).polls == []
    of.world.advance(seconds=1)
    assert [poll.is_sample for poll in polled(lake, con, of, FIREHOSE).polls] == [True]
    assert feeds(lake.store).load().feeds["*/*"].asked_at == datetime.fromtimestamp(of.world.clock, UTC)


class Recorded(httpx.BaseTransport):
    """Answers of the firehose as they were recorded, one a poll."""

    def __init__(self, bodies: Sequence[Sequence[Any]]) -> None:
        self.bodies, self.now = iter(bodies), datetime(2025, 5, 12, tzinfo=UTC)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        headers = {"date": format_datetime(self.now, usegmt=True), "x-poll-interval": "60"}
        return httpx.Response(200, headers=headers, json=next(self.bodies))


@pytest.mark.recorded
@pytest.mark.parametrize("count", [3, pytest.param(None, marks=pytest.mark.slow)])
def test_the_recorded_polls_come_once_each_by_the_way_that_polls_take(
    recorded_data, lake, con, stored, count: int | None
):
    with gzip.open(recorded_data / "public_events_polls" / "events.polls.jsonl.gz", "rb") as file:
        bodies = [json.loads(line)["body"] for line in file][:count]
    transport = Recorded(bodies)
    with GitHubClient(
        api_url="https://api.github.com",
        graphql_url="https://api.github.com/graphql",
        tokens=[SecretStr("good-token")],
        http_transport=transport,
    ) as client:
        poller = Poller(lake, con, client, projections())
        for _ in bodies:
            assert len(poller.poll([FIREHOSE], transport.now).polls) == 1
            transport.now += timedelta(seconds=61)
    keys = {(one["id"], one["type"], one["created_at"]) for body in bodies for one in body}
    assert Counter(row["event_type"] for row in stored()) == Counter(kind for _, kind, _ in keys)


def test_what_is_private_is_not_in_it_and_a_forgotten_person_s_repositories_neither(lake, con, stored):
    of = Organisation()
    polled(lake, con, of, Repo("acme", "secret"), ACME)
    of.happen("secret", 50, 60)
    of.happen("moon", 50, 200)
    polled(lake, con, of, FIREHOSE)
    assert {row["repository_name"] for row in stored("firehose_event")} == {"acme/moon"}
    forget_in_events(lake, con, "acme", projections())
    assert stored("firehose_event") == []
