"""What may be written under a contract, and what is refused with a message."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gitpulse_assets.contracts.model import UTC_TIMESTAMP, Column, TableContract
from gitpulse_assets.lake import parquet
from gitpulse_assets.lake.duck import connect
from gitpulse_assets.lake.errors import LakeError
from gitpulse_assets.lake.parquet import contract_fingerprint, write_parquet


def contract_of(*types: pa.DataType, nullable: bool = True) -> TableContract:
    columns = tuple(Column(f"c{n}", t, "A column.", nullable) for n, t in enumerate(types))
    return TableContract("silver", "t", "A table.", "a row", ("c0",), columns, ("c0",))


def write(path: Path, contract: TableContract, table: pa.Table) -> pa.Table:
    write_parquet(path, contract, table.to_batches(), table.schema, "merge-1")
    return pq.ParquetFile(path).read()


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        (pa.large_string(), pa.string()),
        (pa.string_view(), pa.string()),
        (pa.dictionary(pa.uint8(), pa.string()), pa.string()),
        (pa.large_list(pa.large_string()), pa.list_(pa.string())),
        (pa.timestamp("us", tz="Etc/UTC"), UTC_TIMESTAMP),
        (pa.int64(), pa.int64()),
    ],
)
def test_another_layout_of_the_same_values_is_cast(tmp_path: Path, found, wanted):
    table = pa.table({"c0": pa.nulls(2, found)})
    assert write(tmp_path / "t", contract_of(wanted), table).schema.field(0).type == wanted


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        (pa.decimal128(38, 0), pa.int64()),
        (pa.int32(), pa.int64()),
        (pa.float64(), pa.int64()),
        (pa.timestamp("ns", tz="UTC"), UTC_TIMESTAMP),
        (pa.timestamp("us"), UTC_TIMESTAMP),
        (pa.timestamp("us", tz="Asia/Tokyo"), UTC_TIMESTAMP),
        (pa.string(), pa.list_(pa.string())),
        (pa.binary(), pa.string()),
        (pa.dictionary(pa.uint8(), pa.int64()), pa.string()),
        (pa.null(), pa.string()),
    ],
)
def test_another_kind_is_refused(tmp_path: Path, found, wanted):
    with pytest.raises(LakeError, match=r"^silver/t\.c0: the contract says .*; cast it in SQL$"):
        write(tmp_path / "t", contract_of(wanted), pa.table({"c0": pa.nulls(1, found)}))
    assert list(tmp_path.iterdir()) == []


def test_a_sum_that_duckdb_widened_is_refused(tmp_path: Path):
    reader = connect().sql("select sum(1::bigint) as c0").to_arrow_reader(1000)
    with pytest.raises(LakeError, match=r"c0: the contract says int64, not decimal128\(38, 0\)"):
        write_parquet(tmp_path / "t", contract_of(pa.int64()), reader, reader.schema, "m")


@pytest.mark.parametrize(
    ("names", "message"),
    [(["c1", "c0"], "order"), (["c0"], r"missing \['c1'\]"), (["c0", "c1", "x"], r"unknown \['x'\]")],
)
def test_other_columns_are_refused(tmp_path: Path, names: list[str], message: str):
    table = pa.table({name: [1] for name in names})
    with pytest.raises(LakeError, match=rf"^silver/t: the columns are not the contract's: .*{message}"):
        write(tmp_path / "t", contract_of(pa.int64(), pa.int64()), table)


def test_nulls_the_contract_forbids_are_refused(tmp_path: Path):
    with pytest.raises(LakeError, match=r"^silver/t\.c0: 2 rows are null"):
        write(tmp_path / "t", contract_of(pa.int64(), nullable=False), pa.table({"c0": [1, None, None]}))
    assert list(tmp_path.iterdir()) == []


def test_a_stream_becomes_row_groups_of_a_bounded_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(parquet, "ROW_GROUP_ROWS", 1000)
    contract = contract_of(pa.int64())
    largest = 0

    def batches() -> Iterator[pa.RecordBatch]:
        nonlocal largest
        for start in range(0, 100_000, 100):
            largest = max(largest, pa.total_allocated_bytes())
            yield pa.record_batch({"c0": pa.array(range(start, start + 100), pa.int64())})

    before = pa.total_allocated_bytes()
    written = write_parquet(tmp_path / "t", contract, batches(), contract.arrow_schema, "m")
    metadata = pq.read_metadata(tmp_path / "t")
    assert (written.row_count, metadata.num_row_groups) == (100_000, 100)
    assert metadata.row_group(7).column(0).statistics.min == 7000
    # Every batch together is 800 kB.
    assert largest - before < 200_000


def test_wide_rows_are_bounded_by_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(parquet, "ROW_GROUP_BYTES", 10_000)
    batches = [pa.record_batch({"c0": ["x" * 4000]})] * 9
    write_parquet(tmp_path / "t", contract_of(pa.string()), batches, batches[0].schema, "m")
    assert pq.read_metadata(tmp_path / "t").num_row_groups == 3


def test_no_rows_make_a_table_with_columns(tmp_path: Path):
    contract = contract_of(pa.int64(), pa.list_(pa.string()))
    found = write(tmp_path / "t", contract, contract.arrow_schema.empty_table())
    assert (found.num_rows, found.schema.remove_metadata()) == (0, contract.arrow_schema)


def test_a_full_disk_is_one_clear_line():
    """/dev/full answers every write as a full disk does."""
    table = pa.table({"c0": list(range(100_000))})
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no /dev/full")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "unlink", lambda *args, **kwargs: None)
        with pytest.raises(LakeError, match=r"^/dev/full: the disk is full: free space, then run again"):
            write_parquet(full, contract_of(pa.int64()), table.to_batches(), table.schema, "m")


def test_the_fingerprint_follows_names_types_and_nullability():
    made = {
        contract_fingerprint(c)
        for c in (
            contract_of(pa.int64()),
            contract_of(pa.int32()),
            contract_of(pa.int64(), pa.int64()),
            contract_of(pa.int64(), nullable=False),
        )
    }
    assert len(made) == 4
    assert contract_fingerprint(contract_of(pa.int64())) in made


@pytest.mark.parametrize(
    ("row_count", "codecs"), [(10, ("UNCOMPRESSED", "ZSTD")), (50_000, ("ZSTD", "ZSTD"))]
)
def test_what_is_small_is_compressed_where_it_is_a_document(tmp_path: Path, row_count, codecs):
    columns = tuple(Column(name, pa.string(), "A column.", True) for name in ("c0", "payload_json"))
    contract = TableContract("bronze", "t", "A table.", "a row", ("c0",), columns, ("c0",))
    texts = [str(number) for number in range(row_count)]
    assert (
        write(tmp_path / "t", contract, pa.table({"c0": texts, "payload_json": texts})).num_rows == row_count
    )
    group = pq.read_metadata(tmp_path / "t").row_group(0)
    assert tuple(group.column(number).compression for number in range(2)) == codecs
