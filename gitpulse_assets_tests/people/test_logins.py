"""Somebody goes by the login of the answer that came last and told it, and is forgotten under every one."""

import pytest

from gitpulse_assets.contracts import contributors
from gitpulse_assets.lake.duck import connect
from gitpulse_assets.pipeline.merge import merge
from gitpulse_assets.repo import Repo
from gitpulse_assets.sandbox.faults import ALWAYS, Fault
from gitpulse_assets.sandbox.model import User
from gitpulse_assets.sandbox.times import DAY_SECONDS
from gitpulse_assets.sandbox.world import World
from gitpulse_assets.upkeep.persons import forget_person, repos_naming
from gitpulse_assets_tests.history.product import Reader
from gitpulse_assets_tests.people.silver import rows

REPO = Repo("acme", "rocket")


def test_who_was_renamed_goes_by_the_newest_login_though_an_answer_that_told_nothing_came_later(tmp_path):
    world = World("2026-01-01T00:00:00Z")
    acts = world.add_repository(REPO.key)
    alice = User(7, "alice", "User", "U_7")
    first, second = (acts.open(world.clock, None, "Title") for _ in range(2))
    for issue in (first, second):
        acts.comment(issue, world.clock, alice)
    reader = Reader(world, REPO, tmp_path / "lake")
    seen = []
    for changed in (None, second, first):
        world.advance(seconds=DAY_SECONDS)
        if changed is second:
            alice.login = "alice2"
            acts.forget_rendered()
        if changed is first:
            fault = Fault("unserved_issue", match="/graphql", issue_number=first.number, times=ALWAYS)
            reader.app.faults.append(fault)
        if changed:
            acts.comment(changed, world.clock - 60, None)
        reader.sync()
        with reader.gold() as con:
            found = con.execute("select person_login from mart_contributor where person_id = 7").fetchall()
            seen += [login for (login,) in found]
    assert seen == ["alice", "alice2", "alice2"]


@pytest.mark.parametrize(("forgotten", "left"), [("alice2", {("alice", 8)}), ("alice", {("alice2", 7)})])
def test_who_was_renamed_is_forgotten_under_the_former_login_and_its_new_bearer_is_not(
    tmp_path, forgotten, left
):
    world = World("2026-01-01T00:00:00Z")
    acts = world.add_repository(REPO.key)
    alice, other = User(7, "alice", "User", "U_7"), User(8, "alice", "User", "U_8")
    first, second = (acts.open(world.clock, None, "Title") for _ in range(2))
    for issue in (first, second):
        acts.comment(issue, world.clock, alice)
    reader = Reader(world, REPO, tmp_path / "lake")
    world.advance(seconds=DAY_SECONDS)
    reader.sync()
    alice.login = "alice2"
    acts.forget_rendered()
    for who in (alice, other):
        acts.comment(second, world.clock, who)
    world.advance(seconds=DAY_SECONDS)
    reader.sync()
    assert logins_of(reader) == {("alice", 7), ("alice2", 7), ("alice", 8)}
    forget_person(reader.lake, forgotten)
    assert repos_naming(reader.lake, forgotten) == {REPO}
    with connect() as con:
        merge(con, reader.lake, REPO, is_rebuild=True).publish()
    assert logins_of(reader) == left


def logins_of(reader: Reader) -> set[tuple[str, int]]:
    """Who is in the tables, by login and id."""
    said = rows(reader, contributors.CONVERSATION_EVENT)
    found = {(row["actor_login"], row["actor_id"]) for row in said}
    found |= {(row["author_login"], row["author_id"]) for row in rows(reader, contributors.ISSUE_COMMENT)}
    return {who for who in found if who[0] is not None}
