"""Which lifecycles are asked for again, and which answers are another repository's."""

from dataclasses import replace

import pytest

from gitpulse_assets.collect import refresh
from gitpulse_assets.contracts.silver import (
    ISSUE_CURRENT,
    ISSUE_EVENT,
    LIFECYCLE_COVERAGE,
)
from gitpulse_assets.github.lifecycle import Lifecycles
from gitpulse_assets.lake.duck import connect
from gitpulse_assets.repo import Repo
from gitpulse_assets.sandbox.world import World
from gitpulse_assets.transform.sql_file import load_sql

REPO = Repo("acme", "one")


@pytest.fixture
def world() -> World:
    """Three open issues in each of two repositories, a day old."""
    world = World("2026-01-01T00:00:00Z")
    for name in ("acme/one", "acme/two"):
        acts = world.add_repository(name)
        for _ in range(3):
            acts.open(world.clock, None, "Old")
    world.advance(seconds=86400)
    return world


def sync_a_day_later(product, **options) -> None:
    product.world.advance(seconds=86400)
    product.sync(**options)


def cut_count(product) -> int:
    return product.table(LIFECYCLE_COVERAGE)["is_complete"].to_pylist().count(False)


def test_a_timeline_that_did_not_come_whole_is_asked_for_again_by_a_full_refresh(
    world, make_product, monkeypatch
):
    really = Lifecycles._lifecycle
    with monkeypatch.context() as cut:
        cut.setattr(
            Lifecycles,
            "_lifecycle",
            lambda *asked: replace(found := really(*asked), is_complete=found.issue_number != 2),
        )
        product = make_product(world, repo=REPO)
        product.sync()
    sync_a_day_later(product)
    assert cut_count(product) == 1
    assert not [served for served in product.app.log if "graphql" in served.target]
    sync_a_day_later(product, is_full=True)
    assert cut_count(product) == 0


def move_before_lifecycles(monkeypatch, world: World) -> None:
    """Let issue 1 leave for acme/two, and be talked about there, once the list was read."""
    here, there = world.acts_on("acme/one"), world.acts_on("acme/two")
    really = refresh.collect_lifecycles

    def collect_lifecycles(*arguments, **options):
        moved = here.transfer(here.repository.issues[1], world.clock, None, there)
        assert moved
        there.comment(moved, world.clock + 5)
        world.advance(seconds=10)
        return really(*arguments, **options)

    monkeypatch.setattr(refresh, "collect_lifecycles", collect_lifecycles)


def test_an_issue_that_moved_after_the_list_was_read_is_no_issue_of_ours(world, make_product, monkeypatch):
    """Nothing is stored under the id it has there; once it is known to have left, nothing is missing."""
    product = make_product(world, repo=REPO)
    product.sync()
    ours = set(product.table(ISSUE_CURRENT)["issue_id"].to_pylist())
    world.advance(seconds=86400)
    acts = world.acts_on(REPO.key)
    acts.comment(acts.repository.issues[1], world.clock)
    world.advance(seconds=3600)
    with monkeypatch.context() as patched:
        move_before_lifecycles(patched, world)
        product.sync()
    assert product.unknown_slices() == ["1 issue whose lifecycle is not collected as far as its record"]
    sync_a_day_later(product, is_full=True)
    for table in (ISSUE_EVENT, LIFECYCLE_COVERAGE):
        assert set(product.table(table)["issue_id"].to_pylist()) <= ours
    assert product.unknown_slices() == []


@pytest.mark.parametrize(("fetched_at", "broken_count"), [("2026-01-01", 1), ("2026-01-03", 0)])
def test_events_of_issues_we_do_not_hold_are_reported(fetched_at: str, broken_count: int):
    """Not those that came after the newest record: the next refresh lists their issue."""
    with connect() as con:
        key = "'acme' as repo_owner, 'one' as repo_name"
        fetched = "timestamptz '2026-01-02' as fetched_at"
        con.execute(f"create temp table issue_current as select {key}, 1 as issue_id, {fetched}")
        con.execute("create temp view all_issue as from issue_current")
        con.execute(
            f"create temp table issue_event as select {key}, unnest([1, 2]) as issue_id, 'E' as event_id,"
            f" 'closed' as kind, timestamptz '{fetched_at}' as fetched_at"
        )
        assert len(con.sql(load_sql("checks", "no_orphan_events")).fetchall()) == broken_count
