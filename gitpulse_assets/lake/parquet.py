"""Writing Parquet that keeps a contract, and refusing what does not.

Rows must arrive in the contract's `order_by` order: sorting is SQL's work, streaming is this module's.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from types import MappingProxyType

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from gitpulse_assets.contracts.model import TableContract
from gitpulse_assets.lake.errors import LakeError, folder_errors

# Large enough to compress well, small enough that a filter on the sorted key skips most of a table. The
# bytes bound keeps memory flat for tables of bodies and payloads (4 KB a row and more).
ROW_GROUP_ROWS = 100_000
ROW_GROUP_BYTES = 8 * 1024 * 1024

# Below this the columns of a table are written as they are: to begin a column's compression costs more time
# than it saves space, a disk's block or two.
SMALL_BYTES = 32 * 1024

# Whole documents, no two alike: a dictionary of them is built in vain, and their extremes tell nothing.
DOCUMENT_COLUMNS = frozenset({"payload_json", "body"})

MERGE_ID = b"gitpulse.merge_id"
CONTRACT = b"gitpulse.contract"
DESCRIPTION = b"gitpulse.description"


@dataclass(frozen=True)
class Written:
    """What was written: rows and bytes of the file."""

    row_count: int
    size_bytes: int


def contract_fingerprint(contract: TableContract) -> str:
    """The version of a contract: 12 hex digits that change when a column's name, type or nullability does."""
    return schema_fingerprint(contract.arrow_schema)


def schema_fingerprint(schema: pa.Schema) -> str:
    """The same of a schema, so that a stored one can be held against what its file says of it."""
    text = ";".join(f"{field.name}:{field.type}:{field.nullable}" for field in schema)
    # What Arrow calls the item of a list, Parquet calls its element.
    text = text.replace("<element: ", "<item: ")
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def write_parquet(
    path: Path,
    contract: TableContract,
    batches: Iterable[pa.RecordBatch],
    schema: pa.Schema,
    merge_id: str,
    metadata: Mapping[bytes, str] = MappingProxyType({}),
) -> Written:
    """Stream `batches` of `schema` to a new file as the contract demands.

    Raises LakeError where they break the contract or the disk is full; the file is removed then.
    """
    check_schema(contract, schema)
    row_count = 0
    try:
        groups = _row_groups(_conforming(contract, batches))
        first = next(groups, None)
        is_small = first is None or first.nbytes < SMALL_BYTES
        begun = () if first is None else (first,)
        with folder_errors(path), _writer(path, contract, merge_id, metadata, is_small=is_small) as writer:
            for group in chain(begun, groups):
                writer.write_table(group, row_group_size=ROW_GROUP_ROWS)
                row_count += group.num_rows
        return Written(row_count, path.stat().st_size)
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _writer(
    path: Path, contract: TableContract, merge_id: str, further: Mapping[bytes, str], *, is_small: bool
) -> pq.ParquetWriter:
    metadata = {
        MERGE_ID: merge_id,
        CONTRACT: f"{contract.layer}/{contract.name}/{contract_fingerprint(contract)}",
        DESCRIPTION: contract.description,
        **further,
    }
    documents = [name for name in contract.column_names if name in DOCUMENT_COLUMNS]
    short = [name for name in contract.column_names if name not in DOCUMENT_COLUMNS]
    return pq.ParquetWriter(
        path,
        contract.arrow_schema.with_metadata(metadata),
        compression=dict.fromkeys(documents, "zstd") if is_small else "zstd",  # pyright: ignore[reportArgumentType]
        use_dictionary=short,  # pyright: ignore[reportArgumentType]
        write_statistics=short,  # pyright: ignore[reportArgumentType]
        # Borne by every reader, verified by ours alone: docs/adr/0012-integrity-backup-repair.md.
        write_page_checksum=True,
    )


def check_schema(contract: TableContract, schema: pa.Schema) -> None:
    """Refuse columns that are missing, unknown, in another order or of another kind."""
    if tuple(schema.names) != contract.column_names:
        missing = [name for name in contract.column_names if name not in schema.names]
        unknown = [name for name in schema.names if name not in contract.column_names]
        found = f"missing {missing}, unknown {unknown}" if missing or unknown else f"order {schema.names}"
        raise LakeError(f"{contract.layer}/{contract.name}: the columns are not the contract's: {found}")
    for column, field in zip(contract.columns, schema, strict=True):
        if not is_same_kind(field.type, column.type):
            raise LakeError(
                f"{contract.layer}/{contract.name}.{column.name}: the contract says {column.type}, "
                f"not {field.type}; cast it in SQL"
            )


def is_same_kind(found: pa.DataType, wanted: pa.DataType) -> bool:
    """Whether two types hold the same values and differ at most in how Arrow lays them out."""
    if pa.types.is_dictionary(found):
        return is_same_kind(found.value_type, wanted)
    if _is_text(wanted):
        return _is_text(found)
    if _is_list(wanted):
        return _is_list(found) and is_same_kind(found.value_type, wanted.value_type)
    if pa.types.is_timestamp(wanted) and pa.types.is_timestamp(found):
        return found.unit == wanted.unit and _zone(found) == _zone(wanted)
    return found.equals(wanted)


def _is_text(found: pa.DataType) -> bool:
    return pa.types.is_string(found) or pa.types.is_large_string(found) or pa.types.is_string_view(found)


def _is_list(found: pa.DataType) -> bool:
    return pa.types.is_list(found) or pa.types.is_large_list(found)


def _zone(found: pa.TimestampType) -> str | None:
    return "UTC" if found.tz in {"UTC", "Etc/UTC", "+00:00"} else found.tz


def _conforming(contract: TableContract, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    schema = contract.arrow_schema
    for batch in batches:
        for column, array in zip(contract.columns, batch.columns, strict=True):
            if not column.nullable and array.null_count:
                raise LakeError(
                    f"{contract.layer}/{contract.name}.{column.name}: {array.null_count} rows are null, "
                    "and the contract allows none"
                )
        arrays = [_cast(array, field.type) for array, field in zip(batch.columns, schema, strict=True)]
        yield pa.RecordBatch.from_arrays(arrays, schema=schema)


def _cast(array: pa.Array, wanted: pa.DataType) -> pa.Array:
    return array if array.type == wanted else pc.cast(array, wanted)


def _row_groups(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    waiting: list[pa.RecordBatch] = []
    row_count = size_bytes = 0
    for batch in batches:
        waiting.append(batch)
        row_count += batch.num_rows
        size_bytes += batch.nbytes
        if row_count >= ROW_GROUP_ROWS or size_bytes >= ROW_GROUP_BYTES:
            yield pa.Table.from_batches(waiting)
            waiting, row_count, size_bytes = [], 0, 0
    if waiting:
        yield pa.Table.from_batches(waiting)
