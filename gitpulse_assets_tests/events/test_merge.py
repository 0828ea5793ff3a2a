"""Parts of a day, unusable lines, recorded hour files, and what else of the lake knows of days."""

import gzip
import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from gitpulse_assets.contracts.events import PUBLIC_EVENT
from gitpulse_assets.events.incoming import Incoming
from gitpulse_assets.events.merge import many_small, merge_day
from gitpulse_assets.events.projection import projections
from gitpulse_assets.lake.backup import back_up, restore
from gitpulse_assets.lake.duck import session
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.setting_values.archives import Kept
from gitpulse_assets_tests.events.hours import START, compact, event, packed


def hour(folder: Path, at: datetime, content: bytes) -> None:
    folder.mkdir(exist_ok=True)
    (folder / f"{at:%Y-%m-%d}-{at.hour}.json.gz").write_bytes(content)


def test_small_parts_are_put_together_and_large_ones_left():
    assert list(many_small({f"p{n}": 10 for n in range(7)})) == []
    assert list(many_small({f"p{n}": 10 for n in range(8)} | {"big": 10_000_000})) == [
        f"p{n}" for n in range(8)
    ]
    assert list(many_small({f"p{n}": 300_000 for n in range(20)})) == []


def test_hundreds_of_small_imports_leave_a_handful_of_objects(tmp_path, lake, run, stored):
    for number in range(12):
        at = START.replace(hour=number)
        hour(tmp_path / "a", at, packed([event(number, START.replace(hour=0), "WatchEvent")]))
    run(lake, f"a={tmp_path / 'a'}", days=1)
    assert len(list(lake.store.list("silver/public_event/"))) < 8
    assert len(list(lake.store.list("silver/public_watch/"))) < 8
    assert [row["event_id"] for row in stored()] == list(range(12))
    assert len(stored("public_watch")) == 12


def test_lines_that_are_no_event_stop_nothing_and_are_kept_with_their_numbers(tmp_path, lake, run, stored):
    good = [event(1, START), {**event(2, START), "repo": {}}]
    lines = [
        compact(good[0]),
        "not json",
        "",
        compact({**event(3, START), "id": None}),
        compact({**event(4, START), "type": ""}),
        compact({**event(5, START), "created_at": "yesterday"}),
        compact(good[1]),
        # No number of 64 bits, and a date that Python reads and DuckDB does not: they were counted nowhere.
        compact({**event(6, START), "id": str(10**19)}),
        compact({**event(7, START), "created_at": "2026-W09-7T00:00:00Z"}),
    ]
    hour(tmp_path / "a", START, gzip.compress("\n".join(lines).encode()))
    rows = [row for row in run(lake, f"a={tmp_path / 'a'}", days=1) if row.status == "whole"]
    assert [(row.row_count, row.unusable_count) for row in rows] == [(2, 6)]
    found = [(row["line_number"], row["rule"]) for row in stored("unusable_event")]
    assert found == [
        (2, "not_json"),
        (4, "id_missing"),
        (5, "type_missing"),
        (6, "created_at_unusable"),
        (8, "id_missing"),
        (9, "created_at_unusable"),
    ]
    assert [(row["event_id"], row["repository_id"]) for row in stored()] == [(1, 1), (2, None)]


@pytest.mark.parametrize("zone", ["UTC", "America/Los_Angeles", "Asia/Tokyo"])
def test_case_8_an_event_lies_in_its_utc_day_in_any_zone(zone, tmp_path, lake, run, process_zone):
    process_zone(zone)
    midnight = datetime(2026, 3, 2, tzinfo=UTC)
    events = [event(1, midnight - timedelta(seconds=1)), event(2, midnight)]
    hour(tmp_path / "a", START.replace(hour=23), packed(events))
    run(lake, f"a={tmp_path / 'a'}", days=1)
    days = [info.key.split("/")[2] for info in lake.store.list("silver/public_event/")]
    assert days == ["event_date=2026-03-01", "event_date=2026-03-02"]


def test_a_backup_holds_the_days_and_the_files_they_came_from(tmp_path, lake, run):
    hour(tmp_path / "a", START, packed([event(1, START)]))
    run(lake, f"a={tmp_path / 'a'}", days=1)
    copy, again = Lake.open(str(tmp_path / "copy")), Lake.open(str(tmp_path / "again"))
    back_up(lake.store, copy.store)
    assert restore(copy.store, again.store).troubles == ()
    keys = {info.key for info in again.store.list("")}
    wanted = {i.key for i in lake.store.list("") if i.key.startswith(("silver/", "bronze/"))}
    assert {key for key in wanted if "_plan" not in key} <= keys
    rows = run(again, f"a={tmp_path / 'a'}", days=1)
    assert [row.row_count for row in rows if row.status == "whole"] == [1]


@pytest.mark.recorded
def test_the_recorded_hour_gives_the_counts_of_distinct_keys(recorded_data, lake, run, stored):
    folder = recorded_data / "gharchive"
    with gzip.open(folder / "2015-01-01-0.json.gz", "rt", encoding="utf-8") as file:
        events = [json.loads(line) for line in file]
    wanted = Counter(kind for _, kind, _ in {(e["id"], e["type"], e["created_at"]) for e in events})
    run(lake, f"a={folder}", days=1, first=datetime(2015, 1, 1, tzinfo=UTC))
    assert Counter(row["event_type"] for row in stored()) == wanted


@pytest.mark.recorded
def test_the_recorded_polls_give_the_counts_of_distinct_keys(recorded_data, lake, con, stored):
    """Polls of the firehose every five seconds, which share four rows of ten."""
    with gzip.open(recorded_data / "public_events_polls" / "events.polls.jsonl.gz", "rb") as file:
        polls = [json.loads(line)["body"] for line in file]
    events = [one for poll in polls for one in poll]
    wanted = Counter(kind for _, kind, _ in {(e["id"], e["type"], e["created_at"]) for e in events})
    with session(con) as own, Incoming(lake.store.scratch_folder, projections()) as incoming:
        incoming.read_records(own, [json.dumps(one).encode() for one in events], "polls", START)
        for day in incoming.facts.dates:
            merge_day(lake, own, incoming, day)
    print(f"\n{len(events)} rows, {wanted.total()} events, {wanted['PushEvent']} pushes")
    assert Counter(row["event_type"] for row in stored()) == wanted


def test_a_lake_whose_address_has_an_apostrophe_is_no_other(tmp_path, run):
    lake = Lake.open(str(tmp_path / "o'hara" / "lake"))
    hour(tmp_path / "a", START, packed([event(1, START)]))
    rows = run(lake, f"a={tmp_path / 'a'}", days=1)
    assert [row.row_count for row in rows if row.status == "whole"] == [1]


@pytest.mark.parametrize(
    ("payload", "action"),
    [
        ('{"action":"opened","number":1}', "opened"),
        ('{ "action" : "opened" }', "opened"),
        ('{"number":1,"action":"closed"}', "closed"),
        ('{"pull_request":{"action":"of another"}}', None),
        ('{"action":"a\\"b"}', 'a"b'),
        ('{"action":"\\u0061dded"}', "added"),
        ('{"action":null}', None),
        ('{"action":"No word"}', "No word"),
    ],
)
def test_an_action_is_read_however_its_payload_is_spelled(payload: str, action, lake, con):
    line = compact(event(1, START, "IssuesEvent")).replace("{}", payload)
    with Incoming(lake.store.scratch_folder, []) as incoming:
        incoming.read_records(con, [line.encode()], "a", START)
        rows = pq.read_table(incoming.path(PUBLIC_EVENT)).to_pylist()
    assert [row["action"] for row in rows] == [action]


@pytest.mark.parametrize("repositories", [None, ("acme/r1",)], ids=["all kept", "some kept"])
@pytest.mark.parametrize(
    ("payload", "kept"),
    [
        ('"{a text"', '"{a text"'),
        ('"a \\"text\\""', '"a \\"text\\""'),
        ('""', '""'),
        ("7", "7"),
        ("[1, 2]", "[1,2]"),
        ('{"pages": [{"ref": 1}]}', '{"pages":[{"ref":1}]}'),
        ('{"ref": "main", "x": 1}', '{"ref":"main","x":1}'),
        ("null", None),
    ],
)
def test_a_payload_of_any_kind_stays_json(payload: str, kept: str | None, repositories, lake, con):
    line = compact(event(1, START, "GollumEvent")).replace("{}", payload)
    with Incoming(lake.store.scratch_folder, [], Kept(repositories)) as incoming:
        incoming.read_records(con, [line.encode()], "a", START)
        (row,) = pq.read_table(incoming.path(PUBLIC_EVENT)).to_pylist()
    assert (row["payload_json"], row["payload_bytes"]) == (kept, len(kept or ""))
