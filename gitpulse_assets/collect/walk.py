"""The one loop that walks a stream: pages become durable ten at a time, and none that came is lost.

Where the pages come from and what is kept of one is the stream's affair.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Generic, NoReturn, Protocol, TypeVar

import pyarrow as pa

from gitpulse_assets.collect.session import Session, StreamRun
from gitpulse_assets.contracts.model import UTC_TIMESTAMP
from gitpulse_assets.contracts.stream import Head, Stream
from gitpulse_assets.github.errors import LimitReached
from gitpulse_assets.github.pages import Page, lacked_count
from gitpulse_assets.lake.batch import PAGES_PER_BATCH
from gitpulse_assets.lake.errors import LakeError

# Unchanged pages hold no records, and walking them again costs nothing: so many may wait for a batch.
WAITING_PAGES_MAX = 100


class Walked(Protocol):
    """A page as it came."""

    @property
    def is_unchanged(self) -> bool:
        """Whether GitHub said so, and it holds no records."""
        ...

    @property
    def record_count(self) -> int:
        """How many records it holds."""
        ...


PageT = TypeVar("PageT", bound=Walked)


class Walk(Generic[PageT]):
    """The pages of one walk that wait to be stored.

    `keep` makes pages durable and has the row count them, in one step. `noun`: what the records are called
    where somebody watches, `quota_left` what is left then. `keeps_records`: what came is not asked for again,
    so that a walk cut short can be gone on with from nowhere.
    """

    def __init__(
        self,
        run: StreamRun,
        keep: Callable[[list[PageT]], None],
        noun: str,
        quota_left: Callable[[], int | None],
        *,
        keeps_records: bool = False,
    ) -> None:
        self.run = run
        self._keeps_records = keeps_records
        self._keep, self._noun, self._quota_left = keep, noun, quota_left
        self.waiting: list[PageT] = []

    def on(self, pages: Iterable[PageT], is_last: Callable[[PageT], bool] = lambda _: False) -> None:
        """Walk on until the pages end, or with the one that `is_last`, which still waits then."""
        for page in pages:
            if is_last(page):
                self.waiting.append(page)
                break
            self.take(page)

    def take(self, page: PageT) -> None:
        """Let a page wait, or make it durable with those that do."""
        self.waiting.append(page)
        if self._is_batch():
            self.keep()
        self._tell()

    def keep(self) -> None:
        """Make durable what waits."""
        if self.waiting:
            self._keep(self.waiting)
            self.waiting = []

    def cut_short(self, error: BaseException, rest: Callable[[LimitReached], LimitReached]) -> NoReturn:
        """Keep what came and leave a row to go on from; the error goes on, a limit with the `rest` said."""
        with suppress(LakeError):
            self.keep()
        told = rest(error) if isinstance(error, LimitReached) else error
        self.run.interrupt(told, keeps_records=self._keeps_records)
        raise told

    def _is_batch(self) -> bool:
        with_records = sum(not page.is_unchanged for page in self.waiting)
        return with_records == PAGES_PER_BATCH or len(self.waiting) == WAITING_PAGES_MAX

    def _tell(self) -> None:
        records = sum(page.record_count for page in self.waiting)
        self.run.tell(len(self.waiting), records, self._noun, self._quota_left())


@dataclass(frozen=True)
class ReadPage:
    """A page of a list with the heads of its records, in order; they are read once.

    `lacked_count`: records by which it is short, but those that its walk counts elsewhere.
    """

    page: Page
    heads: list[Head]
    lacked_count: int

    @property
    def is_unchanged(self) -> bool:
        """Whether GitHub said so, and it holds no records."""
        return self.page.is_unchanged

    @property
    def record_count(self) -> int:
        """How many records it holds."""
        return len(self.heads)


def read_pages(pages: Iterable[Page], stream: Stream) -> Iterator[ReadPage]:
    """Yield pages as they come, with the heads of their records."""
    for page in pages:
        yield ReadPage(page, [stream.read_head(record) for record in page.records], lacked_count(page))


def record_batch(
    session: Session, stream: Stream, walked: Sequence[ReadPage], first_page_number: int
) -> pa.Table:
    """Return the records of pages as rows of the stream's bronze table."""
    counts = [part.record_count for part in walked]
    heads = [head for part in walked for head in part.heads]
    records = [stream.kept(record) for part in walked for record in part.page.records]
    dates = [pa.repeat(pa.scalar(part.page.date, UTC_TIMESTAMP), part.record_count) for part in walked]
    columns = {
        "run_id": pa.repeat(session.run_id, len(records)),
        "repo_owner": pa.repeat(session.repo.owner, len(records)),
        "repo_name": pa.repeat(session.repo.name, len(records)),
        "page_number": [
            first_page_number + index for index, count in enumerate(counts) for _ in range(count)
        ],
        "record_number": [number for count in counts for number in range(1, count + 1)],
        "fetched_at": pa.chunked_array(dates, UTC_TIMESTAMP).combine_chunks(),
        "payload_json": pa.array(records, pa.binary()).cast(pa.string()),
        **{name: [read(head) for head in heads] for name, read in stream.columns.items()},
    }
    absent = {name: pa.nulls(len(records)) for name in stream.bronze.column_names if name not in columns}
    return pa.table(columns | absent, schema=stream.bronze.arrow_schema)
