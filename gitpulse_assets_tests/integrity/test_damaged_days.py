"""Case 3: days of public events: every kind of object, damaged in every way, on both stores, and mended."""

import itertools
import re
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest

from gitpulse_assets.contracts.events import EVENT_TABLES, FEED_SPAN, FIREHOSE_EVENT, PUBLIC_EVENT, STAR_COUNT
from gitpulse_assets.events.backfill import Backfill
from gitpulse_assets.events.feed_state import Feeds, FeedState, feeds
from gitpulse_assets.events.feeds import with_rows
from gitpulse_assets.events.fetching import Fetcher
from gitpulse_assets.events.ledger import hour_rows, put_rows
from gitpulse_assets.events.merge import publish, published
from gitpulse_assets.events.projection import projections
from gitpulse_assets.events.repairing import repair_day
from gitpulse_assets.lake import paths
from gitpulse_assets.lake.backup import back_up, restore
from gitpulse_assets.lake.damage import damaged
from gitpulse_assets.lake.duck import connect
from gitpulse_assets.lake.errors import LakeError
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.lake.parts import PartsReplaced, open_parts, together
from gitpulse_assets.lake.publication import Publication
from gitpulse_assets.place import Day
from gitpulse_assets.setting_values.archives import parse_archives
from gitpulse_assets_tests.events.hours import START, Hours, event
from gitpulse_assets_tests.integrity.test_damage import DAMAGES, damage
from gitpulse_assets_tests.s3_server import BUCKET, ON_S3_SLOW, SharedServer, Storage

DAY = Day(START.date())
NEXT_DAY = Day(START.date() + timedelta(days=1))
TYPED = [one for one in projections() if one.event_type in ("PullRequestEvent", "WatchEvent")]
TABLES = (*EVENT_TABLES, *(one.contract for one in TYPED))
OBJECTS = ("silver plan", "silver commit", "hour file", *(f"silver/{table.name}" for table in TABLES))
LOST_WITHOUT_A_SIGN = {("silver plan", "gone"), ("silver plan", "0 bytes"), ("silver commit", "0 bytes")}
Tables = dict[str, Counter[str]]
# Of two files received at one moment, which brought an event first is told by the order of their reading.
TICKS = itertools.count()


@dataclass(frozen=True)
class MadeDays:
    """Two days in a lake, its copy, the archives they came from, and what the tables hold."""

    copy: Lake
    archives: str
    tables: dict[Day, Tables]


@pytest.fixture(scope="session")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with connect() as con:
        yield con


def bring(lake: Lake, con: duckdb.DuckDBPyConnection, archives: str) -> None:
    with Fetcher() as fetcher:
        backfill = Backfill(
            lake, con, fetcher, TYPED, lambda: START + timedelta(days=20, seconds=next(TICKS))
        )
        backfill.days(parse_archives(archives), DAY.event_date, NEXT_DAY.event_date)


def put_polled(lake: Lake, day: Day) -> None:
    """A stretch of a feed of the day, and what the firehose showed of it, as polls note them."""
    at = START.replace(year=day.event_date.year, month=day.event_date.month, day=day.event_date.day)
    row = {"repository_name": "acme/r1", "span_begin_at": at, "span_end_at": at, "poll_count": 1}
    row |= {"gap_begin_at": None, "gap_reason": "first_poll"}
    event = {"event_id": 1, "event_type": "PushEvent", "created_at": at, "repository_name": "acme/r1"}

    def put(publication: Publication) -> None:
        stars = {"repository_name": "acme/r1", "counted_at": at, "star_count": 8}
        told = {FEED_SPAN: row, FIREHOSE_EVENT: event, STAR_COUNT: stars}
        tables = {one: with_rows(lake, publication.previous, one, day, [row])[1] for one, row in told.items()}
        publish(publication, [publication.stage(contract, table) for contract, table in tables.items()])

    published(lake, day, put)


@pytest.fixture(scope="session")
def made_days(tmp_path_factory: pytest.TempPathFactory, con: duckdb.DuckDBPyConnection) -> MadeDays:
    """With an event of the first day in a file of the second, and a line that is no event."""
    folder = tmp_path_factory.mktemp("days")
    hours = Hours(3, hour_count=4)
    late, early = START.replace(hour=0) + timedelta(days=1), START + timedelta(minutes=1)
    hours.files["one", late].append(event(9_000, early, "WatchEvent"))
    hours.files["one", START].append({**event(9_001, early), "id": None})
    hours.files["one", START].append(event(9_002, early))
    hours.torn.pop(("one", START), None)
    hours.torn.pop(("one", late), None)
    archives = hours.write(folder / "archives")
    lake, copy = Lake.open(str(folder / "lake")), Lake.open(str(folder / "copy"))
    feeds(lake.store).save(Feeds({"acme/r1": FeedState()}))
    bring(lake, con, archives)
    for day in (DAY, NEXT_DAY):
        put_polled(lake, day)
    back_up(lake.store, copy.store)
    return MadeDays(copy, archives, {day: tables_of(lake, day) for day in (DAY, NEXT_DAY)})


@pytest.fixture
def days(made_days: MadeDays, storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lake:
    """A copy of them on one of the two stores, with the plan of a last publication."""
    return restored(made_days, storage.open(), tmp_path, monkeypatch)


@pytest.fixture(scope="module", params=["folder", ON_S3_SLOW])
def standing_days(
    request: pytest.FixtureRequest, made_days: MadeDays, tmp_path_factory: pytest.TempPathFactory
) -> Lake:
    """A copy for tests that put back what they damage."""
    folder = tmp_path_factory.mktemp("standing")
    lake = Lake.open(str(folder / "lake"))
    if request.param == "s3":
        server: SharedServer = request.getfixturevalue("s3_server")
        lake = Lake.open(f"s3://{BUCKET}/{uuid.uuid4().hex}", server.options)
    with pytest.MonkeyPatch.context() as patch:
        return restored(made_days, lake, folder, patch)


@pytest.fixture
def folder_days(made_days: MadeDays, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lake:
    return restored(made_days, Lake.open(str(tmp_path / "lake")), tmp_path, monkeypatch)


def restored(made: MadeDays, lake: Lake, folder: Path, patch: pytest.MonkeyPatch) -> Lake:
    patch.setattr("tempfile.tempdir", str(folder))
    assert restore(made.copy.store, lake.store).troubles == ()
    put_rows(lake, DAY, hour_rows(lake, DAY)[:1])
    return lake


def tables_of(lake: Lake, day: Day) -> Tables:
    """Every cell of a day's tables."""
    commit = lake.commit("silver", day)
    parts = {table: open_parts(lake.store, table, day, commit) for table in TABLES}
    rows = {table: together(table, [*found.values()]).to_table() for table, found in parts.items()}
    return {table.name: Counter(map(str, found.to_pylist())) for table, found in rows.items()}


def key_of(lake: Lake, name: str) -> str:
    """One object of a kind: the largest, which has rows of everything."""
    if name == "silver plan":
        return paths.plan_key("silver", DAY)
    if name == "silver commit":
        return paths.commit_key("silver", DAY)
    folder = paths.HOUR_FILES if name == "hour file" else f"{name}/"
    infos = [info for info in lake.store.list(folder) if paths.day_of(info.key) == DAY]
    return max(infos, key=lambda info: info.size_bytes).key


def what_is_said(lake: Lake) -> str:
    """The first thing a merge or a reader says that uses everything of the day."""
    try:
        commit = lake.begin("silver", DAY).previous
        for table in TABLES:
            together(table, [*open_parts(lake.store, table, DAY, commit).values()]).to_table()
    except PartsReplaced as error:
        return str(damaged(lake.store, error.key, error.what))
    except LakeError as error:
        return str(error)
    except OSError as error:
        return f"{lake.store.uri('')}: {error}; run gitpulse repair {DAY}"
    return "nothing: it goes on"


def is_harmless(name: str, how: str) -> bool:
    """Whether nothing is wrong with the day: it comes back by itself, or is needed no more."""
    return (name, how) in LOST_WITHOUT_A_SIGN or (name, how) == ("hour file", "gone")


def is_met_by_none(name: str, how: str) -> bool:
    """A file that was read is needed by no run, and a commit is written again from its plan by the next."""
    return name == "hour file" or (name, how) == ("silver commit", "gone")


@pytest.mark.parametrize("name", OBJECTS)
def test_03_it_is_named_with_the_command(standing_days: Lake, name: str, damage_table: list[tuple[str, ...]]):
    lake = standing_days
    key = key_of(lake, name)
    for how in DAMAGES:
        before = damage(lake, key, how)
        found = lake.examine(DAY)
        if is_harmless(name, how):
            assert found == []
            damage_table.append((f"events: {name}", how, "nothing: it goes on", "none is needed", "nothing"))
        else:
            assert [one.key for one in found] == [key], how
            said = what_is_said(lake)
            assert is_met_by_none(name, how) or said.endswith(f"; run gitpulse repair {DAY}")
            shown = re.sub(r"\(.*\)", "(…)", said.replace(lake.store.uri(key), "ADDRESS"))
            damage_table.append((f"events: {name}", how, shown, found[0].remedy, found[0].lost))
        lake.store.put(key, before)
    assert lake.examine(DAY) == []


def mended(lake: Lake, con: duckdb.DuckDBPyConnection) -> None:
    found = lake.examine(DAY)
    assert found
    repair_day(lake, con, TYPED, DAY, found)
    assert lake.examine(DAY) == []


def assert_as_before(lake: Lake, made: MadeDays, *but: str) -> None:
    for day, before in made.tables.items():
        after = tables_of(lake, day)
        assert {k: v for k, v in after.items() if k not in but} == {
            k: v for k, v in before.items() if k not in but
        }


# Where events may be lost that feeds alone brought, no stretch of the day is called whole any more.
OF_POLLS = ("feed_span", "firehose_event", "star_count")
LOST_WITH = {f"silver/{name}": (name,) for name in OF_POLLS} | {"silver/public_event": OF_POLLS}
MENDED = ("silver commit", "silver/public_event", "silver/event_hour")


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if name in MENDED else pytest.mark.slow)
        for name in sorted({*OBJECTS} - {"hour file", "silver/archive_hour"})
    ],
)
def test_03_it_is_mended_without_loss(folder_days: Lake, made_days: MadeDays, con, name: str):
    damage(folder_days, key_of(folder_days, name), "cut")
    mended(folder_days, con)
    lost = LOST_WITH.get(name, ())
    assert_as_before(folder_days, made_days, *lost)
    assert {table for table in OF_POLLS if not tables_of(folder_days, DAY)[table]} == set(lost)
    assert tables_of(folder_days, NEXT_DAY)["feed_span"]


def test_03_all_at_once_is_mended_on_either_store(days: Lake, made_days: MadeDays, con):
    """Plan, commit, and every object of two tables: the events come from files, the next day's too."""
    damage(days, paths.plan_key("silver", DAY), "cut")
    damage(days, paths.commit_key("silver", DAY), "gone")
    for name in (PUBLIC_EVENT.name, "event_hour"):
        for info in [*days.store.list(f"silver/{name}/")]:
            if paths.day_of(info.key) == DAY:
                damage(days, info.key, "a bit flipped")
    mended(days, con)
    assert_as_before(days, made_days, *OF_POLLS)


def test_03_the_list_of_files_is_made_again_of_the_files(folder_days: Lake, made_days: MadeDays, con):
    damage(folder_days, key_of(folder_days, "silver/archive_hour"), "cut")
    mended(folder_days, con)
    assert_as_before(folder_days, made_days, "archive_hour")
    bring(folder_days, con, made_days.archives)
    whole = {row.file_hour_at for row in hour_rows(folder_days, DAY) if row.status == "whole"}
    assert START in whole
    assert_as_before(folder_days, made_days, "archive_hour")


@pytest.mark.parametrize(
    "how", ["cut", *(pytest.param(how, marks=pytest.mark.slow) for how in ("0 bytes", "a bit flipped"))]
)
def test_03_a_file_that_rotted_is_fetched_again(folder_days: Lake, made_days: MadeDays, con, how: str):
    key = key_of(folder_days, "hour file")
    before = damage(folder_days, key, how)
    mended(folder_days, con)
    assert folder_days.store.get(key) is None
    bring(folder_days, con, made_days.archives)
    again = folder_days.store.get(key)
    assert again is not None
    assert again.body == before
    assert_as_before(folder_days, made_days, "archive_hour")


def test_03_events_that_no_file_holds_any_more_are_lost_with_their_part_alone(
    folder_days: Lake, made_days, con
):
    for info in [*folder_days.store.list(paths.HOUR_FILES)]:
        folder_days.store.delete(info.key)
    key = key_of(folder_days, "silver/public_event")
    damage(folder_days, key, "cut")
    mended(folder_days, con)
    left, before = tables_of(folder_days, DAY), made_days.tables[DAY]
    assert Counter() < left["public_event"] < before["public_event"]
    assert left["public_watch"] <= before["public_watch"]
    aside = folder_days.store.get(paths.damaged_key(key))
    assert aside is not None


def test_03_cut_short_it_is_gone_on_with(folder_days: Lake, made_days: MadeDays, con, monkeypatch):
    damage(folder_days, key_of(folder_days, "silver/public_event"), "cut")
    found = folder_days.examine(DAY)
    with monkeypatch.context() as patch:
        patch.setattr("gitpulse_assets.events.repairing.Repair.read_noted", lambda self, sign: 1 // 0)
        with pytest.raises(ZeroDivisionError):
            repair_day(folder_days, con, TYPED, DAY, found)
    bring(folder_days, con, made_days.archives)
    assert_as_before(folder_days, made_days, "archive_hour", *OF_POLLS)
