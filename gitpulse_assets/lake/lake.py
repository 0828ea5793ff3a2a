"""The lake as the rest of the project sees it: open it, read tables, write batches, publish merges."""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.dataset as ds

from gitpulse_assets.contracts.model import Layer, TableContract
from gitpulse_assets.lake import paths
from gitpulse_assets.lake.batch import BatchWriter
from gitpulse_assets.lake.commit import Commit
from gitpulse_assets.lake.damage import damaged, looks_damaged
from gitpulse_assets.lake.dataset import open_batches, open_table, refuse_incomplete
from gitpulse_assets.lake.duck import lazy_read_errors
from gitpulse_assets.lake.errors import LakeError
from gitpulse_assets.lake.file_address import folder_of, is_file_address
from gitpulse_assets.lake.folder_store import FolderStore
from gitpulse_assets.lake.integrity import Finding, examine
from gitpulse_assets.lake.listing import day_versions, days_with, organizations_with, repos_with
from gitpulse_assets.lake.maintenance import (
    LEFT_OVER_AFTER,
    CleanedUp,
    clean_up,
    clean_up_runs,
    registered_repos,
)
from gitpulse_assets.lake.manifest import Manifest
from gitpulse_assets.lake.promotion import commit_in_force
from gitpulse_assets.lake.publication import Publication
from gitpulse_assets.lake.recovery import mend
from gitpulse_assets.lake.s3_options import S3Options
from gitpulse_assets.lake.s3_store import S3Store
from gitpulse_assets.lake.snapshot import Snapshot, open_published, open_snapshot, open_standing
from gitpulse_assets.lake.store import Store
from gitpulse_assets.place import Day, Organization, Place
from gitpulse_assets.repo import Repo

# A manifest that is made again may count a batch that is gone, which is the next thing to mend.
MENDINGS = 3
# What stands behind ? or # is no part of a path, and the lake would silently be another one.
S3_ADDRESS = re.compile(r"s3://([^/?#\[\]]+)(/[^?#]*)?", re.IGNORECASE)


class Lake:
    """All tables of all repositories, in one folder or bucket."""

    def __init__(self, store: Store) -> None:
        self.store = store

    @classmethod
    def open(cls, url: str, s3: S3Options | None = None, *, is_writable: bool = True) -> "Lake":
        """Open the lake at a folder's path, `file://…` or `s3://bucket/prefix`.

        Raises LakeError, in one line that names the setting to change, where it cannot be used.
        """
        return cls(open_store(url, s3 or S3Options(), is_writable=is_writable))

    def uri(self, contract: TableContract, place: Place) -> str:
        """Where a table's data lies, for people and other tools; a folder where it has several objects."""
        key = paths.table_key(contract, place)
        is_folder = contract.is_ranged or (contract.layer == "bronze" and contract.name != "manifest")
        return self.store.uri(key.rpartition("/")[0] if is_folder else key)

    def dataset(self, contract: TableContract, place: Place) -> ds.Dataset:
        """The published table: one version of it, lazy; empty where none was published.

        Raises ObjectDamaged where it is not what was published.
        """
        if contract.layer == "bronze":
            return open_table(self.store, contract, place).dataset
        return self.datasets(contract.layer, place, [contract])[contract.name]

    def datasets(
        self, layer: Layer, place: Place, contracts: Iterable[TableContract]
    ) -> dict[str, ds.Dataset]:
        """Published tables of a layer by name, each as `dataset` has it: maybe not of the same merge."""
        return open_published(self.store, layer, place, contracts)

    def mergeable(
        self,
        layer: Layer,
        place: Place,
        contracts: Iterable[TableContract],
        parts: Collection[str] | None = None,
    ) -> Snapshot:
        """Tables as one merge published them, to be merged into; `parts` as `open_snapshot` has them.

        Raises TableOutdated where only a rebuild can go on.
        """
        wanted = list(contracts)
        found = open_snapshot(self.store, layer, place, wanted, parts)
        for contract in wanted:
            refuse_incomplete(contract, found.datasets[contract.name], self.uri(contract, place))
        return found

    def snapshot(
        self, layer: Layer, place: Place, contracts: Iterable[TableContract], *, is_held: bool = True
    ) -> Snapshot:
        """Several tables of a layer as one merge published them, with its commit; `is_held` as there."""
        return open_snapshot(self.store, layer, place, contracts, is_held=is_held)

    def standing(self, contract: TableContract, place: Place) -> ds.Dataset:
        """A published table as it lies there, whatever commits say: for those who make it anew."""
        dataset = open_standing(self.store, contract, place)
        refuse_incomplete(contract, dataset, self.uri(contract, place))
        return dataset

    def examine(self, place: Place) -> list[Finding]:
        """Read everything of a place and return what is damaged."""
        return examine(self.store, place)

    def mend(self, repo: Repo, findings: Sequence[Finding]) -> bool:
        """Mend what was found, and return whether the tables must be made anew after it."""
        left = list(findings)
        for _ in range(MENDINGS):
            mend(self.store, repo, left)
            left = self.examine(repo)
            if all(one.kind in ("table", "commit") for one in left):
                break
        return bool(left)

    @contextmanager
    def reading(self, place: Place) -> Iterator[None]:
        """Name the damaged object where DuckDB or Arrow meets one, and what to do, in one line.

        Both read lazily and know columns, not objects: everything of the place is read to find it.
        """
        import duckdb

        try:
            with lazy_read_errors():
                yield
        except (duckdb.Error, pa.ArrowException, OSError) as error:
            found = self.examine(place) if looks_damaged(error) else []
            # None of what reads the lake opens a stray.
            found = [one for one in found if one.kind != "stray"]
            if not found:
                raise
            raise damaged(self.store, found[0].key, found[0].damage) from error

    def bronze_dataset(
        self, contract: TableContract, place: Place, batches: Iterable[tuple[str, Sequence[int]]]
    ) -> ds.Dataset:
        """Bronze batches, given as (run_id, batch numbers); lazy."""
        return open_batches(self.store, contract, place, batches)

    def manifest(self, place: Place) -> Manifest:
        """What each run fetched."""
        return Manifest(self.store, place)

    def batch_writer(
        self, contract: TableContract, place: Place, run_id: str, *, batch_count: int | None = None
    ) -> BatchWriter:
        """A writer for one run's batches; it goes on after `batch_count`, else those the manifest counts."""
        if batch_count is None:
            row = self.manifest(place).row(run_id, contract.name)
            batch_count = row.batch_count if row else 0
        return BatchWriter(self.store, contract, place, run_id, batch_count=batch_count)

    def begin(self, layer: Layer, place: Place) -> Publication:
        """Begin a merge; one that was cut short after its seal is finished first."""
        return Publication(self.store, layer, place)

    def commit(self, layer: Layer, place: Place) -> Commit | None:
        """Which tables were published together last, and what they were merged from."""
        return commit_in_force(self.store, layer, place)

    def put_report(self, repo: Repo, html: str) -> str:
        """Replace the report of a repository whole and return its address."""
        key = paths.report_key(repo)
        self.store.put(key, html.encode())
        return self.store.uri(key)

    def clean_up(self, older_than: timedelta = LEFT_OVER_AFTER) -> CleanedUp:
        """Finish publications that were cut short and remove what dead merges left over."""
        return clean_up(self.store, older_than)

    def clean_up_runs(self, place: Place, older_than: timedelta = LEFT_OVER_AFTER) -> CleanedUp:
        """Remove what dead runs of a place left in bronze that no manifest row counts."""
        return clean_up_runs(self.store, place, older_than)

    def registered_repos(self) -> list[Repo]:
        """The repositories of which anything was fetched, by owner and name."""
        return registered_repos(self.store)

    def committed_repos(self, layer: Layer) -> list[Repo]:
        """The repositories of which something was published, by owner and name."""
        return repos_with(self.store, paths.commit_prefix(layer), partial(paths.commit_key, layer))

    def committed_organizations(self, layer: Layer) -> list[Organization]:
        """The organisations of which something was published, by name."""
        return organizations_with(self.store, paths.commit_prefix(layer), partial(paths.commit_key, layer))

    def committed_days(self, layer: Layer) -> list[Day]:
        """The days of events of which something was published, in order."""
        return days_with(self.store, paths.commit_prefix(layer), partial(paths.commit_key, layer))

    def day_versions(self, layer: Layer) -> dict[Day, str]:
        """The same days, each with what is another one whenever something was published of it."""
        return day_versions(self.store, paths.commit_prefix(layer), partial(paths.commit_key, layer))


def open_store(
    url: str, s3: S3Options, *, name: str = "GITPULSE_LAKE_URL", is_writable: bool = True
) -> Store:
    """Open a place for objects, found to be usable; `name` is what its address is called for people."""
    store = _store(url, s3, name)
    store.check(is_writable=is_writable)
    return store


def _store(url: str, s3: S3Options, name: str) -> Store:
    if is_file_address(url):
        try:
            return FolderStore(folder_of(url))
        except ValueError as error:
            raise LakeError(f"{name}: {error}") from None
    if s3_address := S3_ADDRESS.fullmatch(url):
        prefix = (s3_address[2] or "").strip("/")
        return S3Store(s3_address[1], f"{prefix}/" if prefix else "", s3)
    if url and "://" not in url:
        return FolderStore(Path(url).expanduser())
    raise LakeError(f"{name}: {url!r} is no lake; write a folder, file://… or s3://bucket/prefix")
