"""Reads the tables of other watched repositories for the transfers of one; a run writes to its own only."""

import logging

import duckdb

from gitpulse_assets.contracts.silver import REPOSITORY
from gitpulse_assets.lake.errors import LakeError
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.repo import Repo
from gitpulse_assets.transform.transfers import (
    NEIGHBOUR_TABLES,
    add_neighbour,
    build_transfers,
    find_transfers,
)

logger = logging.getLogger(__name__)


def link_transfers(con: duckdb.DuckDBPyConnection, lake: Lake, repo: Repo) -> None:
    """Make `mart_issue_transfer` of the repository whose silver tables are on the connection.

    Another repository whose tables are absent, outdated or replaced while they are read leaves its issues
    unlinked until the next refresh; it never fails this one.
    """
    names = find_transfers(con)
    watched = lake.committed_repos("silver") if names is None or names else ()
    for neighbour in watched:
        if neighbour == repo:
            continue
        try:
            known_as = names_of(lake, neighbour)
            if names is None or not names.isdisjoint(known_as):
                tables = {table.name: lake.dataset(table, neighbour) for table in NEIGHBOUR_TABLES}
                with lake.reading(neighbour):
                    add_neighbour(con, tables, known_as)
        except (LakeError, duckdb.Error, OSError) as error:
            logger.warning("%s: transfers from and to %s are not linked: %s", repo, neighbour, error)
    build_transfers(con)


def names_of(lake: Lake, repo: Repo) -> list[str]:
    """Return every name (owner/name in lower case) a repository is or was known by, its present one first.

    GitHub tells of a transfer by the names of that day; the key is the name it was registered by.
    """
    columns = ["repository_full_name", "former_names"]
    rows = lake.dataset(REPOSITORY, repo).to_table(columns=columns).to_pylist()
    told = [name.lower() for row in rows for name in (row["repository_full_name"], *row["former_names"])]
    return [*told, repo.key]
