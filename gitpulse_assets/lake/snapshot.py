"""Tables that belong together: several tables of one layer as one and the same merge published them."""

import time
from collections.abc import Iterable
from dataclasses import dataclass

import pyarrow.dataset as ds

from gitpulse_assets.contracts.model import Layer, TableContract
from gitpulse_assets.lake.commit import Commit
from gitpulse_assets.lake.dataset import OpenTable, open_table
from gitpulse_assets.lake.errors import LakeError
from gitpulse_assets.lake.promotion import commit_in_force
from gitpulse_assets.lake.store import Store
from gitpulse_assets.repo import Repo

# A promotion moves a dozen objects; one that takes longer was cut short and waits for the next refresh.
WAIT_SECONDS = 10.0
POLL_SECONDS = 0.1


@dataclass(frozen=True)
class Snapshot:
    """Datasets by table name, and the commit they belong to; None where nothing was published yet."""

    commit: Commit | None
    datasets: dict[str, ds.Dataset]


def open_snapshot(store: Store, layer: Layer, repo: Repo, contracts: Iterable[TableContract]) -> Snapshot:
    """Open tables of one merge, waiting while another one is being published.

    Tables the merge did not have are empty. Raises LakeError where the publication does not end.
    """
    wanted = list(contracts)
    end = time.monotonic() + WAIT_SECONDS
    while True:
        commit = commit_in_force(store, layer, repo)
        tables = {contract.name: open_table(store, contract, repo) for contract in wanted}
        if _belong_together(commit, tables):
            return Snapshot(commit, {name: table.dataset for name, table in tables.items()})
        if time.monotonic() > end:
            raise LakeError(
                f"{repo}: {layer} is being published, or its publication was cut short; refresh it again"
            )
        time.sleep(POLL_SECONDS)


def _belong_together(commit: Commit | None, tables: dict[str, OpenTable]) -> bool:
    committed = {name: table.etag for name, table in commit.tables.items()} if commit else {}
    return all(table.etag == committed.get(name) for name, table in tables.items())
