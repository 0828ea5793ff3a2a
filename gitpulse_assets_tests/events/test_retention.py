"""Public events past their time leave the tables and the kept files, by type."""

import gzip
from datetime import date, timedelta
from pathlib import Path

import pytest

from gitpulse_assets.automation.maintain import events_expired
from gitpulse_assets.events.projection import projections
from gitpulse_assets.events.repairing import repair_day
from gitpulse_assets.events.retention import expired
from gitpulse_assets.github.target import Firehose
from gitpulse_assets.lake import paths
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.metrics.event_days import coverage_of_day
from gitpulse_assets.place import Day
from gitpulse_assets.repo import Repo
from gitpulse_assets.setting_values.event_ages import EventAges, parse_event_ages
from gitpulse_assets.settings import Settings
from gitpulse_assets_tests.collect.conftest import Crash, CrashingStore
from gitpulse_assets_tests.events.hours import START, compact, event
from gitpulse_assets_tests.events.organisation import Organisation, ask, polled
from gitpulse_assets_tests.s3_server import no_caller_settings, own_server, s3_server, storage

__all__ = ["no_caller_settings", "own_server", "s3_server", "storage"]

DAY = START.date()
AGES = EventAges(others=0, by_type=(("PushEvent", 30), ("WatchEvent", 90)))
TYPES = ("PushEvent", "PushEvent", "WatchEvent", "GollumEvent")


@pytest.fixture
def archive(tmp_path: Path) -> str:
    """Two days with four events each."""
    (tmp_path / "archive").mkdir()
    for number in range(2):
        at = START + timedelta(days=number)
        made = [event(10 * number + index, at, name) for index, name in enumerate(TYPES)]
        packed = gzip.compress("\n".join(map(compact, made)).encode())
        (tmp_path / "archive" / f"{at:%Y-%m-%d}-{at.hour}.json.gz").write_bytes(packed)
    return f"a={tmp_path / 'archive'}"


def expire(lake: Lake, con, today: date, ages: EventAges = AGES):
    found = expired(lake, con, projections(), ages, today)
    return [(one.day.event_date, one.event_count, one.file_count) for one in found]


@pytest.mark.parametrize(
    ("text", "ages"),
    [
        ("", EventAges()),
        ("365", EventAges(365)),
        ("365 PushEvent=30, WatchEvent=0", EventAges(365, (("PushEvent", 30), ("WatchEvent", 0)))),
    ],
)
def test_ages_are_read(text, ages):
    assert parse_event_ages(text) == ages


@pytest.mark.parametrize("text", ["a year", "PushEvent", "PushEvent=-1", "push=3", "1.5"])
def test_what_is_no_age_is_refused_by_name(text):
    with pytest.raises(ValueError, match="is neither days nor Type=days"):
        parse_event_ages(text)


def test_nothing_goes_before_its_time(lake, archive, run, con, stored):
    run(lake, archive)
    assert expire(lake, con, DAY + timedelta(days=30)) == []
    assert expire(lake, con, DAY + timedelta(days=9999), EventAges()) == []
    assert len(stored()) == 8


def test_each_type_goes_in_its_time_and_the_rest_stays(storage, archive, run, con):
    lake = storage.open()
    run(lake, archive)
    # The first day's pushes, and its file, which holds them; then both days'; then the stars.
    assert expire(lake, con, DAY + timedelta(days=31)) == [(DAY, 2, 1)]
    assert len(list(lake.store.list(paths.HOUR_FILES))) == 1
    assert expire(lake, con, DAY + timedelta(days=32)) == [(DAY + timedelta(days=1), 2, 1)]
    assert expire(lake, con, DAY + timedelta(days=92)) == [
        (DAY, 1, 0),
        (DAY + timedelta(days=1), 1, 0),
    ]
    assert expire(lake, con, DAY + timedelta(days=999)) == []


def test_tables_stay_in_agreement_and_the_archive_is_not_asked_again(lake, archive, run, con, stored):
    run(lake, archive)
    expire(lake, con, DAY + timedelta(days=91))
    assert [row["event_type"] for row in stored()] == ["GollumEvent", "WatchEvent", "GollumEvent"]
    assert len(stored("public_watch")) == 1
    assert sum(row["event_count"] for row in stored("event_hour")) == 3
    assert [row["status"] for row in stored("archive_hour") if row["row_count"]] == ["whole", "whole"]
    assert lake.examine(Day(DAY)) == []
    run(lake, archive)
    assert len(stored()) == 3


def test_time_whose_events_ended_is_told_as_not_held(lake, archive, run, con, stored):
    run(lake, archive)
    expire(lake, con, DAY + timedelta(days=32))
    pushes = [row["event_count"] for row in stored("event_hour") if row["event_type"] == "PushEvent"]
    assert pushes == [0, 0]
    reason = coverage_of_day(lake, con, Day(DAY)).reason() or ""
    assert "missing: what they held was removed by its age, or no file of them was read" in reason
    assert ask(lake, "event_count_offset", offset="60").rows["event_type"].to_pylist() == [
        "GollumEvent",
        "WatchEvent",
    ]


def test_a_repair_knows_which_hours_have_ended_by_age(lake, archive, run, con, stored):
    run(lake, archive)
    expire(lake, con, DAY + timedelta(days=31))
    before = stored("event_hour")
    watches = next(info.key for info in lake.store.list("silver/public_watch/") if str(DAY) in info.key)
    Path(lake.store.uri(watches)).write_bytes(b"no Parquet")
    repair_day(lake, con, projections(), Day(DAY), lake.examine(Day(DAY)))
    assert lake.examine(Day(DAY)) == []
    assert stored("event_hour") == before


def test_a_day_with_nothing_beside_its_events_begins_no_publication(lake, archive, run, con, monkeypatch):
    run(lake, archive)
    expire(lake, con, DAY + timedelta(days=40), EventAges(30))
    monkeypatch.setattr(Lake, "begin", lambda *_: pytest.fail("a publication was begun"))
    assert expire(lake, con, DAY + timedelta(days=41), EventAges(30)) == []


def test_an_emptied_day_is_gone_and_may_be_brought_again(lake, archive, run, con, stored):
    run(lake, archive)
    assert expire(lake, con, DAY + timedelta(days=40), EventAges(30)) == [
        (DAY, 4, 1),
        (DAY + timedelta(days=1), 4, 1),
    ]
    assert not list(lake.store.list("silver/public_event/"))
    assert expire(lake, con, DAY + timedelta(days=41), EventAges(30)) == []


def test_what_stands_beside_the_events_ends_with_them(lake, con, stored):
    of = Organisation()
    polled(lake, con, of, Repo("acme", "rocket"), Firehose())
    of.happen("rocket", 40, 200, types=("PushEvent", "WatchEvent"))
    polled(lake, con, of, Firehose())
    assert {row["event_type"] for row in stored("firehose_event")} == {"PushEvent", "WatchEvent"}
    expire(lake, con, DAY + timedelta(days=31))
    assert {row["event_type"] for row in stored("firehose_event")} == {"WatchEvent"}
    assert len(stored("star_count")) == 1
    expire(lake, con, DAY + timedelta(days=91))
    assert stored("firehose_event") == stored("star_count") == []


def test_a_poll_does_not_bring_back_what_has_ended(lake, con, stored):
    """A feed serves its last 300 events whatever their age; some of an hour's made that hour whole again."""
    of, rocket, ages = Organisation(), Repo("acme", "rocket"), EventAges(0, (("PushEvent", 7),))
    of.happen("rocket", 12, 600, types=("PushEvent", "WatchEvent"))
    polled(lake, con, of, rocket, ages=ages)
    of.world.advance(seconds=9 * 86_400)
    watches = [row for row in stored() if row["event_type"] == "WatchEvent"]
    expire(lake, con, DAY + timedelta(days=9), ages)
    assert stored() == watches
    of.happen("rocket", 1, 600, types=("PushEvent",))
    assert polled(lake, con, of, rocket, ages=ages).added_count == 1
    assert len(stored()) == len(watches) + 1
    counts = {row["event_count"] for row in stored("event_hour") if row["event_type"] == "PushEvent"}
    assert counts == {0, 1}


def test_lines_that_are_no_event_end_with_their_file(lake, run, con, tmp_path, stored):
    (tmp_path / "archive").mkdir()
    text = f"{compact(event(1, START))}\nno event\n"
    (tmp_path / "archive" / f"{START:%Y-%m-%d}-{START.hour}.json.gz").write_bytes(
        gzip.compress(text.encode())
    )
    run(lake, f"a={tmp_path / 'archive'}")
    assert [row["line"] for row in stored("unusable_event")] == ["no event"]
    expire(lake, con, DAY + timedelta(days=31))
    assert stored("unusable_event") == []


def test_maintenance_tells_of_each_day(lake, archive, run):
    run(lake, archive)
    ages = Settings.model_validate({"GITPULSE_EVENT_RETENTION_DAYS": "PushEvent=30"})
    told = list(events_expired(lake, ages, START + timedelta(days=31)))
    assert told == [f"{DAY}: removed 2 events and 1 hour files, by their age"]
    assert list(events_expired(lake, Settings(), START + timedelta(days=9999))) == []


@pytest.mark.parametrize(
    "point", [pytest.param(n, marks=() if n % 7 == 3 else pytest.mark.slow) for n in range(1, 31)]
)
def test_case_17_what_a_dying_call_leaves_the_next_one_does(lake, archive, run, con, stored, point):
    run(lake, archive, days=1)
    crashing = Lake(CrashingStore(lake.store, point // 2 or 1, is_after=point % 2 == 1))  # pyright: ignore[reportArgumentType]
    try:
        expire(crashing, con, DAY + timedelta(days=31))
    except Crash:
        expire(lake, con, DAY + timedelta(days=31))
    assert [row["event_type"] for row in stored()] == ["WatchEvent", "GollumEvent"]
    assert sum(row["event_count"] for row in stored("event_hour")) == 2
    assert not list(lake.store.list(paths.HOUR_FILES))
