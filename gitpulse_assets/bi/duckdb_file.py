"""The tables as one DuckDB file, for the BI tools that take a database and no folder."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from gitpulse_assets.bi.tables import fill_tables
from gitpulse_assets.lake.duck import literal, spill_folder, start_database
from gitpulse_assets.lake.lake import Lake

# What DuckDB 2 stores by default opens in no 1.x, which Metabase, Superset, Evidence and dbt bring along.
STORAGE_VERSION = "v1.2.0"
EXPORT = "export"


def write_duckdb(lake: Lake, target: Path, memory_limit: str) -> None:
    """Write the file, or replace it whole: who has the old one open keeps reading it.

    Raises LakeError where the lake cannot be read, OSError or duckdb.Error where the file cannot be written.
    """
    with TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as folder:
        made = Path(folder, "lake.duckdb")
        with exported(lake, made, memory_limit) as con:
            con.execute(f"detach {EXPORT}")
        made.replace(target)


@contextmanager
def exported(lake: Lake, file: Path, memory_limit: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """Write a new file and hand over the connection that has it attached as `export`."""
    con = start_database(memory_limit, spill_folder())
    try:
        version = literal(STORAGE_VERSION)
        con.execute(f"attach {literal(str(file))} as {EXPORT} (storage_version {version})")
        con.execute("set preserve_insertion_order = true")
        fill_tables(con, lake, f"{EXPORT}.main")
        yield con
    finally:
        con.close()
