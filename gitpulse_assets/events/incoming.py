"""Events on their way into the lake: unpacked, typed and kept in scratch files until they are merged.

Memory holds one chunk of a file, whatever the file's size. Nothing here knows what the lake has.
"""

import uuid
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from shutil import rmtree
from typing import Any

import duckdb
import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from gitpulse_assets.contracts.events import PUBLIC_EVENT
from gitpulse_assets.contracts.model import TableContract
from gitpulse_assets.events.feed_state import Followed
from gitpulse_assets.events.hour_file import Chunk, UnreadableFile, chunks
from gitpulse_assets.events.projection import Projection
from gitpulse_assets.setting_values.archives import Kept
from gitpulse_assets.transform.sql_file import load_sql

ROWS_A_BATCH = 50_000
UNUSABLE_KEPT = 1_000
LINE_KEPT = 2_000
# In the order in which `sql/events/incoming.sql` takes them.
HEAD = ("id", "type", "created_at", "repo.id", "repo.name")
BODY = ("actor.id", "actor.login", "org.login", "payload", "payload.action", "payload.ref")


@dataclass
class Facts:
    """What a file was found to hold: by type and hour, those of them that are kept, and those of feeds."""

    row_count: int = 0
    unusable_count: int = 0
    first_created_at: datetime | None = None
    last_created_at: datetime | None = None
    hour_counts: Counter[tuple[str, datetime]] = field(default_factory=Counter)
    kept_counts: Counter[tuple[str, datetime]] = field(default_factory=Counter)
    feed_counts: Counter[tuple[str, str, datetime]] = field(default_factory=Counter)
    unusable: list[dict[str, Any]] = field(default_factory=list)
    followed: Sequence[Followed] = ()

    @property
    def event_types(self) -> set[str]:
        """The types of the events that are kept of it."""
        return {event_type for event_type, _ in self.kept_counts}

    @property
    def dates(self) -> set[date]:
        """The UTC days of the events that are kept of it."""
        return {hour_at.date() for _, hour_at in self.kept_counts}


class Incoming:
    """Events of one source, in scratch files: `public_event` and one for each typed table.

    `kept`: which of them; `kept_ids`: those of these repositories, too, by whatever name; `followed`: the
    feeds whose events are counted.
    Used as a context manager, which removes the files.
    """

    def __init__(
        self,
        scratch: Path,
        projections: Sequence[Projection],
        kept: Kept = Kept(),  # noqa: B008
        followed: Sequence[Followed] = (),
        kept_ids: Sequence[int] = (),
    ) -> None:
        self.folder = scratch / f"events-{uuid.uuid4().hex}"
        self.facts = Facts(followed=followed)
        self.projections = tuple(projections)
        self._kept, self._kept_ids = kept, kept_ids
        self._statement = reading(is_all_kept=kept == Kept())
        self.contracts = (PUBLIC_EVENT, *(one.contract for one in projections))

    def __enter__(self) -> "Incoming":
        self.folder.mkdir(mode=0o700)
        return self

    def __exit__(self, *_: object) -> None:
        rmtree(self.folder, ignore_errors=True)

    def path(self, contract: TableContract) -> Path:
        """The scratch file of a table."""
        return self.folder / f"{contract.name}.parquet"

    def read_file(
        self, con: duckdb.DuckDBPyConnection, file: pa.NativeFile, source: str, seen_at: datetime
    ) -> None:
        """Read an hour file whole; raises UnreadableFile, and then nothing of it may be used."""
        with ScratchFiles(self) as writers:
            for chunk in chunks(file):
                self._take(con, chunk, writers, source, seen_at)
        if self.facts.row_count == 0:
            raise UnreadableFile("empty", f"no event is in it, {self.facts.unusable_count} unusable lines")

    def read_records(
        self, con: duckdb.DuckDBPyConnection, records: Sequence[bytes], source: str, seen_at: datetime
    ) -> None:
        """Read events as an API sent them, all at once; what is no event is counted as unusable."""
        with ScratchFiles(self) as writers:
            if records:
                lines = pa.array(records, pa.binary()).view(pa.string())
                self._take(con, Chunk(lines, 1), writers, source, seen_at)

    def _take(
        self,
        con: duckdb.DuckDBPyConnection,
        chunk: Chunk,
        writers: "dict[str, pq.ParquetWriter]",
        source: str,
        seen_at: datetime,
    ) -> None:
        given = {"source": source, "first_seen_at": seen_at}
        given |= {"repositories": self._kept.repositories, "types": self._kept.types}
        given |= {"repository_ids": list(self._kept_ids)}
        con.register("line", chunk.table())
        # Not a table of DuckDB's: to store the texts there and take them out again costs half as much again.
        every = con.sql(self._statement, params=given).to_arrow_table()
        con.unregister("line")
        sent = chosen(every, "is_event")
        con.register("sent", sent)
        self._count(con)
        if sent is not every:
            self._note_unusable(chunk, every)
        kept = chosen(sent, "is_kept")
        con.register("sent", kept)
        writer = writers[PUBLIC_EVENT.name]
        writer.write_table(kept.select(PUBLIC_EVENT.column_names).cast(writer.schema))
        event_types = self.facts.event_types
        for one in self.projections:
            if one.event_type in event_types:
                _pour(con.sql(one.select("sent")), writers[one.contract.name])
        con.unregister("sent")

    def _count(self, con: duckdb.DuckDBPyConnection) -> None:
        facts = self.facts
        counted = con.execute(
            "select event_type, time_bucket(interval 1 hour, created_at), count(*), "
            "count(*) filter (is_kept), min(created_at), max(created_at) from sent group by all"
        ).fetchall()
        for event_type, event_hour_at, count, kept_count, first, last in counted:
            facts.row_count += count
            facts.hour_counts[event_type, event_hour_at] += count
            if kept_count:
                facts.kept_counts[event_type, event_hour_at] += kept_count
            facts.first_created_at = min(facts.first_created_at or first, first)
            facts.last_created_at = max(facts.last_created_at or last, last)
        if facts.followed:
            self._count_feeds(con)

    def _note_unusable(self, chunk: Chunk, every: pa.Table) -> None:
        for number, rule, line in unusable_lines(chunk, every):
            self.facts.unusable_count += 1
            if len(self.facts.unusable) < UNUSABLE_KEPT:
                self.facts.unusable.append({"line_number": number, "rule": rule, "line": line})

    def _count_feeds(self, con: duckdb.DuckDBPyConnection) -> None:
        rows = feed_counts(con, self.facts.followed).fetchall()
        for name, event_type, event_hour_at, count in rows:
            self.facts.feed_counts[name, event_type, event_hour_at] += count


def feed_counts(
    con: duckdb.DuckDBPyConnection, followed: Sequence[Followed], hidden: Sequence[Followed] = ()
) -> duckdb.DuckDBPyRelation:
    """The events of the relation `sent` by feed, type and hour; `hidden`: those that are private."""
    given = {"followed": list(followed), "hidden": list(hidden)}
    return con.sql(load_sql("events", "feed_count"), params=given)


def reading(is_all_kept: bool) -> str:
    """The statement over the lines of a chunk; where some are kept, these are parsed again for their body."""
    head = values_of_line((*HEAD, *BODY) if is_all_kept else HEAD)
    body = f"head[{len(HEAD) + 1}:]" if is_all_kept else values_of_line(BODY)
    return load_sql("events", "incoming").replace("$head", head).replace("$body", body)


def values_of_line(paths: Sequence[str]) -> str:
    """SQL of the values at some paths of a line, as a list of texts."""
    return f"json_extract_string(line, {[f'$.{path}' for path in paths]})"


def chosen(sent: pa.Table, column: str) -> pa.Table:
    """The rows of which a column is true: the table itself where all are, since its texts are long."""
    is_all = pc.all(sent[column], min_count=0).as_py()  # pyright: ignore[reportAttributeAccessIssue]
    return sent if is_all else sent.filter(sent[column])


def unusable_lines(chunk: Chunk, every: pa.Table) -> Iterator[tuple[int, str, str]]:
    """The lines of a chunk that are no event, with their number and the rule they break; empty ones are not.

    `every`: all of them as they were read, which alone says what an event is.
    """
    columns = every.select(["line_number", "event_id", "event_type", "is_event"])
    broken = columns.filter(pc.invert(columns["is_event"])).sort_by("line_number")  # pyright: ignore[reportAttributeAccessIssue]
    lines = chunk.lines.view(pa.binary())
    for row in broken.to_pylist():
        line = lines[row["line_number"] - chunk.first_line].as_py()
        if line.strip():
            text = line.decode("utf-8", "replace").strip()[:LINE_KEPT]
            yield row["line_number"], _broken_rule(line, row), text


def _broken_rule(line: bytes, row: Mapping[str, Any]) -> str:
    try:
        msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return "not_json"
    if row["event_id"] is None:
        return "id_missing"
    return "created_at_unusable" if row["event_type"] else "type_missing"


class ScratchFiles:
    """The scratch files of all tables, open for writing in the block; too short-lived to be compressed."""

    def __init__(self, incoming: Incoming) -> None:
        self._incoming = incoming
        self._stack = ExitStack()

    def __enter__(self) -> dict[str, pq.ParquetWriter]:
        return {
            contract.name: self._stack.enter_context(
                pq.ParquetWriter(
                    self._incoming.path(contract),
                    contract.arrow_schema.remove_metadata(),
                    compression="none",
                    use_dictionary=["event_type"] if contract is PUBLIC_EVENT else False,  # pyright: ignore[reportArgumentType]
                    write_statistics=["created_at"],  # pyright: ignore[reportArgumentType]
                )
            )
            for contract in self._incoming.contracts
        }

    def __exit__(self, *_: object) -> None:
        self._stack.close()


def _pour(relation: duckdb.DuckDBPyRelation, writer: pq.ParquetWriter) -> None:
    for batch in relation.to_arrow_reader(ROWS_A_BATCH):
        writer.write_batch(batch.cast(writer.schema))
