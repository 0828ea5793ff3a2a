"""The report in Dagster: a run of its own, made when the verdict says something else, once an answer."""

import base64
from pathlib import Path

import dagster as dg
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from gitpulse_assets.assets.making import answer_version
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.marts.backlog_verdict import MART_BACKLOG_VERDICT
from gitpulse_assets.runs.kinds import REPORT_JOB, REPORT_KEY
from gitpulse_assets.runs.launch import execute
from gitpulse_assets_tests.dagster.conftest import REPO, Product

REPORT = dg.AssetKey(list(REPORT_KEY))
VERDICT = dg.AssetKey(list(MART_BACKLOG_VERDICT.asset_key))
PARTITION = {"dagster/partition": REPO.key}


@pytest.fixture(scope="module")
def made(synced: Product, defs: dg.Definitions) -> dict:
    """What Dagster shows of a report."""
    _, events = execute(defs, synced.instance, REPORT_JOB, {}, PARTITION)
    event = next(event for event in events if event.is_step_materialization)
    return dict(event.step_materialization_data.materialization.metadata)


def test_the_report_lies_in_the_lake_as_one_file(made: dict):
    text = Path(made["report"].value).read_text(encoding="utf-8")
    assert REPO.name in text
    assert len(text.encode()) == made["size_bytes"].value
    assert "<script" not in text


def test_its_curve_is_a_picture_on_the_assets_page(made: dict):
    """One only: the event log keeps it for ever, a run a repository and day."""
    assert [name for name in made if name.startswith("chart_")] == ["chart_backlog"]
    head, _, data = made["chart_backlog"].value.partition(";base64,")
    assert head.endswith("(data:image/png")
    assert base64.b64decode(data.removesuffix(")")).startswith(b"\x89PNG")
    assert len(data) < 40_000


def test_it_links_to_the_page(made: dict):
    assert made["page"].value == f"http://127.0.0.1:8000/?repo={REPO.key}"


def test_a_repository_without_marts_fails_with_the_command(defs: dg.Definitions, home: Path):
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("repos", [REPO.key])
        _, events = execute(defs, instance, REPORT_JOB, {}, PARTITION)
    failure = next(event for event in events if event.is_step_failure).step_failure_data.error
    assert failure
    assert f"gitpulse refresh {REPO}" in failure.to_string()


def raised(table: pa.Table, name: str) -> pa.Table:
    """The table with a column's values 1 higher."""
    place = table.column_names.index(name)
    return table.set_column(place, table.schema.field(name), pc.add(table[name], 1))


def test_the_version_of_an_answer_leaves_ages_out(synced: Product):
    told = Lake.open(str(synced.home / "lake")).dataset(MART_BACKLOG_VERDICT, REPO).to_table()
    assert answer_version(raised(told, "median_open_age_days")) == answer_version(told)
    assert answer_version(raised(told, "net_change")) != answer_version(told)


def test_dagster_keeps_the_version_of_an_answer_with_its_materialization(synced: Product):
    """Decided in ADR 9: automation compares this tag; `data_version` of an output is a beta feature."""
    event = synced.instance.get_latest_materialization_event(VERDICT)
    told = Lake.open(str(synced.home / "lake")).dataset(MART_BACKLOG_VERDICT, REPO).to_table()
    assert event
    materialization = event.asset_materialization
    assert materialization
    assert (materialization.tags or {})["dagster/data_version"] == answer_version(told).value


class Automation:
    """Dagster's automation on an instance, a tick at a time."""

    def __init__(self, defs: dg.Definitions, instance: dg.DagsterInstance) -> None:
        self.defs, self.instance, self.cursor = defs, instance, None

    def tick(self) -> int:
        """How many reports are asked for."""
        result = dg.evaluate_automation_conditions(
            self.defs,
            self.instance,
            asset_selection=dg.AssetSelection.assets(REPORT),
            cursor=self.cursor,
        )
        self.cursor = result.cursor
        return result.total_requested

    def publish(self, version: str) -> None:
        """Let gold publish an answer of a version."""
        for key in self.defs.resolve_asset_graph().get(REPORT).parent_keys:
            tags = {"dagster/data_version": version} if key == VERDICT else {}
            self.instance.report_runless_asset_event(
                dg.AssetMaterialization(key, partition=REPO.key, tags=tags)
            )

    def draw(self) -> None:
        self.instance.report_runless_asset_event(dg.AssetMaterialization(REPORT, partition=REPO.key))


@pytest.fixture
def automation(defs: dg.Definitions, instance: dg.DagsterInstance) -> Automation:
    instance.add_dynamic_partitions("repos", [REPO.key])
    return Automation(defs, instance)


def test_a_first_report_is_asked_for_once_there_are_marts(automation: Automation):
    assert automation.tick() == 0
    automation.publish("one")
    assert automation.tick() == 1
    assert automation.tick() == 0


def test_marts_that_were_there_before_the_daemon_get_a_report(automation: Automation):
    automation.publish("one")
    assert automation.tick() == 1


def test_a_report_is_made_anew_when_the_answer_changes_and_only_then(automation: Automation):
    automation.publish("one")
    assert automation.tick() == 1
    automation.draw()
    automation.publish("one")
    assert automation.tick() == 0
    automation.publish("two")
    assert automation.tick() == 1
    automation.draw()
    assert automation.tick() == 0


def test_a_report_that_cannot_be_drawn_waits_for_the_next_answer(automation: Automation):
    automation.publish("one")
    assert [automation.tick() for _ in range(4)] == [1, 0, 0, 0]
    automation.publish("two")
    assert [automation.tick() for _ in range(3)] == [1, 0, 0]
