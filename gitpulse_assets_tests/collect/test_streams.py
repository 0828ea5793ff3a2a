"""One suite for every declared stream: a new one has only to be declared to be held to it.

What a run finds out about its own walks (departures, counts, reconciliations) is none GitHub has, and is held
to `test_full_walk_crash.py`, where whole runs die between any two writes.
"""

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

import httpx
import pytest

from gitpulse_assets.catalog.subjects import STREAMS
from gitpulse_assets.collect import walk as walking
from gitpulse_assets.collect.lists import ClockBehind, ListCapped
from gitpulse_assets.collect.refresh import collect_lists
from gitpulse_assets.contracts.sources import GraphWalk, OwnRecord, RestList
from gitpulse_assets.contracts.stream import Stream
from gitpulse_assets.github.errors import NetworkDown
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets_tests.collect.conftest import Crash
from gitpulse_assets_tests.collect.streams import (
    BEGAN_AT,
    CAPPED,
    MILESTONES,
    ChangeWalks,
    Walks,
    moment,
    walks_of,
)

RECORD_COUNT = 430
OF_GITHUB = [stream for stream in (*STREAMS, MILESTONES) if not isinstance(stream.source, OwnRecord)]
PAGED = [stream for stream in OF_GITHUB if walks_of(stream).is_paged]
LISTS = [stream for stream in OF_GITHUB if isinstance(stream.source, RestList)]
BY_CHANGE = [stream for stream in OF_GITHUB if walks_of(stream) is ChangeWalks]
POISONS = [(stream, poison) for stream in PAGED for poison in walks_of(stream).poisons]


def name_of(stream: object) -> str | None:
    return f"{stream.name}-{type(stream.source).__name__}" if isinstance(stream, Stream) else None


def every(streams: list[Stream]):
    return pytest.mark.parametrize("stream", streams, ids=name_of)


@pytest.fixture
def walks(tmp_path, monkeypatch) -> Callable[..., Walks]:
    """Walks of a stream, of which nothing is stored yet; a batch holds one page, so that a walk has many."""
    monkeypatch.setattr(walking, "PAGES_PER_BATCH", 1)

    def make(stream: Stream, record_count: int = RECORD_COUNT) -> Walks:
        return walks_of(stream).of(stream, tmp_path / "lake", record_count)

    return make


def unplugged(page: int) -> Callable[[int], None]:
    """No network, from a page on."""

    def fail(asked: int) -> None:
        if asked == page:
            raise httpx.ConnectError("no route")

    return fail


@every(OF_GITHUB)
def test_the_first_walk_is_whole_and_each_record_is_kept_once_with_keys_that_nobody_knows(walks, stream):
    own = walks(stream)
    row = own.run()
    assert (row.walk_kind, row.status) == ("full", "complete")
    sent = [json.dumps(record).encode() for record in own.server.records]
    assert sorted(own.texts(row)) == sorted(own.stream.kept(record).decode() for record in sent)
    assert [page for page in own.server.asked if page] == list(range(1, row.page_count + 1))


@every(PAGED)
def test_records_are_numbered_by_page_in_the_order_they_came(walks, stream):
    own = walks(stream)
    places = [(one["page_number"], one["record_number"]) for one in own.received(own.run())]
    assert places == [(number // 100 + 1, number % 100 + 1) for number in range(RECORD_COUNT)]


@every(PAGED)
def test_what_has_not_changed_costs_one_request_and_no_record_twice(walks, stream):
    own = walks(stream)
    own.run()
    row = own.run()
    assert row.status == "complete"
    assert len(own.server.asked) <= 1
    assert row.record_count <= 100 * own.pages_back


@every(PAGED)
@pytest.mark.parametrize("is_again", [False, True], ids=["by another run", "by the same run"])
def test_case_28_a_walk_without_network_goes_on_where_it_stopped(walks, stream, is_again):
    own = walks(stream)
    own.server.fail = unplugged(3)
    with pytest.raises(NetworkDown):
        own.run()
    cut = own.rows[-1]
    assert (cut.status, cut.page_count, cut.record_count) == ("partial", 2, 200)
    assert "no route" in cut.error
    own.server.now += timedelta(hours=1)
    own.server.fail = lambda _: None
    row = own.run(is_again=is_again)
    assert [page for page in own.server.asked if page] == list(range(3 - own.pages_back, 6))
    assert row.status == "complete"
    if not own.is_told_apart:
        assert row.resumed_run_id == (None if is_again else "run-001")
        # What changed on the pages before the stop is found by the next walk's overlap with this one.
        assert row.as_of_at == cut.as_of_at
    assert own.has_all()


@every(PAGED)
def test_case_28_what_came_before_somebody_stopped_a_walk_is_kept(walks, stream):
    own = walks(stream)

    def stop(page: int) -> None:
        if page == 4:
            raise KeyboardInterrupt

    own.server.fail = stop
    with pytest.raises(KeyboardInterrupt):
        own.run()
    row = own.rows[-1]
    assert (row.status, row.page_count, row.record_count) == ("partial", 3, 300)
    assert row.error == "KeyboardInterrupt"


@every(PAGED)
def test_case_04_a_walk_that_fails_on_its_first_page_has_not_begun(walks, stream):
    own = walks(stream)
    own.server.fail = unplugged(1)
    with pytest.raises(NetworkDown):
        own.run()
    assert [row.status for row in own.rows] in (["failed"], [])
    own.server.fail = lambda _: None
    own.run()
    assert own.has_all()


@every(OF_GITHUB)
def test_case_17_a_walk_killed_between_writes_is_whole_in_the_next_run(walks, stream, crashing, tmp_path):
    own = walks(stream, 150)
    counted = crashing(own.lake.store)
    own.run(lake=Lake(counted))
    assert counted.write_count > 2 * own.is_paged
    for write in range(1, counted.write_count + 1):
        dying = own.elsewhere(tmp_path / f"killed-{write}")
        with pytest.raises(BaseException, match="write") as died:
            dying.run(lake=Lake(crashing(dying.lake.store, write)))
        assert died.typename == "Crash"
        assert (dying.run().status, dying.has_all()) == ("complete", True), write
        places = [tuple(one[name] for name in stream.bronze.key) for one in dying.received(*dying.rows)]
        assert len(set(places)) == len(places), write


@every(BY_CHANGE)
def test_case_23_a_crash_between_storing_an_etag_and_what_it_stands_for(walks, stream, crashing, tmp_path):
    own = walks(stream, 150)
    write, is_killed, (record, began_at) = 0, True, (own.server.records[3], own.server.now)
    before = dict(record)
    while is_killed:
        write += 1
        dying = own.elsewhere(tmp_path / f"killed-{write}")
        own.server.now = began_at
        record.update(before)
        dying.run()
        own.server.now += timedelta(days=1)
        record["updated_at"] = moment(own.server.now - timedelta(hours=1))
        store = crashing(dying.lake.store, write)
        with suppress(Crash):
            dying.run(lake=Lake(store))
        is_killed = store.write_count >= write
        dying.run()
        assert record in dying.payloads(*dying.rows), write
    assert write > 3


@every(LISTS)
def test_case_04_a_list_that_github_caps_is_not_complete(walks, stream):
    own = walks(stream)
    refusal = httpx.Response(422, headers=own.server.date, json=CAPPED)
    own.server.fail = lambda page: refusal if page == 3 else None
    if stream.source.is_by_update:
        assert own.run().status == "complete"
        assert own.has_all()
        return
    if stream.source.row_cap:
        own.run()
    else:
        with pytest.raises(ListCapped, match=f"ended the {stream.noun} after 200 records"):
            own.run()
    row = own.rows[-1]
    assert (row.status, row.is_capped, row.record_count) == ("partial", True, 200)


@every(PAGED)
def test_records_out_of_order_are_all_received(walks, stream):
    own = walks(stream)
    own.server.records.reverse()
    for record in own.server.records[::3]:
        record["created_at"] = moment(BEGAN_AT)
    own.run()
    assert own.has_all()


@pytest.mark.parametrize(("stream", "poison"), POISONS, ids=lambda one: name_of(one) or str(one))
def test_case_07_a_poison_record_is_kept_as_received_and_stops_nothing(walks, stream, poison):
    own = walks(stream)
    own.server.records[5] |= poison
    row = own.run()
    assert (row.status, row.record_count) == ("complete", RECORD_COUNT)
    assert own.server.records[5] in own.payloads(row)


@every(BY_CHANGE)
def test_a_later_walk_brings_what_changed_since(walks, stream):
    own = walks(stream)
    own.run()
    own.server.now += timedelta(days=1)
    changed = [own.server.records[number] for number in (3, 200)]
    for record in changed:
        record["updated_at"] = moment(own.server.now)
    row = own.run()
    assert (row.walk_kind, row.status) == ("incremental", "complete")
    assert own.payloads(row) == changed


@every(BY_CHANGE)
def test_a_full_walk_finds_what_no_update_shows(walks, stream):
    own = walks(stream)
    own.run()
    own.server.records[7]["title"] = "changed in silence"
    row = own.run(is_full=True)
    assert row.walk_kind == "full"
    assert own.server.records[7] in own.payloads(row)


@every(BY_CHANGE)
def test_20_an_answer_from_before_the_last_walk_is_refused(walks, stream):
    """GitHub's newer records would lose against those already known."""
    own = walks(stream)
    own.run()
    before = own.rows
    own.server.now -= timedelta(hours=1)
    with pytest.raises(ClockBehind, match=r"GitHub's clock says .* before that time has passed again"):
        own.run()
    assert own.rows == before
    own.server.now += timedelta(hours=2)
    assert own.run().status == "complete"


@every(BY_CHANGE)
def test_a_declared_list_is_collected_with_nothing_but_its_declaration(walks, stream):
    own = walks(stream)
    with own.client() as client:
        collect_lists(own.session(client), [stream], is_full=False)
    assert own.has_all()


@every(BY_CHANGE)
def test_a_list_that_needs_a_token_waits_for_one(walks, stream):
    own = walks(stream)
    source = RestList(stream.source.path, stream.source.whole, needs_token=True)
    with own.client() as client:
        collect_lists(own.session(client), [Stream(stream.bronze, source, key=stream.key)], is_full=False)
    assert not own.server.asked


def test_graphql_is_asked_with_a_token_only():
    assert all(stream.source.needs_token for stream in STREAMS if isinstance(stream.source, GraphWalk))
