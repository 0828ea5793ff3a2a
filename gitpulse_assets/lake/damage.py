"""Objects that are not what was written: how they are recognised, and the one line that says what to do.

What is lost with one, and how a lake is repaired, is `integrity.py`'s and `recovery.py`'s business.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa
import pyarrow.parquet as pq

from gitpulse_assets.lake import paths
from gitpulse_assets.lake.errors import ObjectDamaged, ObjectNotFound
from gitpulse_assets.lake.store import Store

# What DuckDB, or a file's library, says of bytes that are not what was written; of a page, its checksum. Of
# whatever Arrow says while DuckDB reads through it, DuckDB says the first.
UNREADABLE = (
    "reading the Arrow source failed|"
    "CRC checksum|page integrity|Parquet|[Tt]hrift|[Dd]eserializ|[Dd]ecompress|Corrupt|end of stream|ZSTD"
    "|Unexpected|dictionary|[Ii]nvalid (?:UTF8|number|column|or)|data page|Malformed|magic bytes"
)
GONE = "gone"
# A read of many columns at once would hold a whole table of texts.
ROWS_AT_ONCE = 8_192


def damaged(store: Store, key: str, what: str) -> ObjectDamaged:
    """Say of an object what is wrong with it, and which command deals with that."""
    place = paths.place_of(key) or "OWNER/NAME"
    return ObjectDamaged(f"{store.uri(key)}: {what}; run gitpulse repair {place}")


@contextmanager
def reading(store: Store, key: str) -> Iterator[None]:
    """Turn what Arrow says of bytes that are no Parquet, or no longer, into a line about the object."""
    try:
        yield
    except (pa.ArrowException, OSError, ValueError) as error:
        raise damaged(store, key, unreadable(error)) from error


def unreadable(error: BaseException) -> str:
    """Why an object cannot be read, in one line."""
    return f"not a Parquet file, or a damaged one ({' '.join(str(error).split())})"


def looks_damaged(error: BaseException) -> bool:
    """Whether an error of DuckDB or Arrow tells of an object that is not what was written."""
    is_arrows = isinstance(error, ObjectDamaged | pa.ArrowException | OSError)
    return is_arrows or re.search(UNREADABLE, str(error)) is not None


def read_whole(store: Store, key: str) -> int:
    """Read an object's every page and return its rows; raises ObjectNotFound or ObjectDamaged."""
    opened = store.open(key)
    if opened is None:
        raise ObjectNotFound(f"{store.uri(key)}: there is no such object")
    with opened.file as file, reading(store, key):
        stored = pq.ParquetFile(file, page_checksum_verification=True)
        count = sum(batch.num_rows for batch in stored.iter_batches(ROWS_AT_ONCE))
        if count != stored.metadata.num_rows:
            raise ValueError(f"{count} rows of {stored.metadata.num_rows}")
        return count
