"""The manifest: what each run fetched of each stream, and from where a cut-short walk goes on.

One object a place, replaced whole by compare-and-swap, so that two runs never lose each other's rows.
It stays small: closed runs are folded (docs/adr/0013-folded-runs.md).
"""

import random
import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from io import BytesIO
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq

from gitpulse_assets.catalog.subjects import BATCHED, PAGES_OF
from gitpulse_assets.contracts.bronze import MANIFEST
from gitpulse_assets.lake import paths
from gitpulse_assets.lake.damage import damaged, reading
from gitpulse_assets.lake.dataset import read_schema, refuse_other_schema
from gitpulse_assets.lake.errors import LakeError, PreconditionFailed
from gitpulse_assets.lake.parquet import write_parquet
from gitpulse_assets.lake.store import Store, read_written
from gitpulse_assets.place import Place
from gitpulse_assets.processes.stopping import pause
from gitpulse_assets.repo import Repo

Status = Literal["running", "complete", "partial", "failed", "folded"]
WalkKind = Literal["full", "incremental", "unchanged"]

# How the ids of folds begin: their batches hold the records of several runs.
FOLD = "fold-"

# Writers of one repository are a handful; a longer fight means that something is broken.
PUT_ATTEMPTS = 20
BACK_OFF_SECONDS = 0.02


@dataclass(frozen=True)
class ManifestRow:
    """One run and stream; the columns are described in `contracts.bronze.MANIFEST`."""

    run_id: str
    repo_owner: str
    repo_name: str
    stream: str
    status: Status
    walk_kind: WalkKind
    started_at: datetime
    sequence: int = 0
    since: datetime | None = None
    as_of_at: datetime | None = None
    finished_at: datetime | None = None
    page_count: int = 0
    unchanged_page_count: int = 0
    record_count: int = 0
    pull_request_count: int = 0
    lacked_count: int | None = 0
    request_count: int = 0
    quota_cost: int = 0
    batch_count: int = 0
    page_batch_count: int = 0
    is_capped: bool = False
    first_updated_at: datetime | None = None
    last_updated_at: datetime | None = None
    next_url: str | None = None
    segments: str | None = None
    etag: str | None = None
    resumed_run_id: str | None = None
    error: str | None = None

    @classmethod
    def of(cls, place: Place, **told: Any) -> "ManifestRow":
        """A row of the manifest of a place."""
        return cls(**place.columns, **told)

    @property
    def place(self) -> Place:
        """Whose manifest it is a row of."""
        return Repo(self.repo_owner, self.repo_name)

    @property
    def known_as_of(self) -> datetime:
        """When what the row holds was so; of a row without a walk, when its run began."""
        return self.as_of_at or self.started_at


class Manifest:
    """The manifest of one place, as one reader sees it.

    It is read at the first use and then followed through what this reader writes. What another writes
    meanwhile is seen when a write of this one meets it: a later step opens a manifest of its own.
    """

    def __init__(self, store: Store, place: Place) -> None:
        self._store = store
        self._place = place
        self._key = paths.table_key(MANIFEST, place)
        self._known: tuple[list[ManifestRow], str | None] | None = None

    def rows(self) -> list[ManifestRow]:
        """Every row, in the order the runs registered."""
        return list(self._seen()[0])

    def table(self) -> pa.Table:
        """Every row, as a table of the manifest's contract."""
        return _table(self.rows())

    def versioned_rows(self) -> tuple[list[ManifestRow], str | None]:
        """Every row, and the ETag of the object they were read from; None where there is none."""
        return self._read()

    def row(self, run_id: str, stream: str) -> ManifestRow | None:
        """The row of one run and stream."""
        return next((r for r in self.rows() if (r.run_id, r.stream) == (run_id, stream)), None)

    def put(self, row: ManifestRow) -> ManifestRow:
        """Add or replace the row of (run_id, stream) and return it as stored.

        A new row gets the next `sequence`, a replaced one keeps its own. Raises LakeError where the row
        contradicts itself, names another repository, or could not be stored.
        """
        self._check(row)

        def with_row(rows: list[ManifestRow]) -> list[ManifestRow]:
            return _put_row(rows, row)

        rows = self._update(with_row)
        return next(r for r in rows if (r.run_id, r.stream) == (row.run_id, row.stream))

    def remove(self, runs: Iterable[tuple[str, str]], changed: Iterable[ManifestRow] = ()) -> None:
        """Forget runs, given as (run_id, stream); what they stored no longer counts.

        Rows that are `changed` take the place of those of the same run and stream in the same step.
        """
        gone, new = set(runs), {(row.run_id, row.stream): row for row in changed}

        def without(rows: list[ManifestRow]) -> list[ManifestRow]:
            kept = [row for row in rows if (row.run_id, row.stream) not in gone]
            return [new.get((row.run_id, row.stream), row) for row in kept]

        self._update(without)

    def fold(self, closed: Collection[ManifestRow], folded: Iterable[ManifestRow]) -> bool:
        """Let `folded` rows stand for the closed ones, in one step.

        False, and nothing is changed, where one of these is no longer what it was.
        """
        gone = {(row.run_id, row.stream): row for row in closed}
        new = list(folded)

        def with_folded(rows: list[ManifestRow]) -> list[ManifestRow]:
            if sum(gone.get((row.run_id, row.stream)) == row for row in rows) < len(gone):
                return rows
            kept = [row for row in rows if (row.run_id, row.stream) not in gone]
            return sorted([*kept, *new], key=lambda row: row.sequence)

        return set(new) <= set(self._update(with_folded))

    def remake(self, rows: Iterable[ManifestRow]) -> None:
        """Let these rows take the place of whatever stands there, also of what cannot be read."""
        found = self._store.head(self._key)
        self._known = None
        self._write(list(rows), found.etag if found else None)

    def _update(self, change: Callable[[list[ManifestRow]], list[ManifestRow]]) -> list[ManifestRow]:
        for attempt in range(PUT_ATTEMPTS):
            rows, etag = self._seen()
            changed = change(rows)
            if changed == rows:
                return rows
            try:
                self._known = changed, self._write(changed, etag)
            except PreconditionFailed:
                self._known = None
                pause(random.uniform(0, BACK_OFF_SECONDS * 2 ** min(attempt, 6)))
            else:
                return changed
        raise LakeError(
            f"{self._store.uri(self._key)}: other runs kept replacing it ({PUT_ATTEMPTS} attempts); run again"
        )

    def _seen(self) -> tuple[list[ManifestRow], str | None]:
        if self._known is None:
            self._known = self._read()
        return self._known

    def _read(self) -> tuple[list[ManifestRow], str | None]:
        body, etag = read_written(self._store, self._key)
        if body is None:
            self._refuse_lost()
            return [], etag
        with reading(self._store, self._key):
            table = pq.ParquetFile(BytesIO(body), page_checksum_verification=True).read()
        refuse_other_schema(table.schema, self._store, self._key)
        read_schema(MANIFEST, table.schema, self._store.uri(self._key))
        return [_row(record) for record in table.to_pylist()], etag

    def _refuse_lost(self) -> None:
        """Raise ObjectDamaged where there was a manifest: what it counted must not seem never received."""
        if self._store.head(paths.commit_key("silver", self._place)) is not None:
            raise damaged(self._store, self._key, "gone, although silver was made from what it counted")

    def _write(self, rows: list[ManifestRow], etag: str | None) -> str:
        table = _table(rows)
        path = self._store.scratch_folder / f"{uuid.uuid4().hex}.parquet"
        write_parquet(path, MANIFEST, table.to_batches(), table.schema, merge_id=uuid.uuid4().hex)
        return self._store.put(self._key, path, if_match=etag, if_absent=etag is None)

    def _check(self, row: ManifestRow) -> None:
        name = f"{self._place}: run {row.run_id}, stream {row.stream}"
        if row.place != self._place:
            raise LakeError(f"{name}: the row belongs to {row.place}")
        is_cut = row.next_url is not None or row.is_capped or row.finished_at is None
        if row.status == "complete" and is_cut:
            raise LakeError(f"{name}: a walk that was cut short cannot be complete")


def _table(rows: Iterable[ManifestRow]) -> pa.Table:
    return pa.Table.from_pylist([vars(row) for row in rows], schema=MANIFEST.arrow_schema)


def _row(record: Mapping[str, object]) -> ManifestRow:
    """Read a stored row; a column that an older version did not write takes its default, or is None."""
    known = ManifestRow.__dataclass_fields__
    columns = {"lacked_count": None} | {name: value for name, value in record.items() if name in known}
    return ManifestRow(**columns)  # pyright: ignore[reportArgumentType]


def _put_row(rows: list[ManifestRow], row: ManifestRow) -> list[ManifestRow]:
    for index, old in enumerate(rows):
        if (old.run_id, old.stream) == (row.run_id, row.stream):
            return [*rows[:index], replace(row, sequence=old.sequence), *rows[index + 1 :]]
    last = max((r.sequence for r in rows), default=0)
    return [*rows, replace(row, sequence=last + 1)]


def run_ids_of(rows: Iterable[ManifestRow]) -> list[str]:
    """The runs of the rows, each once, in the order they registered."""
    return list(dict.fromkeys(row.run_id for row in sorted(rows, key=lambda row: row.sequence)))


def resumable_run(rows: Iterable[ManifestRow], stream: str) -> ManifestRow | None:
    """The run to go on with: the newest cut short with a link, unless a later one is complete.

    A row still `running` belongs to a run that died, or to one at work at this moment; going on with
    either loses nothing, since what each run stores is its own.
    """
    for row in sorted(rows, key=lambda r: r.sequence, reverse=True):
        if row.stream != stream or row.walk_kind == "unchanged":
            continue
        if row.status == "complete":
            return None
        if row.status in ("running", "partial") and row.next_url is not None:
            return row
    return None


def unmerged_batches(
    rows: Iterable[ManifestRow], stream: str, merged: Mapping[str, int]
) -> list[tuple[str, range]]:
    """The batches not merged before, as (run_id, batch numbers), in the order the runs registered.

    `merged` says of each run how many of its batches were merged.
    """
    ordered = sorted((r for r in rows if r.stream == stream), key=lambda r: r.sequence)
    spans = [(r.run_id, range(merged.get(r.run_id, 0) + 1, r.batch_count + 1)) for r in ordered]
    return [(run_id, numbers) for run_id, numbers in spans if numbers]


def merged_batches(
    rows: Iterable[ManifestRow], stream: str, merged: Mapping[str, int]
) -> list[tuple[str, range]]:
    """The batches merged before that still count, as (run_id, batch numbers), in the order of their runs."""
    ordered = sorted((r for r in rows if r.stream == stream), key=lambda r: r.sequence)
    spans = [(r.run_id, range(1, min(r.batch_count, merged.get(r.run_id, 0)) + 1)) for r in ordered]
    return [(run_id, numbers) for run_id, numbers in spans if numbers]


def counted_keys(place: Place, row: ManifestRow) -> Iterator[str]:
    """The batches that a row counts: of its records, and of the pages they came in where these are kept."""
    counts = [(BATCHED[row.stream], row.batch_count)]
    if row.stream in PAGES_OF:
        counts.append((PAGES_OF[row.stream], row.page_batch_count))
    for table, count in counts:
        for number in range(1, count + 1):
            yield paths.batch_key(table, place, row.run_id, number)
