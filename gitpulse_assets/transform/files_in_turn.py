"""Lets DuckDB read the files of a dataset one after the other, each only when it is wanted.

pyarrow's own scanner reads up to a gigabyte ahead of a slow reader, which parsing payloads is. In exchange
every column is read, so this is for statements that want the payloads.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    import pyarrow.dataset as ds


class FilesInTurn:
    """The rows of a dataset as DuckDB can register them; they can be read again and again."""

    def __init__(self, dataset: "ds.Dataset") -> None:
        self._dataset = dataset

    def __arrow_c_schema__(self) -> object:
        return self._dataset.schema.__arrow_c_schema__()

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        reader = pa.RecordBatchReader.from_batches(self._dataset.schema, self._batches())
        return reader.__arrow_c_stream__(requested_schema)

    def _batches(self) -> Iterator[pa.RecordBatch]:
        schema = self._dataset.schema
        for fragment in self._dataset.get_fragments():
            yield from fragment.to_table(schema=schema, use_threads=False).to_batches()
