"""What a reader can know of a history, from the walks it made."""

import pytest

from gitpulse_assets.sandbox.history import generate
from gitpulse_assets.sandbox.plan import HistoryPlan
from gitpulse_assets.sandbox.times import iso, parse_iso
from gitpulse_assets.sandbox.truth import Transition, Walk


def walks(*times: str) -> list[Walk]:
    """Full walks; one that ends in `~` is incremental."""
    return [Walk(parse_iso(time.rstrip("~")), not time.endswith("~")) for time in times]


def told(transitions: list[Transition]) -> list[tuple[str, str]]:
    return [(iso(transition.at)[:10], transition.kind) for transition in transitions]


def test_a_deletion_takes_effect_when_a_full_walk_misses_the_issue(script):
    issue = script.open("2026-01-01")
    script.at(script.acts.delete, issue, "2026-01-05")
    known = script.acts.truth.known_by(walks("2026-01-02", "2026-01-06~", "2026-01-09"))
    assert told(known) == [("2026-01-01", "opened"), ("2026-01-09", "deleted")]
    assert told(script.acts.truth.transitions)[-1] == ("2026-01-05", "deleted")


def test_a_readable_transfer_keeps_its_date(script):
    issue = script.open("2026-01-01")
    script.at(script.acts.transfer, issue, "2026-01-05", None, script.neighbour("octo/there"))
    known = script.acts.truth.known_by(walks("2026-01-02", "2026-01-09"))
    assert told(known) == [("2026-01-01", "opened"), ("2026-01-05", "transferred_out")]


def test_before_a_full_walk_nothing_has_left(script):
    issue = script.open("2026-01-01")
    script.at(script.acts.delete, issue, "2026-01-05")
    assert told(script.acts.truth.known_by(walks("2026-01-02", "2026-01-09~"))) == [("2026-01-01", "opened")]


def test_an_issue_that_no_walk_met_is_unknown(script):
    issue = script.open("2026-01-03")
    script.at(script.acts.delete, issue, "2026-01-05")
    assert script.acts.truth.known_by(walks("2026-01-02", "2026-01-09")) == []


def test_a_closing_between_the_last_sight_and_the_deletion_stays_unknown(script):
    issue = script.open("2026-01-01")
    script.at(script.acts.close, issue, "2026-01-04", None)
    script.at(script.acts.delete, issue, "2026-01-05")
    known = script.acts.truth.known_by(walks("2026-01-02", "2026-01-09"))
    assert told(known) == [("2026-01-01", "opened"), ("2026-01-09", "deleted")]


def test_an_issue_comes_back_when_the_next_walk_meets_it(script):
    issue = script.open("2026-01-01")
    script.at(script.acts.hide, issue, "2026-01-05")
    script.at(script.acts.restore, issue, "2026-01-12")
    known = script.acts.truth.known_by(walks("2026-01-02", "2026-01-09", "2026-01-15~"))
    assert told(known) == [("2026-01-01", "opened"), ("2026-01-09", "deleted"), ("2026-01-15", "returned")]


def test_a_return_between_two_walks_is_unknown(script):
    issue = script.open("2026-01-01")
    script.at(script.acts.hide, issue, "2026-01-05")
    script.at(script.acts.restore, issue, "2026-01-10")
    script.at(script.acts.hide, issue, "2026-01-12")
    known = script.acts.truth.known_by(walks("2026-01-02", "2026-01-09", "2026-01-15"))
    assert told(known) == [("2026-01-01", "opened"), ("2026-01-09", "deleted")]


def test_an_absence_between_two_full_walks_is_unknown(script):
    issue = script.open("2026-01-01")
    script.at(script.acts.hide, issue, "2026-01-05")
    script.at(script.acts.restore, issue, "2026-01-07")
    assert told(script.acts.truth.known_by(walks("2026-01-02", "2026-01-09"))) == [("2026-01-01", "opened")]


def test_an_issue_transferred_in_closed_enters_when_it_is_reopened(script):
    there = script.neighbour("octo/there")
    origin = there.open(parse_iso("2025-06-01"), script.author, "Title")
    there.close(origin, parse_iso("2025-07-01"), None)
    issue = there.transfer(origin, parse_iso("2026-01-01"), None, script.acts)
    script.at(script.acts.reopen, issue, "2026-01-03", None)
    assert told(script.acts.truth.transitions) == [("2026-01-03", "reopened")]
    assert script.acts.truth.known_by(walks("2026-01-04")) == script.acts.truth.transitions


@pytest.mark.parametrize("seed", range(8))
def test_without_undated_departures_one_walk_knows_all(seed):
    plan = HistoryPlan(
        "octo/repo",
        seed=seed,
        issue_count=250,
        transferred_out_share=0,
        deleted_share=0,
        hidden_share=0,
        reopened_share=0.3,
        closed_before_created_share=0.02,
    )
    world = generate([plan])
    truth = world.truth("octo/repo")
    known = truth.known_by([Walk(world.clock)])
    assert sorted(map(repr, known)) == sorted(map(repr, truth.transitions))


@pytest.mark.parametrize("seed", range(8))
def test_the_last_full_walk_knows_the_stock(seed):
    plan = HistoryPlan("octo/repo", seed=seed, issue_count=250, deleted_share=0.1, hidden_share=0.1)
    world = generate([plan])
    moments = [world.clock - days * 86_400 for days in (120, 90, 61, 33, 7, 0)]
    known = world.truth("octo/repo").known_by([Walk(at) for at in moments])
    assert sum(transition.delta for transition in known) == world.truth("octo/repo").open_count
