"""Somebody goes by the login of the answer that came last and told it, and is forgotten under every one."""

import shutil
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import dagster as dg
import pytest

from gitpulse_assets.commands import forget
from gitpulse_assets.contracts import contributors
from gitpulse_assets.lake.duck import connect
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.members.looking import look, roll_of
from gitpulse_assets.pipeline.merge import merge
from gitpulse_assets.place import Organization
from gitpulse_assets.repo import Repo
from gitpulse_assets.sandbox.faults import ALWAYS, Fault
from gitpulse_assets.sandbox.model import User
from gitpulse_assets.sandbox.times import DAY_SECONDS
from gitpulse_assets.sandbox.world import World
from gitpulse_assets.upkeep.persons import forget_person, repos_naming
from gitpulse_assets_tests.history.product import Reader
from gitpulse_assets_tests.people.silver import rows

REPO, SPOON, ACME = Repo("acme", "rocket"), Repo("acme", "spoon"), Organization("acme")


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


@pytest.fixture(scope="module")
def renamed(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    """Whoever read what alice said before and after she was renamed, and what the next alice did."""
    world = World("2026-01-01T00:00:00Z")
    acts = world.add_repository(REPO.key)
    alice, other = User(7, "alice", "User", "U_7"), User(8, "alice", "User", "U_8")
    first, second = (acts.open(world.clock, None, "Title") for _ in range(2))
    for issue in (first, second):
        acts.comment(issue, world.clock, alice)
    reader = Reader(world, REPO, tmp_path_factory.mktemp("renamed") / "lake")
    world.advance(seconds=DAY_SECONDS)
    reader.sync()
    alice.login = "alice2"
    acts.forget_rendered()
    for who in (alice, other):
        acts.comment(second, world.clock, who)
    world.advance(seconds=DAY_SECONDS)
    reader.sync()
    return reader


@pytest.mark.parametrize(("forgotten", "left"), [("alice2", {("alice", 8)}), ("alice", {("alice2", 7)})])
def test_who_was_renamed_is_forgotten_under_the_former_login_and_its_new_bearer_is_not(
    tmp_path, renamed, forgotten, left
):
    shutil.copytree(renamed.folder, tmp_path / "lake")
    reader = Reader(renamed.world, REPO, tmp_path / "lake")
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


class Dead(BaseException):
    """The process is gone."""


class Forgetting:
    """A lake of two repositories and the members of their organisation.

    Of a person who was renamed since and is no member any more, the first repository and the list tell by
    the former login alone. `begun`: the lake that such a reading left.
    """

    def __init__(self, folder: Path, begun: Path | None = None) -> None:
        if begun:
            shutil.copytree(begun, folder)
        self.world = world = World("2026-01-01T00:00:00Z")
        self.alice = alice = User(7, "alice", "User", "U_7")
        self.readers = []
        for repo in (SPOON, REPO):
            acts, members = world.add_repository(repo.key), world.organization("acme")
            acts.comment(acts.open(world.clock, None, "Title"), world.clock, alice)
            if repo is SPOON:
                for user in (alice, User(9, "mara", "User", "U_9")):
                    members.join(user, world.clock)
            else:
                members.leave(alice, world.clock)
            world.advance(seconds=DAY_SECONDS)
            self.readers.append(Reader(world, repo, folder, run_count=int(begun is not None)))
            if not begun:
                self.readers[-1].sync()
            alice.login = "alicia"
        self.lake: Lake = self.readers[0].lake
        self.left = 9

    def look_again(self) -> None:
        """Read the list of members a day later."""
        self.world.advance(seconds=DAY_SECONDS)
        with self.readers[0].client("good-token") as client:
            look(client, self.lake, ACME, datetime.fromtimestamp(self.world.clock, UTC))

    def rebuild(self, _defs: object, _instance: object, repo: Repo) -> SimpleNamespace:
        if not self.left:
            raise Dead
        self.left -= 1
        with connect() as con:
            merge(con, self.lake, repo, is_rebuild=True).publish()
        return SimpleNamespace(is_success=True)

    def forget(self, login: str) -> None:
        """As the command does, without its runs."""
        repos = {*forget_person(self.lake, login), *repos_naming(self.lake, login)}
        assert forget.made_anew(cast(dg.DagsterInstance, None), self.lake, login, repos) == []

    @property
    def found(self) -> set[str]:
        """Whom the tables of repositories and the list of members name."""
        listed = {span.user_login for span in roll_of(self.lake, ACME).spans}
        return {login for reader in self.readers for login, _ in logins_of(reader)} | listed


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The lake of both repositories, to be copied."""
    folder = tmp_path_factory.mktemp("forgetting") / "lake"
    Forgetting(folder)
    return folder


@pytest.fixture
def forgetting(begun: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Forgetting:
    made = Forgetting(tmp_path / "lake", begun)
    monkeypatch.setattr(forget, "load_definitions", lambda: None)
    monkeypatch.setattr(forget, "rebuild", made.rebuild)
    return made


def test_who_was_renamed_is_forgotten_everywhere_though_a_call_was_cut_short(forgetting: Forgetting):
    """Where the login of now stands is made anew last: it tells which account is meant."""
    assert forgetting.found == {"alice", "alicia", "mara"}
    forgetting.left = 1
    with pytest.raises(Dead):
        forgetting.forget("alicia")
    forgetting.left = 9
    forgetting.forget("Alicia")
    assert forgetting.found == {"mara"}


def test_who_was_renamed_since_their_last_act_here_is_known_by_the_list_of_members(forgetting: Forgetting):
    forgetting.alice.login = "alyx"
    forgetting.world.organization("acme").join(forgetting.alice, forgetting.world.clock)
    forgetting.look_again()
    assert "alyx" in forgetting.found
    forgetting.forget("alyx")
    assert forgetting.found == {"mara"}
