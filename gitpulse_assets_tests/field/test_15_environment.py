"""15: proxies and certificates of the environment with which no HTTP client can be made.

SOCKS: jacob-bd/gemini-notebook-mcp-cli#237, stabldev/torrra#28. NO_PROXY: encode/httpx#3221 and #3574,
basicmachines-co/basic-memory#1541. A certificate file that is not there: thread not found.
"""

from functools import partial
from pathlib import Path

import certifi
import pytest
from pydantic import SecretStr

import gitpulse_assets
from gitpulse_assets.commands.exit_codes import WRONG_USE
from gitpulse_assets.events.fetching import Fetcher
from gitpulse_assets.github import connection
from gitpulse_assets.github.connection import PROXIES, check_environment
from gitpulse_assets.github.errors import UnusableEnvironment
from gitpulse_assets.github.issue_writer import IssueWriter
from gitpulse_assets.lake import s3_store
from gitpulse_assets.lake.errors import LakeError
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.lake.s3_options import S3Options
from gitpulse_assets.metabase.client import Metabase
from gitpulse_assets.resources import GitHubResource
from gitpulse_assets.settings import load_settings
from gitpulse_assets_tests.cli.conftest import a_home, run_command

PACKAGE = Path(gitpulse_assets.__file__).parent
NAMES = (*PROXIES, "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE")
CASES = [
    ("ALL_PROXY", "socks://127.0.0.1:1080", "a proxy of the kind socks:// cannot be used"),
    ("ALL_PROXY", "socks5://127.0.0.1:1080", "a proxy of the kind socks5:// cannot be used"),
    ("NO_PROXY", "localhost,[::1]:80", "'[::1]:80' cannot be read"),
    ("SSL_CERT_FILE", "no/such.pem", "no/such.pem cannot be read (No such file or directory)"),
]
COUSINS = [
    ("https_proxy", "socks5h://u:secret@127.0.0.1:1080", "a proxy of the kind socks5h:// cannot be used"),
    ("HTTPS_PROXY", "http://u:secret@proxy:port", "it is no address of a proxy"),
    ("no_proxy", "a.example,[::1]", "'[::1]' cannot be read"),
    ("SSL_CERT_FILE", "text.pem", "text.pem holds no certificates in PEM form"),
    ("SSL_CERT_FILE", ".", ". cannot be read (Is a directory)"),
    ("SSLKEYLOGFILE", "no/keys.log", "no/keys.log cannot be written (No such file or directory)"),
    ("SSLKEYLOGFILE", ".", ". cannot be written (Is a directory)"),
]


@pytest.fixture(autouse=True)
def empty(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    (tmp_path / "text.pem").write_text("no certificate")
    with a_home(tmp_path, "http://127.0.0.1:1"):
        yield


@pytest.mark.parametrize(("name", "value", "said"), CASES + COUSINS)
def test_15_the_variable_is_named_and_no_password_shown(monkeypatch, name: str, value: str, said: str):
    monkeypatch.setenv(name, value)
    with pytest.raises(UnusableEnvironment) as refused:
        check_environment()
    assert str(refused.value).startswith(f"{name}: {said}")
    assert "secret" not in str(refused.value)
    assert refused.value.__cause__ is refused.value.__context__ is None


def test_15_certificates_that_were_replaced_are_read_again(monkeypatch, tmp_path: Path):
    """They are read once a process."""
    kept = tmp_path / "kept.pem"
    kept.write_bytes(Path(certifi.where()).read_bytes())
    monkeypatch.setenv("SSL_CERT_FILE", str(kept))
    assert connection._trusted() is connection._trusted()
    kept.write_text("no certificate")
    with pytest.raises(UnusableEnvironment, match="holds no certificates"):
        check_environment()


@pytest.mark.parametrize(
    "command",
    [("repos", "check"), ("plan", "acme/rocket"), ("refresh", "acme/rocket")],
    ids=["repos check", "plan", "refresh"],
)
@pytest.mark.parametrize(("name", "value"), [("ALL_PROXY", "socks5://127.0.0.1:1"), ("SSL_CERT_FILE", "no")])
def test_15_a_command_ends_with_one_line_and_code_2(monkeypatch, command, name: str, value: str):
    monkeypatch.setenv("GITPULSE_REPOS", "acme/rocket")
    monkeypatch.setenv(name, value)
    result = run_command(*command)
    assert result.exit_code == WRONG_USE
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"gitpulse: {name}: ")


def test_15_cousin_an_unwritable_key_log_is_not_blamed_on_the_certificates(monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", certifi.where())
    monkeypatch.setenv("SSLKEYLOGFILE", "no/keys.log")
    with pytest.raises(UnusableEnvironment, match=r"^SSLKEYLOGFILE: no/keys\.log cannot be written"):
        check_environment()


@pytest.mark.parametrize(
    "opened",
    [
        Fetcher,
        partial(Metabase, "http://127.0.0.1:1", "a@example.org", "secret"),
        partial(IssueWriter, "http://127.0.0.1:1", SecretStr("tok")),
    ],
    ids=["archives", "metabase", "issue writer"],
)
@pytest.mark.parametrize(("name", "value", "said"), CASES)
def test_15_cousin_every_client_of_the_product_names_the_variable(monkeypatch, opened, name, value, said):
    monkeypatch.setenv(name, value)
    with pytest.raises(UnusableEnvironment) as refused:
        opened()
    assert str(refused.value).startswith(f"{name}: {said}")


def test_15_cousin_no_client_is_made_elsewhere():
    made = [path for path in PACKAGE.rglob("*.py") if "httpx.Client(" in path.read_text(encoding="utf-8")]
    assert [str(path.relative_to(PACKAGE)) for path in made] == ["github/connection.py"]


@pytest.mark.parametrize(("name", "value"), [("ALL_PROXY", "socks5://127.0.0.1:1"), ("NO_PROXY", "[::1]:80")])
def test_15_cousin_the_events_command_ends_so_too(monkeypatch, name, value):
    monkeypatch.setenv("GITPULSE_ARCHIVES", "mine=https://127.0.0.1:1/hours 2026-01-01..")
    monkeypatch.setenv(name, value)
    result = run_command("events", "backfill", "2026-01-01", "2026-01-01")
    assert result.exit_code == WRONG_USE
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"gitpulse: {name}: ")


@pytest.mark.parametrize(
    "proxy", ["socks5://127.0.0.1:1", pytest.param("http://127.0.0.1:1", marks=pytest.mark.slow)]
)
def test_15_cousin_s3_behind_a_proxy_that_does_not_serve_names_the_proxy(monkeypatch, proxy):
    """Not the address of the server, which is right."""
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    monkeypatch.setattr(s3_store, "REQUEST_ATTEMPTS", 1)
    with pytest.raises(LakeError, match="through the proxy: check HTTPS_PROXY"):
        Lake.open("s3://bucket/lake", S3Options("https://s3.example", proxy, "secret", region="eu-west-1"))


def test_15_cousin_an_unwritable_key_log_is_named_by_the_s3_client_too(monkeypatch):
    monkeypatch.setenv("SSLKEYLOGFILE", "no/keys.log")
    with pytest.raises(LakeError, match=r"^SSLKEYLOGFILE: no/keys\.log cannot be written"):
        Lake.open("s3://bucket/lake", S3Options("https://s3.example", "key", "secret"))


def test_15_a_run_of_the_daemon_fails_once_with_the_line(monkeypatch):
    import dagster as dg

    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:1")
    with pytest.raises(dg.Failure, match="ALL_PROXY: a proxy of the kind") as failure:
        GitHubResource().client(load_settings())
    assert not failure.value.allow_retries


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HTTPS_PROXY", "proxy.example.com:3128"),
        ("HTTPS_PROXY", "http://u:p@proxy.example.com:3128"),
        ("NO_PROXY", "localhost,127.0.0.1,::1,.example.com,10.0.0.0/8,*"),
    ],
)
def test_15_what_is_right_is_taken(monkeypatch, name: str, value: str):
    monkeypatch.setenv(name, value)
    check_environment()
