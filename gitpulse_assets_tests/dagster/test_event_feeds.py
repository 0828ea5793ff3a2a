"""The sensor that polls feeds: no run, and Dagster knows which days have more events."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest

from gitpulse_assets.automation.event_feeds import NO_TOKEN, event_feeds
from gitpulse_assets.automation.watching import NOTHING_WATCHED
from gitpulse_assets.resources import open_lake
from gitpulse_assets.sandbox.server import Sandbox, serve
from gitpulse_assets.sandbox.world import World
from gitpulse_assets.settings import load_settings
from gitpulse_assets.watch.state import ListedPage, Listing, Member, Membership, membership

KEY = "acme/rocket"
PAGE = ListedPage("", None, [])


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    world = World("2026-03-02T00:30:00Z")
    world.add_repository(KEY)
    with serve(world) as running:
        yield running


def watch(**listings: str) -> None:
    """`listings`: owners whose repositories are followed, with the list these came from."""
    state, now = membership(open_lake(load_settings()).store), datetime.now(UTC)
    state.load()
    pages = {owner: {f"http://sandbox/{kind}/{owner}/repos": PAGE} for owner, kind in listings.items()}
    state.save(
        Membership(
            {KEY: Member(KEY, KEY, now, is_first_run_due=False)},
            {owner: Listing(now, page) for owner, page in pages.items()},
        )
    )


def tick(instance: dg.DagsterInstance) -> dg.SensorResult:
    result = event_feeds(dg.build_sensor_context(instance=instance))
    assert isinstance(result, dg.SensorResult)
    return result


def said(result: dg.SensorResult) -> str:
    assert result.skip_reason is not None
    return str(result.skip_reason.skip_message)


def test_it_polls_asks_for_no_run_and_tells_of_the_days(home: Path, sandbox: Sandbox, instance):
    watch()
    feed = sandbox.app.world.feed(KEY)
    for seconds in (-3600, -60, -30):
        feed.publish("WatchEvent", sandbox.app.world.clock + seconds)
    result = tick(instance)
    assert not result.run_requests
    told = [(str(one.partition), one.metadata["added_count"].value) for one in result.asset_events]
    assert told == [("2026-03-01", 1), ("2026-03-02", 2)]
    assert said(result) == (
        "1 of 1 feeds polled, 3 events new; before 1 polls events may be missing, 0 failed"
    )


def test_without_a_watch_list_or_a_token_it_says_what_to_do(home: Path, instance, monkeypatch):
    assert said(tick(instance)) == NOTHING_WATCHED
    watch()
    monkeypatch.setenv("GITHUB_TOKEN", "")
    assert said(tick(instance)) == NO_TOKEN


def test_organisations_are_followed_and_people_who_have_no_feed_are_not(home, sandbox, instance):
    watch(acme="orgs", ada="users")
    assert said(tick(instance)).startswith("2 of 2 feeds polled, 0 events new")


def evaluations(instance) -> list[dg.AssetCheckEvaluation]:
    return [one for one in tick(instance).asset_events if isinstance(one, dg.AssetCheckEvaluation)]


def test_a_day_of_feeds_alone_is_checked_once_all_of_it_has_shown(home, sandbox, instance):
    """The check was made by runs that bring archives alone: of a gap of feeds nobody was told."""
    watch()
    world, checks = sandbox.app.world, []
    for at in ("02T00:50", "02T23:00", "03T06:50", "03T07:10", "03T07:30", "04T07:30"):
        world.advance(to=f"2026-03-{at}:00Z")
        if at == "04T07:30":
            # More than a feed holds: what came before them is not proven.
            for number in range(310):
                world.feed(KEY).publish("WatchEvent", world.clock - 310 + number)
        found = evaluations(instance)
        for one in found:
            instance.report_runless_asset_event(one)
        checks.append([one for one in found if one.check_name == "hours_are_whole"])
    assert [len(some) for some in checks] == [0, 0, 0, 1, 0, 1]
    first, second = checks[3][0], checks[5][0]
    assert (first.partition, first.metadata["whole_hour_count"].value) == ("2026-03-02", 23)
    assert (second.partition, second.passed) == ("2026-03-03", False)
    assert "no file of them was read, and no feed is whole" in str(second.description)


def test_counts_of_stars_that_cannot_be_fail_a_check_of_their_day(home, sandbox, instance):
    watch()
    world = sandbox.app.world
    repository = world.feed(KEY).repository
    repository.stars_before = 80
    checks = []
    for day, stars_before in enumerate((80, 180, 180), start=2):
        repository.stars_before = stars_before
        world.advance(to=f"2026-03-0{day}T08:00:00Z")
        checks += [one for one in evaluations(instance) if one.check_name == "stars_agree"]
    assert [(one.partition, one.check_name, one.passed) for one in checks] == [
        ("2026-03-02", "stars_agree", True),
        ("2026-03-03", "stars_agree", False),
    ]
    assert "acme/rocket: the repository counts more new stars than its feed" in str(checks[1].description)
