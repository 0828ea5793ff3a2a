"""The mart of issues in ranges of numbers: gold writes those that can differ, and reads as if made whole.

Ranges are of two numbers here, from the ninth on of four.
"""

import logging
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from gitpulse_assets.contracts.silver import ISSUE_CURRENT
from gitpulse_assets.lake import paths, ranges
from gitpulse_assets.lake.commit import CommittedTable
from gitpulse_assets.lake.duck import connect
from gitpulse_assets.lake.errors import PublicationConflict
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.lake.parts import parts_of
from gitpulse_assets.marts.issue_lifecycle import MART_ISSUE_LIFECYCLE
from gitpulse_assets.pipeline import marts, merge
from gitpulse_assets.pipeline.marts import make_marts
from gitpulse_assets.pipeline.refresh import Options, publish, publish_marts
from gitpulse_assets.pipeline.standing import told_apart
from gitpulse_assets.sandbox.model import Label
from gitpulse_assets.setting_values.label_groups import LabelGroup
from gitpulse_assets.transform import mart_ranges
from gitpulse_assets_tests.pipeline.test_ranges import (
    COUNT,
    FIFTH,
    REPO,
    Died,
    Watched,
    as_of_one_object,
    at_each_move,
    die_at,
    narrow,
    one_object_a_table,
)
from gitpulse_assets_tests.pipeline.told import HOUR, Received, Repository, store
from gitpulse_assets_tests.pipeline.told import REPO as TOLD

__all__ = ["narrow"]

LAST = "000000012-000000015"
PARTS = {"data", "000000002-000000003", FIFTH, "000000006-000000007", "000000008-000000011", LAST}


def refresh(watched: Watched) -> None:
    watched.reader.sync()
    publish_marts(watched.reader.lake, REPO)


def objects(lake: Lake) -> dict[str, str]:
    """The ETag of each object of the mart, by its part."""
    commit = lake.commit("gold", REPO)
    assert commit is not None
    named = ((paths.part_of(MART_ISSUE_LIFECYCLE, name), table.etag) for name, table in commit.tables.items())
    return {part: etag for part, etag in named if part is not None}


def rows(lake: Lake) -> pa.Table:
    return lake.dataset(MART_ISSUE_LIFECYCLE, REPO).to_table().sort_by("issue_number")


def written(lake: Lake, before: dict[str, str]) -> set[str]:
    return {part for part, etag in objects(lake).items() if before.get(part) != etag}


def made_whole(watched: Watched) -> pa.Table:
    """The mart as one run makes it of everything."""
    with pytest.MonkeyPatch.context() as patch, connect() as con:
        patch.setattr(marts, "standing_marts", lambda *_: {})
        make_marts(con, watched.reader.lake, REPO)
        found = con.sql(f"select {', '.join(MART_ISSUE_LIFECYCLE.column_names)} from mart_issue_lifecycle")
        return found.to_arrow_table().cast(MART_ISSUE_LIFECYCLE.arrow_schema).sort_by("issue_number")


@pytest.fixture
def watched(tmp_path) -> Watched:
    found = Watched(tmp_path)
    refresh(found)
    return found


def label(watched: Watched, position: int, *labels: Label) -> None:
    for one in labels:
        watched.act(watched.acts.label, watched.issues[position], None, one)


def test_gold_writes_the_ranges_that_a_merge_touched(watched):
    lake = watched.reader.lake
    before = objects(lake)
    assert before.keys() == PARTS
    watched.act(watched.acts.close, watched.issues[4], None)
    refresh(watched)
    # The twelfth is met again within the watermark's overlap.
    assert written(lake, before) == {FIFTH, LAST}
    assert rows(lake).equals(made_whole(watched))
    assert rows(lake)["is_closed"].to_pylist() == [number == 5 for number in range(1, COUNT + 1)]


def test_gold_made_again_of_the_same_leaves_every_range(watched):
    before = objects(watched.reader.lake)
    publish_marts(watched.reader.lake, REPO)
    assert written(watched.reader.lake, before) == set()


def test_a_label_is_renamed_in_ranges_that_nothing_touched(watched):
    bug, other = Label(1, "bug", "ff0000"), Label(2, "other", "ff0000")
    label(watched, 0, bug)
    label(watched, 2, other)
    label(watched, 11, bug)
    refresh(watched)
    before = objects(watched.reader.lake)
    bug.name = "defect"
    watched.act(watched.acts.retitle, watched.issues[11], None, "Read again")
    refresh(watched)
    assert written(watched.reader.lake, before) == {"data", LAST}
    names = rows(watched.reader.lake)["label_names"].to_pylist()
    assert (names[0], names[2], names[11]) == (["defect"], ["other"], ["defect"])
    assert rows(watched.reader.lake).equals(made_whole(watched))


@pytest.mark.parametrize("what", ["label groups", "statement", "contract", "bounds"])
def test_every_range_is_made_again_where_that_changed(watched, monkeypatch, what):
    lake, options = watched.reader.lake, Options()
    before = objects(lake)
    if what == "label groups":
        options = Options(label_groups=(LabelGroup("bug", "^defect$"),))
    elif what == "statement":
        load = mart_ranges.load_sql
        monkeypatch.setattr(mart_ranges, "load_sql", lambda *names: load(*names) + "-- Otherwise.")
    elif what == "contract":
        of = merge.contract_fingerprint
        is_mart = MART_ISSUE_LIFECYCLE.name
        monkeypatch.setattr(
            merge, "contract_fingerprint", lambda table: of(table) + "new" * (table.name == is_mart)
        )
    else:
        monkeypatch.setattr(merge, "bounds", lambda: "others")
    publish_marts(lake, REPO, options)
    assert written(lake, before) == PARTS


def test_a_rebuild_makes_every_range_again(watched):
    before = objects(watched.reader.lake)
    publish(watched.reader.lake, REPO, Options(is_rebuild=True))
    assert written(watched.reader.lake, before) == PARTS


def test_an_issue_under_another_number_moves(watched):
    issue = watched.issues[4]
    del watched.acts.repository.issues[issue.number]
    issue.number = 31
    watched.acts.repository.issues[issue.number] = issue
    watched.act(watched.acts.retitle, issue, None, "Moved")
    refresh(watched)
    assert "000000028-000000031" in objects(watched.reader.lake)
    assert rows(watched.reader.lake).equals(made_whole(watched))


def test_a_pull_request_leaves_its_range_empty(watched):
    for position in (4, 3):
        watched.issues[position].is_pull_request = True
        watched.act(watched.acts.retitle, watched.issues[position], None, "A change")
    refresh(watched)
    assert rows(watched.reader.lake).equals(made_whole(watched))
    assert FIFTH in objects(watched.reader.lake)


def test_a_range_that_is_gone_is_said_and_made_anew(watched, caplog):
    lake, before = watched.reader.lake, rows(watched.reader.lake)
    lake.store.delete(paths.table_key(MART_ISSUE_LIFECYCLE, REPO, FIFTH))
    with caplog.at_level(logging.WARNING):
        publish_marts(lake, REPO)
    (said,) = (one.message for one in caplog.records if "is made anew" in one.message)
    assert said.startswith("octo-org/hello: mart_issue_lifecycle is made anew, whole: ")
    assert rows(lake).equals(before)


def with_gold_in_one_object(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Watched:
    """A lake as a version left it that knew no ranges."""
    watched = one_object_a_table(folder, monkeypatch)
    lake = watched.reader.lake
    with monkeypatch.context() as before:
        before.setattr(ranges, "NARROW_UNTIL", 1_000)
        before.setattr(ranges, "NARROW", 1_000)
        publish_marts(lake, REPO)
    as_of_one_object(lake.store, "gold")
    return watched


def test_a_lake_of_one_object_turns_into_ranges(tmp_path, monkeypatch):
    watched = with_gold_in_one_object(tmp_path, monkeypatch)
    assert objects(watched.reader.lake).keys() == {"data"}
    watched.act(watched.acts.close, watched.issues[0], None)
    refresh(watched)
    assert objects(watched.reader.lake).keys() == PARTS
    assert rows(watched.reader.lake).equals(made_whole(watched))


def test_gold_of_silver_in_one_object_is_made_whole(watched):
    """What an older version merged may lie in an object of any name."""
    lake = watched.reader.lake
    before = objects(lake)
    as_of_one_object(lake.store, "silver")
    publish_marts(lake, REPO)
    assert written(lake, before) == PARTS
    assert rows(lake).num_rows == COUNT


def told_by(lake: Lake, repository: Repository, received: Received) -> dict[str, str]:
    """Refresh, and return the ETags of silver's issues."""
    store(lake, repository, received)
    publish(lake, TOLD)
    commit = lake.commit("silver", TOLD)
    assert commit is not None
    return {part: one.etag for part, one in parts_of(commit, ISSUE_CURRENT).items()}


def test_a_lifecycle_alone_changes_its_range(tmp_path):
    """Its record is not told again, so that the issues stay as they are."""
    repository, lake = Repository("lifecycle", 12), Lake.open(str(tmp_path))
    issue = repository.issues[6]
    issue.updated_at += 3 * HOUR
    before = told_by(lake, repository, repository.first_run())
    received = repository.begin()
    issue.events = [("closed", issue.created_at + HOUR), ("reopened", issue.created_at + 2 * HOUR)]
    repository.tell_timeline(received, issue)
    assert told_by(lake, repository, received) == before
    found = {row["issue_id"]: row for row in lake.dataset(MART_ISSUE_LIFECYCLE, TOLD).to_table().to_pylist()}
    assert found[issue.issue_id]["times_reopened"] == 1
    assert found[issue.issue_id]["past_open_seconds"] == 3600


INPUTS = mart_ranges.inputs_of(MART_ISSUE_LIFECYCLE)


@pytest.mark.parametrize("table", INPUTS, ids=lambda table: table.name)
def test_each_table_that_the_mart_is_made_from_tells_its_ranges_apart(table):
    of = {
        one.name: {"data": CommittedTable("1", 1, 1, "")}
        for one in mart_ranges.inputs_of(MART_ISSUE_LIFECYCLE)
    }
    other = of | {table.name: {"data": CommittedTable("2", 1, 1, "")}}
    assert told_apart(of, "data") != told_apart(other, "data")


def test_a_range_of_which_silver_knows_nothing_is_emptied(watched):
    lake, before = watched.reader.lake, rows(watched.reader.lake)
    with lake.begin("gold", REPO) as publication:
        stray = [("000000088-000000091", before.slice(0, 1).to_reader())]
        staged = publication.stage_parts(MART_ISSUE_LIFECYCLE, stray)
        publication.seal()
        publication.promote(staged)
    assert rows(lake).num_rows == COUNT + 1
    publish_marts(lake, REPO)
    assert rows(lake).equals(before)


def test_a_run_beside_which_another_published_marts_publishes_none(watched, monkeypatch):
    lake, build = watched.reader.lake, marts.standing_marts
    watched.act(watched.acts.close, watched.issues[4], None)

    def published_first(*arguments: Any):
        monkeypatch.setattr(marts, "standing_marts", build)
        publish_marts(lake, REPO)
        return build(*arguments)

    monkeypatch.setattr(marts, "standing_marts", published_first)
    with pytest.raises(PublicationConflict):
        publish_marts(lake, REPO)


@pytest.mark.parametrize("point", range(1, 16))
def test_a_run_killed_while_it_publishes_is_carried_on(watched, monkeypatch, point):
    """Whatever stood in its place by then: the next run finds what was sealed."""
    lake = watched.reader.lake
    bug = Label(1, "bug", "ff0000")
    for position in (0, 4, 11):
        label(watched, position, bug)
    watched.reader.run_count += 1
    watched.receive()
    watched.reader.merge()
    watched.reader.move_watermarks()
    with monkeypatch.context() as dying:
        at_each_move(dying, lake.store, die_at(point))
        with suppress(Died):
            publish_marts(lake, REPO)
    assert lake.dataset(MART_ISSUE_LIFECYCLE, REPO).count_rows() == COUNT
    before = made_whole(watched)
    publish_marts(lake, REPO)
    assert rows(lake).equals(before)
    assert lake.dataset(ISSUE_CURRENT, REPO).count_rows() == COUNT
