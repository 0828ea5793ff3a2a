"""A rebuild without publishing it, and bronze runs made by hand."""

from collections.abc import Callable

import pyarrow as pa
import pytest

from gitpulse_assets.assets.rebuilding import rebuild_batches, rebuild_inputs
from gitpulse_assets.assets.silver import MERGED_TABLES
from gitpulse_assets.lake.duck import connect
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.repo import Repo
from gitpulse_assets.transform.silver import merge_silver

Tables = dict[str, pa.Table]


@pytest.fixture
def rebuilt() -> Callable[[Lake, Repo], Tables]:
    """Make the silver tables from bronze again, and leave the stored ones alone."""

    def rebuilt(lake: Lake, repo: Repo) -> Tables:
        run_ids = list(dict.fromkeys(row.run_id for row in lake.manifest(repo).rows()))
        with lake.begin("silver", repo) as publication, connect() as con:
            inputs = rebuild_inputs(lake, repo, rebuild_batches(lake, publication))
            merge_silver(con, inputs, run_ids)
            return {table.name: con.table(table.name).to_arrow_table() for table in MERGED_TABLES}

    return rebuilt


@pytest.fixture
def differences(rebuilt: Callable[[Lake, Repo], Tables]) -> Callable[[Lake, Repo], dict[str, int]]:
    """How many rows of each silver table a rebuild would change, where it would."""

    def differences(lake: Lake, repo: Repo) -> dict[str, int]:
        anew = rebuilt(lake, repo)
        found = {}
        for table in MERGED_TABLES:
            stored = rows(lake.dataset(table, repo).to_table())
            found[table.name] = len(stored ^ rows(anew[table.name]))
        return {name: count for name, count in found.items() if count}

    return differences


def rows(table: pa.Table) -> set[str]:
    return {str(sorted(row.items())) for row in table.to_pylist()}
