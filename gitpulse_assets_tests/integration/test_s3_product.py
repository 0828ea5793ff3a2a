"""The command line on a real S3 server: from nothing to a verdict, and wrong settings told in a line each."""

import uuid
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gitpulse_assets.catalog.tables import CATALOG
from gitpulse_assets.cli import cli
from gitpulse_assets.commands.exit_codes import DONE, FAILED
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.sandbox.server import Sandbox
from gitpulse_assets_tests.conftest import forget_settings
from gitpulse_assets_tests.crash.pipeline import REPO
from gitpulse_assets_tests.s3_server import BUCKET, SharedServer

pytestmark = pytest.mark.s3

Command = Callable[..., Result]


@pytest.fixture
def url() -> str:
    return f"s3://{BUCKET}/{uuid.uuid4().hex}"


@pytest.fixture
def gitpulse(
    sandbox: Sandbox, s3_server: SharedServer, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Command:
    """Run the command line in an empty folder, with a lake on the server: `gitpulse("refresh", "a/b")`."""
    forget_settings(monkeypatch)
    monkeypatch.chdir(tmp_path)
    settings = {
        "GITHUB_API_URL": sandbox.base_url,
        "GITHUB_TOKEN": "good-token",
        "GITPULSE_LAKE_URL": url,
        "AWS_ENDPOINT_URL": str(s3_server.options.endpoint_url),
        "AWS_ACCESS_KEY_ID": str(s3_server.options.access_key_id),
        "AWS_SECRET_ACCESS_KEY": str(s3_server.options.secret_access_key),
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)

    def run(*arguments: str) -> Result:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return CliRunner().invoke(cli, arguments)

    return run


def test_refresh_verdict_rebuild_maintain_and_rest_on_s3(
    gitpulse: Command, s3_server: SharedServer, url: str, tmp_path: Path
):
    refreshed = gitpulse("refresh", REPO.key)
    assert (refreshed.exit_code, refreshed.stderr) == (DONE, "")
    assert gitpulse("verdict", REPO.key).exit_code == DONE
    lake = Lake.open(url, s3_server.options)
    published = [contract for contract in CATALOG if contract.layer != "bronze"]
    before = {contract.name: lake.dataset(contract, REPO).to_table() for contract in published}
    assert before["issue_current"].num_rows
    rebuilt = gitpulse("rebuild", REPO.key)
    assert rebuilt.exit_code == DONE
    assert rebuilt.stdout.startswith(f"{REPO}: {len(published)} tables made anew from bronze")
    assert all(lake.dataset(c, REPO).to_table().equals(before[c.name]) for c in published)
    assert gitpulse("maintain").stdout == "nothing to do\n"
    commits = [lake.commit(layer, REPO) for layer in ("silver", "gold")]
    rested = gitpulse("refresh", REPO.key)
    assert (rested.exit_code, rested.stderr) == (DONE, "")
    assert rested.stdout.startswith(f"{REPO}: nothing changed, ")
    assert [lake.commit(layer, REPO) for layer in ("silver", "gold")] == commits
    assert not (tmp_path / ".gitpulse" / "lake").exists()


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("GITPULSE_LAKE_URL", "s3://no-such-bucket/x", "no such bucket: create it, or set GITPULSE_LAKE_URL"),
        ("AWS_ACCESS_KEY_ID", "someone", "does not know this access key: set AWS_ACCESS_KEY_ID"),
        ("AWS_SECRET_ACCESS_KEY", "not-to-be-told", "set AWS_SECRET_ACCESS_KEY"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:9", "cannot be reached (EndpointConnectionError)"),
    ],
)
def test_a_wrong_setting_is_one_line_before_any_request_to_github(
    gitpulse: Command, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
):
    monkeypatch.setenv(name, value)
    result = gitpulse("refresh", REPO.key)
    assert (result.exit_code, result.stdout) == (FAILED, "")
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"{REPO}: failed: s3://")
    assert said in line
    assert "not-to-be-told" not in line
    assert sandbox.app.log == []
