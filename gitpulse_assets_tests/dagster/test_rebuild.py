"""Silver and gold anew from bronze, without GitHub: also the way to tables of another contract."""

from collections.abc import Callable
from dataclasses import replace

import dagster as dg
import pyarrow as pa
import pytest

from gitpulse_assets.catalog.tables import CATALOG
from gitpulse_assets.contracts.model import TableContract
from gitpulse_assets.contracts.silver import ISSUE_CURRENT, RECONCILIATION, SYNC_STATE
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.lake.s3_options import S3Options
from gitpulse_assets.repo import Repo
from gitpulse_assets.runs.launch import RunOutcome, rebuild
from gitpulse_assets.sandbox.server import Sandbox
from gitpulse_assets_tests.crash.pipeline import Place, refresh

REPO = Repo("acme", "rocket")
PUBLISHED = [contract for contract in CATALOG if contract.layer != "bronze"]
WEEK_SECONDS = 7 * 86_400

Refresh = Callable[..., RunOutcome]


@pytest.fixture
def run_rebuild(home, defs: dg.Definitions, instance: dg.DagsterInstance) -> Callable[[], RunOutcome]:
    return lambda: rebuild(defs, instance, REPO)


def tables(lake: Lake) -> dict[str, pa.Table]:
    return {
        contract.name: lake.dataset(contract, REPO)
        .to_table()
        .sort_by([(name, "ascending") for name in contract.key])
        for contract in PUBLISHED
    }


def different(before: dict[str, pa.Table], after: dict[str, pa.Table]) -> list[str]:
    """Name the tables that differ; how far the streams are is left out, since a refused run walked, too."""
    names = [name for name in before if name != SYNC_STATE.name]
    return [name for name in names if not before[name].equals(after[name])]


def publish_as(lake: Lake, old: TableContract, rows: pa.Table) -> None:
    """Publish a silver table as an older version of GitPulse did, the others as they are."""
    with lake.begin("silver", REPO) as publication:
        others = [c for c in PUBLISHED if c.layer == "silver" and c.name != old.name]
        staged = [publication.keep(contract) for contract in others] + [publication.stage(old, rows)]
        publication.seal()
        for table in staged:
            publication.promote(table)


@pytest.mark.dear
def test_a_rebuild_gives_the_same_tables_without_asking_github(run_rebuild, lake: Lake, sandbox: Sandbox):
    place = Place(lake.store.uri(""), S3Options(), sandbox.base_url)
    refresh(place, "run-1")
    sandbox.world.advance(seconds=WEEK_SECONDS)
    refresh(place, "run-2", is_full=True)
    before, commit = tables(lake), lake.commit("silver", REPO)
    sandbox.app.log.clear()
    outcome = run_rebuild()
    after = lake.commit("silver", REPO)
    assert outcome.is_success, outcome.message
    assert len(outcome.tables) == len(PUBLISHED)
    assert sandbox.app.log == []
    assert different(before, tables(lake)) == []
    assert tables(lake)[SYNC_STATE.name].equals(before[SYNC_STATE.name])
    assert before[RECONCILIATION.name].num_rows == 2
    assert commit is not None
    assert after is not None
    assert after.merged == commit.merged
    assert after.merge_id != commit.merge_id


@pytest.mark.slow
def test_tables_of_an_older_contract_are_refused_until_rebuilt(run: Refresh, run_rebuild, lake: Lake):
    assert run().is_success
    before = tables(lake)
    rows = before[ISSUE_CURRENT.name]
    narrow = tuple(c for c in ISSUE_CURRENT.columns if c.name != "is_pull_request")
    publish_as(lake, replace(ISSUE_CURRENT, columns=narrow, rules=()), rows.drop_columns("is_pull_request"))
    assert_refused_then_repaired(
        run, run_rebuild, "issue_current.is_pull_request: stored without this column"
    )
    assert different(before, tables(lake)) == []

    texts = tuple(
        replace(c, type=pa.string()) if c.name == "issue_number" else c for c in ISSUE_CURRENT.columns
    )
    position = rows.schema.get_field_index("issue_number")
    numbers = rows["issue_number"].cast(pa.string())
    old = replace(ISSUE_CURRENT, columns=texts)
    publish_as(lake, old, rows.set_column(position, "issue_number", numbers))
    assert_refused_then_repaired(run, run_rebuild, "issue_current.issue_number: stored as string")
    assert different(before, tables(lake)) == []


def assert_refused_then_repaired(run: Refresh, run_rebuild, said: str) -> None:
    refused = run()
    assert not refused.is_success
    assert said in refused.message
    assert "gitpulse rebuild" in refused.message
    assert "\n" not in refused.message
    assert run_rebuild().is_success


def test_nothing_to_rebuild_from_is_refused(run_rebuild, lake: Lake):
    outcome = run_rebuild()
    assert not outcome.is_success
