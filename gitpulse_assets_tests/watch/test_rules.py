"""The pure rules of the watch: whose turn it is, how long to wait, who is wanted, what a budget has."""

from datetime import UTC, datetime, timedelta

import pytest

from gitpulse_assets.watch.budget import Left, Size, SyncCost, by_token, first_cost, hours_needed
from gitpulse_assets.watch.looking import after_run, failed, in_turn, is_due
from gitpulse_assets.watch.membership import Identity, Wanted, due_owners, follow, wanted_repos
from gitpulse_assets.watch.state import ListedPage, Listing, Member, Membership, OwnedRepository, Sight
from gitpulse_assets.watch.watch_list import WatchedOrganization, WatchList

NOW = datetime(2026, 7, 1, tzinfo=UTC)


@pytest.mark.parametrize(("cursor", "order"), [("", "abc"), ("a", "bca"), ("b", "cab"), ("x", "abc")])
def test_those_behind_the_cursor_come_first(cursor: str, order: str):
    assert "".join(in_turn(["c", "a", "b"], cursor)) == order


def test_pauses_double_up_to_a_day():
    sight, pauses = Sight(), []
    for _ in range(12):
        sight = failed(sight, "why", NOW)
        assert sight.not_before is not None
        pauses.append((sight.not_before - NOW) / timedelta(minutes=1))
        assert not is_due(sight, NOW)
    assert pauses[:4] == [5, 10, 20, 40]
    assert pauses[-1] == 24 * 60


@pytest.mark.parametrize(
    ("end", "settled", "failures"), [("success", "m", 0), ("failure", "", 2), ("none", "", 1)]
)
def test_what_the_end_of_a_run_means(end, settled: str, failures: int):
    asked = Sight(asked_mark="m", asked_at=NOW, failure_count=1)
    found = after_run(asked, end, NOW)
    assert (found.settled_mark, found.failure_count, found.asked_at) == (settled, failures, None)


def listing(*repositories: OwnedRepository, **details) -> Listing:
    return Listing(NOW, {"u": ListedPage("e", None, list(repositories))}, **details)


def test_archived_forked_and_issueless_repositories_are_left_out():
    found = listing(
        OwnedRepository(1, "Acme/one"),
        OwnedRepository(2, "acme/two", archived=True),
        OwnedRepository(3, "acme/three", fork=True),
        OwnedRepository(4, "acme/four", has_issues=False),
    )
    usual, all_ = (
        WatchList(
            organizations=(WatchedOrganization(name="acme", include_archived=open_, include_forks=open_),)
        )
        for open_ in (False, True)
    )
    assert wanted_repos(usual, {"acme": found}) == {"acme/one": Wanted("acme/*", 1)}
    assert sorted(wanted_repos(all_, {"acme": found})) == ["acme/one", "acme/three", "acme/two"]


def test_organisations_are_asked_for_once_an_hour():
    wanted = WatchList(organizations=tuple(WatchedOrganization(name=name) for name in ("new", "kept", "bad")))
    kept = {"kept": listing(), "bad": listing(trouble="why")}
    assert due_owners(wanted, kept, NOW) == ["new", "bad"]
    assert due_owners(wanted, kept, NOW + timedelta(hours=1)) == ["new", "kept", "bad"]


def test_two_names_of_one_repository_are_one_member():
    wanted = {"acme/old": Wanted("gitpulse.yaml"), "acme/new": Wanted("gitpulse.yaml")}
    identities = {name: Identity(7, "acme/new") for name in wanted}
    step = follow(Membership(), wanted, identities, {}, (), NOW)
    assert list(step.members) == ["acme/old"]
    assert step.members["acme/old"].name == "acme/new"
    assert step.members["acme/old"].is_first_run_due


def test_what_was_refreshed_by_hand_under_an_old_name_keeps_its_key():
    step = follow(
        Membership(),
        {"acme/new": Wanted("x")},
        {"acme/new": Identity(7, "acme/new")},
        {"acme/old": 7, "acme/never-merged": None},
        (),
        NOW,
    )
    assert step.members["acme/old"] == Member("acme/new", "x", NOW, 7)
    assert (step.new, step.returned) == ([], ["acme/old"])


@pytest.mark.parametrize(
    ("name", "place", "identity", "is_new"),
    [
        ("acme/old", Wanted("x"), None, False),
        ("acme/renamed", Wanted("x"), None, False),
        ("acme/again", Wanted("x", 7), None, False),
        ("acme/again", Wanted("x"), Identity(7, "acme/again"), False),
        ("acme/gone", Wanted("x"), Identity(trouble="not found"), False),
        ("acme/new", Wanted("x"), Identity(8, "acme/new"), True),
    ],
)
def test_a_name_is_new_only_where_no_member_goes_by_it(
    name: str, place: Wanted, identity: Identity | None, is_new: bool
):
    state = Membership({"acme/old": Member("acme/renamed", "x", NOW, 7)})
    found = {name: identity} if identity else {}
    assert follow(state, {name: place}, found, {}, (), NOW).new == ([name] if is_new else [])


def test_a_first_refresh_is_counted():
    size = Size(issue_count=250, pull_request_count=151)
    assert (first_cost(size, has_token=True).request_count, first_cost(size, has_token=True).point_count) == (
        8,
        5,
    )
    assert first_cost(size, has_token=False).point_count == 0


@pytest.mark.parametrize(
    ("requests", "points", "hours"), [(100, 50, 0), (101, 0, 1), (0, 51, 1), (100 + 2 * 5000 + 1, 0, 3)]
)
def test_how_often_the_budget_has_to_come_back(requests: int, points: int, hours: int):
    assert hours_needed(SyncCost(requests, points), Left(100, 5000, 50, 5000, 0)) == hours


def test_repositories_of_one_token_share_its_budget():
    sums = by_token([("a", SyncCost(1, 2, 3.0)), ("b", SyncCost(9)), ("a", SyncCost(1, 1, 1.0))])
    assert sums == {"a": SyncCost(2, 3, 4.0), "b": SyncCost(9)}
