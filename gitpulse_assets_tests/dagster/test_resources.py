"""The resources: settings become clients, and a wrong setting ends the step with its line."""

import dagster as dg
import duckdb as db
import pytest

from gitpulse_assets.lake import duck
from gitpulse_assets.lake.duck import spill_folder
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.repo import Repo
from gitpulse_assets.resources import DuckDB, GitHubResource, LakeResource, settings_or_failure
from gitpulse_assets.settings import load_settings

SECRETS = ("ghp_the_token_that_must_never_show", "aws_secret", "aws_session")


def test_a_wrong_setting_ends_the_step_with_its_name(home, monkeypatch):
    monkeypatch.setenv("GITHUB_API_URL", "nowhere")
    with pytest.raises(dg.Failure, match="GITHUB_API_URL: 'nowhere' is not an http") as caught:
        settings_or_failure()
    assert not caught.value.allow_retries


def test_the_lake_is_the_one_the_settings_name(home):
    lake = LakeResource().open(load_settings())
    assert isinstance(lake, Lake)
    assert str(home / "lake") in lake.store.uri("x")


def test_a_lake_that_cannot_be_written_ends_the_step_before_github_is_asked(home, monkeypatch):
    (home / "file").write_text("")
    monkeypatch.setenv("GITPULSE_LAKE_URL", str(home / "file"))
    with pytest.raises(dg.Failure, match="set GITPULSE_LAKE_URL to a folder") as caught:
        LakeResource().open(load_settings())
    assert not caught.value.allow_retries


def test_the_client_has_the_settings_token_and_shows_it_nowhere(home, sandbox):
    repo = Repo("acme", "rocket")
    with GitHubResource().client(load_settings()) as client:
        assert client.has_token(repo)
        client.repository(repo)
        shown = f"{vars(client)} {client!r} {GitHubResource()!r}"
    assert sandbox.app.log[0].token == SECRETS[0]
    assert SECRETS[0] not in shown


def test_no_resource_has_a_field_that_could_hold_a_secret(defs):
    """A field would put its value into run configuration and the UI."""
    for resource in (GitHubResource, LakeResource):
        assert set(resource.model_fields) == set(dg.ConfigurableResource.model_fields)


def test_duckdb_is_closed_when_the_body_raises():
    with pytest.raises(ZeroDivisionError), DuckDB().get_connection() as con:
        1 / 0  # noqa: B018
    with pytest.raises(db.ConnectionException):
        con.execute("select 1")


LARGE = "create temp table large as select hash(i) as h from range(10000000) as r (i)"


@pytest.fixture
def own_database(monkeypatch):
    """What the test sets of DuckDB is its own database's, not the process's."""
    monkeypatch.setattr(duck, "_started", duck.start_database)


def too_little(settings: str) -> str:
    """Make a table larger than DuckDB's memory and return the line the step fails with."""
    with pytest.raises(dg.Failure) as caught, DuckDB().get_connection() as con:
        con.execute(f"{settings}; {LARGE}")
    line = str(caught.value.description)
    assert "\n" not in line
    return line


def test_too_little_memory_is_told_by_the_name_of_its_setting(home, own_database, monkeypatch):
    monkeypatch.setenv("GITPULSE_DUCKDB_MEMORY_LIMIT", "10MB")
    line = too_little("set temp_directory = ''")
    assert line.startswith("DuckDB needs more memory than 10MB; raise GITPULSE_DUCKDB_MEMORY_LIMIT (")


def test_a_full_disk_below_duckdb_is_told_by_its_folder(home, own_database, monkeypatch):
    monkeypatch.setenv("GITPULSE_DUCKDB_MEMORY_LIMIT", "10MB")
    line = too_little("set max_temp_directory_size = '1MB'")
    assert line.startswith(f"{spill_folder()}: no space left for what DuckDB cannot hold in 10MB of memory;")
    assert "set TMPDIR to a larger disk" in line


def test_an_error_of_duckdb_that_is_no_shortage_stays_what_it_is(home):
    with pytest.raises(db.IOException), DuckDB().get_connection() as con:
        con.execute("select * from read_parquet('absent.parquet')")


def test_duckdb_counts_in_utc(home, monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    with DuckDB().get_connection() as con:
        assert con.execute("select current_setting('TimeZone')").fetchone() == ("UTC",)
