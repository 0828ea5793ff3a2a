"""All silver and gold tables of a lake, put into a DuckDB database under the names of the views.

Of each repository the tables of a layer are those that one merge published. Where the database goes, and who
reads it, is not decided here.
"""

import duckdb

from gitpulse_assets.bi.duckdb_views import VIEWED, comments, identifier, type_name
from gitpulse_assets.contracts.model import Layer, TableContract
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.repo import Repo

LAYERS: tuple[Layer, ...] = ("silver", "gold")
BY_LAYER: dict[Layer, list[TableContract]] = {
    layer: [contract for contract in VIEWED if contract.layer == layer] for layer in LAYERS
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
    for layer in LAYERS:
        for repo in lake.committed_repos(layer):
            with lake.reading(repo):
                copy_layer(con, lake, layer, repo, schema)
    con.execute("commit")


def copy_layer(con: duckdb.DuckDBPyConnection, lake: Lake, layer: Layer, repo: Repo, schema: str) -> None:
    """Add the rows of one repository's tables of a layer, in the order they are stored in."""
    datasets = lake.snapshot(layer, repo, BY_LAYER[layer]).datasets
    for contract in BY_LAYER[layer]:
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
