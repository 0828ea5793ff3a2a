"""The IO manager between Dagster and the lake.

Inputs arrive lazy, as pyarrow datasets. Outputs are tables their step has staged and audited: handling
one promotes it. Bronze is only loaded here, since its batches must be durable long before a step ends.
What a table is called and where it lies is the lake's and the contracts' business.
"""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, cast

import dagster as dg

from gitpulse_assets.repo import Repo
from gitpulse_assets.resources import LakeResource, settings_or_failure

if TYPE_CHECKING:
    from gitpulse_assets.contracts.model import Layer, TableContract
    from gitpulse_assets.lake.lake import Lake
    from gitpulse_assets.lake.publication import StagedTable
    from gitpulse_assets.pipeline.batches import BronzeBatches


@contextmanager
def lake_errors(lake: "Lake | None" = None, repo: Repo | None = None) -> Iterator[None]:
    """Let whatever the lake refuses end the step with its one line; another try would meet the same.

    Whose tables are read in the `with` block is named by `lake` and `repo`, where no step of the pipeline
    reads them.
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
        from gitpulse_assets.catalog.tables import find_contract

        layer, name = context.asset_key.path
        contract = find_contract(cast("Layer", layer), name)
        repo = Repo.parse(context.asset_partition_key)
        with lake_errors():
            if contract.layer == "bronze":
                return self.load_unmerged(contract, repo)
            return self.lake.open(settings_or_failure()).dataset(contract, repo)

    def load_unmerged(self, contract: "TableContract", repo: Repo) -> "BronzeBatches":
        """Open the batches of a bronze table that no merge has taken in."""
        from gitpulse_assets.pipeline.batches import new_batches

        lake = self.lake.open(settings_or_failure())
        commit = lake.commit("silver", repo)
        return new_batches(lake, repo, contract, lake.manifest(repo).rows(), commit)


def table_metadata(table: "StagedTable", uri: str) -> dict[str, Any]:
    """Describe one published table as Dagster's UI shows it."""
    return {
        "dagster/partition_row_count": table.rows,
        "dagster/uri": uri,
        "size_bytes": table.bytes,
        "is_unchanged": table.is_unchanged,
        "merge_id": table.publication.merge_id,
    }
