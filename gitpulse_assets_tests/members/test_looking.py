"""Looks at the members of the stand-in's organisations, published into a lake."""

import shutil
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import pytest

from gitpulse_assets.collect.members import collect_members
from gitpulse_assets.collect.progress import listener
from gitpulse_assets.collect.repository import CollectedRepository
from gitpulse_assets.collect.session import Session
from gitpulse_assets.contracts.members import MEMBER_CONTRACTS
from gitpulse_assets.github.errors import LimitReached
from gitpulse_assets.lake.duck import connect
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.members.forgetting import forget_member
from gitpulse_assets.members.looking import Looked, look, look_when_due, publish, put, roll_of, tables_of
from gitpulse_assets.members.roll import Listed, NamedMember, Roll
from gitpulse_assets.place import Organization
from gitpulse_assets.repo import Repo
from gitpulse_assets.sandbox.faults import Fault
from gitpulse_assets.sandbox.model import User
from gitpulse_assets.sandbox.world import World
from gitpulse_assets.transform.audit import audit_sql
from gitpulse_assets.upkeep.persons import ids_of
from gitpulse_assets_tests.crash.pipeline import Fuse, FusedStore
from gitpulse_assets_tests.history.product import Reader

ACME = Organization("acme")
DAY = 86_400


@pytest.fixture
def reader(tmp_path: Path) -> Reader:
    """A reader in a world of one organisation, of which the token's owner is a member."""
    world = World("2026-03-01T12:00:00Z")
    world.add_repository("Acme/rocket")
    world.organization("acme").roles["good-token"] = "member"
    join(world, range(1, 4))
    return Reader(world, Repo("acme", "rocket"), tmp_path / "lake")


def join(world: World, user_ids: range, *, is_hidden: bool = False) -> None:
    for user_id in user_ids:
        world.organization("acme").join(User(user_id, f"person-{user_id}"), world.clock, is_hidden=is_hidden)


def leave(world: World, *user_ids: int) -> None:
    acts = world.organization("acme")
    for user_id in user_ids:
        acts.leave(acts.members[user_id], world.clock)


def now(reader: Reader) -> datetime:
    return datetime.fromtimestamp(reader.world.clock, UTC)


def looked(reader: Reader, *, token: str = "good-token", is_organization: bool | None = True) -> Looked:
    with reader.client(token) as client:
        return look_when_due(client, reader.lake, ACME, now(reader), is_organization=is_organization)


def roll(reader: Reader) -> Roll:
    return roll_of(reader.lake, ACME)


def asked(reader: Reader) -> list[tuple[str, int, int]]:
    found = [(one.target, one.status, one.cost) for one in reader.app.log]
    reader.app.log.clear()
    return found


def test_members_are_kept_by_the_day_and_a_return_is_a_second_span(reader: Reader):
    looked(reader)
    leave(reader.world, 2)
    reader.world.advance(seconds=DAY)
    looked(reader)
    join(reader.world, range(2, 3))
    reader.world.advance(seconds=DAY)
    looked(reader)
    spans = [(span.from_date, span.to_date) for span in roll(reader).spans if span.user_id == 2]
    assert spans == [(None, date(2026, 3, 2)), (date(2026, 3, 3), None)]


def test_a_list_is_read_to_its_end_and_pages_that_did_not_change_cost_nothing(reader: Reader):
    join(reader.world, range(10, 240))
    looked(reader)
    assert len(roll(reader).spans) == 233
    asked(reader)
    reader.world.advance(seconds=DAY)
    looked(reader)
    lists = [entry for entry in asked(reader) if "/members?" in entry[0]]
    assert [status for _, status, _ in lists] == [304, 304, 200]
    assert len(roll(reader).member_ids) == 233


def test_case_22_a_304_on_page_1_with_news_on_page_2(reader: Reader):
    join(reader.world, range(10, 240))
    looked(reader)
    join(reader.world, range(1_000, 1_001))
    leave(reader.world, 150)
    reader.world.advance(seconds=DAY)
    looked(reader)
    assert roll(reader).member_ids == reader.world.organization("acme").members.keys()


def test_who_stands_on_no_page_because_another_left_between_two_has_not_left(
    reader: Reader, monkeypatch: pytest.MonkeyPatch
):
    join(reader.world, range(10, 240))
    looked(reader)
    reader.world.advance(seconds=DAY)
    answer, left = reader.app.answer, []

    def and_one_leaves(request):
        found = answer(request)
        if request.path.endswith("/members") and not left:
            left.append(leave(reader.world, 50))
        return found

    monkeypatch.setattr(reader.app, "answer", and_one_leaves)
    looked(reader)
    assert left
    assert {span.user_id for span in roll(reader).spans if span.to_date} <= {50}
    reader.world.advance(seconds=DAY)
    looked(reader)
    assert roll(reader).member_ids == reader.world.organization("acme").members.keys()


def test_a_list_of_one_page_costs_nothing_when_nobody_came_or_went(reader: Reader):
    looked(reader)
    reader.world.advance(seconds=DAY)
    asked(reader)
    looked(reader)
    assert [entry[1] for entry in asked(reader) if entry[0].startswith("/orgs/")] == [304]
    assert len(roll(reader).looks) == 2


def test_a_list_is_of_github_s_moment_whatever_clock_asks(reader: Reader):
    with reader.client("good-token") as client:
        look(client, reader.lake, ACME, datetime(2030, 1, 1, tzinfo=UTC))
    assert roll(reader).first_look_at == now(reader)


def test_on_one_day_the_list_is_asked_for_once(reader: Reader):
    looked(reader)
    asked(reader)
    looked(reader)
    assert asked(reader) == []


def test_case_25_an_empty_list_is_kept_aside_with_a_warning(reader: Reader):
    looked(reader)
    # An answer without records is asked for again at once.
    reader.world.organization("acme").empty_lists = 9
    reader.world.advance(seconds=DAY)
    found = looked(reader)
    reader.world.organization("acme").empty_lists = 0
    assert [check.name for check in found.checks if not check.is_passed] == ["member_list_is_believed"]
    assert not any(check.is_error for check in found.checks if not check.is_passed)
    assert "kept aside" in found.doubts[0]
    reader.world.advance(seconds=3_600)
    assert looked(reader).doubts == []
    assert [(span.from_date, span.to_date) for span in roll(reader).spans] == [(None, None)] * 3


def test_who_is_no_member_is_shown_public_members_only(reader: Reader):
    join(reader.world, range(50, 52), is_hidden=True)
    looked(reader, token="strangers-token")
    assert roll(reader).member_ids == {1, 2, 3}
    rows = reader.lake.dataset(MEMBER_CONTRACTS[0], ACME).to_table().to_pylist()
    assert {row["is_public_only"] for row in rows} == {True}


def test_a_token_that_sees_more_makes_nobody_join_before_a_second_look(reader: Reader):
    join(reader.world, range(50, 52), is_hidden=True)
    looked(reader, token="strangers-token")
    reader.world.advance(seconds=DAY)
    assert looked(reader).doubts
    assert roll(reader).member_ids == {1, 2, 3}
    reader.world.advance(seconds=3_600)
    looked(reader)
    assert roll(reader).member_ids == {1, 2, 3, 50, 51}


def test_a_person_who_owns_a_repository_has_no_members_and_is_asked_once(reader: Reader):
    reader.world.people.add("acme")
    assert looked(reader, is_organization=None) == Looked()
    asked(reader)
    reader.world.advance(seconds=2 * DAY)
    assert looked(reader, is_organization=None) == Looked()
    assert looked(reader, is_organization=False) == Looked()
    assert asked(reader) == []


@pytest.mark.parametrize("status", [403, 404])
def test_an_organisation_that_cannot_be_read_is_one_line_that_names_it(reader: Reader, status: int):
    reader.app.faults.append(Fault("status", match="/orgs/acme/members", status=status, times=99))
    found = looked(reader)
    assert found.trouble.startswith("the members of acme cannot be read: ")
    assert "\n" not in found.trouble
    asked(reader)
    # Told again by the next refreshes, and asked for again an hour later.
    assert looked(reader).trouble == found.trouble
    assert asked(reader) == []
    reader.app.faults.clear()
    reader.world.advance(seconds=3_600)
    assert looked(reader).trouble == ""
    assert roll(reader).member_ids == {1, 2, 3}


def test_a_walk_cut_short_changes_nothing_and_what_came_costs_nothing_again(reader: Reader):
    join(reader.world, range(10, 240))
    reader.app.faults.append(Fault("primary_limit", match="page=3"))
    with pytest.raises(LimitReached):
        looked(reader)
    assert roll(reader) == Roll()
    asked(reader)
    reader.world.advance(seconds=3_600)
    looked(reader)
    assert [status for target, status, _ in asked(reader) if "/members?" in target] == [304, 304, 200]
    assert len(roll(reader).member_ids) == 233


class Dead(BaseException):
    """The process is gone."""


def test_case_17_a_look_killed_between_any_two_writes_is_made_good_by_the_next(
    reader: Reader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    looked(reader)
    leave(reader.world, 2)
    reader.world.advance(seconds=DAY)
    whole = reader.lake
    fuse = Fuse()
    points = played(reader, whole, tmp_path / "counted", fuse)
    assert points > 8
    # Right after a write is right before the next.
    for point in range(1, points + 1, 2):
        folder = tmp_path / f"killed-{point}"
        played(reader, whole, folder, Fuse(point, blow))
        left = Lake.open(str(folder))
        with reader.client("good-token") as client:
            look_when_due(client, left, ACME, now(reader), is_organization=True)
        found = roll_of(left, ACME)
        assert [(span.user_id, span.to_date) for span in found.spans] == [
            (1, None),
            (2, date(2026, 3, 2)),
            (3, None),
        ]
        assert left.examine(ACME) == []


def blow() -> None:
    raise Dead


def played(reader: Reader, lake: Lake, folder: Path, fuse: Fuse) -> int:
    """Look with a copy of a lake whose writes burn the fuse; return how many points there were."""
    shutil.copytree(reader.folder, folder)
    burning = Lake.open(str(folder))
    burning.store = FusedStore(burning.store, fuse)  # type: ignore[assignment]
    try:
        with reader.client("good-token") as client:
            look_when_due(client, burning, ACME, now(reader), is_organization=True)
    except Dead:
        pass
    return fuse.count


def test_members_whose_check_fails_are_a_line_and_stop_no_repository(reader: Reader):
    looked(reader)
    reader.world.advance(seconds=DAY)
    (span, *_), looks = roll(reader).spans, roll(reader).looks
    broken = Roll((span, replace(span, span_number=2, to_date=date(2026, 3, 1))), looks)
    with reader.lake.begin("silver", ACME) as publication:
        put(publication, tables_of(broken, ACME))
    notes: list[str] = []
    token = listener.set(lambda progress: notes.append(progress.note))
    with reader.client("good-token") as client:
        session = Session(client, reader.lake, reader.repo, "run-1")
        collect_members(session, CollectedRepository(1, 0, now(reader), False, "Organization"))
    listener.reset(token)
    assert [note.partition(":")[0] for note in notes] == ["the members of acme stay as they were"]
    assert "member_spans_do_not_overlap" in notes[0]


def test_of_two_looks_at_once_one_counts(reader: Reader):
    found = Listed(now(reader), {1: NamedMember("one")}, "a", None)
    assert publish(reader.lake, ACME, found)
    assert publish(reader.lake, ACME, found) == []
    assert len(roll(reader).looks) == 1


@pytest.fixture
def tables(reader: Reader):
    looked(reader)
    with connect() as con:
        for contract in MEMBER_CONTRACTS:
            con.register("stored", reader.lake.dataset(contract, ACME))
            con.execute(f"create temp table {contract.name} as from stored")
        yield con


DAMAGES = {
    "member_spans_do_not_overlap": (
        "insert into organization_member select * replace (2 as span_number) from organization_member",
        "insert into organization_member select * replace (2 as span_number, date '2030-01-01' as from_date) "
        "from organization_member",
    ),
    "member_list_is_believed": ("update organization_look set is_taken = false",),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_check_notices_each_damage(tables: duckdb.DuckDBPyConnection, name: str):
    assert audit_sql(tables, name, {}) == (0, ())
    for damage in DAMAGES[name]:
        tables.execute("begin")
        tables.execute(damage)
        assert audit_sql(tables, name, {})[0], damage
        tables.execute("rollback")


def test_a_person_in_a_list_kept_aside_alone_is_forgotten_too(reader: Reader):
    join(reader.world, range(50, 52), is_hidden=True)
    looked(reader, token="strangers-token")
    reader.world.advance(seconds=DAY)
    looked(reader)
    assert roll(reader).looks[-1].aside_user_ids == (1, 2, 3, 50, 51)
    assert forget_member(reader.lake, ACME, "Person-50", ids_of(reader.lake, "Person-50"))
    assert roll(reader).looks[-1].aside_user_ids == (1, 2, 3, 51)


def test_a_person_who_is_forgotten_is_in_no_table_and_no_kept_page(reader: Reader):
    looked(reader)
    reader.world.organization("acme").empty_lists = 9
    reader.world.advance(seconds=DAY)
    looked(reader)
    reader.world.organization("acme").empty_lists = 0
    assert forget_member(reader.lake, ACME, "Person-2")
    assert {span.user_id for span in roll(reader).spans} == {1, 3}
    stored = [path.read_bytes() for path in reader.folder.rglob("*") if path.is_file()]
    assert not any(b"person-2" in content for content in stored)
    assert reader.lake.examine(ACME) == []
    assert not forget_member(reader.lake, ACME, "person-2")
