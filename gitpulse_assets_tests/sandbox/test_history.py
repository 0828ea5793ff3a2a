"""Generated histories: deterministic, steered, and served as their truth says."""

from collections import Counter
from dataclasses import replace

import pytest

from gitpulse_assets.sandbox.history import generate
from gitpulse_assets.sandbox.plan import HistoryPlan
from gitpulse_assets.sandbox.render import issue_bytes
from gitpulse_assets.sandbox.truth import ENTER_KINDS, LEAVE_KINDS
from gitpulse_assets.sandbox.world import World

NAME = "octo/repo"
ODD = HistoryPlan(
    NAME,
    issue_count=400,
    day_count=300,
    reopened_share=0.2,
    closed_again_share=0.1,
    transferred_in_share=0.05,
    transferred_out_share=0.05,
    deleted_share=0.05,
    converted_share=0.05,
    hidden_share=0.05,
)


def records(world: World) -> list[bytes]:
    return [issue_bytes(issue) for issue in world.acts_on(NAME).repository.listed]


def open_issue_ids(world: World) -> set[int]:
    issues = world.acts_on(NAME).repository.issues.values()
    return {issue.issue_id for issue in issues if issue.state == "open" and not issue.is_pull_request}


def test_the_same_seed_gives_the_same_history():
    first, second = generate([ODD]), generate([ODD])
    assert records(first) == records(second)
    assert first.truth(NAME).transitions == second.truth(NAME).transitions


def test_another_seed_gives_another_history():
    assert records(generate([ODD])) != records(generate([replace(ODD, seed=2)]))


def test_advancing_in_steps_ends_as_advancing_at_once():
    at_once, in_steps = generate([ODD]), generate([ODD])
    at_once.advance(to="2026-09-01T00:00:00Z")
    for day in range(1, 32):
        in_steps.advance(to=f"2026-07-{day:02d}T{day % 24:02d}:00:00Z")
    in_steps.advance(to="2026-09-01T00:00:00Z")
    assert records(at_once) == records(in_steps)
    assert at_once.truth(NAME).transitions == in_steps.truth(NAME).transitions


def test_advancing_only_adds_to_the_truth():
    world = generate([ODD])
    before = list(world.truth(NAME).transitions)
    world.advance(seconds=30 * 86_400)
    after = world.truth(NAME).transitions
    assert after[: len(before)] == before
    assert len(after) > len(before) + 20


@pytest.mark.parametrize("seed", range(5))
def test_the_truth_ends_with_the_issues_that_are_served_open(seed):
    world = generate([replace(ODD, seed=seed)])
    truth = world.truth(NAME)
    still_open = {
        issue_id for issue_id, spans in truth.open_intervals.items() if spans and spans[-1][1] is None
    }
    assert still_open == open_issue_ids(world)
    assert truth.daily(world.clock)[-1].open_at_end == truth.open_count == len(still_open)


@pytest.mark.parametrize("seed", range(5))
def test_an_issue_enters_and_leaves_in_turn(seed):
    transitions = generate([replace(ODD, seed=seed)]).truth(NAME).transitions
    stock: Counter[int] = Counter()
    for transition in transitions:
        assert transition.kind in (ENTER_KINDS if transition.delta > 0 else LEAVE_KINDS)
        stock[transition.issue_id] += transition.delta
        assert stock[transition.issue_id] in (0, 1)


def test_every_kind_of_transition_and_event_occurs():
    world = generate([ODD])
    assert {transition.kind for transition in world.truth(NAME).transitions} == {*ENTER_KINDS, *LEAVE_KINDS}
    repository = world.acts_on(NAME).repository
    issues = [issue for issue in repository.issues.values() if not issue.is_pull_request]
    assert {issue.state_reason for issue in issues} == {
        None,
        "completed",
        "not_planned",
        "duplicate",
        "reopened",
    }
    assert {issue.departure for issue in repository.departed.values()} == {
        "deleted",
        "hidden",
        "transferred_out",
    }
    assert any(event.actor is None for issue in issues for event in issue.events)
    assert any(issue.author and issue.author.login == "ghost" for issue in issues)


def test_updated_at_ties_and_closings_trail_closed_at():
    issues = generate([replace(ODD, bulk_touches_per_year=30)]).acts_on(NAME).repository.issues.values()
    assert max(Counter(issue.updated_at for issue in issues).values()) > 5
    lags = Counter(issue.events[-1].at - issue.closed_at for issue in issues if ends_in_closing(issue))
    assert set(lags) == {0, 1, 2}


def ends_in_closing(issue) -> bool:
    is_first = [event.kind for event in issue.events].count("closed") == 1
    return issue.state == "closed" and is_first and issue.events[-1].kind == "closed"


def test_a_transferred_issue_is_older_than_its_arrival():
    issues = generate([ODD]).acts_on(NAME).repository.issues.values()
    arrived = [issue for issue in issues if any(event.kind == "transferred" for event in issue.events)]
    assert arrived
    for issue in arrived:
        kinds = [event.kind for event in issue.events]
        assert issue.created_at < issue.events[kinds.index("transferred")].at


def test_issues_move_between_repositories_of_a_world():
    plans = [replace(ODD, transferred_out_share=0.1), replace(ODD, full_name="octo/other")]
    world = generate(plans)
    moved = [issue.moved_to for issue in world.acts_on(NAME).repository.departed.values() if issue.moved_to]
    assert {issue.repository.full_name for issue in moved} == {"octo/other", "elsewhere/outside"}


@pytest.mark.parametrize("oddity", ["closed_before_created_share", "closed_at_null_share_of_closings"])
def test_odd_records_come_only_on_request(oddity):
    def odd_count(plan: HistoryPlan) -> int:
        issues = generate([plan]).acts_on(NAME).repository.issues.values()
        closed = [issue for issue in issues if issue.closed_at is not None]
        return sum(issue.closed_at < issue.created_at or issue.hides_closed_at for issue in closed)

    assert odd_count(replace(ODD, transferred_in_share=0)) == 0
    assert odd_count(replace(ODD, **{oddity: 0.2})) > 20


@pytest.mark.parametrize("tendency", ["growing", "shrinking", "neither"])
def test_a_repository_has_the_tendency_that_is_asked_for(tendency):
    plan = HistoryPlan(NAME, issue_count=2400, day_count=730, tendency=tendency, bulk_closings_per_year=0)
    world = generate([plan])
    days = world.truth(NAME).daily(world.clock)
    changes = [days[-1].open_at_end - days[-1 - window].open_at_end for window in (90, 180)]
    share = [change / days[-1].open_at_end for change in changes]
    within = {"growing": (0.05, 9), "shrinking": (-9, -0.05), "neither": (-0.06, 0.06)}[tendency]
    assert all(within[0] < each < within[1] for each in share)


def test_issue_count_is_met():
    repository = generate([replace(ODD, transferred_in_share=0)]).acts_on(NAME).repository
    issues = [*repository.issues.values(), *repository.departed.values()]
    opened_in_plan = [
        issue for issue in issues if not issue.is_pull_request and issue.created_at < 1_782_777_600
    ]
    assert len(opened_in_plan) == ODD.issue_count
