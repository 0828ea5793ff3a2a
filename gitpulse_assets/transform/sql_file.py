"""Reads the statements in `sql/` and runs them; knows no table by name."""

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

import duckdb

from gitpulse_assets.lake.duck import run

PARAMETER = re.compile(r"\$([a-z_]+)")


@cache
def load_sql(folder: str, name: str) -> str:
    """Return the text of `sql/<folder>/<name>.sql`."""
    return _file(folder, name).read_text(encoding="utf-8")


def has_file(folder: str, name: str) -> bool:
    """Whether there is a `sql/<folder>/<name>.sql`."""
    return _file(folder, name).is_file()


def _file(folder: str, name: str) -> Traversable:
    return files("gitpulse_assets").joinpath("sql", folder, f"{name}.sql")


def create_table(
    con: duckdb.DuckDBPyConnection,
    folder: str,
    name: str,
    parameters: dict[str, object] | None = None,
    relation: str | None = None,
) -> int:
    """Run one SELECT file into a temporary table of its name, or of that of `relation`; count the rows.

    Only the parameters the statement names are passed: DuckDB refuses a statement that is given others.
    """
    return run_into(con, relation or name, load_sql(folder, name), parameters)


def run_into(
    con: duckdb.DuckDBPyConnection,
    relation: str,
    statement: str,
    parameters: dict[str, object] | None = None,
) -> int:
    """Run one SELECT into a temporary table, as `create_table` does."""
    made = run(con, f'create or replace temp table "{relation}" as {statement}', named(statement, parameters))
    return made.fetchall()[0][0]


def named(statement: str, parameters: Mapping[str, object] | None) -> dict[str, object]:
    """The parameters that a statement names: DuckDB refuses one that is given others."""
    wanted = set(PARAMETER.findall(statement))
    return {key: value for key, value in (parameters or {}).items() if key in wanted}
