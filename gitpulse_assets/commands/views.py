"""`gitpulse views`: SQL views over the tables, for DuckDB and the tools built on it."""

from gitpulse_assets.bi.duckdb_views import duckdb_views
from gitpulse_assets.commands.console import refused, say
from gitpulse_assets.commands.exit_codes import DONE, FAILED
from gitpulse_assets.lake.errors import LakeError
from gitpulse_assets.lake_address import open_lake, s3_options
from gitpulse_assets.settings import Settings


def print_views(settings: Settings) -> int:
    """Print the statements; return the exit code."""
    try:
        lake = open_lake(settings, is_writable=False)
        # An escape for what a terminal cannot show would name another folder.
        say(duckdb_views(lake, settings.lake_url, s3_options(settings)).encode())
    except LakeError as error:
        return refused(error, FAILED)
    return DONE
