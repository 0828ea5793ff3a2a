"""Writing what a run received, one durable object a batch.

When a batch counts is the manifest's business: batch object first, manifest row second.
"""

import uuid

import pyarrow as pa

from gitpulse_assets.contracts.model import TableContract
from gitpulse_assets.lake import paths
from gitpulse_assets.lake.parquet import write_parquet
from gitpulse_assets.lake.store import Store
from gitpulse_assets.place import Place

# A crash costs at most these pages of refetching, and 600 pages become 60 objects.
PAGES_PER_BATCH = 10


STANDS_FOR = b"gitpulse.stands_for"


def _told(stands_for: int) -> dict[bytes, str]:
    return {STANDS_FOR: str(stands_for)} if stands_for else {}


class BatchWriter:
    """Writes the batches of one run and bronze table, numbered on from those that count already."""

    def __init__(
        self, store: Store, contract: TableContract, place: Place, run_id: str, *, batch_count: int = 0
    ) -> None:
        paths.run_prefix(contract, place, run_id)
        self._store = store
        self._contract = contract
        self._place = place
        self._run_id = run_id
        self.batch_count = batch_count

    def write(self, rows: pa.Table | pa.RecordBatch | pa.RecordBatchReader, *, stands_for: int = 0) -> int:
        """Store rows, of a walk those of PAGES_PER_BATCH pages at most, and return the batch's number.

        The batch is durable on return, but is read only once the manifest row's `batch_count` includes it.
        `stands_for`: the batches of the run, up to this number, that it takes the place of.
        Raises LakeError where the rows break the contract or cannot be stored.
        """
        number = self.batch_count + 1
        path = self._store.scratch_folder / f"{uuid.uuid4().hex}.parquet"
        batches = rows.to_batches() if isinstance(rows, pa.Table) else rows
        batches = [batches] if isinstance(batches, pa.RecordBatch) else batches
        write_parquet(path, self._contract, batches, rows.schema, self._run_id, _told(stands_for))
        self._store.put(paths.batch_key(self._contract, self._place, self._run_id, number), path)
        self.batch_count = number
        return number
