"""Who speaks for a batch that the manifest does not count: the second witness before anything is removed.

A manifest that was lost and begun anew, or put back from an older copy, counts less than was merged. Then the
commit, the sync state and the tables themselves still name the runs.
"""

from collections.abc import Iterable, Iterator

import pyarrow as pa
import pyarrow.parquet as pq

from gitpulse_assets.catalog.subjects import BATCHED, ENTITIES, PAGES_OF
from gitpulse_assets.contracts import bronze, silver
from gitpulse_assets.contracts.model import TableContract
from gitpulse_assets.lake import paths
from gitpulse_assets.lake.batch import STANDS_FOR
from gitpulse_assets.lake.damage import reading
from gitpulse_assets.lake.dataset import open_batches
from gitpulse_assets.lake.manifest import ManifestRow
from gitpulse_assets.lake.promotion import commit_in_force
from gitpulse_assets.lake.snapshot import open_published
from gitpulse_assets.lake.store import Store
from gitpulse_assets.place import Place

# The silver tables that name runs, the column that does, and the stream the run filled (None: a column).
NAMING = (
    *(
        (merged.contract, "run_id", entity.streams[0].name)
        for entity in ENTITIES
        for merged in entity.tables
        if "run_id" in merged.contract.column_names
    ),
    (silver.QUARANTINE, "run_id", None),
    (silver.SYNC_STATE, "last_merged_run_id", None),
)
# The list whose pages a table keeps.
LIST_OF = {pages.name: stream for stream, pages in PAGES_OF.items()}

# A stream and one of its runs.
RunOfStream = tuple[str, str]


def runs_in_folds(store: Store, place: Place, rows: Iterable[ManifestRow]) -> set[RunOfStream]:
    """The streams and runs for which folds of the manifest stand."""
    lists = [row for row in rows if row.stream == bronze.FOLDED_RUN.name]
    batches = [(row.run_id, range(1, row.batch_count + 1)) for row in lists]
    found = open_batches(store, bronze.FOLDED_RUN, place, batches).to_table(columns=["stream", "run_id"])
    return {(row["stream"], row["run_id"]) for row in found.to_pylist()}


class Witnesses:
    """What speaks for the batches of a place beside its manifest's rows.

    Raises LakeError where one of them cannot be read: who knows what it would have said.
    """

    def __init__(self, store: Store, place: Place, rows: Iterable[ManifestRow]) -> None:
        self._store, self._place = store, place
        self._rows = {(row.stream, row.run_id): row for row in rows}
        commit = commit_in_force(store, "silver", place)
        self._merged = commit.merged if commit else {}
        accounted = self._rows.keys() | runs_in_folds(store, place, self._rows.values())
        self._named = {*self._named_by_silver(), *self._named_by_pages()} - accounted

    def speak_for(self, key: str) -> bool:
        """Whether a batch was merged and nothing stands for it, or is of a run that only a table names."""
        stream, numbered = paths.bronze_table(key), paths.numbered_batch(key)
        if numbered is None:
            return False
        run_id, number = numbered
        if stream in LIST_OF:
            return self._is_unknown(LIST_OF[stream], run_id)
        if number <= self._merged.get(stream, {}).get(run_id, 0):
            return number > self._stands_for(stream, run_id)
        return (stream, run_id) in self._named

    def _is_unknown(self, stream: str, run_id: str) -> bool:
        """Whether a run was merged, but the manifest does not know it."""
        is_merged = run_id in self._merged.get(stream, {}) or (stream, run_id) in self._named
        return is_merged and (stream, run_id) not in self._rows

    def _stands_for(self, stream: str, run_id: str) -> int:
        """How many batches of a run its first one says it took the place of when the run was thinned out."""
        table = BATCHED[stream]
        key = paths.batch_key(table, self._place, run_id, 1)
        opened = self._store.open(key) if (stream, run_id) in self._rows else None
        if opened is None:
            return 0
        with opened.file as file, reading(self._store, key):
            metadata = pq.read_metadata(file).metadata or {}
        return int(metadata.get(STANDS_FOR, b"0"))

    def _named_by_silver(self) -> Iterator[RunOfStream]:
        for table, column, stream in NAMING:
            columns = [column] if stream else ["stream", column]
            for row in self._distinct(table, columns):
                yield stream or row["stream"], row[column]

    def _distinct(self, table: TableContract, columns: list[str]) -> list[dict[str, str]]:
        with reading(self._store, paths.table_key(table, self._place)):
            found = open_published(self._store, "silver", self._place, [table])
            rows = found[table.name].to_table(columns=columns)
        return pa.table(rows).group_by(columns).aggregate([]).to_pylist()

    def _named_by_pages(self) -> Iterator[RunOfStream]:
        """The runs that hold the records of pages which a later walk found unchanged."""
        for stream, table in PAGES_OF.items():
            walks = [row for row in self._rows.values() if row.stream == stream]
            batches = [(row.run_id, range(1, row.page_batch_count + 1)) for row in walks]
            pages = open_batches(self._store, table, self._place, batches)
            for run_id in set(pages.to_table(columns=["records_run_id"])["records_run_id"].to_pylist()):
                yield stream, run_id
