"""Folding closed runs away, so that a refresh costs the same after a year as on the first day.

What closed runs fetched of a stream is put together into one batch, under one row of the manifest; their own
rows move to `bronze/folded_run`. No record changes: each still names its run. Reasons in
docs/adr/0013-folded-runs.md; what of raw runs may go is retention's affair.
"""

import logging
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pyarrow as pa

from gitpulse_assets.catalog.subjects import BRONZE
from gitpulse_assets.collect.full_walk import holding_rows, is_follow_up, newest_full_walk, page_holders
from gitpulse_assets.contracts.bronze import FOLDED_RUN
from gitpulse_assets.lake import paths
from gitpulse_assets.lake.commit import MergedCounts
from gitpulse_assets.lake.errors import LakeError
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.lake.maintenance import LEFT_OVER_AFTER
from gitpulse_assets.lake.manifest import FOLD, Manifest, ManifestRow, resumable_run, run_ids_of
from gitpulse_assets.place import Place
from gitpulse_assets.upkeep.retention import batches, ended_at, is_waiting

logger = logging.getLogger(__name__)

STREAM_TABLES = {table.name: table for table in BRONZE}
# What is raised where something of the closed runs cannot be read.
UNREADABLE = (LakeError, pa.ArrowException, OSError)

# So many closed rows are folded at once: rarely enough to cost a refresh nothing, often enough that the
# manifest is read in milliseconds.
CLOSED_ROWS = 200
# The newest runs stay as they are: people look at them, and a run that is tried again finds its rows.
RUNS_KEPT = 20
# A fold is added to until it is this large or spans this long, so that the lake's objects grow with what was
# received and not with the number of refreshes, and retention finds folds that are old enough.
FOLD_BYTES = 4 * 1024 * 1024
FOLD_SPAN = timedelta(days=30)
# A row that says `running` for so long belongs to a run that died.
DEAD_AFTER = timedelta(days=7)


def fold_runs(
    lake: Lake,
    place: Place,
    manifest: Manifest,
    merged: MergedCounts,
    left_over_after: timedelta = LEFT_OVER_AFTER,
) -> MergedCounts:
    """Fold the closed runs where there are many; return what a merge has to count as merged because of it.

    `merged` says what merges have taken in of each run. A crash leaves objects that nobody counts, or a fold
    that the next merge takes in once more, to no effect. What was folded stays beside the fold until the next
    one, for those who are reading it.
    """
    rows = manifest.rows()
    closed = closed_rows(lake, place, rows, merged) if len(rows) > CLOSED_ROWS else []
    if len(closed) < CLOSED_ROWS:
        return {}
    remove_left(lake, place, left_over_after)
    gone, new = fold_each(lake, place, foldable(lake, place, rows, closed))
    listed = open_fold(lake, place, rows, FOLDED_RUN.name)
    try:
        new.append(archive(lake, place, listed, [row for row in gone if row.status != "folded"]))
    except UNREADABLE as error:
        logger.warning("%s: nothing is folded, for want of the list of folded runs: %s", place, error)
        return {}
    return batch_counts(new) if manifest.fold([*gone, *listed], new) else {}


def remove_left(lake: Lake, place: Place, left_over_after: timedelta) -> None:
    """Remove what earlier folds left for their readers."""
    try:
        lake.clean_up_runs(place, left_over_after)
    except LakeError as error:
        logger.warning("%s: what earlier folds left stays: %s", place, error)


def fold_each(
    lake: Lake, place: Place, groups: Iterable[list[ManifestRow]]
) -> tuple[list[ManifestRow], list[ManifestRow]]:
    """Put each group into one batch; return the rows that are folded so, and those that stand for them."""
    gone: list[ManifestRow] = []
    new: list[ManifestRow] = []
    for parts in groups:
        try:
            new += fold_stream(lake, place, parts)
            gone += parts
        except UNREADABLE as error:
            # A refresh does not read what was merged: damage there is told by `check` and stops none.
            logger.warning("%s: runs of %s are not folded: %s", place, parts[0].stream, error)
    return gone, new


def batch_counts(folds: Iterable[ManifestRow]) -> MergedCounts:
    """The batches of folds, as a commit counts what is merged."""
    counts: MergedCounts = {}
    for row in folds:
        counts.setdefault(row.stream, {})[row.run_id] = row.batch_count
    return counts


def foldable(
    lake: Lake, place: Place, rows: Sequence[ManifestRow], closed: Sequence[ManifestRow]
) -> Iterator[list[ManifestRow]]:
    """What becomes one batch: the closed rows of each stream with its open fold, and older folds."""
    for stream in sorted({row.stream for row in closed}):
        yield [*open_fold(lake, place, rows, stream), *(row for row in closed if row.stream == stream)]
        yield from aged_folds(lake, place, rows, stream)
    yield from aged_folds(lake, place, rows, FOLDED_RUN.name)


def closed_rows(
    lake: Lake, place: Place, rows: Sequence[ManifestRow], merged: MergedCounts
) -> list[ManifestRow]:
    """The rows that nothing goes on from and nothing compares with, all of them merged."""
    now = max((ended_at(row) for row in rows), default=None)
    done = [row for row in rows if now and is_done(row, rows, merged, now)]
    walk = newest_full_walk(rows)
    holders = page_holders(lake, place, walk) | {row.run_id for row in walk}
    kept = {key_of(row) for row in (*newest_of_each_kind(rows), *newest_of_each_kind(done))}
    kept |= {key_of(row) for row in holding_rows(rows, holders)}
    kept |= {key_of(row) for row in rows if walk and is_follow_up(row, walk[0])}
    recent = set(run_ids_of(rows)[-RUNS_KEPT:]) | resumed_runs(rows, done)
    # A merge takes whatever it reads for newer than what was folded.
    open_rows = [row.sequence for row in rows if row not in done and row.status != "folded"]
    older = [row for row in done if row.sequence < min(open_rows, default=row.sequence + 1)]
    return [row for row in older if key_of(row) not in kept and row.run_id not in recent]


def key_of(row: ManifestRow) -> tuple[str, str]:
    """The key of a row."""
    return row.run_id, row.stream


def is_done(row: ManifestRow, rows: Sequence[ManifestRow], merged: MergedCounts, now: datetime) -> bool:
    """Say whether a row's run is over, merged, and superseded where it was cut short."""
    if row.status == "folded" or is_waiting(row, merged):
        return False
    if row.status == "running" and now - row.known_as_of < DEAD_AFTER:
        return False
    is_cut = row.status in ("running", "partial") and row.next_url is not None
    return not is_cut or resumable_run([r for r in rows if r.sequence >= row.sequence], row.stream) is None


def newest_of_each_kind(rows: Iterable[ManifestRow]) -> Iterator[ManifestRow]:
    """What a later run compares with: of each stream, ending and kind of walk the newest, in any order."""
    kinds: dict[tuple[object, ...], list[ManifestRow]] = {}
    for row in rows:
        for has_data in {False, row.batch_count > 0 or row.page_batch_count > 0}:
            kinds.setdefault((row.stream, row.status, row.walk_kind, has_data), []).append(row)
    for alike in kinds.values():
        yield max(alike, key=lambda row: row.sequence)
        yield max(alike, key=lambda row: (row.known_as_of, row.sequence))
        yield max(alike, key=lambda row: (ended_at(row), row.sequence))


def resumed_runs(rows: Sequence[ManifestRow], done: Sequence[ManifestRow]) -> set[str]:
    """The runs that a walk which can still be gone on with was resumed from."""
    resumed = {key_of(row): row.resumed_run_id for row in rows if row.resumed_run_id}
    waiting = [key_of(row) for row in rows if row not in done and row.status != "folded"]
    found: set[str] = set()
    while waiting:
        run_id, stream = waiting.pop()
        if (before := resumed.get((run_id, stream))) and before not in found:
            found.add(before)
            waiting.append((before, stream))
    return found


def folds_of(rows: Iterable[ManifestRow], stream: str) -> list[ManifestRow]:
    """The folds of a stream, the oldest first."""
    folds = [row for row in rows if row.stream == stream and row.status == "folded"]
    return sorted(folds, key=lambda row: row.sequence)


def open_fold(lake: Lake, place: Place, rows: Sequence[ManifestRow], stream: str) -> list[ManifestRow]:
    """The stream's newest fold, while it may be added to; else none."""
    newest = folds_of(rows, stream)[-1:]
    if not newest or span(newest) > FOLD_SPAN or size_bytes(lake, place, newest) >= FOLD_BYTES:
        return []
    return newest


def aged_folds(
    lake: Lake, place: Place, rows: Sequence[ManifestRow], stream: str
) -> Iterator[list[ManifestRow]]:
    """The stream's folds that become one: a fold may span as long as has passed since it ended.

    So their number grows with the logarithm of the lake's age, and what retention would remove waits for no
    longer than it is old.
    """
    now = max(map(ended_at, rows))
    groups: list[list[ManifestRow]] = []
    opened = open_fold(lake, place, rows, stream)
    for fold in (row for row in folds_of(rows, stream) if row not in opened):
        joined = [*groups[-1], fold] if groups else []
        if joined and span(joined) <= now - ended_at(fold) and size_bytes(lake, place, joined) <= FOLD_BYTES:
            groups[-1] = joined
        else:
            groups.append([fold])
    return (group for group in groups if len(group) > 1)


def span(folds: Sequence[ManifestRow]) -> timedelta:
    """From when the folds were begun to the end of what they hold."""
    return max(map(ended_at, folds)) - begun_at(folds)


def size_bytes(lake: Lake, place: Place, folds: Iterable[ManifestRow]) -> int:
    """What the batches of folds take; a lost one takes nothing, and is met when it is read."""
    keys = [paths.batch_key(STREAM_TABLES[row.stream], place, row.run_id, 1) for row in folds]
    return sum(found.size_bytes for key in keys if (found := lake.store.head(key)))


def fold_stream(lake: Lake, place: Place, parts: Sequence[ManifestRow]) -> list[ManifestRow]:
    """Put what the runs hold of one stream into one batch; return its row, none where they hold nothing."""
    held = [row for row in parts if row.batch_count]
    if not held:
        return []
    fold_id, table = new_fold_id(), STREAM_TABLES[held[0].stream]
    stored = lake.bronze_dataset(table, place, batches(held))
    lake.batch_writer(table, place, fold_id, batch_count=0).write(
        stored.scanner(use_threads=False).to_reader()
    )
    return [fold_row(fold_id, held)]


def new_fold_id() -> str:
    """An id of one stream alone: while a fold lasts, the commit has a line for its id in every stream."""
    return f"{FOLD}{uuid.uuid4().hex}"


def archive(
    lake: Lake, place: Place, listed: Sequence[ManifestRow], rows: Sequence[ManifestRow]
) -> ManifestRow:
    """Add the rows to the list of folded runs, and return the row of that list."""
    fold_id = new_fold_id()
    known = lake.bronze_dataset(FOLDED_RUN, place, batches(listed)).to_table()
    added = pa.Table.from_pylist([vars(row) for row in rows], schema=FOLDED_RUN.arrow_schema)
    lake.batch_writer(FOLDED_RUN, place, fold_id, batch_count=0).write(pa.concat_tables([known, added]))
    row = fold_row(fold_id, [*listed, *rows])
    return replace(row, stream=FOLDED_RUN.name, record_count=known.num_rows + added.num_rows)


def fold_row(fold_id: str, parts: Sequence[ManifestRow]) -> ManifestRow:
    """The row that stands for several, with the sums and the bounds of theirs."""
    newest = max(parts, key=lambda row: row.sequence)
    firsts = [row.first_updated_at for row in parts if row.first_updated_at]
    lasts = [row.last_updated_at for row in parts if row.last_updated_at]
    return ManifestRow.of(
        newest.place,
        run_id=fold_id,
        stream=newest.stream,
        status="folded",
        walk_kind="incremental",
        sequence=newest.sequence,
        started_at=begun_at(parts),
        as_of_at=max(row.known_as_of for row in parts),
        finished_at=max(ended_at(row) for row in parts),
        first_updated_at=min(firsts, default=None),
        last_updated_at=max(lasts, default=None),
        batch_count=1,
        page_count=sum(row.page_count for row in parts),
        unchanged_page_count=sum(row.unchanged_page_count for row in parts),
        record_count=sum(row.record_count for row in parts),
        pull_request_count=sum(row.pull_request_count for row in parts),
        lacked_count=sum(row.lacked_count or 0 for row in parts),
        request_count=sum(row.request_count for row in parts),
        quota_cost=sum(row.quota_cost for row in parts),
    )


def begun_at(parts: Sequence[ManifestRow]) -> datetime:
    """When a fold was begun: a run that was kept for weeks and joins it later does not make it old."""
    begun = [row.started_at for row in parts if row.status == "folded"]
    return min(begun) if begun else max(row.started_at for row in parts)


def run_order(lake: Lake, place: Place, rows: Sequence[ManifestRow]) -> list[str]:
    """Every run of the repository in the order they registered, those that were folded too."""
    lists = [row for row in rows if row.stream == FOLDED_RUN.name]
    folded = lake.bronze_dataset(FOLDED_RUN, place, batches(lists)).to_table(columns=["run_id", "sequence"])
    registered = [(row["sequence"], row["run_id"]) for row in folded.to_pylist()]
    registered += [(row.sequence, row.run_id) for row in rows]
    return list(dict.fromkeys(run_id for _, run_id in sorted(registered)))
