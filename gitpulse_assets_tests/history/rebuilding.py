"""A rebuild that is not published, held against the tables that were merged run by run."""

from collections import Counter

import pyarrow as pa

from gitpulse_assets.catalog.subjects import MERGED_TABLES
from gitpulse_assets.catalog.tables import find_contract
from gitpulse_assets.lake.duck import connect
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.pipeline.merge import compute
from gitpulse_assets.repo import Repo


def rebuilt(lake: Lake, repo: Repo) -> dict[str, pa.Table]:
    """Make the silver tables from bronze again, and leave the stored ones alone."""
    with lake.begin("silver", repo) as publication, connect() as con:
        compute(con, lake, publication, lake.manifest(repo), is_rebuild=True)
        return {table.name: con.table(table.name).to_arrow_table() for table in MERGED_TABLES}


def differences(lake: Lake, repo: Repo) -> dict[str, int]:
    """How many rows of each silver table a rebuild would change, where it would."""
    found = {}
    for name, table in rebuilt(lake, repo).items():
        stored, anew = rows(lake.dataset(find_contract("silver", name), repo).to_table()), rows(table)
        found[name] = ((stored - anew) + (anew - stored)).total()
    return {name: count for name, count in found.items() if count}


def rows(table: pa.Table) -> Counter[str]:
    return Counter(str(sorted(row.items())) for row in table.to_pylist())
