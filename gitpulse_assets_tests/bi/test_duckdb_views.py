"""The printed SQL on DuckDB itself: for a folder run whole, for S3 as far as it goes without a download."""

import duckdb
import pytest
from click.testing import CliRunner

from gitpulse_assets.bi.duckdb_views import VIEWED, duckdb_views, opening, type_name
from gitpulse_assets.cli import cli
from gitpulse_assets.commands.exit_codes import DONE, FAILED
from gitpulse_assets.contracts.silver import ISSUE_CURRENT
from gitpulse_assets.lake.errors import LakeError
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.lake.s3_options import S3Options
from gitpulse_assets_tests.answer_lakes import EMPTY, ROCKET

KEYS = S3Options("http://s3.local:9000", "the-key-id", "the-secret-key", "the-session-token", "eu-central-1")
NAMES = (
    "silver_github_issue_current",
    "silver_github_issue_labels",
    "silver_github_issue_assignees",
    "silver_github_sync_state",
    "gold_mart_issue_lifecycle",
    "gold_mart_issue_daily_flow",
    "gold_mart_backlog_verdict",
)


@pytest.fixture
def con():
    with duckdb.connect() as made:
        yield made


def test_every_table_of_every_repository_is_a_view(lake, folder, con):
    con.execute(duckdb_views(lake, str(folder), S3Options()))
    assert set(NAMES) <= {contract.view_name for contract in VIEWED}
    for contract in VIEWED:
        rows = sum(lake.dataset(contract, repo).count_rows() for repo in (ROCKET, EMPTY))
        assert con.sql(f"select count(*) from {contract.view_name}").fetchall() == [(rows,)], contract.name
        columns = [row[0] for row in con.sql(f"describe {contract.view_name}").fetchall()]
        assert columns == list(contract.column_names)


def test_the_contracts_words_are_the_comments(lake, folder, con):
    con.execute(duckdb_views(lake, str(folder), S3Options()))
    query = "select comment from duckdb_columns() where table_name = ? and column_name = 'title'"
    title = next(column for column in ISSUE_CURRENT.columns if column.name == "title")
    assert con.execute(query, [ISSUE_CURRENT.view_name]).fetchall() == [(title.description,)]


def test_a_lake_without_tables_gives_empty_views_of_the_right_types(tmp_path, con):
    nothing = tmp_path / "nothing"
    con.execute("set TimeZone = 'UTC'")
    con.execute(duckdb_views(Lake.open(str(nothing), is_writable=False), str(nothing), S3Options()))
    for contract in VIEWED:
        assert con.sql(f"select count(*) from {contract.view_name}").fetchall() == [(0,)]
        found = con.sql(f"select * from {contract.view_name}").to_arrow_table().schema
        assert found.names == list(contract.column_names)
        assert [type_name(field.type) for field in found] == [type_name(c.type) for c in contract.columns]
    assert not nothing.exists()


def test_on_s3_the_statements_parse_and_no_key_is_printed(lake, con):
    """Running them needs DuckDB's httpfs extension, which a test must not download."""
    text = duckdb_views(lake, "s3://bucket/it's/lake", KEYS)
    statements = con.extract_statements(text)
    assert len(statements) > len(VIEWED) + 5
    assert "'s3://bucket/it''s/lake/gold/mart_issue_daily_flow/*/*/*.parquet'" in text
    for secret in ("the-key-id", "the-secret-key", "the-session-token"):
        assert secret not in text


def test_the_secret_says_how_the_bucket_is_reached():
    (_, secret) = opening("s3://bucket/lake", KEYS)
    for part in ("credential_chain", "endpoint 's3.local:9000'", "use_ssl false", "region 'eu-central-1'"):
        assert part in secret
    (_, plain) = opening("s3://bucket/lake", S3Options())
    assert "endpoint" not in plain
    assert "scope 's3://bucket/lake'" in plain


def test_a_path_that_would_be_a_pattern_is_refused(tmp_path):
    place = str(tmp_path / "what[1]")
    with pytest.raises(LakeError, match="takes for a pattern"):
        duckdb_views(Lake.open(place, is_writable=False), place, S3Options())


def test_the_command_prints_them(folder, con, monkeypatch):
    monkeypatch.setenv("GITPULSE_LAKE_URL", str(folder))
    result = CliRunner().invoke(cli, ["views", "--dialect", "duckdb"])
    assert (result.exit_code, result.stderr) == (DONE, "")
    con.execute(result.stdout)
    assert con.sql("select count(*) > 0 from gold_mart_issue_daily_flow").fetchall() == [(True,)]


def test_a_lake_that_cannot_be_read_is_one_line(monkeypatch):
    monkeypatch.setenv("GITPULSE_LAKE_URL", "s3://nowhere/x")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    result = CliRunner().invoke(cli, ["views"])
    assert (result.exit_code, result.stdout) == (FAILED, "")
    assert len(result.stderr.strip().splitlines()) == 1
