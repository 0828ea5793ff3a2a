"""Somebody goes by the login of the answer that came last and told it, whatever was asked for since."""

from gitpulse_assets.repo import Repo
from gitpulse_assets.sandbox.faults import ALWAYS, Fault
from gitpulse_assets.sandbox.model import User
from gitpulse_assets.sandbox.times import DAY_SECONDS
from gitpulse_assets.sandbox.world import World
from gitpulse_assets_tests.history.product import Reader

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
