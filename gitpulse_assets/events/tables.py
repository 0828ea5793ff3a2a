"""Every table of public events, those of `event_types.yaml` too. Nothing else."""

from gitpulse_assets.contracts.events import EVENT_TABLES
from gitpulse_assets.contracts.model import TableContract
from gitpulse_assets.events.projection import declared

EVENT_CONTRACTS: tuple[TableContract, ...] = (*EVENT_TABLES, *(one.contract for one in declared()))
