"""Case 28: an issue transferred in and closed within one second, told by its events; both flows were lost.

From an independent reading of the ledger's rules; no public thread was found. GitHub's times are whole
seconds, so only the order of the events tells whether an issue arrived closed.
"""

import pytest

from gitpulse_assets.repo import Repo
from gitpulse_assets.sandbox.world import World
from gitpulse_assets_tests.history.product import Reader

HERE, THERE = "octo-org/hello", "elsewhere/outside"
DAY_SECONDS = 86_400


@pytest.fixture(params=["good", pytest.param("", marks=pytest.mark.slow)], ids=["graphql", "rest events"])
def reader(tmp_path, request):
    world = World("2026-01-01T12:00:00Z")
    for name in (HERE, THERE):
        world.add_repository(name)
    return Reader(world, Repo.parse(HERE), tmp_path, token=request.param, with_events=not request.param)


@pytest.fixture
def arrive(reader):
    """Open an issue elsewhere, move it here a day later, and return what is played on it then."""
    world = reader.world
    here, there = world.acts_on(HERE), world.acts_on(THERE)

    def run(before=lambda there, origin, at: None):
        origin = there.open(world.clock, None, "Title")
        world.advance(seconds=DAY_SECONDS)
        before(there, origin, world.clock)
        return here, there.transfer(origin, world.clock, None, here), world.clock

    return run


@pytest.fixture
def ledger(reader):
    """Refresh a day later; the kinds of the transitions, and the stock at the end."""

    def read():
        reader.world.advance(seconds=DAY_SECONDS)
        reader.sync()
        with reader.gold() as con:
            days = con.sql("select max_by(open_at_end, flow_date) from mart_issue_daily_flow").fetchall()
        return [kind for _, _, kind in reader.transitions()], days[0][0] or 0

    return read


def test_28_an_issue_closed_in_the_second_of_its_arrival_came_and_was_closed(arrive, ledger):
    here, issue, now = arrive()
    here.close(issue, now, None)
    assert ledger() == (["transferred_in", "closed"], 0)


@pytest.mark.parametrize("lag", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_28_cousin_its_closing_is_told_by_a_later_event(arrive, ledger, lag):
    here, issue, now = arrive()
    here.close(issue, now, None, event_lag_seconds=lag)
    assert ledger() == (["transferred_in", "closed"], 0)


@pytest.mark.slow
def test_28_cousin_it_is_converted_to_a_discussion_in_that_second(arrive, ledger):
    here, issue, now = arrive()
    here.convert(issue, now, None)
    assert ledger() == (["transferred_in", "converted"], 0)


def test_28_cousin_it_is_closed_and_reopened_in_that_second(arrive, ledger):
    here, issue, now = arrive()
    here.close(issue, now, None)
    here.reopen(issue, now, None)
    assert ledger() == (["transferred_in", "closed", "reopened"], 1)


def test_28_cousin_closed_before_it_left_in_that_second_it_arrives_closed(arrive, ledger):
    arrive(before=lambda there, origin, at: there.close(origin, at, None))
    assert ledger() == ([], 0)


def test_28_cousin_it_moves_on_closed_in_that_second(reader, arrive, ledger):
    here, issue, now = arrive()
    reader.sync()
    here.close(issue, now, None)
    here.transfer(issue, now, None, reader.world.acts_on(THERE))
    assert ledger()[1] == 0
