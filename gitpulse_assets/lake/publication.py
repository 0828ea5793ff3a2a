"""Audit, then publish: the tables of one merge are staged, sealed, and only then put in place.

A merge is of one place: a repository, an organisation, or a day of public events. One that is dropped before
`seal` leaves no trace; sealed, it will be published whole, by itself or after a crash by the next `begin`.
Who seals second is told so before anything of his moved.
"""

import time
import uuid
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType, TracebackType
from typing import Any, Self

import pyarrow as pa

from gitpulse_assets.contracts.model import Layer, TableContract
from gitpulse_assets.lake import paths
from gitpulse_assets.lake.commit import (
    Commit,
    CommittedTable,
    MadeInRanges,
    MergedCounts,
    Plan,
    PlannedTable,
)
from gitpulse_assets.lake.damage import damaged
from gitpulse_assets.lake.errors import LakeError, PreconditionFailed, PublicationConflict
from gitpulse_assets.lake.parquet import contract_fingerprint, write_parquet
from gitpulse_assets.lake.parts import parts_of, standing_parts
from gitpulse_assets.lake.promotion import commit, promote, settle
from gitpulse_assets.lake.sealed import encode
from gitpulse_assets.lake.store import Store, file_fingerprint
from gitpulse_assets.place import Place

# Staging older than twice this is removed as left over by a dead merge, so a merge must seal within it.
MERGE_LIFETIME_SECONDS = 12 * 60 * 60


@dataclass(frozen=True)
class StagedTable:
    """A table of a merge, or one part of it, ready to be promoted; `uri` is its place once it is.

    `names`: what the commit calls the objects that are to be promoted.
    """

    publication: "Publication"
    contract: TableContract
    names: tuple[str, ...]
    place: Place
    rows: int
    bytes: int
    uri: str
    is_unchanged: bool


class Publication:
    """One merge of one layer and place; made by `Lake.begin`.

    Used as a context manager it drops what was staged when it was not sealed.
    """

    def __init__(self, store: Store, layer: Layer, place: Place) -> None:
        settled = settle(store, layer, place)
        self.previous = settled.commit
        self._commit_etag = settled.commit_etag
        self._plan_etag = settled.plan_etag
        self.merge_id = uuid.uuid4().hex
        self.layer: Layer = layer
        self.place = place
        self._store = store
        self._began = time.time()
        self._tables: dict[str, PlannedTable] = {}
        self._removed: dict[str, str] = {}
        self._plan: Plan | None = None
        self._etags: dict[str, str | None] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.discard()

    def stage(
        self, contract: TableContract, reader: pa.RecordBatchReader | pa.Table, part: str = paths.WHOLE
    ) -> StagedTable:
        """Store a new version of a table, or of one of its parts, beside the published one.

        Raises LakeError where the rows break the contract or cannot be stored.
        """
        return self._staged(contract, self._stage(contract, reader, part))

    def stage_parts(
        self,
        contract: TableContract,
        parts: Iterable[tuple[str, pa.RecordBatchReader]],
        made_from: Mapping[str, str] = MappingProxyType({}),
    ) -> StagedTable:
        """Store new versions of some parts of a table, as `stage` does; its others stay as they are.

        `made_from`: what the commit says of a part, by its name.
        """
        staged = (self._stage(contract, rows, part, made_from.get(part, "")) for part, rows in parts)
        return self._staged(contract, *staged)

    def _stage(
        self,
        contract: TableContract,
        reader: pa.RecordBatchReader | pa.Table,
        part: str,
        made_from: str = "",
    ) -> PlannedTable:
        name = paths.published_name(contract, part)
        self._check_open(contract, name)
        path = self._store.scratch_folder / f"{uuid.uuid4().hex}.parquet"
        batches = reader.to_batches() if isinstance(reader, pa.Table) else reader
        written = write_parquet(path, contract, batches, reader.schema, self.merge_id)
        staged = paths.staged_key(self.merge_id, contract, part)
        with pa.OSFile(str(path), "rb") as file:
            fingerprint = file_fingerprint(file)
        self._store.put(staged, path)
        before = self.previous.tables.get(name) if self.previous else None
        return self._planned(
            name=name,
            key=paths.table_key(contract, self.place, part),
            # What is not so any more is found when it is replaced.
            etag=before.etag if before else None,
            staged=staged,
            row_count=written.row_count,
            size_bytes=written.size_bytes,
            contract=contract_fingerprint(contract),
            fingerprint=fingerprint,
            made_from=made_from,
        )

    def _planned(self, **columns: Any) -> PlannedTable:
        table = PlannedTable(**columns)
        self._tables[table.name] = table
        return table

    def parts(self, contract: TableContract) -> set[str]:
        """The parts of a table that the last merge published, and what else lies in their place."""
        return {*parts_of(self.previous, contract), *standing_parts(self._store, contract, self.place)}

    def remove(self, contract: TableContract, part: str) -> None:
        """Take a part away whose rows this merge stages elsewhere; its name must not be used again."""
        name = paths.published_name(contract, part)
        self._check_open(contract, name)
        self._removed[name] = paths.table_key(contract, self.place, part)

    def keep(self, contract: TableContract) -> StagedTable:
        """Name a table that this merge leaves as it is.

        Raises LakeError where the last merge did not publish it, or something else has changed it since.
        """
        self._check_open(contract, contract.name)
        if contract.is_ranged:
            return self._staged(contract)
        key = paths.table_key(contract, self.place)
        before = self.previous.tables.get(contract.name) if self.previous else None
        found = self._store.head(key)
        if before is None or found is None or found.etag != before.etag:
            raise damaged(self._store, key, "not what the last merge published")
        kept = self._planned(
            name=contract.name,
            key=key,
            etag=before.etag,
            staged=None,
            row_count=before.row_count,
            size_bytes=before.size_bytes,
            contract=before.contract,
            fingerprint=before.fingerprint,
        )
        return self._staged(contract, kept)

    def seal(
        self,
        merged: MergedCounts | None = None,
        *,
        is_rebuild: bool = False,
        run_ids: Collection[str] | None = None,
        ranges: str = "",
    ) -> None:
        """Decide that this merge is published; the audit comes before.

        Tables of the last merge that this one neither stages nor keeps stay published beside its own: what a
        step of its own moves on later (`sync_state`) can be read together with the others meanwhile.

        `merged` names the batches this merge took in, `{stream: {run_id: batch_count}}`; it is added to what
        earlier merges took in, or replaces it in a rebuild. Of those only `run_ids` are kept, if given: the
        runs the manifest still has, or the commit would grow for ever. `ranges`: the bounds in which every
        table of ranges lies by then, if not in those of before.
        Raises PublicationConflict where another merge was sealed since `begin`: nothing of this one is
        published then.
        """
        if not self._tables or self._plan is not None:
            raise LakeError(f"{self.place}: a merge is sealed once, after its tables were staged")
        if time.time() - self._began > MERGE_LIFETIME_SECONDS:
            raise LakeError(
                f"{self.place}: the merge took more than {MERGE_LIFETIME_SECONDS} s; run it again"
            )
        before = self.previous.tables if self.previous else {}
        plan = Plan(
            layer=self.layer,
            **self.place.columns,
            tables=tuple(self._tables.values()),
            carried={n: t for n, t in before.items() if n not in self._tables and n not in self._removed},
            removed=tuple(self._removed.values()),
            merged=_add(None if is_rebuild else self.previous, merged or {}, run_ids),
            commit_etag=self._commit_etag,
            made=_made(ranges or (self.previous.ranges if self.previous else "")),
            merge_id=self.merge_id,
        )
        key = paths.plan_key(self.layer, self.place)
        # Set before the answer comes: a Ctrl-C or a lost answer may follow a plan that was stored, and then
        # the next `begin` needs what was staged. Only a refusal proves that it is not.
        self._plan = plan
        try:
            self._store.put(key, encode(plan), if_match=self._plan_etag, if_absent=self._plan_etag is None)
        except PreconditionFailed as error:
            self._plan = None
            self.discard()
            raise self.conflict() from error

    def promote(self, staged: StagedTable) -> str:
        """Put a table in its place and return its address; the last one commits the merge."""
        if self._plan is None:
            raise LakeError(f"{self.place}: a merge is sealed before its tables are promoted")
        for name in staged.names:
            self._etags[name] = promote(self._store, self._plan, self._tables[name])
        if staged.names and len(self._etags) == len(self._tables):
            commit(self._store, self._plan, self._etags)
        return staged.uri

    def discard(self) -> None:
        """Remove what was staged, unless the merge is sealed or may be."""
        if self._plan is None and self._tables:
            self._store.delete_prefix(paths.staging_prefix(self.merge_id))
            self._tables.clear()

    def _check_open(self, contract: TableContract, name: str) -> None:
        if contract.layer != self.layer or name in self._tables or self._plan is not None:
            raise LakeError(f"{self.place}: {contract.layer}/{name} cannot join this merge of {self.layer}")

    def _refuse_changed(self, contract: TableContract, parts: Mapping[str, CommittedTable]) -> None:
        """Raise LakeError where a part that this merge leaves is gone or of another size, by one listing."""
        if not parts:
            return
        sizes = {paths.table_key(contract, self.place, part): one.size_bytes for part, one in parts.items()}
        folder = paths.table_key(contract, self.place).rpartition("/")[0] + "/"
        found = {info.key: info.size_bytes for info in self._store.list(folder)}
        changed = next((key for key, size in sizes.items() if found.get(key) != size), None)
        if changed is None:
            return
        plan = self._store.head(paths.plan_key(self.layer, self.place))
        if (plan and plan.etag) != self._plan_etag:
            raise self.conflict()
        raise damaged(self._store, changed, "not what the last merge published")

    def conflict(self) -> PublicationConflict:
        """What a merge raises behind which another one was published."""
        return PublicationConflict(
            f"{self.place}: another run published {self.layer} while this one was at work; "
            "nothing of this one was published, run it again"
        )

    def _staged(self, contract: TableContract, *tables: PlannedTable) -> StagedTable:
        planned = {table.name: table for table in tables}
        others = parts_of(self.previous, contract) if contract.is_ranged else {}
        left = {p: t for p, t in others.items() if paths.published_name(contract, p) not in planned}
        self._refuse_changed(contract, left)
        objects: list[PlannedTable | CommittedTable] = [*tables, *left.values()]
        key = paths.table_key(contract, self.place) if contract.is_ranged else tables[0].key
        return StagedTable(
            publication=self,
            contract=contract,
            names=tuple(planned),
            place=self.place,
            rows=sum(table.row_count for table in objects),
            bytes=sum(table.size_bytes for table in objects),
            uri=self._store.uri(key.rpartition("/")[0] if contract.is_ranged else key),
            is_unchanged=all(table.staged is None for table in tables),
        )


def _made(ranges: str) -> datetime | MadeInRanges:
    now = datetime.now(UTC)
    return MadeInRanges(now, ranges) if ranges else now


def _add(previous: Commit | None, merged: MergedCounts, run_ids: Collection[str] | None) -> MergedCounts:
    before = previous.merged if previous else {}
    kept = {
        stream: {run_id: count for run_id, count in runs.items() if run_ids is None or run_id in run_ids}
        for stream, runs in before.items()
    }
    return {
        stream: _larger(kept.get(stream, {}), merged.get(stream, {})) for stream in sorted({*before, *merged})
    }


def _larger(before: Mapping[str, int], merged: Mapping[str, int]) -> dict[str, int]:
    # Another run may have merged further between this one's choice of batches and its `begin`.
    return dict(before) | {run_id: max(count, before.get(run_id, 0)) for run_id, count in merged.items()}
