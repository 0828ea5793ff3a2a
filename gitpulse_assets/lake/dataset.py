"""Lazy reads: tables of the lake as pyarrow datasets, under the contract's schema.

A dataset holds one version of a published table open: whatever is published meanwhile, it reads that
version whole. DuckDB pushes columns and filters into it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.fs

from gitpulse_assets.contracts.model import TableContract
from gitpulse_assets.lake import paths
from gitpulse_assets.lake.damage import damaged, reading
from gitpulse_assets.lake.errors import LakeError, TableOutdated
from gitpulse_assets.lake.parquet import CONTRACT, is_same_kind, schema_fingerprint
from gitpulse_assets.lake.store import OpenObject, Store
from gitpulse_assets.place import Place

BRONZE_HELP = (
    "no rebuild can mend what was received: put the file back from a backup, or run gitpulse forget "
    "OWNER/NAME and refresh it, without what GitHub no longer tells"
)


@dataclass(frozen=True)
class OpenTable:
    """One version of a published table; `opened` is None where the table is absent."""

    dataset: ds.Dataset
    opened: OpenObject | None


def read_schema(contract: TableContract, stored: pa.Schema, uri: str) -> pa.Schema:
    """The contract's schema as a stored file can fill it: columns the file lacks are nullable.

    Raises TableOutdated where a column's stored type is of another kind than the contract's, and in bronze,
    from which all else is made anew, LakeError.
    """
    fields: list[pa.Field] = []
    for field in contract.arrow_schema:
        position = stored.get_field_index(field.name)
        if position < 0:
            fields.append(field.with_nullable(True))
            continue
        found = stored.field(position).type
        if not is_same_kind(found, field.type):
            said = (
                f"{contract.layer}/{contract.name}.{field.name}: stored as {found}, the contract says "
                f"{field.type}"
            )
            if contract.layer == "bronze":
                raise LakeError(f"{said}; {BRONZE_HELP} ({uri})")
            raise TableOutdated(f"{said}; run gitpulse rebuild OWNER/NAME ({uri})")
        fields.append(field)
    return pa.schema(fields)


def refuse_incomplete(contract: TableContract, dataset: ds.Dataset, uri: str) -> None:
    """Raise TableOutdated where a stored table lacks a column that may not be null.

    One that may be null reads as null in the rows stored before there was one.
    """
    for column in contract.columns:
        if not column.nullable and dataset.schema.field(column.name).nullable:
            raise TableOutdated(
                f"{contract.layer}/{contract.name}.{column.name}: stored without this column, which the "
                f"contract needs; run gitpulse rebuild OWNER/NAME ({uri})"
            )


def empty_dataset(contract: TableContract) -> ds.Dataset:
    """A dataset without rows under the contract's schema."""
    return ds.dataset(contract.arrow_schema.empty_table())


def parquet_format() -> ds.ParquetFileFormat:
    """How every table is read: no page whose checksum is not its own is taken for what was written."""
    options = ds.ParquetFragmentScanOptions(page_checksum_verification=True)
    return ds.ParquetFileFormat(default_fragment_scan_options=options)


def open_table(
    store: Store, contract: TableContract, place: Place, part: str = paths.WHOLE, *, is_held: bool = True
) -> OpenTable:
    """Open the published table of a place, or a part of it; it is empty where none was published.

    Not `is_held`: a file is opened when it is read, and cannot be read where it was replaced by then.
    """
    return open_object(store, contract, paths.table_key(contract, place, part), is_held=is_held)


def open_object(store: Store, contract: TableContract, key: str, *, is_held: bool = True) -> OpenTable:
    """Open an object of a table wherever it lies, as `open_table` does."""
    opened = store.open(key)
    if opened is None:
        return OpenTable(empty_dataset(contract), None)
    parquet = parquet_format()
    fragment = _fragment(parquet, opened.file if is_held else _when_read(store, key, opened))
    schema = read_schema(contract, _stored_schema(fragment, store, key), store.uri(key))
    return OpenTable(ds.FileSystemDataset([fragment], schema, parquet), opened)


def open_batches(
    store: Store, contract: TableContract, place: Place, batches: Iterable[tuple[str, Sequence[int]]]
) -> ds.Dataset:
    """Open bronze batches, given as (run_id, batch numbers), in that order; they never change."""
    runs = [
        [paths.batch_key(contract, place, run_id, number) for number in numbers]
        for run_id, numbers in batches
        if numbers
    ]
    if not runs:
        return empty_dataset(contract)
    parquet = parquet_format()
    schemas, firsts = list[pa.Schema](), list[ds.Fragment]()
    for keys in runs:
        # One process wrote a run, under one contract: its first batch speaks for all of them.
        first = _opened_batch(parquet, store, keys[0])
        schemas.append(read_schema(contract, _stored_schema(first, store, keys[0]), store.uri(keys[0])))
        # One that stays open is not asked for again; of many runs none does.
        firsts.append(first if len(runs) == 1 else _fragment(parquet, store.source(keys[0])))
    further = [[_fragment(parquet, store.source(key)) for key in keys[1:]] for keys in runs]
    fragments = [one for first, rest in zip(firsts, further, strict=True) for one in (first, *rest)]
    return ds.FileSystemDataset(fragments, weakest(schemas), parquet)


def _when_read(store: Store, key: str, opened: OpenObject) -> str | pa.NativeFile:
    """Where a file lies, to be opened when it is read; of S3, where no file is held, what was opened."""
    source = store.source(key)
    return source if isinstance(source, str) else opened.file


def _fragment(parquet: ds.ParquetFileFormat, source: str | pa.NativeFile) -> ds.Fragment:
    filesystem = pyarrow.fs.LocalFileSystem() if isinstance(source, str) else None
    return parquet.make_fragment(source, filesystem)


def _opened_batch(parquet: ds.ParquetFileFormat, store: Store, key: str) -> ds.Fragment:
    opened = store.open(key)
    if opened is None:
        raise damaged(store, key, "the manifest counts this batch, but it is gone")
    return parquet.make_fragment(opened.file)


def _stored_schema(fragment: ds.Fragment, store: Store, key: str) -> pa.Schema:
    with reading(store, key):
        schema = fragment.physical_schema
    refuse_other_schema(schema, store, key)
    return schema


def refuse_other_schema(schema: pa.Schema, store: Store, key: str) -> None:
    """Raise ObjectDamaged where the columns are not those that the file says it was written with.

    No checksum covers a file's end, and a column whose name has changed would read as one without values.
    """
    told = (schema.metadata or {}).get(CONTRACT, b"").decode(errors="replace")
    if told and told.rpartition("/")[2] != schema_fingerprint(schema):
        raise damaged(store, key, f"its columns are not those of {told}")


def weakest(schemas: Sequence[pa.Schema]) -> pa.Schema:
    """The schema that all fit: a column may be null that may be so in one."""
    return pa.schema(
        [field.with_nullable(any(s.field(field.name).nullable for s in schemas)) for field in schemas[0]]
    )
