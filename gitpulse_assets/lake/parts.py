"""Tables of several objects: the parts that a commit names, opened as that commit has them.

A part never changes: a merge adds one, or takes some away and puts their rows into a new one. Whoever reads
meanwhile opens those of the newer commit.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import duckdb
import pyarrow.dataset as ds

from gitpulse_assets.contracts.model import TableContract
from gitpulse_assets.lake import paths
from gitpulse_assets.lake.commit import Commit, CommittedTable
from gitpulse_assets.lake.damage import GONE
from gitpulse_assets.lake.dataset import empty_dataset, open_table, parquet_format, weakest
from gitpulse_assets.lake.errors import LakeError
from gitpulse_assets.lake.store import Store
from gitpulse_assets.place import Place


class PartsReplaced(LakeError):
    """A part is not as the commit says: another merge may have taken it away meanwhile."""

    def __init__(self, key: str, what: str) -> None:
        super().__init__(f"{key}: {what}")
        self.key, self.what = key, what


def parts_of(commit: Commit | None, contract: TableContract) -> dict[str, CommittedTable]:
    """The parts of a table that a commit names, by their names."""
    tables = commit.tables if commit else {}
    return {
        part: table for name, table in tables.items() if (part := paths.part_of(contract, name)) is not None
    }


def standing_parts(store: Store, contract: TableContract, place: Place) -> list[str]:
    """The parts of a table that lie there, whatever commits say, by their names."""
    folder = paths.table_key(contract, place).removesuffix(f"{paths.WHOLE}.parquet")
    names = (info.key.removeprefix(folder) for info in store.list(folder))
    return [name.removesuffix(".parquet") for name in names if name.endswith(".parquet")]


def open_parts(
    store: Store, contract: TableContract, place: Place, commit: Commit | None, *, is_held: bool = True
) -> dict[str, ds.Dataset]:
    """Open the parts of a table, lazily; raises PartsReplaced where one is not as the commit says.

    Not `is_held`: no file stays open, since of years of days there are more than a process may have; a part
    that a merge takes away before it is read is then told by `replaced_meanwhile`.
    """
    found: dict[str, ds.Dataset] = {}
    for part, committed in parts_of(commit, contract).items():
        table = open_table(store, contract, place, part, is_held=is_held)
        difference = committed.difference(table.opened) if table.opened else GONE
        if difference:
            raise PartsReplaced(paths.table_key(contract, place, part), difference)
        found[part] = table.dataset
    return found


@contextmanager
def replaced_meanwhile(store: Store) -> Iterator[None]:
    """Raise PartsReplaced where a day's part is gone by the time it is read, in whatever words it is said."""
    try:
        yield
    except PartsReplaced:
        raise
    except (duckdb.Error, LakeError, OSError) as error:
        key = paths.part_of_day_in(str(error))
        if key is None or store.head(key):
            raise
        raise PartsReplaced(key, GONE) from error


def together(contract: TableContract, parts: Sequence[ds.Dataset]) -> ds.Dataset:
    """The parts of one table, or of one over several days, as one dataset."""
    if not parts:
        return empty_dataset(contract)
    fragments = [fragment for part in parts for fragment in part.get_fragments()]
    return ds.FileSystemDataset(fragments, weakest([part.schema for part in parts]), parquet_format())
