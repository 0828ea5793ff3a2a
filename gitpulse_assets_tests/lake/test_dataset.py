"""Reading what lies in the lake under today's contract, also what an older one left (case 15)."""

from dataclasses import replace
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from gitpulse_assets.contracts.bronze import ISSUES, MANIFEST
from gitpulse_assets.contracts.model import Column, TableContract
from gitpulse_assets.lake import paths
from gitpulse_assets.lake.duck import connect
from gitpulse_assets.lake.errors import LakeError
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.lake.manifest import ManifestRow
from gitpulse_assets.repo import Repo

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def with_column(contract: TableContract, column: Column) -> TableContract:
    kept = tuple(c for c in contract.columns if c.name != column.name)
    return replace(contract, columns=(*kept, column))


def test_an_absent_table_is_empty_under_its_contract(lake: Lake, repo: Repo, thing: TableContract):
    found = lake.dataset(thing, repo)
    assert (found.count_rows(), found.schema) == (0, thing.arrow_schema)
    con = connect()
    con.register("thing", found)
    assert con.execute("select * from thing").fetchall() == []


@pytest.mark.parametrize("nullable", [True, False])
def test_case_15_columns_an_old_file_lacks_are_null(lake: Lake, repo: Repo, thing, publish, nullable: bool):
    publish(1)
    newer = with_column(thing, Column("added_at", pa.timestamp("us", tz="UTC"), "Newer.", nullable))
    found = lake.dataset(newer, repo)
    assert found.schema.names == ["thing_id", "label", "added_at"]
    assert found.to_table()["added_at"].null_count == 3
    con = connect()
    con.register("thing", found)
    query = "select count(added_at), count(*) from thing where added_at is null"
    assert con.execute(query).fetchall() == [(0, 3)]


def test_columns_the_contract_dropped_are_not_read(lake: Lake, repo: Repo, thing, publish):
    publish(1)
    found = lake.dataset(replace(thing, columns=thing.columns[:1]), repo)
    assert found.to_table().column_names == ["thing_id"]


@pytest.mark.parametrize("wanted", [pa.int32(), pa.string(), pa.float64(), pa.timestamp("us", tz="UTC")])
def test_a_column_that_changed_its_type_is_refused(lake: Lake, repo: Repo, thing, publish, wanted):
    publish(1)
    changed = with_column(thing, Column("thing_id", wanted, "Changed.", nullable=False))
    with pytest.raises(
        LakeError,
        match=r"^silver/thing\.thing_id: stored as int64, the contract says \w+.*; run gitpulse rebuild",
    ):
        lake.dataset(changed, repo)


def retype(lake: Lake, key: str, column: str) -> None:
    """Store an object again with a column as text, as another tool may."""
    opened = lake.store.open(key)
    assert opened is not None
    table = pq.read_table(opened.file)
    texts = table[column].cast(pa.string())
    path = lake.store.scratch_folder / "retyped.parquet"
    retyped = table.set_column(table.schema.get_field_index(column), column, texts)
    # What the file said of its columns is no longer so.
    pq.write_table(retyped.replace_schema_metadata(None), path)
    lake.store.put(key, path)


@pytest.mark.parametrize("table", [MANIFEST, ISSUES], ids=lambda table: table.name)
def test_bronze_of_another_type_is_not_told_to_be_rebuilt(lake: Lake, repo: Repo, table: TableContract):
    """A rebuild reads it and would refuse with the same words."""
    lake.manifest(repo).put(ManifestRow("run-1", repo.owner, repo.name, "issues", "running", "full", NOW))
    record = dict.fromkeys(ISSUES.column_names) | {"run_id": "run-1", "page_number": 1, "record_number": 1}
    record |= {"repo_owner": repo.owner, "repo_name": repo.name, "fetched_at": NOW, "payload_json": "{}"}
    lake.batch_writer(ISSUES, repo, "run-1").write(pa.Table.from_pylist([record], ISSUES.arrow_schema))
    key, column, read = {
        MANIFEST: (paths.table_key(MANIFEST, repo), "page_count", lake.manifest(repo).rows),
        ISSUES: (
            paths.batch_key(ISSUES, repo, "run-1", 1),
            "page_number",
            lambda: lake.bronze_dataset(ISSUES, repo, [("run-1", [1])]),
        ),
    }[table]
    retype(lake, key, column)
    with pytest.raises(LakeError, match=r"stored as string, .*; no rebuild can mend .* gitpulse forget"):
        read()


def test_another_layout_of_the_same_values_is_read(lake: Lake, repo: Repo, thing, publish):
    publish(1)
    large = with_column(thing, Column("label", pa.large_string(), "Large."))
    assert lake.dataset(large, repo).to_table()["label"].type == pa.large_string()


def test_what_is_no_parquet_is_told(lake: Lake, repo: Repo, thing):
    lake.store.put(paths.table_key(thing, repo), b"half a file")
    with pytest.raises(LakeError, match=r"data\.parquet: not a Parquet file, or a damaged one"):
        lake.dataset(thing, repo)


def test_filters_and_columns_reach_the_scan(lake: Lake, repo: Repo, thing, publish):
    publish(1)
    con = connect()
    con.register("thing", lake.dataset(thing, repo))
    plan = con.execute("explain select label from thing where thing_id > 1").fetchall()[0][1]
    assert 'Filters: "thing_id" > 1' in plan
    assert con.execute("select count(label) from thing where thing_id > 1").fetchall() == [(0,)]


def test_a_published_table_reads_as_people_read_it(tmp_path, repo: Repo, thing):
    """A plain hive-style glob over the table's folder, as BI tools do it."""
    lake = Lake.open(str(tmp_path))
    merge = lake.begin("silver", repo)
    staged = merge.stage(thing, pa.table({"thing_id": [1], "label": ["x"]}, thing.arrow_schema))
    merge.seal()
    merge.promote(staged)
    found = (
        ds.dataset(tmp_path / "silver" / "thing", format="parquet", partitioning="hive")
        .to_table()
        .to_pylist()
    )
    row = {"thing_id": 1, "label": "x", "repo_owner": "microsoft", "repo_name": ".github"}
    assert found == [row]
    glob = f"{tmp_path}/silver/*/*/*/*.parquet"
    assert connect().execute("select repo_name from read_parquet(?)", [glob]).fetchall() == [(".github",)]
