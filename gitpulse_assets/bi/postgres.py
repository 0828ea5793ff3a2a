"""The tables in a PostgreSQL, for teams whose BI reads only that.

Rows go by Arrow's ADBC driver into a temporary table of its own making, and from there by `insert … select`:
its append checks no types, and stores other bits without a word (int64 into float8, a date into an integer).
"""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

import duckdb
import pyarrow as pa

from gitpulse_assets.bi.duckdb_file import EXPORT, exported
from gitpulse_assets.bi.duckdb_views import VIEWED, comments
from gitpulse_assets.contracts.model import TableContract
from gitpulse_assets.lake.duck import identifier
from gitpulse_assets.lake.lake import Lake

SCHEMA = "gitpulse"
STAGED = "gitpulse_staged"
# Two exports at once would each take away the rows they saw, and add theirs twice.
LOCK = "select pg_advisory_xact_lock(hashtext('gitpulse export'))"
TYPES = {
    pa.string(): "text",
    pa.int32(): "integer",
    pa.int64(): "bigint",
    pa.float64(): "double precision",
    pa.bool_(): "boolean",
    pa.date32(): "date",
    pa.timestamp("us", "UTC"): "timestamp with time zone",
}
FOUND = """
    select a.attname, format_type(a.atttypid, a.atttypmod)
    from pg_attribute a
    where a.attrelid = '{table}'::regclass and a.attnum > 0 and not a.attisdropped
"""


class PostgresError(Exception):
    """PostgreSQL cannot be written to; str() is one line that says why, without a password."""


def fill_postgres(lake: Lake, url: str, memory_limit: str) -> None:
    """Replace the rows of every table of the schema `gitpulse`, in one transaction.

    Readers see the old rows until all the new ones are there; grants and views on the tables stay. Raises
    LakeError where the lake cannot be read, PostgresError where the database cannot be written.
    """
    dbapi = driver()
    with TemporaryDirectory() as folder, exported(lake, Path(folder, "lake.duckdb"), memory_limit) as con:
        try:
            with dbapi.connect(url) as connection, connection.cursor() as cursor:
                cursor.execute(LOCK)
                cursor.execute(f"create schema if not exists {SCHEMA}")
                for contract in VIEWED:
                    replace_rows(cursor, con, contract)
                connection.commit()
        except dbapi.Error as error:
            raise PostgresError(f"PostgreSQL: {harmless(str(error), url)}") from None


def driver() -> Any:
    """Arrow's driver, which comes with an extra of its own."""
    try:
        from adbc_driver_postgresql import dbapi
    except ImportError:
        raise PostgresError(
            "for --postgres Arrow's driver is needed too: pip install adbc-driver-postgresql"
        ) from None
    return dbapi


def replace_rows(cursor: Any, con: duckdb.DuckDBPyConnection, contract: TableContract) -> None:
    """Put the rows of one table in the place of those that are there."""
    table = f"{SCHEMA}.{contract.view_name}"
    make_table(cursor, contract, table)
    values = ", ".join(sendable(column.name, column.type) for column in contract.columns)
    rows = con.sql(f"select {values} from {EXPORT}.main.{contract.view_name}").to_arrow_reader()
    cursor.adbc_ingest(STAGED, rows, mode="create", temporary=True)
    names = ", ".join(identifier(name) for name in contract.column_names)
    typed = ", ".join(f"{identifier(c.name)}::{type_name(c.type)}" for c in contract.columns)
    cursor.execute(f"delete from {table}")
    cursor.execute(f"insert into {table} ({names}) select {typed} from pg_temp.{STAGED}")
    cursor.execute(f"drop table pg_temp.{STAGED}")


def make_table(cursor: Any, contract: TableContract, table: str) -> None:
    """Make the table, or add the columns it lacks; raises PostgresError where one is of another type."""
    wanted = {column.name: type_name(column.type) for column in contract.columns}
    columns = ", ".join(f"{identifier(name)} {kind}" for name, kind in wanted.items())
    cursor.execute(f"create table if not exists {table} ({columns})")
    for name, kind in wanted.items():
        cursor.execute(f"alter table {table} add column if not exists {identifier(name)} {kind}")
    cursor.execute(FOUND.format(table=table))
    for name, kind in cursor.fetchall():
        if wanted.get(name, kind) != kind:
            raise PostgresError(
                f"PostgreSQL: {table}.{name} is {kind}, not {wanted[name]}; drop the table, it is made anew"
            )
    for statement in comments(contract, "table", table):
        cursor.execute(statement)


def type_name(kind: pa.DataType) -> str:
    """Spell an Arrow type in PostgreSQL's SQL, in which what is nested deeper than a list is JSON."""
    if pa.types.is_list(kind):
        return "jsonb" if pa.types.is_struct(kind.value_type) else f"{type_name(kind.value_type)}[]"
    return TYPES[kind]


def sendable(name: str, kind: pa.DataType) -> str:
    """A column as ADBC takes it, without the character 0, which no text of PostgreSQL holds."""
    column = identifier(name)
    if type_name(kind) == "jsonb":
        return f"replace(to_json({column})::varchar, '\\u0000', '\\ufffd') as {column}"
    if kind == pa.list_(pa.string()):
        return f"list_transform({column}, lambda text: replace(text, chr(0), '')) as {column}"
    return f"replace({column}, chr(0), '') as {column}" if kind == pa.string() else column


def harmless(said: str, url: str) -> str:
    """What the driver says in one line, without the password of the address."""
    password = urlsplit(url).password
    line = " ".join(said.split()).replace(url, "the address")
    return line.replace(password, "…") if password else line
