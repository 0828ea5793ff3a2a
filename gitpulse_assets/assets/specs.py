"""How a table contract is shown in Dagster: keys, groups, kinds, owners, columns.

Policies that hold for every asset are applied here, by mapping over the contracts. What a table
contains belongs in its contract, and how it is made in the asset modules.
"""

from collections.abc import Iterable, Mapping, Sequence

import dagster as dg

from gitpulse_assets.catalog.traced import tables_read
from gitpulse_assets.contracts.model import Layer, TableContract
from gitpulse_assets.partitions import partitions_of
from gitpulse_assets.settings import BATCH_SIZE, SettingsError, load_settings

OWNER = "team:gitpulse"

KINDS: dict[Layer, set[str]] = {
    "bronze": {"github", "parquet"},
    "silver": {"duckdb", "parquet"},
    "gold": {"duckdb", "parquet"},
}


# Of what is no repository's, the group; the jobs of a repository select the layers.
GROUPS = {"day": "events", "organization": "members"}


def asset_spec(contract: TableContract) -> dg.AssetSpec:
    """Return the asset that stands for one table."""
    return dg.AssetSpec(
        key=list(contract.asset_key),
        description=f"{contract.description}\n\nGrain: {contract.grain}. Key: {', '.join(contract.key)}.",
        group_name=GROUPS.get(contract.place, contract.layer),
        kinds=KINDS[contract.layer],
        owners=[OWNER],
        tags={"layer": contract.layer},
        partitions_def=partitions_of(contract.place),
        # A look that finds nothing makes no table anew, and a batch tells of its tables itself: what hangs on
        # either is skipped.
        skippable=contract.place == "repository",
        metadata={
            "dagster/table_name": contract.view_name,
            "dagster/column_schema": column_schema(contract),
            **column_lineage(contract),
        },
    )


def backfill_policy() -> dg.BackfillPolicy:
    """How many repositories a run of a backfill takes; of assets that differ in it none share a run."""
    try:
        return dg.BackfillPolicy.multi_run(load_settings().batch_size)
    except SettingsError:
        # Whoever loads the definitions shall not fail over a setting; every run says which it is.
        return dg.BackfillPolicy.multi_run(BATCH_SIZE)


def batched(asset: dg.AssetsDefinition) -> dg.AssetsDefinition:
    """Let a step leave out what its checks found, of which a batch tells by itself.

    Dagster has that only for steps of which parts can be chosen.
    """
    for name in asset.check_specs_by_output_name:
        asset.op.output_def_named(name)._is_required = False
    return asset


def asset_out(contract: TableContract, io_manager_key: str = "lake_io_manager") -> dg.AssetOut:
    """Return the output of a multi-asset through which the IO manager publishes the table."""
    spec = asset_spec(contract)
    return dg.AssetOut.from_spec(spec, is_required=not spec.skippable, io_manager_key=io_manager_key)


def read_by(tables: Sequence[TableContract]) -> list[dg.AssetKey]:
    """Return what a step that makes the tables has to wait for: all that they read and it does not make."""
    made = {table.asset_key for table in tables}
    return [
        dg.AssetKey(key) for key in sorted({key for table in tables for key in tables_read(table)} - made)
    ]


def inner_deps(tables: Iterable[TableContract]) -> dict[str, set[dg.AssetKey]]:
    """Return by output what each of a step's tables reads, the step's own among it."""
    return {table.name: {dg.AssetKey(key) for key in tables_read(table)} for table in tables}


def is_traced(contract: TableContract) -> bool:
    """Whether its columns flow from those of other tables; bronze and events are what GitHub said."""
    return contract.layer != "bronze" and contract.place == "repository"


def column_lineage(contract: TableContract) -> dict[str, dg.TableColumnLineage]:
    """Return as metadata from which columns each column flows, where they do from others."""
    if not is_traced(contract):
        return {}
    deps: dict[str, list[dg.TableColumnDep]] = {}
    for key, columns in tables_read(contract).items():
        for column, sources in columns.items():
            found = (dg.TableColumnDep(dg.AssetKey(key), source) for source in sources)
            deps.setdefault(column, []).extend(found)
    return {"dagster/column_lineage": dg.TableColumnLineage(deps)}


def column_schema(contract: TableContract) -> dg.TableSchema:
    """Return the contract's columns as Dagster's UI shows them, each with what it is made from.

    Only Dagster's hosted product draws the lineage of columns; the descriptions are seen in every one.
    """
    origins = columns_read(contract) if is_traced(contract) else {}
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name=column.name,
                type=str(column.type),
                description=f"{column.description}{from_words(origins.get(column.name, {}))}",
                constraints=dg.TableColumnConstraints(nullable=column.nullable),
            )
            for column in contract.columns
        ]
    )


def from_words(sources: Mapping[str, Sequence[str]]) -> str:
    """Say from which columns of which tables a column flows; nothing where it is no column's value."""
    told = [f"{table} ({', '.join(columns)})" for table, columns in sources.items()]
    return f"\n\nFrom {'; '.join(told)}." if told else ""


def columns_read(contract: TableContract) -> dict[str, dict[str, Sequence[str]]]:
    """Return by column the tables and columns it flows from."""
    found: dict[str, dict[str, Sequence[str]]] = {}
    for key, columns in tables_read(contract).items():
        for column, sources in columns.items():
            found.setdefault(column, {})["/".join(key)] = sources
    return found
