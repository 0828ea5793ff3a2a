"""A lake that an older version wrote, without the newest table and columns, goes on as if it had had them."""

import shutil
from dataclasses import replace
from pathlib import Path

from gitpulse_assets.contracts import contributors
from gitpulse_assets.contracts.model import TableContract
from gitpulse_assets.lake import paths
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.repo import Repo
from gitpulse_assets.sandbox.history import generate
from gitpulse_assets.sandbox.plan import HistoryPlan
from gitpulse_assets.sandbox.times import DAY_SECONDS
from gitpulse_assets_tests.contributors.compare import ORACLES
from gitpulse_assets_tests.history.product import Reader
from gitpulse_assets_tests.people.silver import Row, rows

REPO = Repo("acme", "rocket")
NEWER_COLUMNS = {
    contributors.CONVERSATION_THREAD: {"is_newer_part", "whole_at"},
    contributors.CONVERSATION_EVENT: {"last_fetched_at"},
    contributors.REVIEW: {"last_fetched_at"},
    contributors.ISSUE_COMMENT: {"last_fetched_at"},
    contributors.REVIEW_COMMENT: {"last_fetched_at", "settled_at"},
}


def made_older(lake: Lake) -> None:
    """Publish silver as the version before did."""
    with lake.begin("silver", REPO) as publication:
        staged = [publication.stage(*without(lake, *table)) for table in NEWER_COLUMNS.items()]
        publication.remove(contributors.THREAD_OPENING, paths.WHOLE)
        publication.seal()
        for table in staged:
            publication.promote(table)


def without(lake: Lake, table: TableContract, names: set[str]):
    """A table's contract and rows without some columns."""
    columns = tuple(column for column in table.columns if column.name not in names)
    older = replace(table, columns=columns)
    return older, lake.dataset(table, REPO).to_table(list(older.column_names))


def figures(reader: Reader) -> dict[str, list[Row]]:
    """Every row of the marts, in order."""
    with reader.gold() as con:
        return {
            name: sorted(con.table(name).to_arrow_table().to_pylist(), key=str) for name in sorted(ORACLES)
        }


def test_a_lake_of_the_version_before_gives_the_same_marts_and_who_opened_as_first_received(tmp_path: Path):
    plan = HistoryPlan(REPO.key, 5, issue_count=8, day_count=20, body_bytes_mean=10, has_people=True)
    world = generate([plan])
    newer = Reader(world, REPO, tmp_path / "newer")
    newer.sync()
    shutil.copytree(newer.folder, tmp_path / "older")
    older = Reader(world, REPO, tmp_path / "older", run_count=newer.run_count)
    made_older(older.lake)
    assert contributors.THREAD_OPENING.name not in older.lake.commit("silver", REPO).tables
    assert figures(older) == figures(newer)
    acts = world.acts_on(REPO.key)
    for issue in list(acts.repository.issues.values())[:4]:
        if issue.author is not None:
            issue.author.association = "OWNER"
        acts.comment(issue, world.clock + 60, issue.author)
    acts.forget_rendered()
    world.advance(seconds=DAY_SECONDS)
    older.sync()
    newer.sync()
    assert figures(older) == figures(newer)
    first = {row["issue_id"]: row for row in rows(newer, contributors.THREAD_OPENING)}
    told = rows(older, contributors.THREAD_OPENING)
    assert told
    assert all(row["author_association"] == first[row["issue_id"]]["author_association"] for row in told)
