"""The IO manager between Dagster and the lake.

Inputs arrive lazy, as pyarrow datasets. Outputs are tables their step has staged and audited: handling
one promotes it. Bronze is only loaded here, since its batches must be durable long before a step ends.
What a table is called and where it lies is the lake's and the contracts' business.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import dagster as dg

from gitpulse_assets.repo import Repo
from gitpulse_assets.resources import LakeResource

if TYPE_CHECKING:
    import pyarrow.dataset as ds

    from gitpulse_assets.contracts.model import Layer, TableContract
    from gitpulse_assets.lake.commit import Commit
    from gitpulse_assets.lake.lake import Lake
    from gitpulse_assets.lake.manifest import ManifestRow
    from gitpulse_assets.lake.publication import StagedTable


@dataclass(frozen=True)
class BronzeBatches:
    """Bronze batches for a merge: their rows, and which they are in the order of their runs."""

    dataset: "ds.Dataset"
    batches: Sequence[tuple[str, range]]

    @property
    def run_ids(self) -> list[str]:
        """The runs the batches are of, in the order they registered."""
        return [run_id for run_id, _ in self.batches]

    @property
    def merged(self) -> dict[str, int]:
        """What is merged once these are: the last batch number by run."""
        return {run_id: numbers[-1] for run_id, numbers in self.batches}


@contextmanager
def lake_errors(lake: "Lake | None" = None, repo: Repo | None = None) -> Iterator[None]:
    """Let whatever the lake refuses end the step with its one line; another try would meet the same.

    Whose tables are read in the `with` block is named by `lake` and `repo`.
    """
    from gitpulse_assets.lake.errors import LakeError

    try:
        with lake.reading(repo) if lake and repo else nullcontext():
            yield
    except LakeError as error:
        raise dg.Failure(str(error), allow_retries=False) from error


class LakeIOManager(dg.ConfigurableIOManager):
    """Loads tables of the lake and promotes staged ones."""

    lake: dg.ResourceDependency[LakeResource]

    def handle_output(self, context: dg.OutputContext, obj: "StagedTable") -> None:
        """Promote a staged table and describe it on its asset."""
        with lake_errors():
            uri = obj.publication.promote(obj)
        context.add_output_metadata(table_metadata(obj, uri))

    def load_input(self, context: dg.InputContext) -> Any:
        """Open a table: of bronze what no merge has taken in, else the published one."""
        from gitpulse_assets.contracts.catalog import find_contract

        layer, name = context.asset_key.path
        contract = find_contract(cast("Layer", layer), name)
        repo = Repo.parse(context.asset_partition_key)
        with lake_errors():
            if contract.layer == "bronze":
                return self.load_unmerged(contract, repo)
            return self.lake.open().dataset(contract, repo)

    def load_unmerged(self, contract: "TableContract", repo: Repo) -> BronzeBatches:
        """Open the batches of a bronze table that no merge has taken in."""
        lake = self.lake.open()
        commit = lake.commit("silver", repo)
        return new_batches(lake, repo, contract, lake.manifest(repo).rows(), commit)


def new_batches(
    lake: "Lake",
    repo: Repo,
    contract: "TableContract",
    rows: "Sequence[ManifestRow]",
    commit: "Commit | None",
) -> BronzeBatches:
    """The batches of a bronze table that the commit does not count as merged."""
    from gitpulse_assets.lake.manifest import unmerged_batches

    merged = commit.merged.get(contract.name, {}) if commit else {}
    batches = unmerged_batches(rows, contract.name, merged)
    return BronzeBatches(lake.bronze_dataset(contract, repo, batches), batches)


def table_metadata(table: "StagedTable", uri: str) -> dict[str, Any]:
    """Describe one published table as Dagster's UI shows it."""
    return {
        "dagster/partition_row_count": table.rows,
        "dagster/uri": uri,
        "size_bytes": table.bytes,
        "is_unchanged": table.is_unchanged,
        "merge_id": table.publication.merge_id,
    }
