"""Mending what `integrity.py` found, so far as objects alone can do it; tables are made anew by a rebuild.

Nothing that was received is removed: what cannot be read is set aside.
"""

import uuid
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from gitpulse_assets.catalog.subjects import BATCHED, PAGES_OF
from gitpulse_assets.contracts.bronze import FOLDED_RUN, MANIFEST
from gitpulse_assets.contracts.model import Layer, TableContract
from gitpulse_assets.contracts.silver import SYNC_STATE
from gitpulse_assets.lake import paths
from gitpulse_assets.lake.commit import read_plan
from gitpulse_assets.lake.damage import reading
from gitpulse_assets.lake.dataset import open_table
from gitpulse_assets.lake.errors import LakeError, ObjectDamaged
from gitpulse_assets.lake.integrity import PUBLISHED, Finding, Kind, listed_batches
from gitpulse_assets.lake.manifest import FOLD, Manifest, ManifestRow, counted_keys
from gitpulse_assets.lake.parquet import write_parquet
from gitpulse_assets.lake.promotion import settle
from gitpulse_assets.lake.store import Store
from gitpulse_assets.lake.witnesses import runs_in_folds
from gitpulse_assets.place import Place

MADE_AGAIN = "made again from the batches, since the manifest was lost"


def mend(store: Store, place: Place, findings: Iterable[Finding]) -> None:
    """Mend what is wrong with the manifest, the batches and the records of publications; set strays aside.

    Afterwards its tables can be refreshed and rebuilt; no other run may be at work on it meanwhile.
    """
    found = list(findings)
    # First what stays readable: a batch that is damaged tells nothing of its run.
    for one in of_kind(found, "batch"):
        replace_by_empty(store, one.key)
    for one in of_kind(found, "stray"):
        set_aside(store, one.key)
    if of_kind(found, "manifest"):
        remake_manifest(store, place)
    if keys := [one.key for one in of_kind(found, "batch")]:
        forget_pages(store, place)
        remake_folded_list(store, place, keys)
    mend_records(store, place, found)


def mend_records(store: Store, place: Place, findings: Iterable[Finding]) -> None:
    """Mend the records of a place's publications: a commit is written again from its plan."""
    found = list(findings)
    for one in (*of_kind(found, "plan"), *of_kind(found, "commit")):
        # What the server itself cannot read is made again as well as if it were gone.
        with suppress(ObjectDamaged):
            set_aside(store, one.key)
        store.delete(one.key)
    for layer in PUBLISHED:
        settle_or_drop(store, layer, place)


def of_kind(findings: Iterable[Finding], kind: Kind) -> list[Finding]:
    """The findings of one kind."""
    return [one for one in findings if one.kind == kind]


def set_aside(store: Store, key: str) -> None:
    """Move an object, if there is one, to where nothing reads it."""
    stored = store.get(key)
    if stored is not None and stored.body:
        store.put(paths.damaged_key(key), stored.body)
    store.delete(key)


def replace_by_empty(store: Store, key: str) -> None:
    """Let a batch without rows stand where a damaged one lies, so that the others keep their numbers."""
    contract = next(table for table in BATCHED.values() if key.startswith(f"{table.folder}/"))
    set_aside(store, key)
    put_batch(store, contract, key, contract.arrow_schema.empty_table())


def put_batch(store: Store, contract: TableContract, key: str, rows: pa.Table) -> None:
    """Store a batch in its place."""
    numbered = paths.numbered_batch(key)
    path = store.scratch_folder / f"{uuid.uuid4().hex}.parquet"
    write_parquet(path, contract, rows.to_batches(), rows.schema, merge_id=numbered[0] if numbered else "")
    store.put(key, path)


def forget_pages(store: Store, place: Place) -> None:
    """Let the next full walk ask for every page: one that had not changed would stand for lost records."""
    manifest = Manifest(store, place)
    changed = [replace(row, page_batch_count=0) for row in manifest.rows() if row.page_batch_count]
    if changed:
        manifest.remove([], changed)


def remake_folded_list(store: Store, place: Place, lost: Collection[str]) -> None:
    """List the runs that folds hold again where a list of them was lost: a rebuild needs their order."""
    rows = Manifest(store, place).rows()
    lists = [row for row in rows if row.stream == FOLDED_RUN.name]
    gone = [row for row in lists if paths.batch_key(FOLDED_RUN, place, row.run_id, 1) in lost]
    if not gone:
        return
    newest = max(gone, key=lambda row: row.sequence)
    known = runs_in_folds(store, place, lists)
    held = {run: at for run, at in folded_runs(store, place, rows).items() if run not in known}
    ordered = sorted(held, key=lambda run: (held[run], run))
    # Those of the lost list were at least as many, up to its own number.
    first_number = newest.sequence - len(ordered) + 1
    made = [
        replace(row_without_batches(place, stream, run_id, held[stream, run_id]), sequence=number)
        for number, (stream, run_id) in enumerate(ordered, start=first_number)
    ]
    table = pa.Table.from_pylist([vars(row) for row in made], schema=FOLDED_RUN.arrow_schema)
    put_batch(store, FOLDED_RUN, paths.batch_key(FOLDED_RUN, place, newest.run_id, 1), table)


def folded_runs(store: Store, place: Place, rows: Iterable[ManifestRow]) -> dict[tuple[str, str], datetime]:
    """The streams and runs whose records lie in folds, and when each run's first came."""
    found: dict[tuple[str, str], datetime] = {}
    for row in rows:
        if row.status == "folded" and row.stream != FOLDED_RUN.name:
            for key in counted_keys(place, row):
                records = read_columns(store, key, ["run_id", "fetched_at"])
                grouped = records.group_by("run_id").aggregate([("fetched_at", "min")])
                for one in grouped.to_pylist():
                    run, at = (row.stream, one["run_id"]), one["fetched_at_min"]
                    found[run] = min(found[run], at) if run in found else at
    return found


def settle_or_drop(store: Store, layer: Layer, place: Place) -> None:
    """Finish a publication that was cut short, or drop its plan where what it needs is gone."""
    try:
        settle(store, layer, place)
    except ObjectDamaged:
        plan, _ = read_plan(store, layer, place)
        set_aside(store, paths.plan_key(layer, place))
        if plan:
            store.delete_prefix(paths.staging_prefix(plan.merge_id))


def remake_manifest(store: Store, place: Place) -> None:
    """Make the manifest again: the rows that can be read, and one for each further run in bronze."""
    try:
        known = Manifest(store, place).rows()
    except ObjectDamaged:
        set_aside(store, paths.table_key(MANIFEST, place))
        known = []
    there = {(row.stream, row.run_id) for row in known}
    made = [row for row in rows_of_batches(store, place) if (row.stream, row.run_id) not in there]
    ordered = sorted([*known, *made], key=lambda row: (row.started_at, row.run_id, row.stream))
    numbered = [replace(row, sequence=number) for number, row in enumerate(ordered, start=1)]
    Manifest(store, place).remake(numbered)


def rows_of_batches(store: Store, place: Place) -> Iterator[ManifestRow]:
    """A row for each run and stream that lies in bronze; the newest walks are told by the sync state.

    The others are `partial` and name nowhere to go on from: how they ended, nobody knows any more.
    """
    states = {(row["stream"], row["last_merged_run_id"]): row for row in sync_states(store, place)}
    for (stream, run_id), keys in listed_batches(store, place).items():
        if any(stream == pages.name for pages in PAGES_OF.values()):
            continue
        row = row_of_batches(store, place, BATCHED[stream], run_id, keys)
        yield with_state(row, states.pop((stream, run_id), None))
    # A walk that found nothing has no batch, and is how far the stream is known all the same.
    for (stream, run_id), state in states.items():
        began = state["as_of_at"] or state["finished_at"] or datetime.now(UTC)
        yield with_state(row_without_batches(place, stream, run_id, began), state)


def row_without_batches(place: Place, stream: str, run_id: str, began: datetime) -> ManifestRow:
    """A row of which nothing is known but when the run began."""
    return ManifestRow.of(
        place,
        run_id=run_id,
        stream=stream,
        status="folded" if run_id.startswith(FOLD) else "partial",
        walk_kind="incremental",
        started_at=began,
        error=MADE_AGAIN,
    )


def row_of_batches(
    store: Store, place: Place, contract: TableContract, run_id: str, keys: list[str]
) -> ManifestRow:
    """What the batches of a run tell of it: how many there are, when they came, and what they hold."""
    columns = [
        name
        for name in ("fetched_at", "issue_updated_at", "is_pull_request")
        if name in contract.column_names
    ]
    tables = [read_columns(store, key, columns) for key in keys]
    rows = pa.concat_tables(tables)
    began = first(rows, "fetched_at") or first(rows, "started_at") or datetime.now(UTC)
    row = row_without_batches(place, contract.name, run_id, began)
    return replace(
        row,
        finished_at=last(rows, "fetched_at"),
        record_count=rows.num_rows,
        pull_request_count=pull_requests(rows),
        batch_count=max(numbered[1] for key in keys if (numbered := paths.numbered_batch(key))),
        first_updated_at=first(rows, "issue_updated_at"),
        last_updated_at=last(rows, "issue_updated_at"),
    )


def with_state(row: ManifestRow, state: dict[str, Any] | None) -> ManifestRow:
    """The row of a complete walk, where the sync state says that its run made one."""
    if state is None or state["as_of_at"] is None:
        return row
    return replace(
        row,
        status="complete",
        walk_kind=state["walk_kind"] or "incremental",
        as_of_at=state["as_of_at"],
        finished_at=state["finished_at"] or state["as_of_at"],
        etag=state["etag"],
    )


def sync_states(store: Store, place: Place) -> list[dict[str, Any]]:
    """The rows of the sync state; none where it cannot be read."""
    with suppress(LakeError), reading(store, paths.table_key(SYNC_STATE, place)):
        return open_table(store, SYNC_STATE, place).dataset.to_table().to_pylist()
    return []


def read_columns(store: Store, key: str, columns: list[str]) -> pa.Table:
    """Read columns of a batch."""
    opened = store.open(key)
    if opened is None:
        return pa.table({name: pa.array([], pa.null()) for name in columns})
    with opened.file as file, reading(store, key):
        return pq.ParquetFile(file, page_checksum_verification=True).read(columns=columns)


def first(rows: pa.Table, column: str) -> datetime | None:
    """The least value of a column."""
    return min(known(rows, column), default=None)


def last(rows: pa.Table, column: str) -> datetime | None:
    """The greatest value of a column."""
    return max(known(rows, column), default=None)


def known(rows: pa.Table, column: str) -> list[Any]:
    """The values of a column that are not null; none where there is no such column."""
    return rows[column].drop_null().to_pylist() if column in rows.schema.names else []


def pull_requests(rows: pa.Table) -> int:
    """How many records are pull requests, where that is known."""
    return sum(known(rows, "is_pull_request"))
