"""Makes a mart with a row an issue, of those ranges of issues alone whose rows may differ from the published.

They follow from the silver rows of their own range and from the names that labels go by, and do not know the
as-of moment. What all of that was is written down when a range is made, and compared.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from hashlib import sha256

import duckdb
import pyarrow.dataset as ds

from gitpulse_assets.catalog.subjects import SILVER_TABLES
from gitpulse_assets.catalog.traced import tables_read
from gitpulse_assets.contracts.mart import Mart
from gitpulse_assets.contracts.model import TableContract
from gitpulse_assets.contracts.silver import ISSUE_CURRENT
from gitpulse_assets.lake.duck import run
from gitpulse_assets.lake.ranges import first_number_sql
from gitpulse_assets.transform.columns_read import columns_read
from gitpulse_assets.transform.ranged import MadeTable
from gitpulse_assets.transform.sql_file import load_sql

Datasets = Mapping[str, ds.Dataset]


@dataclass(frozen=True)
class Standing:
    """What silver has and what is published of a mart, by the first numbers of ranges.

    `sources`: what tells the silver objects of a range from all others. `made_from`: what the published range
    was made from; empty where nothing can stay. `open_sources` and `open_published` open some ranges alone:
    silver's tables by name, and the mart.
    """

    sources: Mapping[int, str]
    made_from: Mapping[int, str]
    open_sources: Callable[[Collection[int]], Datasets]
    open_published: Callable[[Collection[int]], ds.Dataset]


def inputs_of(mart: TableContract) -> tuple[TableContract, ...]:
    """The silver tables of ranges that a mart of ranges is made from."""
    return tuple(table for table in SILVER_TABLES if table.is_ranged and table.asset_key in tables_read(mart))


def make_ranges(
    con: duckdb.DuckDBPyConnection, mart: Mart, inputs: Mapping[str, object], standing: Standing | None
) -> MadeTable:
    """Make the rows of the ranges that may differ, of all without `standing`; what became of the mart.

    The relation of its name has all issues then: every column where all ranges were made, else those that
    statements read. `con` holds `issue_current`, `issue_labels`, `label_name` and `label_group_pattern`;
    `inputs` has the tables of `inputs_of` whole.
    """
    if standing is None:
        _make(con, mart, mart.name, inputs)
        return MadeTable(is_changed=True)
    made_from = _made_from(con, mart, standing.sources)
    stays = {first for first, told in made_from.items() if standing.made_from.get(first) == told}
    touched = frozenset((made_from.keys() | standing.made_from.keys()) - stays)
    made = f"made_{mart.name}" if stays else mart.name
    _make(con, mart, made, standing.open_sources(touched))
    if stays:
        _put_together(con, mart.contract, made, standing.open_published(stays))
    written = touched if standing.made_from else None
    return MadeTable(bool(touched), written, written, made, made_from)


def _made_from(con: duckdb.DuckDBPyConnection, mart: Mart, sources: Mapping[int, str]) -> dict[int, str]:
    """All that the rows of each range follow from."""
    patterns = run(
        con, "select position, label_group, pattern from label_group_pattern order by all"
    ).fetchall()
    common = (load_sql("gold", mart.name), patterns)
    names = _label_names(con)
    return {
        first: sha256(repr((*common, source, names.get(first))).encode()).hexdigest()
        for first, source in sources.items()
    }


def _label_names(con: duckdb.DuckDBPyConnection) -> dict[int, str]:
    """What tells the names of each range's labels from all others: a label is renamed wherever it stands."""
    found = run(
        con,
        f"with here as (select distinct {first_number_sql('issue.issue_number')} as first_number, label_id "
        f"from issue_labels join {ISSUE_CURRENT.name} as issue using (issue_id)) "
        "select first_number, sum(hash(label_id, label_name))::varchar from here "
        "join label_name using (label_id) group by first_number",
    )
    return dict(found.fetchall())


def _make(con: duckdb.DuckDBPyConnection, mart: Mart, relation: str, inputs: Mapping[str, object]) -> None:
    """Run the mart's statement on other rows than those that its inputs' names have."""
    names = [table.name for table in inputs_of(mart.contract)]
    for name in names:
        con.register(f"touched_{name}", inputs[name])
    hidden = ", ".join(f"{name} as not materialized (from touched_{name})" for name in names)
    statement = f"with {hidden} select * from (\n{load_sql('gold', mart.name)}\n)"
    run(con, f'create or replace temp table "{relation}" as {statement}')
    for name in names:
        con.unregister(f"touched_{name}")


def _put_together(
    con: duckdb.DuckDBPyConnection, contract: TableContract, made: str, published: ds.Dataset
) -> None:
    """Make the mart's relation of what was made and what is published, in the columns that are read."""
    columns = ", ".join(columns_read(contract))
    con.register("published", published)
    run(
        con,
        f"create or replace temp table {contract.name} as "
        f"select {columns} from {made} union all select {columns} from published",
    )
    con.unregister("published")
