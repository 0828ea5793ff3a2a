"""The IO manager: bronze arrives as batches not merged yet, silver and gold lazy, outputs are promoted."""

from datetime import UTC, datetime

import dagster as dg
import pyarrow as pa
import pyarrow.dataset as ds
import pytest

from gitpulse_assets.contracts import bronze, silver
from gitpulse_assets.contracts.model import TableContract
from gitpulse_assets.io_manager import LakeIOManager
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.lake.manifest import ManifestRow
from gitpulse_assets.marts.issue_daily_flow import MART_ISSUE_DAILY_FLOW
from gitpulse_assets.pipeline.batches import BronzeBatches
from gitpulse_assets.repo import Repo
from gitpulse_assets.resources import LakeResource

REPO = Repo("acme", "rocket")
MOMENT = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def manager(home) -> LakeIOManager:
    return LakeIOManager(lake=LakeResource())


def load(manager: LakeIOManager, contract: TableContract, repo: Repo = REPO):
    keys = dg.PartitionKeyRange(repo.key, repo.key)
    context = dg.build_input_context(
        asset_key=dg.AssetKey(list(contract.asset_key)),
        asset_partition_key_range=keys,
        asset_partitions_def=dg.StaticPartitionsDefinition([repo.key]),
    )
    return manager.load_input(context)


def departures(count: int, run_id: str) -> pa.Table:
    row = {
        "run_id": run_id,
        "repo_owner": REPO.owner,
        "repo_name": REPO.name,
        "fetched_at": MOMENT,
        "issue_number": 1,
        "kind": "deleted",
        "evidence": "nodes",
        "payload_json": "null",
    }
    rows = [row | {"issue_id": number} for number in range(count)]
    return pa.Table.from_pylist(rows, schema=bronze.DEPARTURE.arrow_schema)


def store(lake: Lake, run_id: str, batch_sizes: list[int], counted: int) -> None:
    """Store batches of which the manifest counts the first `counted`."""
    writer = lake.batch_writer(bronze.DEPARTURE, REPO, run_id)
    for size in batch_sizes:
        writer.write(departures(size, run_id))
    moment = pa.scalar(0, pa.timestamp("us", tz="UTC")).as_py()
    row = ManifestRow(
        run_id, REPO.owner, REPO.name, "departure", "running", "full", moment, batch_count=counted
    )
    lake.manifest(REPO).put(row)


def test_bronze_arrives_as_the_batches_not_merged_yet(manager, lake):
    store(lake, "run-1", [2, 3], counted=2)
    store(lake, "run-2", [4], counted=1)
    loaded = load(manager, bronze.DEPARTURE)
    assert isinstance(loaded, BronzeBatches)
    assert loaded.run_ids == ["run-1", "run-2"]
    assert loaded.merged == {"run-1": 2, "run-2": 1}
    assert loaded.dataset.count_rows() == 9


def test_a_batch_the_manifest_does_not_count_is_not_there(manager, lake):
    store(lake, "run-1", [2, 3], counted=1)
    assert load(manager, bronze.DEPARTURE).dataset.count_rows() == 2


def test_what_is_merged_does_not_arrive_again(synced):
    loaded = load(LakeIOManager(lake=LakeResource()), bronze.ISSUES)
    assert (loaded.batches, loaded.dataset.count_rows()) == ([], 0)


@pytest.mark.parametrize("contract", [silver.ISSUE_CURRENT, MART_ISSUE_DAILY_FLOW], ids=lambda c: c.name)
def test_published_tables_arrive_lazy(synced, contract):
    loaded = load(LakeIOManager(lake=LakeResource()), contract)
    assert isinstance(loaded, ds.Dataset)
    assert loaded.schema.names == list(contract.column_names)
    assert loaded.count_rows() > 0


@pytest.mark.parametrize("contract", [silver.ISSUE_CURRENT, bronze.ISSUES], ids=lambda c: c.name)
def test_a_repository_never_synced_has_empty_tables(manager, contract):
    loaded = load(manager, contract)
    dataset = loaded.dataset if isinstance(loaded, BronzeBatches) else loaded
    assert (dataset.count_rows(), dataset.schema.names) == (0, list(contract.column_names))


def test_an_output_is_promoted_and_described(manager, lake):
    contract = silver.QUARANTINE
    with lake.begin("silver", REPO) as publication:
        staged = publication.stage(contract, contract.arrow_schema.empty_table())
        publication.seal()
        assert lake.commit("silver", REPO) is None
        context = dg.build_output_context(asset_key=dg.AssetKey(list(contract.asset_key)))
        manager.handle_output(context, staged)
    commit = lake.commit("silver", REPO)
    assert commit is not None
    assert set(commit.tables) == {contract.name}
    shown = context.consume_logged_metadata()
    assert shown["merge_id"].value == commit.merge_id
    assert shown["dagster/partition_row_count"].value == 0
    assert shown["dagster/uri"].value == lake.uri(contract, REPO)


def test_a_published_table_holds_the_runs_that_gave_its_rows(synced):
    """Nothing published points at bronze that is not there."""
    lake = Lake.open(str(synced.home / "lake"))
    known = {row.run_id for row in lake.manifest(REPO).rows()}
    given = lake.dataset(silver.ISSUE_CURRENT, REPO).to_table(columns=["run_id"])
    assert set(given["run_id"].to_pylist()) <= known
