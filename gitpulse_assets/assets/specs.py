"""How a table contract is shown in Dagster: keys, groups, kinds, owners, columns.

Policies that hold for every asset are applied here, by mapping over the contracts. What a table
contains belongs in its contract, and how it is made in the asset modules.
"""

import dagster as dg

from gitpulse_assets.contracts.model import Layer, TableContract
from gitpulse_assets.partitions import repos

OWNER = "team:gitpulse"

KINDS: dict[Layer, set[str]] = {
    "bronze": {"github", "parquet"},
    "silver": {"duckdb", "parquet"},
    "gold": {"duckdb", "parquet"},
}


def asset_spec(contract: TableContract) -> dg.AssetSpec:
    """Return the asset that stands for one table."""
    return dg.AssetSpec(
        key=list(contract.asset_key),
        description=f"{contract.description}\n\nGrain: {contract.grain}. Key: {', '.join(contract.key)}.",
        group_name=contract.layer,
        kinds=KINDS[contract.layer],
        owners=[OWNER],
        tags={"layer": contract.layer},
        partitions_def=repos,
        metadata={
            "dagster/table_name": contract.view_name,
            "dagster/column_schema": column_schema(contract),
        },
    )


def asset_out(contract: TableContract, io_manager_key: str = "lake_io_manager") -> dg.AssetOut:
    """Return the output of a multi-asset through which the IO manager publishes the table."""
    return dg.AssetOut.from_spec(asset_spec(contract), io_manager_key=io_manager_key)


def column_schema(contract: TableContract) -> dg.TableSchema:
    """Return the contract's columns as Dagster's UI shows them."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name=column.name,
                type=str(column.type),
                description=column.description,
                constraints=dg.TableColumnConstraints(nullable=column.nullable),
            )
            for column in contract.columns
        ]
    )
