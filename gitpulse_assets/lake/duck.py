"""The DuckDB connection every statement of the project runs on."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

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


def connect(memory_limit: str = MEMORY_LIMIT) -> duckdb.DuckDBPyConnection:
    """Open an in-memory database with the project's settings; the caller closes it.

    `memory_limit`: what DuckDB may hold before it writes to disk, as it writes sizes (500MB, 2GB).
    """
    con = duckdb.connect(":memory:")
    limits = {"memory_limit": memory_limit, "temp_directory": str(machine_scratch() / "duckdb")}
    for name, value in (CONNECTION_SETTINGS | limits).items():
        con.execute(f"set {name} = '{value}'")
    return con


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
