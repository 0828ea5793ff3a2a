"""All the issues a table pages through, as one file: written to disk a stretch at a time, then sent.

A million issues never stand in memory at once. The formats themselves are media.py's.
"""

import tempfile
from collections.abc import Callable, Iterator
from typing import IO

import pyarrow as pa
import pyarrow.parquet as pq

from gitpulse_assets.answers.repository import RepositoryAnswers
from gitpulse_assets.contracts.mart import Mart
from gitpulse_assets.serve.media import encode_csv
from gitpulse_assets.serve.query import PageQuery

LINE_END = b"\r\n"
SENT_BYTES = 256 * 1024


def issues_as(kind: str, asked: RepositoryAnswers, query: PageQuery) -> IO[bytes]:
    """Write the issues of a query to a file that vanishes when it is closed."""
    write = write_parquet if kind == "parquet" else write_csv
    chosen = query.issue_filter(query.chosen_window(asked))
    return filled(lambda file: asked.read_issues(chosen, lambda rows: write(rows, file)))


def list_as(asked: RepositoryAnswers, mart: Mart, query: PageQuery) -> IO[bytes]:
    """Write all rows of a list that the query leaves to such a file, as CSV."""
    chosen = query.list_filter(limit=0)
    return filled(lambda file: asked.read_listed(mart, chosen, lambda rows: write_csv(rows, file)))


def filled(fill: Callable[[IO[bytes]], None]) -> IO[bytes]:
    """Make a file that vanishes when it is closed, and fill it."""
    file = tempfile.TemporaryFile()  # noqa: SIM115 the response closes it when it is sent
    try:
        fill(file)
    except BaseException:
        file.close()
        raise
    file.seek(0)
    return file


def write_csv(rows: pa.RecordBatchReader, file: IO[bytes]) -> None:
    """Write all rows under one heading."""
    file.write(encode_csv(rows.schema.empty_table()))
    for batch in rows:
        _, _, lines = encode_csv(pa.Table.from_batches([batch])).partition(LINE_END)
        file.write(lines)


def write_parquet(rows: pa.RecordBatchReader, file: IO[bytes]) -> None:
    """Write all rows, a row group a stretch."""
    with pq.ParquetWriter(file, rows.schema, compression="zstd") as writer:
        for batch in rows:
            writer.write_batch(batch)


def sent(file: IO[bytes]) -> Iterator[bytes]:
    """Read the file to its end and close it."""
    with file:
        while stretch := file.read(SENT_BYTES):
            yield stretch
