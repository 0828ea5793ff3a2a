"""Every contract of every layer, in the order tables are made and published. Nothing else."""

from collections.abc import Iterable, Iterator
from graphlib import TopologicalSorter

from gitpulse_assets.catalog.declared import declared_marts, marts_of
from gitpulse_assets.catalog.subjects import BRONZE, SILVER_TABLES
from gitpulse_assets.catalog.traced import tables_read
from gitpulse_assets.chosen import CONTRIBUTORS
from gitpulse_assets.contracts.mart import Mart
from gitpulse_assets.contracts.model import Layer, TableContract


def in_order(found: Iterable[Mart]) -> Iterator[Mart]:
    """Put each mart after those it reads."""
    by_key = {mart.contract.asset_key: mart for mart in found}
    reads = {key: sorted(tables_read(mart.contract).keys() & by_key.keys()) for key, mart in by_key.items()}
    for key in TopologicalSorter(reads).static_order():
        yield by_key[key]


MARTS: tuple[Mart, ...] = tuple(in_order(declared_marts()))
# Those of conversations are made together, whatever makes each.
STATEMENT_MARTS: tuple[Mart, ...] = tuple(
    mart for mart in MARTS if not mart.is_made_by_code and mart not in marts_of(CONTRIBUTORS)
)
MART_TABLES: tuple[TableContract, ...] = tuple(mart.contract for mart in MARTS)
CATALOG: tuple[TableContract, ...] = (*BRONZE, *SILVER_TABLES, *MART_TABLES)


def find_contract(layer: Layer, name: str) -> TableContract:
    """Return the contract of a table; KeyError with the table's name where there is none."""
    for contract in CATALOG:
        if (contract.layer, contract.name) == (layer, name):
            return contract
    raise KeyError(f"no contract for {layer}/{name}")
