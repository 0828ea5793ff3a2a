"""A refresh without Dagster: the same collection, statements, audits and publications, one after the other.

What Dagster costs is the difference to a run of the job, so this must go on doing what `assets/` does.
"""

import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import duckdb

from gitpulse_assets.assets.gold import INPUTS, NOT_COPIED, gold_parameters
from gitpulse_assets.assets.neighbours import link_transfers
from gitpulse_assets.assets.publishing import stage
from gitpulse_assets.assets.silver import MERGED_TABLES, SYNC_STATE, register_merge, unchanged
from gitpulse_assets.checks.control_total import control_total_result
from gitpulse_assets.checks.semantic import GOLD_CHECKS, SILVER_CHECKS, SYNC_STATE_CHECKS, SemanticCheck
from gitpulse_assets.collect.refresh import collect
from gitpulse_assets.collect.session import Session
from gitpulse_assets.contracts.bronze import MANIFEST
from gitpulse_assets.contracts.catalog import MART_TABLES
from gitpulse_assets.contracts.model import TableContract
from gitpulse_assets.github.client import GitHubClient
from gitpulse_assets.lake.duck import connect
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.lake.manifest import unmerged_batches
from gitpulse_assets.lake.publication import Publication
from gitpulse_assets.repo import Repo
from gitpulse_assets.transform.audit import audit_sql, audit_table
from gitpulse_assets.transform.gold import build_gold
from gitpulse_assets.transform.incomplete import incomplete_slices
from gitpulse_assets.transform.silver import BRONZE_INPUTS, merge_silver
from gitpulse_assets.transform.sql_file import create_table
from gitpulse_assets.transform.verdict_table import build_verdicts
from gitpulse_assets.watch.watch_list import RepoOptions

# The seconds of wall clock each part took.
Seconds = dict[str, float]


def refresh(lake: Lake, client: GitHubClient, repo: Repo) -> Seconds:
    """Refresh one repository; raises AssertionError where a blocking check fails."""
    seconds: Seconds = {}
    with timed(seconds, "bronze"):
        collect(Session(client, lake, repo, str(uuid.uuid4())), is_full=False)
        with connect() as con:
            con.register("manifest", lake.dataset(MANIFEST, repo))
            assert audit_table(con, MANIFEST, "manifest").is_passed
    with timed(seconds, "silver"):
        merge(lake, repo)
    with timed(seconds, "sync_state"):
        move_watermarks(lake, repo)
    with timed(seconds, "gold"):
        build_marts(lake, repo)
    return seconds


@contextmanager
def timed(seconds: Seconds, part: str) -> Iterator[None]:
    began = time.monotonic()
    yield
    seconds[part] = time.monotonic() - began


def merge(lake: Lake, repo: Repo) -> None:
    commit = lake.commit("silver", repo)
    rows = lake.manifest(repo).rows()
    new = {
        table: unmerged_batches(rows, table.name, commit.merged.get(table.name, {}) if commit else {})
        for table in BRONZE_INPUTS
    }
    stored = lake.mergeable("silver", repo, MERGED_TABLES)
    inputs = {f"stored_{name}": dataset for name, dataset in stored.items()}
    inputs |= {f"bronze_{t.name}": lake.bronze_dataset(t, repo, batches) for t, batches in new.items()}
    with lake.begin("silver", repo) as publication, connect() as con:
        changed = merge_silver(con, inputs, list(dict.fromkeys(row.run_id for row in rows)))
        control_total_result(con)
        audit(con, MERGED_TABLES, SILVER_CHECKS)
        staged = stage(con, publication, MERGED_TABLES, unchanged(publication, changed))
        publication.seal(
            {t.name: {run_id: numbers[-1] for run_id, numbers in batches} for t, batches in new.items()}
        )
        for table in staged:
            publication.promote(table)


def move_watermarks(lake: Lake, repo: Repo) -> None:
    with lake.begin("silver", repo) as publication, connect() as con:
        register_merge(con, lake, repo)
        create_table(con, "silver", SYNC_STATE.name, {"overlap_minutes": RepoOptions().overlap_minutes})
        audit(con, [SYNC_STATE], SYNC_STATE_CHECKS)
        publish(con, publication, [SYNC_STATE])


def build_marts(lake: Lake, repo: Repo) -> None:
    with lake.begin("gold", repo) as publication, connect() as con:
        inputs = lake.snapshot("silver", repo, INPUTS).datasets
        parameters = gold_parameters(inputs[SYNC_STATE.name])
        build_gold(con, inputs, parameters)
        for table in NOT_COPIED:
            con.register(table.name, inputs[table.name])
        link_transfers(con, lake, repo)
        build_verdicts(con, parameters.as_of_at, incomplete_slices(con))
        audit(con, MART_TABLES, GOLD_CHECKS, {"as_of_at": parameters.as_of_at})
        publish(con, publication, MART_TABLES)


def audit(
    con: duckdb.DuckDBPyConnection,
    tables: Sequence[TableContract],
    checks: Sequence[SemanticCheck],
    parameters: dict[str, object] | None = None,
) -> None:
    assert all(audit_table(con, table, table.name).is_passed for table in tables)
    broken = {check.name: audit_sql(con, check.name, parameters)[0] for check in checks if check.is_blocking}
    assert not any(broken.values()), broken
    for check in checks:
        if not check.is_blocking:
            audit_sql(con, check.name, parameters)


def publish(
    con: duckdb.DuckDBPyConnection, publication: Publication, tables: Sequence[TableContract]
) -> None:
    staged = stage(con, publication, tables)
    publication.seal()
    for table in staged:
        publication.promote(table)
