"""`make soak`: a year of half-hourly refreshes on a clock that is moved; flat, or it fails.

In each refresh something changed; a day has 48, a month at least 1,460 in whole days. One a day is whole:
the product's own steps from the first request to sync_state, with every check, publication and folding; of
those one a week makes the marts too. The others collect by the product's own walks and streams, so that the
manifest and bronze hold at the next whole one what they would in life, and are merged by it; they leave out
what costs the same whenever it comes: asking DuckDB what changed and how many are open, and the merge, and
write the manifest once for the day. Not in it: Dagster's executor and event log, and sockets (the stand-in
GitHub answers in this process). Nobody runs `gitpulse maintain`. Every four weeks the whole list is walked.

A refresh takes half as much CPU again on a busy machine, and in an old process a fifth more. So no month is
held against another by CPU: at the end of each, a copy of the lake and one of a lake of 20 refreshes are
refreshed in turns, each by a new process, as a run is, and the part by which the old is dearer must not grow.
"""

import ctypes
import gc
import json
import logging
import os
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path
from random import Random
from statistics import fmean, median

import click
import pyarrow as pa

from gitpulse_assets.catalog.subjects import BRONZE
from gitpulse_assets.collect.lifecycle import keep_batches
from gitpulse_assets.collect.lists import WalkPlan, collect_list
from gitpulse_assets.collect.session import Session, StreamRun
from gitpulse_assets.contracts.bronze import CONTROL_TOTAL, ISSUE_PAGE, ISSUE_TIMELINE, ISSUES
from gitpulse_assets.github.client import GitHubClient
from gitpulse_assets.lake import maintenance, paths
from gitpulse_assets.lake.folder_store import FolderStore
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.lake.manifest import Manifest, ManifestRow
from gitpulse_assets.lake.store import TAIL_BYTES, ObjectInfo, OpenObject
from gitpulse_assets.pipeline.refresh import publish_marts, publish_silver, receive
from gitpulse_assets.repo import Repo
from gitpulse_assets.sandbox.acts import Acts
from gitpulse_assets.sandbox.model import Issue, User
from gitpulse_assets.sandbox.world import World
from gitpulse_assets.streams.issues import ISSUE_STREAM
from gitpulse_assets.upkeep.folding import FOLD_BYTES
from gitpulse_assets_tests.history.product import Reader

REPO = Repo("octo-org", "soak")
HALF_HOUR_SECONDS = 1800
REFRESHES_A_YEAR = 17_520
REFRESHES_A_MONTH = REFRESHES_A_YEAR // 12
REFRESHES_A_WEEK = 336
REFRESHES_A_FULL_WALK = 4 * REFRESHES_A_WEEK
REFRESHES_A_DAY = 48
# Issues, and how many of the changes close or reopen one: each adds to the ledger for good.
STOCK = 300
STATE_SHARE = 0.02
AUTHOR = User(1, "author")
# What a month may cost more than an early one.
GROWTH_MAX = 1.2
FLAT = (
    "reads",
    "writes",
    "kb_opened",
    "objects",
    "manifest_rows",
    "commit_kb",
    "memory_mb",
    "python_blocks",
    "descriptors",
)
MONTHS_MIN = 3
# The age that older refreshes are held against, and how many of either age are made in turns, the first of
# which only warm both up.
YOUNG_REFRESHES = 20
COMPARED_REFRESHES = 7
WARMING_REFRESHES = 2
# What was folded waits for the next fold to go: the open fold of a stream, and old ones that became one.
WAITING_MAX_MB = 2 * FOLD_BYTES / 1e6
# The stream that a batch is counted under in the manifest, by its folder.
STREAMS = {table.folder: table.name for table in BRONZE} | {ISSUE_PAGE.folder: ISSUES.name}
# CPU milliseconds, reads, writes, kilobytes opened.
Cost = tuple[float, ...]


class MovedStore(FolderStore):
    """A folder whose files are as old as the moved clock says, and which counts what is read and written."""

    def __init__(self, root: Path, world: World) -> None:
        super().__init__(root)
        self.world = world
        self.reads = self.writes = self.bytes_read = 0

    def open(self, key: str) -> OpenObject | None:
        opened = super().open(key)
        self.reads += 1
        self.bytes_read += opened.size_bytes if opened else 0
        return opened

    def head(self, key: str) -> ObjectInfo | None:
        """Look at an object, of which only the end is read, or less."""
        before = self.bytes_read
        info = super().head(key)
        self.bytes_read = before + (min(info.size_bytes, TAIL_BYTES) if info else 0)
        return info

    def _replace(self, source: Path, key: str, *, if_match: str | None, if_absent: bool) -> str:
        etag = super()._replace(source, key, if_match=if_match, if_absent=if_absent)
        self.writes += 1
        os.utime(self.root / key, (self.world.clock, self.world.clock))
        return etag


class DayManifest(Manifest):
    """Follows a day's runs and is written once: nobody reads it before the next whole refresh does."""

    def _write(self, rows: list[ManifestRow], etag: str | None) -> str:
        return str(etag)

    def write(self) -> None:
        """Store what was followed."""
        super()._write(*self._seen())


class MovedClock(datetime):
    """What the clean-up takes for now."""

    world: World

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:
        return datetime.fromtimestamp(cls.world.clock, tz or UTC)


@dataclass
class Month:
    """The figures of one month: of a whole refresh the mean, of lake and process the state at the end.

    `times_young`: CPU of a refresh, as a multiple of one of a young lake at the same time; each in a new
    process.
    `load`: how many processes wanted a core; `cpu_ms` goes by it. `lake_mb` is what counts, `waiting_mb` what
    the next fold removes. `memory_mb`: the least that was resident at the end of a day, after all was given
    back that is not held: a leak raises it, what an allocator keeps for later does not for long.
    """

    month: int
    refreshes: int
    load: float
    cpu_ms: float
    times_young: float
    reads: float
    writes: float
    kb_opened: float
    objects: int
    lake_mb: float
    waiting_mb: float
    manifest_rows: int
    commit_kb: float
    memory_mb: float
    python_blocks: int
    descriptors: int


@dataclass
class Soak:
    """One repository that is refreshed, half hour by half hour; its first `number` changes have happened."""

    folder: Path
    rng: Random = field(default_factory=lambda: Random("soak"))
    number: int = 0

    def __post_init__(self) -> None:
        self.world = World("2026-01-01T00:00:00Z")
        self.acts: Acts = self.world.add_repository(REPO.key)
        for number in range(STOCK):
            self.acts.open(self.world.clock - STOCK + number, AUTHOR, f"Issue {number}")
        for _ in range(self.number):
            self.change()
        self.reader = Reader(self.world, REPO, self.folder)
        self.store = MovedStore(self.folder, self.world)
        self.lake = Lake(self.store)

    def change(self) -> Issue:
        """Something happens to one issue: mostly a comment, now and then a closing or a reopening."""
        self.world.advance(seconds=HALF_HOUR_SECONDS)
        issue, at = self.rng.choice(list(self.acts.repository.issues.values())), self.world.clock - 60
        if self.rng.random() >= STATE_SHARE:
            self.acts.comment(issue, at)
        elif issue.state == "open":
            self.acts.close(issue, at, AUTHOR)
        else:
            self.acts.reopen(issue, at, AUTHOR)
        return issue

    def day(self, client: GitHubClient, count: int) -> Cost:
        """Make a whole refresh and then others that only collect, and say what the whole one cost."""
        cost = self.refresh()
        manifest = DayManifest(self.store, REPO)
        for _ in range(1, count):
            self.collect(client, manifest)
        manifest.write()
        return cost

    def collect(self, client: GitHubClient, manifest: Manifest) -> None:
        """Collect what changed, and leave it to the next whole refresh to merge it."""
        issue = self.change()
        self.number += 1
        session = Session(client, self.lake, REPO, f"run-{self.number:06}")
        vars(session)["manifest"] = manifest
        now = datetime.fromtimestamp(self.world.clock, UTC)
        collect_list(session, WalkPlan(ISSUE_STREAM, "incremental", now - timedelta(minutes=40), now, None))
        timeline = StreamRun(session, ISSUE_TIMELINE)
        timeline.open("incremental", now)
        keep_batches(session, timeline, client.lifecycles(REPO, [issue.node_id]))
        count = sum(one.state == "open" for one in self.acts.repository.issues.values())
        counts = dict.fromkeys(("open_count_before", "open_count_after", "our_count"), count)
        total = StreamRun(session, CONTROL_TOTAL)
        total.open("full", now)
        row = {"fetched_at": now, "has_pull_requests": False, "is_quiet": True, **counts}
        total.keep(session.table(CONTROL_TOTAL, [row]), now, page_count=0)
        total.close("complete")

    def refresh(self) -> Cost:
        """Make one whole refresh, and say what it cost."""
        self.change()
        self.number += 1
        run_id = f"run-{self.number:06}"
        is_full = self.number % REFRESHES_A_FULL_WALK == 1
        MovedClock.world = self.world
        before = self.spent()
        with self.reader.client("good-token") as client:
            receive(Session(client, self.lake, REPO, run_id), is_full=is_full)
        publish_silver(self.lake, REPO)
        cost = [now - then for now, then in zip(self.spent(), before, strict=True)]
        if self.number % REFRESHES_A_WEEK == 1:
            publish_marts(self.lake, REPO)
        return tuple(cost)

    def spent(self) -> Cost:
        """CPU milliseconds, reads, writes and kilobytes opened so far."""
        return 1000 * time.process_time(), self.store.reads, self.store.writes, self.store.bytes_read / 1e3

    def month(self, number: int, count: int, young: "Young") -> Month:
        """Make a month's refreshes, in whole days, and measure them, beside those of the young lake."""
        costs: list[Cost] = []
        held: list[tuple[float, int]] = []
        loads: list[float] = []
        before = self.number
        with self.reader.client("good-token") as client:
            for _ in range(0, count, REFRESHES_A_DAY):
                costs.append(self.day(client, min(count, REFRESHES_A_DAY)))
                # The stand-in remembers each request for its tests: no part of what is measured.
                self.reader.app.log.clear()
                held.append(held_now())
                loads.append(os.getloadavg()[0])
        lake_mb, waiting_mb, objects = self.sizes()
        commit = self.lake.store.head(paths.commit_key("silver", REPO))
        rows = len(self.lake.manifest(REPO).rows())
        cpu_ms, *means = (round(fmean(values), 1) for values in zip(*costs, strict=True))
        return Month(
            number,
            self.number - before,
            round(fmean(loads), 1),
            cpu_ms,
            round(self.times(young), 2),
            *means,
            objects=objects,
            lake_mb=lake_mb,
            waiting_mb=waiting_mb,
            manifest_rows=rows,
            commit_kb=round((commit.size_bytes if commit else 0) / 1e3, 1),
            memory_mb=min(mb for mb, _ in held),
            python_blocks=min(blocks for _, blocks in held),
            descriptors=len(list(Path("/proc/self/fd").iterdir())),
        )

    def times(self, young: "Young") -> float:
        """How many times as dear a refresh is as one of the young lake, both in new processes."""
        with copied(self.folder, self.number) as mine, young.copy() as other:
            return in_turns(mine, other)

    def sizes(self) -> tuple[float, float, int]:
        """Megabytes that count, megabytes that wait for the next fold to go, and how many objects that is."""
        counted = {(row.stream, row.run_id) for row in self.lake.manifest(REPO).rows()}
        infos = [info for info in self.lake.store.list("") if not info.key.startswith("_")]
        waiting = [info for info in infos if (batch := batch_of(info.key)) and batch not in counted]
        waiting_bytes = sum(info.size_bytes for info in waiting)
        kept_bytes = sum(info.size_bytes for info in infos) - waiting_bytes
        return round(kept_bytes / 1e6, 2), round(waiting_bytes / 1e6, 2), len(infos)


def batch_of(key: str) -> tuple[str, str] | None:
    """The stream and run that a batch is counted under, or None where the key is no batch's."""
    numbered = paths.numbered_batch(key)
    return (STREAMS[key.partition("/repo_owner=")[0]], numbered[0]) if numbered else None


def held_now() -> tuple[float, int]:
    """Resident megabytes without what the process only keeps for later, and how many blocks Python has."""
    gc.collect()
    pa.default_memory_pool().release_unused()
    ctypes.CDLL("libc.so.6").malloc_trim(0)
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return round(pages * resource.getpagesize() / 1e6), sys.getallocatedblocks()


def in_turns(old: Callable[[], float], young: Callable[[], float]) -> float:
    """How many times as dear the old is as the young, each of which gives the cost of one more.

    They are made in turns, so that a busy machine is as busy for both; the median leaves out folds.
    """
    costs = [(old(), young()) for _ in range(WARMING_REFRESHES + COMPARED_REFRESHES)]
    return median(one / other for one, other in costs[WARMING_REFRESHES:])


@contextmanager
def copied(made: Path, number: int) -> Iterator[Callable[[], float]]:
    """Let a new process refresh a copy of a lake of so many refreshes, at each call once.

    A call gives the milliseconds of CPU.
    """
    place = made.with_name(f"{made.name}-copy")
    shutil.copytree(made, place)
    try:
        with ProcessPoolExecutor(1, get_context("spawn"), begin_copy, (place, number)) as process:
            yield lambda: process.submit(refresh_copy).result()
    finally:
        shutil.rmtree(place)


class Young:
    """A lake of 20 refreshes, and copies of it that a new process refreshes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "made"
        made = Soak(self.folder)
        for _ in range(YOUNG_REFRESHES):
            made.refresh()

    def copy(self) -> AbstractContextManager[Callable[[], float]]:
        """Let a new process refresh a copy, as `copied` does."""
        return copied(self.folder, YOUNG_REFRESHES)


# The lake of a process that is made to refresh it.
soaks_here: list[Soak] = []


def begin_copy(place: Path, number: int) -> None:
    """Take a copy up where it was made, in the process of its own."""
    logging.disable(logging.INFO)
    maintenance.datetime = MovedClock  # pyright: ignore[reportAttributeAccessIssue]
    soaks_here.append(Soak(place, number=number))


def refresh_copy() -> float:
    """Refresh the process's copy, and say how many milliseconds of CPU it took."""
    return soaks_here[0].refresh()[0]


@contextmanager
def moved_clock() -> Iterator[None]:
    """Let the clean-up read the moved clock; GitHub's is the only other one that a refresh reads."""
    before = maintenance.datetime
    maintenance.datetime = MovedClock  # pyright: ignore[reportAttributeAccessIssue]
    try:
        yield
    finally:
        maintenance.datetime = before  # pyright: ignore[reportAttributeAccessIssue]


def troubles(months: list[Month]) -> Iterator[str]:
    """Name what makes the months not flat, or no comparison of them."""
    for month in months:
        if month.times_young > GROWTH_MAX:
            yield f"month {month.month}: times_young is {month.times_young}, at most {GROWTH_MAX}"
        if month.waiting_mb > WAITING_MAX_MB:
            yield f"month {month.month}: waiting_mb is {month.waiting_mb}, at most {WAITING_MAX_MB:.1f}"
    if len(months) > MONTHS_MIN:
        yield from grown_figures(months[:MONTHS_MIN], months[MONTHS_MIN:])
        yield from grown_bytes(months)


def grown_figures(early: list[Month], later: list[Month]) -> Iterator[str]:
    """Name what grew beyond the most of the first months: in three of them every phase of a fold is met."""
    for month in later:
        for name in FLAT:
            now, then = getattr(month, name), max(getattr(one, name) for one in early)
            if now > GROWTH_MAX * then:
                yield f"month {month.month}: {name} is {now}, in the first months at most {then}"


def grown_bytes(months: list[Month]) -> Iterator[str]:
    """Name the months in which more was kept: what is received is, so bytes grow, by as much each month."""
    grown = [after.lake_mb - before.lake_mb for before, after in pairwise(months)]
    most = max(grown[: MONTHS_MIN - 1])
    for month, size_mb in zip(months[MONTHS_MIN:], grown[MONTHS_MIN - 1 :], strict=True):
        if size_mb > GROWTH_MAX * most:
            yield f"month {month.month}: the lake grew by {size_mb:.2f} MB, at first by {most:.2f}"


def table(months: list[Month]) -> str:
    """The figures as a Markdown table."""
    names = list(asdict(months[0]))
    lines = ["| " + " | ".join(names) + " |", "|" + "---|" * len(names)]
    lines += ["| " + " | ".join(f"{value:,}" for value in asdict(month).values()) + " |" for month in months]
    return "\n".join(lines)


@click.command()
@click.option("--months", default=12, help="How many months to play.")
@click.option("--refreshes", default=REFRESHES_A_MONTH, help="Refreshes in a month.")
@click.option("--json", "as_json", is_flag=True, help="Print each month as JSON, as it ends.")
def main(months: int, refreshes: int, as_json: bool) -> None:
    """Play the months and print the table; exit code 1 where something grew."""
    logging.disable(logging.INFO)
    played: list[Month] = []
    with tempfile.TemporaryDirectory(prefix="gitpulse-soak-") as folder, moved_clock():
        soak, young = Soak(Path(folder) / "old"), Young(Path(folder) / "young")
        for number in range(1, months + 1):
            played.append(soak.month(number, refreshes, young))
            if as_json:
                print(json.dumps(asdict(played[-1])), flush=True)
    click.echo(table(played))
    click.echo(f"{soak.number:,} refreshes took {time.process_time() / 60:.0f} minutes of CPU")
    found = list(troubles(played))
    click.echo("\n".join(found) or "flat")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
