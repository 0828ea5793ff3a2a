"""Reads the statements in `sql/` and runs them; knows no table by name."""

import re
from functools import cache
from importlib.resources import files

import duckdb

from gitpulse_assets.lake.duck import run

PARAMETER = re.compile(r"\$([a-z_]+)")


@cache
def load_sql(folder: str, name: str) -> str:
    """Return the text of `sql/<folder>/<name>.sql`."""
    return files("gitpulse_assets").joinpath("sql", folder, f"{name}.sql").read_text(encoding="utf-8")


def create_table(
    con: duckdb.DuckDBPyConnection,
    folder: str,
    name: str,
    parameters: dict[str, object] | None = None,
    relation: str | None = None,
) -> None:
    """Run one SELECT file into a temporary table of the file's name, or of that of `relation`.

    Only the parameters the statement names are passed: DuckDB refuses a statement that is given others.
    """
    statement = load_sql(folder, name)
    wanted = set(PARAMETER.findall(statement))
    chosen = {key: value for key, value in (parameters or {}).items() if key in wanted}
    run(con, f'create or replace temp table "{relation or name}" as {statement}', chosen)
