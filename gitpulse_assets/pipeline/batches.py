"""Which bronze batches a merge takes in, and in which order their runs came."""

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow.dataset as ds

from gitpulse_assets.contracts.model import TableContract
from gitpulse_assets.lake.commit import Commit, MergedCounts
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.lake.manifest import Manifest, ManifestRow, run_ids_of, unmerged_batches
from gitpulse_assets.lake.publication import Publication
from gitpulse_assets.place import Place
from gitpulse_assets.upkeep.folding import fold_runs, run_order


@dataclass(frozen=True)
class BronzeBatches:
    """Bronze batches for a merge: their rows, and which they are in the order of their runs."""

    dataset: ds.Dataset
    batches: Sequence[tuple[str, range]]

    @property
    def run_ids(self) -> list[str]:
        """The runs the batches are of, in the order they registered."""
        return [run_id for run_id, _ in self.batches]

    @property
    def merged(self) -> dict[str, int]:
        """What is merged once these are: the last batch number by run."""
        return {run_id: numbers[-1] for run_id, numbers in self.batches}


def new_batches(
    lake: Lake, place: Place, contract: TableContract, rows: Sequence[ManifestRow], commit: Commit | None
) -> BronzeBatches:
    """The batches of a bronze table that the commit does not count as merged."""
    merged = commit.merged.get(contract.name, {}) if commit else {}
    batches = unmerged_batches(rows, contract.name, merged)
    return BronzeBatches(lake.bronze_dataset(contract, place, batches), batches)


def order_of_runs(
    lake: Lake, place: Place, rows: list[ManifestRow], batches: dict[str, BronzeBatches]
) -> list[str]:
    """Return the runs in the order they registered, the folded ones where a fold is to be merged."""
    folds = {row.run_id for row in rows if row.status == "folded"}
    if folds.isdisjoint(run_id for some in batches.values() for run_id in some.run_ids):
        return run_ids_of(rows)
    return run_order(lake, place, rows)


def folded(lake: Lake, publication: Publication, manifest: Manifest, merged: MergedCounts) -> MergedCounts:
    """Fold what earlier merges took in; return what counts as merged by then."""
    before = publication.previous.merged if publication.previous else {}
    folds = fold_runs(lake, publication.place, manifest, before)
    return {name: merged.get(name, {}) | folds.get(name, {}) for name in {*merged, *folds}}
