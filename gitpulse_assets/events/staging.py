"""What every publication of a day stages in one way: rows that take the place of parts, and the hours."""

from collections.abc import Iterable, Iterator
from itertools import chain

import duckdb
import pyarrow as pa
import pyarrow.dataset as ds

from gitpulse_assets.contracts.events import EVENT_HOUR
from gitpulse_assets.contracts.model import TableContract
from gitpulse_assets.lake.parts import parts_of
from gitpulse_assets.lake.publication import Publication, StagedTable
from gitpulse_assets.transform.sql_file import create_table

# A row group has one at least, and who reads a part has several groups in memory at once.
ROWS_A_BATCH = 4_096


def staged_rows(
    con: duckdb.DuckDBPyConnection,
    publication: Publication,
    contract: TableContract,
    select: str,
    replaced: Iterable[str] = (),
) -> Iterator[StagedTable]:
    """Take away the parts that are replaced, and stage a query's rows as a new part unless there are none."""
    there = parts_of(publication.previous, contract)
    for part in replaced:
        if part in there:
            publication.remove(contract, part)
    reader = con.sql(select).to_arrow_reader(ROWS_A_BATCH)
    if first := next((batch for batch in reader if batch.num_rows), None):
        rows = pa.RecordBatchReader.from_batches(reader.schema, chain([first], reader))
        yield publication.stage(contract, rows, f"part-{publication.merge_id[:16]}")


def staged_hours(con: duckdb.DuckDBPyConnection, publication: Publication, stored: ds.Dataset) -> StagedTable:
    """Stage the hours: those `stored`, without the events of `rewritten`, with those of `winner`."""
    con.register("stored_event_hour", stored)
    create_table(con, "events", "event_hour")
    hours = con.sql("from event_hour order by all").to_arrow_table()
    return publication.stage(EVENT_HOUR, hours)
