"""Every contract of every layer, in the order tables are made and published. Nothing else."""

from gitpulse_assets.contracts.bronze import BRONZE
from gitpulse_assets.contracts.gold import GOLD_TABLES
from gitpulse_assets.contracts.model import Layer, TableContract
from gitpulse_assets.contracts.silver import SILVER_TABLES
from gitpulse_assets.contracts.transfer import MART_ISSUE_TRANSFER
from gitpulse_assets.contracts.verdict import MART_BACKLOG_VERDICT

CATALOG: tuple[TableContract, ...] = (
    *BRONZE,
    *SILVER_TABLES,
    *GOLD_TABLES,
    MART_ISSUE_TRANSFER,
    MART_BACKLOG_VERDICT,
)


def find_contract(layer: Layer, name: str) -> TableContract:
    """Return the contract of a table; KeyError with the table's name where there is none."""
    for contract in CATALOG:
        if (contract.layer, contract.name) == (layer, name):
            return contract
    raise KeyError(f"no contract for {layer}/{name}")
