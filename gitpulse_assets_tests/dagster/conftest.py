"""A product in a folder: settings that point at a sandbox, an instance, and a way to run a refresh."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import pytest

from gitpulse_assets.assets.bronze import bronze
from gitpulse_assets.contracts.model import TableContract
from gitpulse_assets.definitions import build_defs
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.partitions import repos
from gitpulse_assets.repo import Repo
from gitpulse_assets.runs.launch import RunOutcome, refresh
from gitpulse_assets.sandbox.history import generate
from gitpulse_assets.sandbox.plan import HistoryPlan
from gitpulse_assets.sandbox.server import Sandbox, serve
from gitpulse_assets_tests.conftest import forget_settings
from gitpulse_assets_tests.dagster_home import copy_databases

REPO = Repo("acme", "rocket")
# Which run gave a row, and when it was noticed: what two ways to the same tables may differ in.
PROVENANCE = {"run_id", "page_number", "record_number", "fetched_at", "seen_at", "last_merged_run_id"}
TOKEN = "ghp_the_token_that_must_never_show"

Refresh = Callable[..., RunOutcome]
Read = Callable[..., list[dict[str, object]]]


@pytest.fixture(scope="session")
def defs() -> dg.Definitions:
    return build_defs()


@contextmanager
def a_sandbox() -> Iterator[Sandbox]:
    with serve(generate([HistoryPlan(REPO.key, seed=7, issue_count=250, day_count=200)])) as running:
        yield running


@contextmanager
def a_home(folder: Path, sandbox: Sandbox) -> Iterator[Path]:
    """An empty working directory whose settings name the sandbox."""
    with pytest.MonkeyPatch.context() as patch:
        forget_settings(patch)
        patch.chdir(folder)
        patch.setenv("GITHUB_API_URL", sandbox.base_url)
        patch.setenv("GITHUB_TOKEN", TOKEN)
        patch.setenv("DAGSTER_HOME", str(folder / "dagster"))
        patch.setenv("GITPULSE_LAKE_URL", str(folder / "lake"))
        yield folder


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with a_sandbox() as running:
        yield running


@pytest.fixture
def home(tmp_path: Path, sandbox: Sandbox) -> Iterator[Path]:
    with a_home(tmp_path, sandbox) as folder:
        yield folder


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as ephemeral:
        yield ephemeral


@contextmanager
def a_stored_instance(
    config: pytest.Config, temporary: pytest.TempPathFactory
) -> Iterator[dg.DagsterInstance]:
    """One on the embedded default, whose events lie in one SQLite file a run."""
    folder = temporary.mktemp("instance")
    copy_databases(config, folder)
    with dg.DagsterInstance.local_temp(str(folder)) as stored:
        yield stored


@pytest.fixture
def stored_instance(
    pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dg.DagsterInstance]:
    with a_stored_instance(pytestconfig, tmp_path_factory) as stored:
        yield stored


@pytest.fixture
def run(home: Path, defs: dg.Definitions, instance: dg.DagsterInstance) -> Refresh:
    """Refresh the repository in a Dagster run: `run()`, `run(is_full=True)`."""

    def refresh_once(repo: Repo = REPO, *, is_full: bool = False, with_events: bool = False) -> RunOutcome:
        return refresh(defs, instance, repo, is_full=is_full, with_events=with_events)

    return refresh_once


@pytest.fixture
def lake(home: Path) -> Lake:
    return Lake.open(str(home / "lake"))


def reader(lake: Lake) -> Read:
    def rows(contract: TableContract, repo: Repo = REPO) -> list[dict[str, object]]:
        columns = [name for name in contract.column_names if name not in PROVENANCE]
        found = lake.dataset(contract, repo).to_table(columns=columns).to_pylist()
        return sorted(found, key=lambda row: tuple(str(row.get(name)) for name in contract.key))

    return rows


@pytest.fixture
def read(lake: Lake) -> Read:
    """Read a published table: `read(ISSUE_CURRENT)`; without provenance, in the order of its key."""
    return reader(lake)


@dataclass
class Product:
    """A home folder, its sandbox and its instance; `outcome` is that of the first run."""

    home: Path
    sandbox: Sandbox
    instance: dg.DagsterInstance
    read: Read
    outcome: RunOutcome


@pytest.fixture(scope="session")
def synced_once(tmp_path_factory: pytest.TempPathFactory, defs: dg.Definitions) -> Iterator[Product]:
    folder = tmp_path_factory.mktemp("synced")
    with a_sandbox() as sandbox, dg.DagsterInstance.ephemeral() as instance:
        with a_home(folder, sandbox):
            outcome = refresh(defs, instance, REPO, is_full=False)
        yield Product(folder, sandbox, instance, reader(Lake.open(str(folder / "lake"))), outcome)


@pytest.fixture(scope="module")
def synced(synced_once: Product) -> Iterator[Product]:
    """A product after one run, the same for all tests, which must not change its tables, and its settings."""
    with a_home(synced_once.home, synced_once.sandbox):
        yield synced_once


@pytest.fixture
def no_delay(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries, of requests and of the step, without the pauses between them."""
    monkeypatch.setattr("gitpulse_assets.github.transport.back_off_seconds", lambda attempt: 0)
    policy = bronze.op.retry_policy
    assert policy is not None
    monkeypatch.setattr(bronze.op, "_retry_policy", policy._replace(delay=0.01))


def in_range(first: str, last: str) -> dict[str, str]:
    """The tags of a run of a range of partitions."""
    return {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}


def stale_checks(instance: dg.DagsterInstance, defs: dg.Definitions, key: str) -> list[str]:
    """The checks of a repository that Dagster shows as missing, since what they are of was made anew."""
    graph = defs.resolve_asset_graph()
    asked = [check for check in graph.asset_check_keys if graph.get(check).partitions_def == repos]
    found = instance.event_log_storage.get_asset_check_partition_info(asked)
    current = {info.check_key for info in found if info.partition_key == key and info.is_current}
    return [check.to_user_string() for check in asked if check not in current]
