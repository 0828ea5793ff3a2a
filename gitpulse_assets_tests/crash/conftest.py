"""Refreshes in trouble: a sandbox on a socket, a lake on either store, and what an undisturbed one gives."""

import multiprocessing
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from gitpulse_assets.catalog.tables import CATALOG
from gitpulse_assets.contracts.model import TableContract
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.lake.s3_options import S3Options
from gitpulse_assets.repo import Repo
from gitpulse_assets.sandbox.history import generate
from gitpulse_assets.sandbox.limits import Limits
from gitpulse_assets.sandbox.plan import HistoryPlan
from gitpulse_assets.sandbox.server import Sandbox, serve
from gitpulse_assets_tests.crash.pipeline import REPO, Fuse, Place, refresh
from gitpulse_assets_tests.s3_server import Storage, no_caller_settings, own_server, s3_server, storage

__all__ = ["no_caller_settings", "own_server", "s3_server", "storage"]

# What says who fetched or merged a row, by which walk, and how much of it one run fetched.
PROVENANCE = {"run_id", "last_merged_run_id", "page_number"} | {
    *("walk_kind", "is_whole_walk", "etag", "record_count", "unchanged_page_count")
}
# These have a row a walk, and after a crash there may be one walk more.
LOGS = ("control_total", "reconciliation")
ISSUES_A_RANGE = 400
PUBLISHED = [contract for contract in CATALOG if contract.layer != "bronze"]

Tables = dict[str, Counter[str]]


@dataclass(frozen=True)
class Undisturbed:
    """What one refresh without any trouble gives: the tables, its points, and its requests by kind."""

    tables: Tables
    point_count: int
    requests: Counter[str]


def tables_of(lake: Lake, repo: Repo = REPO) -> Tables:
    """Each published table's rows without their provenance, and how often each is there (in a log: once)."""
    found = {
        contract.name: Counter(str(row) for row in rows_of(lake, contract, repo)) for contract in PUBLISHED
    }
    return found | {name: Counter(set(found[name])) for name in LOGS}


def rows_of(lake: Lake, contract: TableContract, repo: Repo = REPO) -> list[dict[str, Any]]:
    """A published table's rows without their provenance."""
    kept = [name for name in contract.column_names if name not in PROVENANCE]
    return lake.dataset(contract, repo).to_table(columns=kept).to_pylist()


def differences(found: Tables, expected: Tables) -> dict[str, tuple[Counter[str], Counter[str]]]:
    """The rows lost and the rows added, of the tables that differ."""
    return {
        name: (rows - found[name], found[name] - rows)
        for name, rows in expected.items()
        if rows != found[name]
    }


def requests(sandbox: Sandbox) -> Counter[str]:
    """How many pages of each stream were fetched; one that has not changed (304) sends nothing."""
    fetched = [served.target for served in sandbox.app.log if served.status != 304]
    kinds = ("per_page=100", "graphql")
    return Counter(next((kind for kind in kinds if kind in target), "other") for target in fetched)


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    """18 pages of records and 13 of lifecycles: beginning a walk anew asks for more than a crash may cost."""
    plan = HistoryPlan(REPO.key, seed=7, issue_count=1300, day_count=200, body_bytes_mean=10)
    # Hundreds of refreshes of one hour: no quota of one would last.
    with serve(
        generate([plan]), limits=Limits(token_per_hour=10**9, graphql_points_per_hour=10**9)
    ) as running:
        yield running


@pytest.fixture(scope="session")
def undisturbed(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    folder = str(tmp_path_factory.mktemp("undisturbed"))
    place = Place(folder, S3Options(), sandbox.base_url, issues_a_range=ISSUES_A_RANGE)
    sandbox.app.log.clear()
    fuse = Fuse()
    refresh(place, "run-1", fuse)
    return Undisturbed(tables_of(place.open()), fuse.count, requests(sandbox))


@pytest.fixture
def place(storage: Storage, sandbox: Sandbox) -> Place:
    """An empty lake on one of the two stores, and a sandbox that has been asked nothing yet."""
    sandbox.app.log.clear()
    return Place(storage.url, storage.s3, sandbox.base_url, issues_a_range=ISSUES_A_RANGE)


@pytest.fixture(scope="session")
def fork() -> Callable[..., multiprocessing.Process]:
    """Start a process forked after the imports: importing takes seconds, and a run is killed in less."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["gitpulse_assets_tests.crash.pipeline"])

    def fork(target: Callable[..., None], *arguments: object) -> multiprocessing.Process:
        process = context.Process(target=target, args=arguments)
        process.start()
        return process  # pyright: ignore[reportReturnType]

    return fork
