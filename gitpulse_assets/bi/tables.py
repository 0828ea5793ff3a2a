"""All silver and gold tables of a lake, put into a DuckDB database under the names of the views.

Of each repository, organisation and day of events, the tables of a layer are those that one merge published.
Where the database goes, and who reads it, is not decided here.
"""

from collections.abc import Iterator, Mapping

import duckdb
import pyarrow.dataset as ds

from gitpulse_assets.bi.duckdb_views import VIEWED, comments, type_name
from gitpulse_assets.contracts.model import Layer, TableContract
from gitpulse_assets.lake.duck import identifier
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.lake.parts import open_parts, together
from gitpulse_assets.place import Day

LAYERS: tuple[Layer, ...] = ("silver", "gold")
OF_ORGANIZATIONS = [contract for contract in VIEWED if contract.place == "organization"]
OF_DAYS = [contract for contract in VIEWED if contract.place == "day"]
OF_REPOSITORIES: dict[Layer, list[TableContract]] = {
    layer: [contract for contract in VIEWED if (contract.layer, contract.place) == (layer, "repository")]
    for layer in LAYERS
}


def fill_tables(con: duckdb.DuckDBPyConnection, lake: Lake, schema: str) -> None:
    """Make and fill every table in the schema, with its comments, in one transaction.

    Raises LakeError where the lake cannot be read.
    """
    con.execute("begin")
    for contract in VIEWED:
        con.execute(table_statement(contract, schema))
        for statement in comments(contract, "table", f"{schema}.{contract.view_name}"):
            con.execute(statement)
    for layer, contracts in OF_REPOSITORIES.items():
        for repo in lake.committed_repos(layer):
            with lake.reading(repo):
                copy_rows(con, contracts, lake.snapshot(layer, repo, contracts).datasets, schema)
    for organization in lake.committed_organizations("silver") if OF_ORGANIZATIONS else ():
        tables = lake.snapshot("silver", organization, OF_ORGANIZATIONS).datasets
        copy_rows(con, OF_ORGANIZATIONS, tables, schema)
    for day in lake.committed_days("silver"):
        copy_rows(con, OF_DAYS, dict(of_day(lake, day)), schema)
    con.execute("commit")


def of_day(lake: Lake, day: Day) -> Iterator[tuple[str, ds.Dataset]]:
    """The tables of a day of events as one merge published them, by name."""
    commit = lake.commit("silver", day)
    for contract in OF_DAYS:
        parts = open_parts(lake.store, contract, day, commit)
        yield contract.name, together(contract, list(parts.values()))


def copy_rows(
    con: duckdb.DuckDBPyConnection,
    contracts: list[TableContract],
    datasets: Mapping[str, ds.Dataset],
    schema: str,
) -> None:
    """Add the rows of tables, in the order they are stored in."""
    for contract in contracts:
        con.register("stored", datasets[contract.name])
        names = ", ".join(map(identifier, contract.column_names))
        con.execute(f"insert into {schema}.{contract.view_name} select {names} from stored")
        con.unregister("stored")


def table_statement(contract: TableContract, schema: str) -> str:
    """The statement of a table without rows.

    Every column may be null: one that was added to a table is null in what was stored before.
    """
    columns = ", ".join(f"{identifier(column.name)} {type_name(column.type)}" for column in contract.columns)
    return f"create table {schema}.{contract.view_name} ({columns})"
