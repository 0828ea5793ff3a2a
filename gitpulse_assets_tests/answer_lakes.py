"""Lakes for the tests of what people see: generated histories by the product's path, or recorded data."""

import gzip
import json
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from gitpulse_assets.catalog.subjects import MERGED_TABLES
from gitpulse_assets.chosen import CONTRIBUTORS, chosen_subjects
from gitpulse_assets.contracts import bronze, silver
from gitpulse_assets.contracts.model import Layer, TableContract
from gitpulse_assets.lake.duck import connect
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.lake.manifest import ManifestRow
from gitpulse_assets.pipeline.refresh import publish_marts
from gitpulse_assets.pipeline.step import ordered
from gitpulse_assets.repo import Repo
from gitpulse_assets.sandbox.history import generate
from gitpulse_assets.sandbox.plan import HistoryPlan
from gitpulse_assets.sandbox.world import World
from gitpulse_assets.transform.silver import merge_silver
from gitpulse_assets_tests import shared
from gitpulse_assets_tests.history.product import Reader

ROCKET = Repo("acme", "rocket")
EMPTY = Repo("acme", "empty")
HALF = Repo("acme", "half")
ONNX = Repo("microsoft", "onnxruntime")
RECORDED_AS_OF = datetime(2023, 8, 7, 23, 59, 59, tzinfo=UTC)


def generated_world(issue_count: int = 200, day_count: int = 300) -> World:
    """A growing repository with every kind of movement, and one without issues."""
    has_people = CONTRIBUTORS in chosen_subjects()
    world = generate([HistoryPlan(ROCKET.key, 7, issue_count, day_count, "growing", has_people=has_people)])
    world.add_repository(EMPTY.key)
    return world


def fill(lake: Lake, world: World, folder: Path) -> None:
    """Sync both repositories of the world, and begin the first sync of a third."""
    for repo in (ROCKET, EMPTY):
        sync(lake, world, repo, folder)
    now = datetime(2026, 6, 30, tzinfo=UTC)
    begun = ManifestRow("run-1", HALF.owner, HALF.name, bronze.ISSUES.name, "partial", "full", now)
    lake.manifest(HALF).put(begun)


def copy_filled(
    config: pytest.Config,
    target: Path,
    issue_count: int = 200,
    day_count: int = 300,
    *,
    departs: bool = False,
) -> World:
    """Copy the lake of such a world, filled once a run of the tests, to a folder; return the world.

    `departs`: one issue was deleted and another converted since, which a full walk found out.
    """

    def make(folder: Path) -> dict[str, str]:
        place = folder / "lake"
        if departs:
            world = copy_filled(config, place, issue_count, day_count)
            let_depart(world)
            sync(Lake.open(str(place)), world, ROCKET, place, is_full=True)
        else:
            fill(Lake.open(str(place)), generated_world(issue_count, day_count), place)
        return {"folder": str(place)}

    name = f"filled-{issue_count}-{day_count}{'-departed' if departs else ''}"
    shutil.copytree(shared.made_once(config, name, make)["folder"], target, dirs_exist_ok=True)
    world = generated_world(issue_count, day_count)
    if departs:
        let_depart(world)
    return world


def let_depart(world: World) -> None:
    """Delete one open issue and convert another."""
    acts = world.acts_on(ROCKET.key)
    first, second = [
        issue
        for issue in acts.repository.issues.values()
        if issue.state == "open" and not issue.is_pull_request
    ][:2]
    acts.delete(first, world.clock)
    acts.convert(second, world.clock, None)
    world.advance(seconds=3_600)


def sync(lake: Lake, world: World, repo: Repo, folder: Path, *, is_full: bool = False) -> None:
    """Collect, merge and publish once, marts included."""
    reader = Reader(world, repo, folder)
    reader.lake, reader.run_count = lake, len({row.run_id for row in lake.manifest(repo).rows()})
    reader.sync(is_full=is_full)
    with reader.gold():
        pass


def publish(lake: Lake, layer: Layer, repo: Repo, tables: Mapping[TableContract, pa.Table]) -> None:
    """Publish tables as one merge."""
    with lake.begin(layer, repo) as publication:
        staged = [publication.stage(contract, table) for contract, table in tables.items()]
        publication.seal()
        for table in staged:
            publication.promote(table)


def recorded_lake(lake: Lake, folder: Path) -> None:
    """Merge and publish a recorded repository: its records, and its events where REST told them."""
    records = _lines(folder / "issues.2023-08-07.jsonl.gz")
    ids = {record["number"]: record["id"] for record in records}
    events = [
        {"issue_id": ids[page["_issue_number"]], "issue_number": page["_issue_number"], "payload_json": event}
        for page in _lines(folder / "issue_events.2023-08-07.jsonl.gz")
        for event in map(json.dumps, page["body"])
        if page["_issue_number"] in ids
    ]
    issues = [{"issue_id": record["id"], "payload_json": json.dumps(record)} for record in records]
    repository = {"repository_id": 1, "payload_json": '{"id": 1, "full_name": "Microsoft/ONNXRuntime"}'}
    received = {
        "bronze_issues": _bronze(bronze.ISSUES, issues),
        "bronze_issue_timeline": _bronze(bronze.ISSUE_TIMELINE, events),
        "bronze_repository": _bronze(bronze.REPOSITORY, [repository]),
    }
    now = RECORDED_AS_OF
    done = ManifestRow("run-1", ONNX.owner, ONNX.name, "issues", "complete", "full", now, finished_at=now)
    lake.manifest(ONNX).put(done)
    with connect() as con:
        merge_silver(con, received, ["run-1"])
        merged = {table: ordered(con, table, table.name).read_all() for table in MERGED_TABLES}
    publish(lake, "silver", ONNX, merged | _recorded_sync())
    publish_marts(lake, ONNX)


def copy_recorded(config: pytest.Config, target: Path, recorded_data: Path) -> None:
    """Copy the lake of a real repository, merged once a run of the tests, to a folder."""

    def make(folder: Path) -> dict[str, str]:
        recorded_lake(Lake.open(str(folder / "lake")), recorded_data / "microsoft__onnxruntime")
        return {"folder": str(folder / "lake")}

    shutil.copytree(shared.made_once(config, "recorded", make)["folder"], target, dirs_exist_ok=True)


def _recorded_sync() -> dict[TableContract, pa.Table]:
    row: dict[str, Any] = dict.fromkeys(silver.SYNC_STATE.column_names)
    row |= {"repo_owner": ONNX.owner, "repo_name": ONNX.name, "stream": "issues", "record_count": 0}
    row |= {"as_of_at": RECORDED_AS_OF, "watermark": RECORDED_AS_OF, "finished_at": RECORDED_AS_OF}
    row |= {"last_merged_run_id": "run-1", "walk_kind": "full"}
    return {silver.SYNC_STATE: pa.Table.from_pylist([row], silver.SYNC_STATE.arrow_schema)}


def _lines(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as text:
        return [json.loads(line) for line in text]


def _bronze(contract: TableContract, rows: list[dict[str, Any]]) -> pa.Table:
    common = {"run_id": "run-1", "repo_owner": ONNX.owner, "repo_name": ONNX.name}
    common |= {"fetched_at": RECORDED_AS_OF, "page_number": 1, "source": "rest_events", "is_complete": True}
    rows = [{"record_number": n, **common, **row} for n, row in enumerate(rows, start=1)]
    return pa.table(
        {name: [row.get(name) for row in rows] for name in contract.column_names}, contract.arrow_schema
    )
