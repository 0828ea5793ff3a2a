"""Tables of issues in ranges of numbers: a merge writes those that it touches, and what is read is the same.

Ranges are of two numbers here, from the ninth on of four.
"""

import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager, nullcontext
from datetime import datetime
from itertools import product
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import pyarrow as pa
import pytest

from gitpulse_assets.answers import lake_answers
from gitpulse_assets.answers.lake_answers import LakeAnswers
from gitpulse_assets.catalog.subjects import MERGED_TABLES
from gitpulse_assets.checks.result import ChecksFailed
from gitpulse_assets.collect.session import Session
from gitpulse_assets.contracts.model import Layer, TableContract
from gitpulse_assets.contracts.silver import (
    ISSUE_BODY,
    ISSUE_CURRENT,
    ISSUE_EVENT,
    ISSUE_LABELS,
    ISSUE_SIGHTING,
    ISSUE_TRANSITIONS,
    LIFECYCLE_COVERAGE,
)
from gitpulse_assets.lake import paths, ranges
from gitpulse_assets.lake.commit import Commit, CommittedTable, MergedCounts, Plan
from gitpulse_assets.lake.dataset import open_table
from gitpulse_assets.lake.duck import connect
from gitpulse_assets.lake.errors import LakeError, ObjectDamaged
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.lake.sealed import NotAsWritten, decode, encode
from gitpulse_assets.lake.store import Store
from gitpulse_assets.metrics import answers as of_answers
from gitpulse_assets.metrics.answers import MetricAnswers
from gitpulse_assets.metrics.catalogue import read_metrics
from gitpulse_assets.pipeline import merge as merging
from gitpulse_assets.pipeline.refresh import Options, publish, publish_marts, publish_merge, receive
from gitpulse_assets.pipeline.rest import stands
from gitpulse_assets.repo import Repo
from gitpulse_assets.sandbox.model import Issue, Label
from gitpulse_assets.sandbox.world import World
from gitpulse_assets_tests.history.product import Reader
from gitpulse_assets_tests.pipeline.told import REPO as TOLD
from gitpulse_assets_tests.pipeline.told import Received, Repository, Told, store

REPO = Repo("octo-org", "hello")
RANGED = [table for table in MERGED_TABLES if table.is_ranged]
COUNT = 12
FIFTH = "000000004-000000005"


@pytest.fixture(autouse=True)
def narrow(monkeypatch):
    monkeypatch.setattr(ranges, "NARROW", 2)
    monkeypatch.setattr(ranges, "WIDE", 4)
    monkeypatch.setattr(ranges, "NARROW_UNTIL", 8)


class Watched:
    """A repository of some issues, of an hour each."""

    def __init__(self, folder: Path, count: int = COUNT) -> None:
        self.world = World("2026-01-01T00:00:00Z")
        self.acts = self.world.add_repository(REPO.key)
        self.reader = Reader(self.world, REPO, folder)
        self.issues = [self.act(self.acts.open, None, f"Title {number}") for number in range(1, count + 1)]

    def act(self, act: Callable[..., Any], *arguments: Any) -> Any:
        self.world.advance(seconds=3600)
        first, *further = arguments
        if isinstance(first, Issue):
            return act(first, self.world.clock, *further)
        return act(self.world.clock, *arguments)

    def receive(self) -> None:
        """Collect, and merge nothing."""
        with self.reader.client(self.reader.token) as client:
            receive(Session(client, self.reader.lake, REPO, f"run-{self.reader.run_count:03}"))

    def objects(self) -> dict[str, str]:
        """The ETag of each object that silver's commit names."""
        commit = self.reader.lake.commit("silver", REPO)
        assert commit is not None
        return {name: table.etag for name, table in commit.tables.items()}

    def rows(self) -> dict[str, pa.Table]:
        """Every merged table as it is read, in order."""
        tables = self.reader.lake.snapshot("silver", REPO, MERGED_TABLES).datasets
        return {t.name: tables[t.name].to_table().sort_by([(n, "ascending") for n in t.key]) for t in RANGED}


@pytest.fixture
def watched(tmp_path) -> Watched:
    found = Watched(tmp_path)
    found.reader.sync()
    return found


def parts_of(objects, table) -> set[str]:
    return {name.partition("/")[2] for name in objects if name.partition("/")[0] == table.name}


def test_each_number_has_one_range():
    sql = ranges.first_number_sql("number")
    rows = duckdb.sql(
        f"select number, {sql} from (select unnest([-4, 0, 1, 2, 7, 8, 11, 12, null]) as number)"
    )
    assert dict(rows.fetchall()) == {-4: 0, 0: 0, 1: 0, 2: 2, 7: 6, 8: 8, 11: 8, 12: 12, None: -1}
    names = ["unnumbered", "data", "000000002-000000003", "000000008-000000011"]
    assert [ranges.range_part(first) for first in (ranges.UNNUMBERED, 0, 2, 8)] == names


def test_a_first_merge_writes_an_object_a_range(watched):
    assert parts_of(watched.objects(), ISSUE_CURRENT) == {
        "",
        "000000002-000000003",
        "000000004-000000005",
        "000000006-000000007",
        "000000008-000000011",
        "000000012-000000015",
    }
    assert watched.rows()["issue_current"].num_rows == COUNT


def test_a_merge_leaves_the_ranges_that_nothing_touched(watched):
    before = watched.objects()
    watched.act(watched.acts.close, watched.issues[4], None)
    watched.reader.sync()
    now = watched.objects()
    changed = {name.partition("/")[::2] for name in now if before.get(name) != now[name]}
    # The twelfth is met again within the watermark's overlap, and asked for again.
    for table in (ISSUE_CURRENT, LIFECYCLE_COVERAGE):
        assert {part for name, part in changed if name == table.name} == {FIFTH, "000000012-000000015"}
    for table in (ISSUE_SIGHTING, ISSUE_TRANSITIONS):
        assert {part for name, part in changed if name == table.name} == {FIFTH}
    assert before.keys() <= now.keys()


def test_whatever_was_merged_in_between_a_rebuild_gives_the_same(watched):
    for number in (3, 8, 12):
        watched.act(watched.acts.close, watched.issues[number - 1], None)
        watched.act(watched.acts.open, None, "Further")
        watched.reader.sync()
    merged, names = watched.rows(), watched.objects().keys()
    publish(watched.reader.lake, REPO, Options(is_rebuild=True))
    rebuilt = watched.rows()
    assert [name for name, table in merged.items() if not table.equals(rebuilt[name])] == []
    assert watched.objects().keys() >= names
    assert merged["issue_current"].num_rows == COUNT + 3


def test_a_reader_of_whole_folders_finds_every_row_once(watched):
    watched.act(watched.acts.close, watched.issues[11], None)
    watched.reader.sync()
    for table in RANGED:
        files = f"{watched.reader.folder}/{table.folder}/{table.files}"
        key = ", ".join(table.key)
        found = duckdb.sql(f"select {key} from read_parquet('{files}', hive_partitioning = false)").fetchall()
        assert Counter(found).total() == watched.rows()[table.name].num_rows, table.name
        assert max(Counter(found).values(), default=1) == 1, table.name


def one_object_a_table(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Watched:
    """A lake as a version left it that knew no ranges."""
    with monkeypatch.context() as before:
        before.setattr(ranges, "NARROW_UNTIL", 1_000)
        before.setattr(ranges, "NARROW", 1_000)
        watched = Watched(folder)
        watched.reader.sync()
    as_of_one_object(watched.reader.lake.store, "silver")
    return watched


def as_of_one_object(store: Store, layer: Layer) -> None:
    """Have a layer's records say nothing of ranges."""
    for key, kind in ((paths.plan_key, Plan), (paths.commit_key, Commit)):
        stored = store.get(key(layer, REPO))
        assert stored is not None
        record = decode(stored.body, kind)
        store.put(key(layer, REPO), encode(msgspec.structs.replace(record, made=record.made_at)))


def test_a_lake_of_one_object_a_table_turns_into_ranges_whole(tmp_path, monkeypatch):
    """Also the tables in which nothing changed, or a later merge would look elsewhere for their rows."""
    watched = one_object_a_table(tmp_path, monkeypatch)
    assert {part for table in RANGED for part in parts_of(watched.objects(), table)} == {""}
    watched.act(watched.acts.close, watched.issues[0], None)
    watched.reader.sync()
    for table in (ISSUE_CURRENT, ISSUE_SIGHTING, ISSUE_BODY, ISSUE_TRANSITIONS, LIFECYCLE_COVERAGE):
        assert len(parts_of(watched.objects(), table)) == 6, table.name
    assert watched.rows()["issue_current"].num_rows == COUNT
    assert sorted(watched.rows()["issue_current"]["issue_number"].to_pylist()) == [*range(1, COUNT + 1)]


class Died(BaseException):
    """A run that is killed."""


def at_each_move(monkeypatch: pytest.MonkeyPatch, store: Any, act: Callable[[int], object]) -> None:
    """Act behind each object that a merge puts in place, by how many those are."""
    move, count = store.move, 0

    def moved(*arguments: Any, **options: Any) -> Any:
        nonlocal count
        etag, count = move(*arguments, **options), count + 1
        act(count)
        return etag

    monkeypatch.setattr(store, "move", moved)


def test_while_a_lake_turns_into_ranges_every_row_is_read_once(tmp_path, monkeypatch):
    """Its commit names one object a table then, in whose place the first range is put."""
    watched = one_object_a_table(tmp_path, monkeypatch)
    watched.act(watched.acts.open, None, "Further")
    watched.reader.run_count += 1
    watched.receive()
    lake, found = watched.reader.lake, dict[str, set[int]]()

    def read(count: int) -> None:
        for table in (ISSUE_CURRENT, ISSUE_BODY, ISSUE_SIGHTING, ISSUE_TRANSITIONS, LIFECYCLE_COVERAGE):
            found.setdefault(table.name, set()).add(lake.dataset(table, REPO).count_rows())

    at_each_move(monkeypatch, lake.store, read)
    watched.reader.merge()
    assert set().union(*found.values()) == {COUNT, COUNT + 1}, found


def test_a_turn_into_ranges_that_dies_hides_no_issue_from_the_next_walk(tmp_path, monkeypatch):
    """An issue that is not known cannot be found to be gone, and would stay open."""
    watched = one_object_a_table(tmp_path, monkeypatch)
    watched.act(watched.acts.close, watched.issues[0], None)
    watched.reader.run_count += 1
    watched.receive()
    with monkeypatch.context() as dying:
        at_each_move(dying, watched.reader.lake.store, die_at(len(RANGED) + 4))
        with pytest.raises(Died):
            watched.reader.merge()
    watched.world.advance(seconds=3600)
    watched.acts.delete(watched.issues[8], watched.world.clock)
    watched.reader.sync(is_full=True)
    rows = watched.rows()["issue_current"].to_pylist()
    assert [row["issue_number"] for row in rows if row["departed_at"]] == [9]


def die_at(point: int) -> Callable[[int], None]:
    """Be killed behind so many objects."""

    def act(count: int) -> None:
        if count == point:
            raise Died

    return act


def test_a_row_that_waited_for_its_number_is_read_once_at_every_moment(tmp_path, monkeypatch):
    """It leaves one object for another: no order of the two would do."""
    repository, lake = Repository("unnumbered", 6), Lake.open(str(tmp_path))
    store(lake, repository, repository.first_run())
    publish_merge(lake, TOLD)
    received = repository.begin()
    repository.tell_unknown_lifecycle(received)
    store(lake, repository, received)
    publish_merge(lake, TOLD)
    received = repository.begin()
    repository.tell(received["issues"], repository.issues[-1])
    store(lake, repository, received)
    counts = list[int]()
    at_each_move(
        monkeypatch, lake.store, lambda _: counts.append(lake.dataset(ISSUE_EVENT, TOLD).count_rows())
    )
    publish_merge(lake, TOLD)
    assert set(counts) == {1}, counts


def test_a_table_whose_commit_is_lost_is_not_taken_for_its_first_range(watched):
    """Its plan says that it was carried out: readers have what lies there until the next run mends it."""
    lake = watched.reader.lake
    lake.store.delete(paths.commit_key("silver", REPO))
    assert lake.dataset(ISSUE_CURRENT, REPO).count_rows() == COUNT


@pytest.mark.parametrize("table", [ISSUE_SIGHTING, ISSUE_BODY])
def test_a_merge_that_reads_other_ranges_refuses_one_that_is_gone(watched, table):
    """A table of which some are written, and one in which nothing changed."""
    watched.reader.lake.store.delete(paths.table_key(table, REPO, "000000006-000000007"))
    watched.act(watched.acts.close, watched.issues[4], None)
    with pytest.raises(ObjectDamaged, match="gitpulse repair octo-org/hello"):
        watched.reader.sync()


def test_bytes_that_changed_in_a_range_that_nothing_touched_are_found_by_a_check(watched):
    """A merge holds the size of what it does not open against the commit, and no more."""
    lake, key = watched.reader.lake, paths.table_key(ISSUE_SIGHTING, REPO, "000000008-000000011")
    stored = lake.store.get(key)
    assert stored is not None
    lake.store.put(key, stored.body[:100] + bytes([stored.body[100] ^ 4]) + stored.body[101:])
    watched.act(watched.acts.close, watched.issues[4], None)
    watched.reader.sync()
    assert [one.key for one in lake.examine(REPO)] == [key]


class CommitOfBefore(msgspec.Struct):
    """What a version that knew no ranges read a commit as."""

    tables: dict[str, CommittedTable]
    merged: MergedCounts
    made_at: datetime
    merge_id: str


def test_an_older_version_refuses_what_lies_in_ranges(watched):
    """It would read the first range as the whole table, and write every row into it."""
    store = watched.reader.lake.store
    for key in (paths.plan_key("silver", REPO), paths.commit_key("silver", REPO)):
        stored = store.get(key)
        assert stored is not None
        with pytest.raises(NotAsWritten, match="made_at"):
            decode(stored.body, CommitOfBefore)


def test_what_a_rebuild_does_not_know_of_is_emptied(watched):
    """Such as what an older version left beside the one object that a repair with it made."""
    store, key = watched.reader.lake.store, paths.table_key(ISSUE_CURRENT, REPO, "000000002-000000003")
    stored, stray = store.get(key), paths.table_key(ISSUE_CURRENT, REPO, "000000090-000000094")
    assert stored is not None
    store.put(stray, stored.body)
    publish_merge(watched.reader.lake, REPO, Options(is_rebuild=True))
    files = f"{watched.reader.folder}/{ISSUE_CURRENT.folder}/{ISSUE_CURRENT.files}"
    numbers = duckdb.sql(f"select issue_number from read_parquet('{files}', hive_partitioning = false)")
    assert sorted(number for (number,) in numbers.fetchall()) == [*range(1, COUNT + 1)]


def test_a_merge_opens_the_ranges_that_it_touches(watched, monkeypatch):
    """And of all issues what counts them."""
    watched.act(watched.acts.close, watched.issues[4], None)
    watched.reader.run_count += 1
    watched.receive()
    opened, store = set[str](), watched.reader.lake.store
    monkeypatch.setattr(store, "open", lambda key, of=store.open: opened.add(key) or of(key))
    watched.reader.merge()
    for table in RANGED:
        found = files_of(table, REPO, opened)
        everything = {f"{part or 'data'}.parquet" for part in parts_of(watched.objects(), table)}
        touched = {"000000004-000000005.parquet", "000000012-000000015.parquet"}
        assert found == everything if table is ISSUE_CURRENT else found <= touched, table.name


def files_of(table: TableContract, repo: Repo, keys: Iterable[str]) -> set[str]:
    folder = paths.table_key(table, repo).removesuffix("data.parquet")
    return {key.removeprefix(folder) for key in keys if key.startswith(folder)}


class MadeUp:
    """A lake of a made-up repository of nine issues, of two numbers a range."""

    def __init__(self, folder: Path) -> None:
        self.repository, self.lake = Repository("unusable", 0), Lake.open(str(folder))
        self.issues = [self.repository.open() for _ in range(9)]
        for number, issue in enumerate(self.issues, 1):
            issue.number, issue.is_pull_request = number, False
        self.repository.next_number = 10
        self.merge(self.repository.first_run())

    def merge(self, received: Received) -> None:
        store(self.lake, self.repository, received)
        publish_merge(self.lake, TOLD)

    def objects(self) -> dict[str, str]:
        commit = self.lake.commit("silver", TOLD)
        assert commit is not None
        return {name: table.etag for name, table in commit.tables.items()}

    def tell(self, issue: Told) -> Received:
        """A run that met one issue, changed."""
        received = self.repository.begin()
        issue.updated_at, issue.body = self.repository.now, "Changed"
        self.repository.tell(received["issues"], issue)
        return received

    def changed(self, before: dict[str, str]) -> dict[str, set[str]]:
        """The parts of each table of ranges that are others than before."""
        now = self.objects()
        others = {name for name in now if before.get(name) != now[name]}
        return {table.name: parts_of(others, table) for table in RANGED if parts_of(others, table)}


def test_behind_a_record_that_stays_unusable_a_merge_opens_the_ranges_that_it_touches(tmp_path, monkeypatch):
    """Its lifecycle lies in a range of its own, or every later merge would read and write everything."""
    told = MadeUp(tmp_path)
    received = told.repository.begin()
    told.repository.tell_unusable(received)
    told.merge(received)
    assert {"issue_event/unnumbered", "lifecycle_coverage/unnumbered"} <= told.objects().keys()
    received, before = told.tell(told.issues[4]), told.objects()
    opened = set[str]()
    with monkeypatch.context() as watching:
        of = told.lake.store.open
        watching.setattr(told.lake.store, "open", lambda key: opened.add(key) or of(key))
        told.merge(received)
    for table in set(RANGED) - {ISSUE_CURRENT}:
        assert files_of(table, TOLD, opened) <= {f"{FIFTH}.parquet", "unnumbered.parquet"}, table.name
    assert told.changed(before) == {"issue_current": {FIFTH}, "issue_body": {FIFTH}}


def test_what_waited_for_its_number_moves_to_its_range_and_the_rest_stays(tmp_path):
    told = MadeUp(tmp_path)
    received = told.repository.begin()
    issue, _ = (told.repository.tell_unusable(received) for _ in range(2))
    told.merge(received)
    before, number = told.objects(), issue.number
    told.merge(told.tell(issue))
    part = ranges.range_part(duckdb.sql(f"select {ranges.first_number_sql(str(number))}").fetchall()[0][0])
    for table in (ISSUE_EVENT, LIFECYCLE_COVERAGE):
        assert told.changed(before)[table.name] == {part, "unnumbered"}
        found = {
            name: open_table(told.lake.store, table, TOLD, name).dataset.count_rows()
            for name in (part, "unnumbered")
        }
        assert found == {part: 1, "unnumbered": 1}


def test_an_issue_that_comes_leaves_what_waits_as_it_is(tmp_path):
    told = MadeUp(tmp_path)
    received = told.repository.begin()
    told.repository.tell_unusable(received)
    told.merge(received)
    before = told.objects()
    issue = told.repository.open()
    received = told.tell(issue)
    told.repository.tell_timeline(received, issue)
    told.merge(received)
    assert told.changed(before)["lifecycle_coverage"]
    assert "unnumbered" not in set().union(*told.changed(before).values())


def test_events_that_wait_are_told_of_by_the_newest_of_all_records(tmp_path):
    """Also where a merge reads no range in which it lies, as one behind lifecycles alone."""
    told = MadeUp(tmp_path)
    received = told.repository.begin()
    told.repository.tell_unusable(received)
    told.merge(received)
    told.merge(told.tell(told.issues[0]))
    received = told.repository.begin()
    told.repository.tell_unusable(received)
    store(told.lake, told.repository, received)
    with connect() as con:
        made = merging.merge(con, told.lake, TOLD)
    (found,) = (check for check in made.checks if check.name == "no_orphan_events")
    assert found.metadata["broken_count"] == 1


def test_a_table_of_several_objects_is_found_standing_by_one_listing(watched, monkeypatch):
    lake, asked = watched.reader.lake, list[str]()
    store, commit = lake.store, lake.commit("silver", REPO)
    monkeypatch.setattr(store, "head", lambda key, of=store.head: asked.append(key) or of(key))
    monkeypatch.setattr(store, "list", lambda prefix, of=store.list: asked.append(prefix) or of(prefix))
    assert stands(lake, REPO, commit, (ISSUE_CURRENT, ISSUE_BODY))
    folders = [paths.table_key(t, REPO).removesuffix("data.parquet") for t in (ISSUE_CURRENT, ISSUE_BODY)]
    assert [key for key in asked if key.endswith("/")] == folders
    store.delete(paths.table_key(ISSUE_BODY, REPO, FIFTH))
    assert not stands(lake, REPO, commit, (ISSUE_BODY,))


def test_a_row_in_the_object_of_another_range_is_neither_lost_nor_doubled(watched):
    """It fails the merge that meets it, and a rebuild puts it where it belongs."""
    lake = watched.reader.lake
    before = watched.rows()
    with lake.begin("silver", REPO) as publication:
        parts = {part: open_table(lake.store, ISSUE_SIGHTING, REPO, part) for part in ("data", FIFTH)}
        rows = {part: opened.dataset.to_table() for part, opened in parts.items()}
        swapped = {"data": rows["data"].slice(0, 0), FIFTH: pa.concat_tables([rows["data"], rows[FIFTH]])}
        staged = publication.stage_parts(ISSUE_SIGHTING, ((p, t.to_reader()) for p, t in swapped.items()))
        publication.seal()
        publication.promote(staged)
    watched.act(watched.acts.close, watched.issues[4], None)
    with pytest.raises(LakeError, match="gitpulse rebuild octo-org/hello"):
        watched.reader.sync()
    publish_merge(lake, REPO, Options(is_rebuild=True))
    assert watched.rows()["issue_sighting"].equals(before["issue_sighting"])
    watched.reader.merge()


def test_an_issue_under_another_number_moves_in_every_table(watched):
    issue, before = watched.issues[4], watched.rows()
    del watched.acts.repository.issues[issue.number]
    issue.number = 31
    watched.acts.repository.issues[issue.number] = issue
    watched.act(watched.acts.retitle, issue, None, "Moved")
    watched.reader.sync()
    merged = watched.rows()
    assert "000000028-000000031" in parts_of(watched.objects(), ISSUE_BODY)
    assert merged["issue_current"].num_rows == COUNT
    assert merged["issue_transitions"].num_rows == before["issue_transitions"].num_rows
    publish_merge(watched.reader.lake, REPO, Options(is_rebuild=True))
    rebuilt = watched.rows()
    assert [name for name, table in merged.items() if not table.equals(rebuilt[name])] == []


def test_a_lake_of_which_one_table_is_of_an_older_contract_is_written_whole(watched, monkeypatch):
    """The rows of all tables lie in ranges, but those of this one lack what its contract says by now."""
    fingerprint = merging.contract_fingerprint
    monkeypatch.setattr(
        merging, "contract_fingerprint", lambda table: fingerprint(table) + "new" * (table is ISSUE_LABELS)
    )
    before = watched.objects()
    watched.act(watched.acts.close, watched.issues[4], None)
    watched.reader.sync()
    now, names = watched.objects(), {table.name for table in RANGED}
    assert [name for name in before if name.partition("/")[0] in names and now[name] == before[name]] == []


@pytest.mark.parametrize("widths", [(1, 1), (3, 5)])
def test_a_lake_of_other_bounds_is_written_in_those_of_today(watched, monkeypatch, widths):
    monkeypatch.setattr(ranges, "NARROW", widths[0])
    monkeypatch.setattr(ranges, "WIDE", widths[1])
    watched.act(watched.acts.close, watched.issues[7], None)
    watched.reader.sync()
    found = watched.rows()
    assert found["issue_current"]["issue_number"].to_pylist() == [*range(1, COUNT + 1)]
    assert found["issue_transitions"].num_rows == COUNT + 1


def test_a_range_that_has_no_row_left_is_read_as_empty(watched):
    bug = Label(1, "bug", "ff0000")
    watched.act(watched.acts.label, watched.issues[5], None, bug)
    watched.reader.sync()
    assert parts_of(watched.objects(), ISSUE_LABELS) == {"", "000000006-000000007"}
    watched.issues[5].labels.remove(bug)
    watched.act(watched.acts.retitle, watched.issues[5], None, "Without a label")
    watched.reader.sync()
    assert watched.rows()["issue_labels"].num_rows == 0
    assert parts_of(watched.objects(), ISSUE_LABELS) == {"", "000000006-000000007"}


def test_answers_of_repositories_of_many_ranges_leave_files_for_others(watched, monkeypatch):
    """`gitpulse serve` keeps the tables of some repositories open, and refused those behind the limit."""
    others = with_others(watched)
    monkeypatch.setattr(lake_answers, "OBJECTS_OPEN", 60)
    before = open_file_count()
    with closing(LakeAnswers(watched.reader.lake)) as answers:
        for other in others:
            answers.ask(other, lambda asked: None)
        assert 0 < open_file_count() - before <= 60


def with_others(watched: Watched) -> list[Repo]:
    """Six more repositories like the one, with marts."""
    publish_marts(watched.reader.lake, REPO)
    places = list(watched.reader.folder.glob(f"**/repo_owner={REPO.owner}/repo_name={REPO.name}"))
    others = [Repo(REPO.owner, f"other{number}") for number in range(6)]
    for place, other in product(places, others):
        shutil.copytree(place, place.parent / f"repo_name={other.name}")
    return others


METRIC = """\
- id: issues
  name: Issues
  description: Of all repositories.
  visualisation: value
  unit: issues
  sql: select count(*) as issue_count from silver_github_issue_current
"""


def test_a_metric_of_all_repositories_leaves_files_for_others(watched, monkeypatch, tmp_path_factory):
    """As many were open as all their ranges, each of a repository of some thousand issues."""
    with_others(watched)
    path = tmp_path_factory.mktemp("own") / "own.yaml"
    path.write_text(METRIC)
    (metric,), counts = read_metrics(path), list[int]()
    monkeypatch.setattr(of_answers, "OBJECTS_HELD", 10)
    rows = MetricAnswers._rows
    monkeypatch.setattr(
        MetricAnswers, "_rows", lambda *asked: counts.append(open_file_count()) or rows(*asked)
    )
    with metric_answers(watched) as answers:
        before = open_file_count()
        found = answers.ask(metric, {}).rows.to_pylist()
    assert found == [{"issue_count": 7 * COUNT}]
    assert 0 < counts[0] - before < 2 * 10


def test_a_metric_whose_tables_are_replaced_is_answered_from_the_newer_ones(
    watched, monkeypatch, tmp_path_factory
):
    """Where no file is held, what is opened next is another merge's."""
    publish_marts(watched.reader.lake, REPO)
    path = tmp_path_factory.mktemp("own") / "own.yaml"
    path.write_text(METRIC.replace("count(*)", "count(*) filter (where state = 'closed')"))
    (metric,), rows = read_metrics(path), MetricAnswers._rows
    monkeypatch.setattr(of_answers, "OBJECTS_HELD", 0)

    def replaced(*asked: Any) -> pa.Table:
        monkeypatch.setattr(MetricAnswers, "_rows", rows)
        for issue in watched.issues:
            watched.act(watched.acts.close, issue, None)
        watched.reader.sync()
        return rows(*asked)

    monkeypatch.setattr(MetricAnswers, "_rows", replaced)
    with metric_answers(watched) as answers:
        assert answers.ask(metric, {}).rows.to_pylist() == [{"issue_count": COUNT}]


@contextmanager
def metric_answers(watched: Watched) -> Iterator[MetricAnswers]:
    lake = watched.reader.lake
    with closing(LakeAnswers(lake)) as of_lake, closing(MetricAnswers(lake, of_lake)) as answers:
        yield answers


def open_file_count() -> int:
    return len(list(Path("/dev/fd").iterdir()))


@pytest.mark.parametrize(("number", "is_noticed"), [(4, True), (10, False)])
def test_a_row_that_breaks_its_contract_is_noticed_with_its_range(watched, number, is_noticed):
    damage(watched, number)
    watched.act(watched.acts.close, watched.issues[4], None)
    with pytest.raises(ChecksFailed) if is_noticed else nullcontext():
        watched.reader.sync()


@pytest.mark.parametrize("is_full", [True, False])
def test_behind_a_whole_walk_every_row_is_held_against_its_contract(tmp_path, monkeypatch, is_full):
    monkeypatch.setattr(ranges, "NARROW_UNTIL", 1_000)
    monkeypatch.setattr(ranges, "NARROW", 50)
    watched = Watched(tmp_path, 101)
    watched.reader.sync()
    damage(watched, 10)
    watched.act(watched.acts.close, watched.issues[100], None)
    # The first hundred are a page that GitHub calls unchanged.
    with pytest.raises(ChecksFailed) if is_full else nullcontext():
        watched.reader.sync(is_full=is_full)


def damage(watched: Watched, number: int) -> None:
    """Publish a count that cannot be; of the fifth issue's range is the fourth."""
    lake = watched.reader.lake
    with lake.begin("silver", REPO) as publication:
        part = ranges.range_part(
            duckdb.sql(f"select {ranges.first_number_sql(str(number))}").fetchall()[0][0]
        )
        rows = open_table(lake.store, ISSUE_CURRENT, REPO, part).dataset.to_table()
        at = rows.schema.get_field_index("comment_count")
        counts = [-1 if row["issue_number"] == number else 0 for row in rows.to_pylist()]
        broken = rows.set_column(at, rows.schema.field(at), pa.array(counts, pa.int64()))
        staged = publication.stage_parts(ISSUE_CURRENT, [(part, broken.to_reader())])
        publication.seal()
        publication.promote(staged)
