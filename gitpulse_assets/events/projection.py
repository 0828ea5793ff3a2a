"""Event types with a table of their own: `event_types.yaml`, its contracts and the statements that fill them.

The shape of a payload is decided row by row: a value that a stub does not have is null.
"""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import duckdb
import pyarrow as pa

from gitpulse_assets.contracts.events import CREATED_AT, EVENT_ID, WHO_AND_WHERE
from gitpulse_assets.contracts.model import UTC_TIMESTAMP, Column, TableContract
from gitpulse_assets.events.yaml_file import Entry, YamlFile
from gitpulse_assets.lake.duck import connect
from gitpulse_assets.settings import SettingsError

SHIPPED = Path(__file__).with_name("event_types.yaml")

NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
PATH = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*")
TYPE_NAME = re.compile(r"[A-Z][A-Za-z]{1,62}Event")
TABLE_PREFIX = "public_"

Kind = Literal["text", "integer", "number", "true_false", "time"]
ARROW: dict[Kind, pa.DataType] = {
    "text": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "true_false": pa.bool_(),
    "time": UTC_TIMESTAMP,
}
DUCKDB: dict[Kind, str] = {
    "text": "varchar",
    "integer": "bigint",
    "number": "double",
    "true_false": "boolean",
    "time": "timestamptz",
}
COMMON = (EVENT_ID, CREATED_AT, *WHO_AND_WHERE)


class ProjectedColumn(Entry):
    """A column made of a payload: by a path into it, or by SQL over the row's other columns."""

    name: str
    type: Kind
    meaning: str
    path: str | None = None
    expression: str | None = None
    unit: str | None = None


class ProjectedType(Entry):
    """What the file says of one event type."""

    table: str
    meaning: str
    columns: list[ProjectedColumn]


@dataclass(frozen=True)
class Projection:
    """An event type with a table of its own: the contract, and the SELECT that makes its rows."""

    event_type: str
    contract: TableContract
    sql: str

    def select(self, relation: str) -> str:
        """The statement over a relation with the columns of `public_event`."""
        return self.sql.replace("$relation", relation)


@cache
def projections(path: Path = SHIPPED) -> tuple[Projection, ...]:
    """Every event type of the file, in its order; raises SettingsError with a line for each trouble."""
    made = declared(path)
    with connect() as con:
        refused = {one.event_type: _refusal(con, one) for one in made}
    if any(refused.values()):
        file = YamlFile(path)
        raise SettingsError("\n".join(file.told((name,), words) for name, words in refused.items() if words))
    return made


@cache
def declared(path: Path = SHIPPED) -> tuple[Projection, ...]:
    """The same for who asks for contracts alone: whether DuckDB takes the statements is not tried."""
    file = YamlFile(path)
    types: dict[str, ProjectedType] = file.read(dict[str, ProjectedType])
    if troubles := [file.told(place, words) for place, words in _troubles(types)]:
        raise SettingsError("\n".join(troubles))
    return tuple(_projection(name, one) for name, one in types.items())


def _troubles(types: dict[str, ProjectedType]):
    tables: set[str] = set()
    for name, one in types.items():
        if not TYPE_NAME.fullmatch(name):
            yield (name,), "this is no event type; write it as GitHub does, for example WatchEvent"
        if not NAME.fullmatch(one.table) or not one.table.startswith(TABLE_PREFIX) or one.table in tables:
            yield (
                (name, "table"),
                f"{one.table!r} cannot name a table; begin with {TABLE_PREFIX}, lower case, and use it once",
            )
        tables.add(one.table)
        taken = {column.name for column in COMMON}
        for index, column in enumerate(one.columns):
            place = (name, "columns", index)
            if not NAME.fullmatch(column.name) or column.name in taken:
                yield (*place, "name"), f"{column.name!r} cannot name a column here; use lower case, once"
            taken.add(column.name)
            if (column.path is None) == (column.expression is None):
                yield place, "say either a path or an expression; for example path: pull_request.id"
            elif column.path is not None and not PATH.fullmatch(column.path):
                yield (*place, "path"), f"{column.path!r} is no path; for example pull_request.id"


def _projection(event_type: str, one: ProjectedType) -> Projection:
    columns = (
        Column(c.name, ARROW[c.type], c.meaning + (f" Unit: {c.unit}." if c.unit else ""))
        for c in one.columns
    )
    contract = TableContract(
        layer="silver",
        name=one.table,
        description=f"{one.meaning} Of `public_event`, the rows of type {event_type}.",
        grain=f"one {event_type}",
        key=(EVENT_ID.name, CREATED_AT.name),
        columns=(*COMMON, *columns),
        order_by=(),
        sample=(EVENT_ID.name, CREATED_AT.name),
        place="day",
    )
    return Projection(event_type, contract, _select(event_type, one, contract))


def _select(event_type: str, one: ProjectedType, contract: TableContract) -> str:
    common = ", ".join(column.name for column in COMMON)
    pathed = [column for column in one.columns if column.path is not None]
    paths = ", ".join(f"'$.{_quoted(column.path or '')}'" for column in pathed)
    found = f"json_extract_string(payload_json, [{paths}])" if pathed else "null"
    typed = "".join(
        f", try_cast(found[{number}] as {DUCKDB[column.type]}) as {column.name}"
        for number, column in enumerate(pathed, start=1)
    )
    computed = {
        c.name: f"cast(({c.expression}) as {DUCKDB[c.type]}) as {c.name}" for c in one.columns if c.expression
    }
    chosen = ", ".join(computed.get(name, name) for name in contract.column_names)
    return (
        f"with sent as (select {common}, {found} as found from $relation where event_type = '{event_type}'), "
        f"typed as (select {common}{typed} from sent) select {chosen} from typed"
    )


def _quoted(path: str) -> str:
    return ".".join(f'"{key}"' for key in path.split("."))


def _refusal(con: duckdb.DuckDBPyConnection, made: Projection) -> str | None:
    """Why DuckDB does not take the statement; None where it does and it gives the contract's columns."""
    empty = "(select null::bigint as event_id, null::varchar as event_type, null::timestamptz as created_at, "
    empty += ", ".join(f"null::{_sql_type(column)} as {column.name}" for column in WHO_AND_WHERE)
    try:
        con.execute(made.select(f"{empty}, null::varchar as payload_json)"))
    except duckdb.Error as error:
        return f"DuckDB cannot compute its columns ({str(error).splitlines()[0]})"
    return None


def _sql_type(column: Column) -> str:
    return "bigint" if column.type == pa.int64() else "varchar"
