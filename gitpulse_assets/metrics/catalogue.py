"""The metrics: `metrics.yaml` and a file of the user's own, each checked before anything is asked of it.

What a metric's parameters take stands in `parameters.py`; nothing is counted here.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import duckdb
import pyarrow as pa
from pydantic import Field

from gitpulse_assets.bi.duckdb_views import VIEWED
from gitpulse_assets.contracts.events import POLLED_TABLES
from gitpulse_assets.contracts.model import UTC_TIMESTAMP, Column, TableContract
from gitpulse_assets.events.completeness import EVENT_HOUR_VERDICT
from gitpulse_assets.events.feed_hours import FEED_HOUR, PRIVATE_FEED
from gitpulse_assets.events.projection import projections
from gitpulse_assets.events.stars import STAR_TROUBLE
from gitpulse_assets.events.yaml_file import Entry, YamlFile
from gitpulse_assets.lake.duck import connect
from gitpulse_assets.lineage.trace import Origins, Relation, Tracer, UntracedSql
from gitpulse_assets.metrics.parameters import A_MOMENT, ASKED_ID, NAME, MetricParameter, trouble_of
from gitpulse_assets.settings import SettingsError

SHIPPED = Path(__file__).with_name("metrics.yaml")
# What every statement over public events may name: the ends of the time asked for.
ENDS = ("from_at", "to_at")
# What is computed for the time asked for, and stored nowhere.
COMPUTED = (EVENT_HOUR_VERDICT, FEED_HOUR, PRIVATE_FEED, STAR_TROUBLE)
VIEWS: dict[str, TableContract] = {contract.view_name: contract for contract in VIEWED} | {
    contract.name: contract for contract in COMPUTED
}
EVENT_TYPE_OF = {one.contract.name: one.event_type for one in projections()}
RESULT_TYPES = (pa.int64(), pa.float64(), pa.string(), pa.bool_(), pa.date32(), UTC_TIMESTAMP)

Visualisation = Literal["bar", "line", "value", "table"]


class Unknown(Entry):
    """A column that counts what nobody can tell, and what that is."""

    column: str
    meaning: str


class MetricEntry(Entry):
    """What the file says of one metric."""

    id: str
    name: str
    description: str
    sql: str
    visualisation: Visualisation
    unit: str
    parameters: list[MetricParameter] = Field(default_factory=list[MetricParameter])
    window: str | None = None
    unknown: Unknown | None = None


@dataclass(frozen=True)
class Metric:
    """One metric that was found to be right: what the file says, what it reads, and what it gives.

    `named`: the parameters that its SQL names.
    """

    entry: MetricEntry
    named: frozenset[str]
    reads: tuple[TableContract, ...]
    columns: tuple[Column, ...]

    @property
    def id(self) -> str:
        """Its name in addresses."""
        return self.entry.id

    def limited(self, rows: int) -> str:
        """Its SQL with at most so many rows, in its order."""
        return f"select * from ({self.entry.sql.rstrip().rstrip(';')}\n) limit {rows}"

    @property
    def is_of_events(self) -> bool:
        """Whether it is over public events, of which a time is asked for."""
        return any(contract.place == "day" for contract in self.reads)

    @property
    def window(self) -> MetricParameter | None:
        """The parameter that says how long that time is."""
        return next((one for one in self.entry.parameters if one.name == self.entry.window), None)

    @property
    def given(self) -> frozenset[str]:
        """The parameters that its SQL may name without declaring them."""
        if not self.is_of_events:
            return frozenset()
        has_repository = any(one.type == "repository" for one in self.entry.parameters)
        return frozenset([*ENDS, ASKED_ID] if has_repository else ENDS)

    @property
    def event_types(self) -> frozenset[str]:
        """The types it counts, by the tables it reads; none: all."""
        events = [contract.name for contract in self.reads if contract.place == "day"]
        typed = [EVENT_TYPE_OF[name] for name in events if name in EVENT_TYPE_OF]
        others = set(events) - EVENT_TYPE_OF.keys() - {one.name for one in (*COMPUTED, *POLLED_TABLES)}
        return frozenset() if others else frozenset(typed)


class WrongMetric(Exception):
    """What is wrong with a metric, in words; `place`: where, below it in the file."""

    def __init__(self, place: Sequence[Any], words: str) -> None:
        super().__init__(words)
        self.place = place


@cache
def shipped_metrics() -> tuple[Metric, ...]:
    """The metrics that come with GitPulse, in their order."""
    return read_metrics(SHIPPED)


def read_metrics(path: Path, taken: frozenset[str] = frozenset()) -> tuple[Metric, ...]:
    """The metrics of a file, in its order; `taken`: ids that it may not use.

    Raises SettingsError with a line for each that is wrong.
    """
    file = YamlFile(path)
    entries: list[MetricEntry] = file.read(list[MetricEntry])
    found, troubles, ids = list[Metric](), list[str](), set(taken)
    with connect() as con:
        register_empty(con)
        for number, entry in enumerate(entries):
            try:
                found.append(checked(con, entry, ids))
            except WrongMetric as error:
                troubles.append(file.told((number, *error.place), str(error)))
            ids.add(entry.id)
    if troubles:
        raise SettingsError("\n".join(troubles))
    return tuple(found)


def all_metrics(path: Path | None) -> tuple[tuple[Metric, ...], str | None]:
    """The shipped metrics with those of the user's file, and what is wrong with that: then it has none."""
    shipped = shipped_metrics()
    if path is None:
        return shipped, None
    try:
        return (*shipped, *read_metrics(path, frozenset(metric.id for metric in shipped))), None
    except SettingsError as error:
        return shipped, str(error)


def register_empty(con: duckdb.DuckDBPyConnection) -> None:
    """Put every view onto the connection, without rows."""
    for name, contract in VIEWS.items():
        con.register(name, contract.arrow_schema.empty_table())


def checked(con: duckdb.DuckDBPyConnection, entry: MetricEntry, ids: set[str]) -> Metric:
    """The metric of an entry; raises WrongMetric."""
    if not NAME.fullmatch(entry.id) or entry.id in ids:
        raise WrongMetric(["id"], f"{entry.id!r} cannot name a metric; use lower case and _, and each once")
    for number, parameter in enumerate(entry.parameters):
        if words := trouble_of(parameter, entry.parameters[:number]):
            raise WrongMetric(["parameters", number], words)
    named, reads = traced(entry.sql)
    metric = Metric(entry, named, reads, ())
    check_parameters(metric)
    columns = tuple(columns_of(con, metric))
    check_columns(entry, columns)
    return Metric(entry, named, reads, columns)


def traced(sql: str) -> tuple[frozenset[str], tuple[TableContract, ...]]:
    """The parameters that a statement names and the views it reads; raises WrongMetric."""
    named, reads = set[str](), dict[str, TableContract]()

    def relation(name: str) -> Relation:
        if name not in VIEWS:
            raise UntracedSql(f"{name} is no published view; `gitpulse views` prints them")
        reads[name] = VIEWS[name]
        return Relation({column: frozenset({(name, column)}) for column in VIEWS[name].column_names})

    def parameter(name: str) -> Origins:
        named.add(name)
        return frozenset()

    try:
        if statement_count(sql) != 1:
            raise UntracedSql("it is more than one statement; write one SELECT")
        Tracer(relation, parameter).trace(sql)
    except (UntracedSql, duckdb.Error) as error:
        raise WrongMetric(["sql"], str(error).splitlines()[0]) from None
    if not reads:
        raise WrongMetric(["sql"], "it reads no published view; `gitpulse views` prints them")
    return frozenset(named), tuple(reads.values())


def statement_count(sql: str) -> int:
    """How many SELECTs a text is; 1 of what is none, which the tracer refuses with its reason."""
    found = json.loads(duckdb.execute("select json_serialize_sql($1)", [sql]).fetchall()[0][0])
    return len(found.get("statements", [None]))


def check_parameters(metric: Metric) -> None:
    """Raise WrongMetric where a parameter is not declared or not used, or the window is not a time's."""
    check_window(metric)
    declared = {parameter.name for parameter in metric.entry.parameters}
    known = declared | metric.given
    if undeclared := metric.named - known:
        raise WrongMetric(["sql"], f"${min(undeclared)} is not among the parameters; declare it")
    if unused := declared - metric.named - {metric.entry.window}:
        number = [parameter.name for parameter in metric.entry.parameters].index(min(unused))
        raise WrongMetric(
            ["parameters", number], f"{min(unused)} is not used in the SQL; write ${min(unused)}"
        )


def check_window(metric: Metric) -> None:
    """Raise WrongMetric where public events are read and nothing says of which time, or the reverse."""
    window = metric.window
    if metric.is_of_events and (window is None or window.window_length(1) is None):
        raise WrongMetric(
            ["window"],
            "it reads public events: name the parameter that says how long ago they may be, an integer whose "
            "unit is minutes, hours or days; for example window: offset",
        )
    if window is not None and window.bounds[0] < 1:
        raise WrongMetric(
            ["window"], f"no time is shorter than nothing; give {window.name} a min of 1 or more"
        )
    if not metric.is_of_events and metric.entry.window is not None:
        raise WrongMetric(["window"], "it reads no public events, which alone have a window; leave it out")


def columns_of(con: duckdb.DuckDBPyConnection, metric: Metric) -> Iterator[Column]:
    """The columns that a statement gives, as DuckDB computes them; raises WrongMetric."""
    values: dict[str, Any] = {
        one.name: one.sample for one in metric.entry.parameters if one.name in metric.named
    }
    values |= dict.fromkeys(metric.named.intersection(ENDS), A_MOMENT)
    values |= dict.fromkeys(metric.named & {ASKED_ID}, 1)
    try:
        # Bound, not run: without rows it may still count for hours.
        schema = con.sql(metric.limited(0), params=values).to_arrow_table().schema
    except duckdb.Error as error:
        raise WrongMetric(["sql"], f"DuckDB cannot compute it ({str(error).splitlines()[0]})") from None
    for field in schema:
        if field.type not in RESULT_TYPES:
            raise WrongMetric(
                ["sql"],
                f"{field.name} is of the type {field.type}; cast it to bigint, double, varchar, boolean, "
                "date or timestamptz",
            )
        yield Column(field.name, field.type, field.name.replace("_", " ") + ".")


def check_columns(entry: MetricEntry, columns: Sequence[Column]) -> None:
    """Raise WrongMetric where the columns cannot be drawn as the metric says."""
    types = [column.type for column in columns]
    numbers = [kind for kind in types if kind in (pa.int64(), pa.float64())]
    times = (pa.date32(), UTC_TIMESTAMP)
    if entry.visualisation == "value" and (len(types) != 1 or not numbers):
        raise WrongMetric(
            ["visualisation"], "a value is one column with one number; choose table, bar or line"
        )
    if entry.visualisation in ("bar", "line") and (
        len(types) < 2 or types[1] not in (pa.int64(), pa.float64())
    ):
        raise WrongMetric(["visualisation"], "its second column must be the number that is drawn")
    if entry.visualisation == "line" and types[0] not in times:
        raise WrongMetric(["visualisation"], "the first column of a line must be a time or a day")
    if entry.unknown and entry.unknown.column not in {column.name for column in columns}:
        raise WrongMetric(["unknown"], f"there is no column {entry.unknown.column}")
