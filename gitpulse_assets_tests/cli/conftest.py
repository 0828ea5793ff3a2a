"""The command line in this process, in an empty folder, against a sandbox."""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import pytest
from click.testing import CliRunner, Result

from gitpulse_assets.assets.bronze import bronze
from gitpulse_assets.cli import cli
from gitpulse_assets.commands import refresh
from gitpulse_assets.repo import Repo
from gitpulse_assets.sandbox.history import generate
from gitpulse_assets.sandbox.plan import HistoryPlan
from gitpulse_assets.sandbox.server import Sandbox, serve
from gitpulse_assets_tests.conftest import forget_settings

REPO = Repo("acme", "rocket")
TOKEN = "ghp_the_token_that_must_never_show"

Command = Callable[..., Result]


@contextmanager
def a_home(folder: Path, base_url: str) -> Iterator[Path]:
    """An empty working directory whose settings name the sandbox; the rest is the embedded default."""
    with pytest.MonkeyPatch.context() as patch:
        forget_settings(patch)
        # Set by the command itself, and to be taken back.
        patch.setenv("DAGSTER_HOME", "")
        patch.chdir(folder)
        patch.setenv("GITHUB_API_URL", base_url)
        patch.setenv("GITHUB_TOKEN", TOKEN)
        yield folder


def run_command(*arguments: str) -> Result:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = CliRunner().invoke(cli, arguments)
    assert "Traceback" not in result.output
    assert TOKEN not in result.output
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    """A world that stands still, but for what a test has fail."""
    plans = [HistoryPlan(REPO.key, seed=7, issue_count=150, day_count=200)]
    with serve(generate([*plans, HistoryPlan("acme/closed", issue_count=9, has_issues=False)])) as running:
        yield running


@pytest.fixture
def home(tmp_path: Path, sandbox: Sandbox) -> Iterator[Path]:
    with a_home(tmp_path, sandbox.base_url) as folder:
        yield folder
    sandbox.app.faults.clear()


@pytest.fixture
def gitpulse(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Command]:
    """Run the command line in an empty folder: `gitpulse("refresh", "acme/rocket")`.

    Its Dagster instance is in memory, which saves the seconds that a stored one takes to be made.
    """
    with dg.DagsterInstance.ephemeral() as instance:
        monkeypatch.setattr(refresh, "instance_of", lambda settings: nullcontext(instance))
        yield run_command


@pytest.fixture
def stored_gitpulse(home: Path) -> Command:
    """Run the command line in an empty folder, on the instance the settings name."""
    return run_command


@dataclass
class Refreshed:
    """A folder in which one repository was refreshed, the command's result, and a way to run others."""

    home: Path
    result: Result
    gitpulse: Command


@pytest.fixture(scope="session")
def first_refresh(tmp_path_factory: pytest.TempPathFactory, sandbox: Sandbox) -> Refreshed:
    with a_home(tmp_path_factory.mktemp("refreshed"), sandbox.base_url) as folder:
        return Refreshed(folder, run_command("refresh", REPO.key), run_command)


@pytest.fixture
def refreshed(first_refresh: Refreshed, sandbox: Sandbox) -> Iterator[Refreshed]:
    with a_home(first_refresh.home, sandbox.base_url):
        yield first_refresh


@pytest.fixture
def no_delay(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries, of requests and of the step, without the pauses between them."""
    monkeypatch.setattr("gitpulse_assets.github.transport.back_off_seconds", lambda attempt: 0)
    policy = bronze.op.retry_policy
    assert policy is not None
    monkeypatch.setattr(bronze.op, "_retry_policy", policy._replace(delay=0.01))
