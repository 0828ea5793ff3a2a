"""`gitpulse export`: the tables as one DuckDB file, or in a PostgreSQL."""

from pathlib import Path

import duckdb

from gitpulse_assets.bi.duckdb_file import write_duckdb
from gitpulse_assets.bi.postgres import SCHEMA, PostgresError, fill_postgres
from gitpulse_assets.commands.console import refused, say
from gitpulse_assets.commands.exit_codes import DONE, FAILED
from gitpulse_assets.lake.errors import LakeError
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.lake_address import open_lake
from gitpulse_assets.settings import Settings


def export_file(settings: Settings, target: Path) -> int:
    """Write the DuckDB file and return the exit code."""
    try:
        write_duckdb(filled_lake(settings), target, settings.duckdb_memory_limit)
    except LakeError as error:
        return refused(error, FAILED)
    except (OSError, duckdb.Error) as error:
        reason = getattr(error, "strerror", None) or str(error).partition("\n")[0]
        return refused(f"{target} cannot be written ({reason}); name another file", FAILED)
    say(f"{target}: {target.stat().st_size / 1e6:,.1f} MB, for DuckDB 1.2 and newer; open it read-only")
    return DONE


def filled_lake(settings: Settings) -> Lake:
    """The lake of the settings; raises LakeError where nothing was published in it."""
    lake = open_lake(settings, is_writable=False)
    if not lake.registered_repos() and not lake.committed_days("silver"):
        raise LakeError(f"{lake.store.uri('')}: no table is here; check GITPULSE_LAKE_URL, or refresh first")
    return lake


def export_postgres(settings: Settings, url: str) -> int:
    """Fill the PostgreSQL and return the exit code."""
    try:
        fill_postgres(filled_lake(settings), url, settings.duckdb_memory_limit)
    except (LakeError, PostgresError) as error:
        return refused(error, FAILED)
    say(f"the tables are in PostgreSQL's schema {SCHEMA}")
    return DONE
