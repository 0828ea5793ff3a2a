"""A product in a folder: settings that point at a sandbox, an instance, and a way to run a refresh."""

from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import pytest

from gitpulse_assets.automation.launch import RunOutcome, refresh
from gitpulse_assets.definitions import build_defs
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.repo import Repo
from gitpulse_assets.sandbox.history import generate
from gitpulse_assets.sandbox.plan import HistoryPlan
from gitpulse_assets.sandbox.server import Sandbox, serve
from gitpulse_assets.settings import Settings

REPO = Repo("acme", "rocket")
TOKEN = "ghp_the_token_that_must_never_show"

Refresh = Callable[..., RunOutcome]


@pytest.fixture(scope="session")
def defs() -> dg.Definitions:
    return build_defs()


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with serve(generate([HistoryPlan(REPO.key, seed=7, issue_count=250, day_count=200)])) as running:
        yield running


@pytest.fixture
def home(tmp_path: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory whose settings name the sandbox."""
    for field in Settings.model_fields.values():
        monkeypatch.delenv(str(field.validation_alias), raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GITHUB_API_URL", sandbox.base_url)
    monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "dagster"))
    return tmp_path


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as ephemeral:
        yield ephemeral


@pytest.fixture
def run(home: Path, defs: dg.Definitions, instance: dg.DagsterInstance) -> Refresh:
    """Refresh the repository in a Dagster run: `run()`, `run(is_full=True)`."""

    def refresh_once(repo: Repo = REPO, *, is_full: bool = False) -> RunOutcome:
        return refresh(defs, instance, repo, is_full=is_full)

    return refresh_once


@pytest.fixture
def lake(home: Path) -> Lake:
    return Lake.open(str(home / ".gitpulse" / "lake"))
