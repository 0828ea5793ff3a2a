"""The DuckDB connection every statement of the project runs on."""

import atexit
import re
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import lru_cache
from pathlib import Path

import duckdb
import pyarrow as pa

from gitpulse_assets.lake import errors
from gitpulse_assets.lake.scratch import machine_scratch

# The marts of a million issues are made within this, on disk what does not fit; without a limit they take
# more than twice the memory and a fifth less time (docs/benchmarks.md).
MEMORY_LIMIT = "500MB"

# UTC because days are UTC days whatever the machine's zone. No extension is fetched at run time: the
# lake is read through Arrow, and a download in the middle of a run would fail behind a firewall. The
# allocator's threads give back what a statement no longer needs, which otherwise stays the process's.
CONNECTION_SETTINGS: dict[str, str] = {
    "TimeZone": "UTC",
    "autoinstall_known_extensions": "false",
    "preserve_insertion_order": "false",
    "allocator_background_threads": "true",
}


# With fewer rows a second thread costs more than it takes over: it is woken for every part of a statement.
FEW_ROWS = 10_000

# An Arrow stream knows one error alone, whose text begins with the kind it was.
STREAM_ERRORS = {
    "INTERRUPT Error": duckdb.InterruptException,
    "Out of Memory Error": duckdb.OutOfMemoryException,
}
BATCH_ROWS = 1_000

# What DuckDB says where the disk it spills to was full before it began, and where it becomes full.
DISK_IS_FULL = ("failed to offload data block", "No space left on device")


def spill_folder() -> Path:
    """Where DuckDB writes what does not fit into its memory."""
    return machine_scratch() / "duckdb"


def shortage(error: duckdb.Error, memory_limit: str) -> str | None:
    """Say in one line what DuckDB had too little of, and what to change; None where it is not that."""
    said = str(error).partition("\n")[0]
    if any(sign in said for sign in DISK_IS_FULL):
        return (
            f"{spill_folder()}: no space left for what DuckDB cannot hold in {memory_limit} of memory; free "
            f"space there, set TMPDIR to a larger disk, or raise GITPULSE_DUCKDB_MEMORY_LIMIT ({said})"
        )
    if isinstance(error, duckdb.OutOfMemoryException):
        return f"DuckDB needs more memory than {memory_limit}; raise GITPULSE_DUCKDB_MEMORY_LIMIT ({said})"
    return None


def connect(memory_limit: str = MEMORY_LIMIT) -> duckdb.DuckDBPyConnection:
    """Open a connection to the process's in-memory database; the caller closes it.

    It has temporary tables and registered relations of its own, and shares the memory: starting a database
    takes as long as twenty small statements. `memory_limit`: what DuckDB may hold before it writes to disk,
    as it writes sizes (500MB, 2GB).
    """
    spill = spill_folder()
    try:
        return session(_started(memory_limit, spill))
    except duckdb.FatalException:
        # A database that met a fault inside DuckDB answers nothing any more.
        _started.cache_clear()
        return session(_started(memory_limit, spill))


def start_database(memory_limit: str, spill: Path) -> duckdb.DuckDBPyConnection:
    """Start an in-memory database with the project's settings, for who changes them; the caller closes it."""
    con = duckdb.connect(":memory:")
    limits = {"memory_limit": memory_limit, "temp_directory": str(spill)}
    for name, value in (CONNECTION_SETTINGS | limits).items():
        con.execute(f"set {name} = {literal(value)}")
    return con


_started = lru_cache(maxsize=4)(start_database)


def run(
    con: duckdb.DuckDBPyConnection, statement: str, parameters: Mapping[str, object] | None = None
) -> duckdb.DuckDBPyConnection:
    """Execute one of the project's own statements; its text is parsed once a process."""
    return con.execute(parsed(statement), dict(parameters or {}))


def rows_of(
    con: duckdb.DuckDBPyConnection, query: str, parameters: Mapping[str, object] | None = None
) -> duckdb.DuckDBPyRelation:
    """The rows of one of the project's own queries, to be taken as Arrow; parsed as `run` does."""
    return con.sql(parsed(query), params=dict(parameters or {}))


def rows_within(relation: duckdb.DuckDBPyRelation, bytes_max: int) -> pa.Table:
    """The rows of a statement; raises OutOfMemoryException where they are larger, and what it raises.

    DuckDB's own limit counts nothing of what Arrow holds.
    """
    reader = relation.to_arrow_reader(BATCH_ROWS)
    batches, size_bytes = list[pa.RecordBatch](), 0
    with stream_errors():
        for batch in reader:
            batches.append(batch)
            size_bytes += batch.nbytes
            if size_bytes > bytes_max:
                raise duckdb.OutOfMemoryException(f"its rows are larger than {bytes_max:,} bytes")
    return pa.Table.from_batches(batches, reader.schema)


@contextmanager
def stream_errors() -> Iterator[None]:
    """Raise as DuckDB's own what a stream of its rows raises as an error of reading a file."""
    try:
        yield
    except OSError as error:
        kind, _, _ = str(error).partition(":")
        raise STREAM_ERRORS.get(kind, duckdb.Error)(str(error)) from None


@lru_cache(maxsize=1_000)
def parsed(statement: str) -> duckdb.Statement:
    """Parse one statement, which for DuckDB 2 is about as dear as to plan it."""
    # A session that runs nothing needs no setting of its own.
    with _started(MEMORY_LIMIT, spill_folder()).cursor() as con:
        (one,) = con.extract_statements(statement)
    return one


@atexit.register
def _let_go() -> None:
    """Give back what is kept for the process: DuckDB's binding tells of all it finds alive at the end."""
    parsed.cache_clear()
    _started.cache_clear()


@contextmanager
def at_most_threads(con: duckdb.DuckDBPyConnection, count: int) -> Iterator[None]:
    """Hold the connection's database to so many threads for a while, or to fewer where it is held already."""
    found = con.execute("select current_setting('threads')").fetchall()[0][0]
    if found <= count:
        yield
        return
    con.execute(f"set threads = {count}")
    try:
        yield
    finally:
        con.execute("reset threads")


def sized(con: duckdb.DuckDBPyConnection, row_count: int) -> AbstractContextManager[None]:
    """Have a `with` block run on one thread where so many rows, all it reads, are few."""
    return at_most_threads(con, 1) if row_count < FEW_ROWS else nullcontext()


@contextmanager
def lazy_read_errors() -> Iterator[None]:
    """Raise as a LakeError what the lake raised while DuckDB read a registered dataset.

    DuckDB hands it on as text that ends in the whole traceback, and that in the error's one line.
    """
    try:
        yield
    except duckdb.Error as error:
        told: list[str] = re.findall(rf"^{re.escape(errors.__name__)}\.\w+: (.+)$", str(error), re.MULTILINE)
        if not told:
            raise
        raise errors.LakeError(told[-1]) from None


def session(con: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """Open a further session of a database, with temporary tables of its own; the caller closes it.

    A time zone is a session's own setting and is not inherited.
    """
    cursor = con.cursor()
    cursor.execute(f"set TimeZone = '{CONNECTION_SETTINGS['TimeZone']}'")
    return cursor


def literal(text: str) -> str:
    """The text as a literal of SQL."""
    return "'" + text.replace("'", "''") + "'"


def identifier(name: str) -> str:
    """The name as a quoted identifier of SQL."""
    return '"' + name.replace('"', '""') + '"'
