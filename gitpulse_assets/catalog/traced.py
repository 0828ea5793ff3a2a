"""The lineage as it was traced: which tables, and which of their columns, each table is made from.

Traced anew by `make docs`; loading it costs the definitions no parsing.
"""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files

from gitpulse_assets.chosen import chosen_subjects
from gitpulse_assets.contracts.model import TableContract

# What is made depends on the subjects chosen, so each choice has a file.
FILE = files("gitpulse_assets").joinpath("catalog", f"{'_'.join(('traced', *chosen_subjects()))}.json")


AssetKey = tuple[str, str]
Columns = Mapping[str, Sequence[str]]


@cache
def traced() -> dict[str, dict[str, Columns]]:
    """Read the file: what each table (`layer/name`) is made from, as `tables_read` has it."""
    return json.loads(FILE.read_text(encoding="utf-8"))


def tables_read(contract: TableContract) -> dict[AssetKey, Columns]:
    """Return the tables that a table is made from, and of each by column the columns it flows from.

    A table that only decides which rows there are has no columns. Raises KeyError where it was not traced.
    """
    name = "/".join(contract.asset_key)
    if name not in traced():
        raise KeyError(f"{name} is not traced yet: run make docs")
    return {asset_key(table): columns for table, columns in traced()[name].items()}


def asset_key(table: str) -> AssetKey:
    """The key of a table in the file."""
    layer, _, name = table.partition("/")
    return layer, name
