"""The export, read by what people have: DuckDB and a real PostgreSQL, value by value against the lake."""

import secrets
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import duckdb
import psycopg2
import pyarrow as pa
import pytest
from click.testing import CliRunner

from gitpulse_assets.bi import postgres as exporting
from gitpulse_assets.bi.duckdb_file import STORAGE_VERSION, write_duckdb
from gitpulse_assets.bi.duckdb_views import VIEWED
from gitpulse_assets.bi.postgres import PostgresError, fill_postgres, harmless
from gitpulse_assets.cli import cli
from gitpulse_assets.commands.exit_codes import DONE, FAILED, WRONG_USE
from gitpulse_assets.contracts.model import TableContract
from gitpulse_assets.events.backfill import Backfill
from gitpulse_assets.events.fetching import Fetcher
from gitpulse_assets.events.projection import projections
from gitpulse_assets.lake.duck import MEMORY_LIMIT, connect, literal
from gitpulse_assets.lake.hour_name import file_name
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.marts.backlog_verdict import MART_BACKLOG_VERDICT
from gitpulse_assets.marts.issue_daily_flow import MART_ISSUE_DAILY_FLOW
from gitpulse_assets.setting_values.archives import parse_archives
from gitpulse_assets_tests.answer_lakes import EMPTY, ROCKET
from gitpulse_assets_tests.conftest import absent
from gitpulse_assets_tests.deployment import postgres
from gitpulse_assets_tests.events.hours import event, packed

FLOW = f"gitpulse.{MART_ISSUE_DAILY_FLOW.view_name}"


@pytest.fixture(scope="module")
def file(lake: Lake, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("exported") / "it's.duckdb"
    write_duckdb(lake, made, MEMORY_LIMIT)
    return made


@pytest.fixture(scope="module")
def opened(file: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The file as a reader opens it."""
    with duckdb.connect(str(file), read_only=True) as con:
        con.execute("set TimeZone = 'UTC'")
        yield con


@pytest.fixture
def lake_of_events(tmp_path: Path) -> Lake:
    """Two days of events, the second of them in two parts."""
    lake, folder = Lake.open(str(tmp_path / "lake")), tmp_path / "archive"
    folder.mkdir()
    midnight = datetime(2026, 3, 2, tzinfo=UTC)
    sent = {midnight: [event(1, midnight - timedelta(seconds=1)), event(2, midnight, "WatchEvent")]}
    sent[midnight + timedelta(hours=1)] = [event(3, midnight + timedelta(hours=1))]
    for hour_at, events in sent.items():
        (folder / file_name(hour_at)).write_bytes(packed(events))
    with connect() as con, Fetcher() as fetcher:
        backfill = Backfill(lake, con, fetcher, projections())
        backfill.days(parse_archives(f"mine={folder}"), midnight.date(), midnight.date())
    return lake


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    if postgres.programs() is None:
        absent("postgres", "PostgreSQL's programs are not installed")
    with postgres.served(secrets.token_hex()) as server:
        yield f"postgresql://{postgres.USER}:{server.password}@127.0.0.1:{server.port}/gitpulse"


@pytest.fixture(scope="module")
def filled(lake: Lake, url: str) -> Iterator[Any]:
    """A cursor of a database that was filled twice."""
    for _ in range(2):
        fill_postgres(lake, url, MEMORY_LIMIT)
    connection = psycopg2.connect(url)
    connection.autocommit = True
    with connection.cursor() as cursor:
        yield cursor
    connection.close()


@lru_cache
def stored(lake: Lake, contract: TableContract) -> list[dict[str, Any]]:
    """The rows of both repositories, nested ones as their number of items."""
    rows = [row for repo in (ROCKET, EMPTY) for row in lake.dataset(contract, repo).to_table().to_pylist()]
    return in_order(contract, rows)


def in_order(contract: TableContract, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    nested = [c.name for c in contract.columns if "struct" in str(c.type)]
    flat = [row | {name: len(row[name]) for name in nested} for row in rows]
    return sorted(flat, key=lambda row: [str(row[name]) for name in contract.key])


@pytest.mark.parametrize("contract", VIEWED, ids=lambda contract: contract.name)
def test_the_file_holds_every_row_of_every_table(lake, opened, contract: TableContract):
    found = opened.sql(f"from {contract.view_name}").to_arrow_table()
    assert [field.type for field in found.schema] == [field.type for field in contract.arrow_schema]
    assert in_order(contract, found.to_pylist()) == stored(lake, contract)


def test_the_file_holds_the_events_of_every_day(lake_of_events: Lake, tmp_path):
    write_duckdb(lake_of_events, tmp_path / "lake.duckdb", MEMORY_LIMIT)
    with duckdb.connect(str(tmp_path / "lake.duckdb"), read_only=True) as con:
        found = con.sql("select event_id from silver_github_public_event order by all").fetchall()
        watched = con.sql("select event_id from silver_github_public_watch").fetchall()
    assert (found, watched) == ([(1,), (2,), (3,)], [(2,)])


def test_the_file_is_of_the_storage_that_duckdb_1_2_reads(file):
    with duckdb.connect() as con:
        con.execute(f"attach {literal(str(file))} as x (read_only)")
        found = con.sql("select tags from duckdb_databases() where database_name = 'x'").fetchall()
    assert found[0][0]["storage_version"].startswith(STORAGE_VERSION)


def test_every_table_and_column_of_the_file_has_its_comment(file):
    with duckdb.connect(str(file), read_only=True) as con:
        tables = con.sql("select table_name from duckdb_tables() where comment is not null").fetchall()
        bare = con.sql("select column_name from duckdb_columns() where not internal and comment is null")
        assert {name for (name,) in tables} == {contract.view_name for contract in VIEWED}
        assert bare.fetchall() == []


def test_a_file_that_is_open_is_replaced_whole_and_nothing_is_left_beside_it(lake, tmp_path):
    target = tmp_path / "lake.duckdb"
    target.write_bytes(b"of yesterday")
    with target.open("rb") as reader:
        write_duckdb(lake, target, MEMORY_LIMIT)
        assert reader.read() == b"of yesterday"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.postgres
@pytest.mark.parametrize("contract", VIEWED, ids=lambda contract: contract.name)
def test_postgresql_holds_every_row_of_every_table_once(lake, filled, contract: TableContract):
    filled.execute(f"select * from gitpulse.{contract.view_name}")
    names = [column.name for column in filled.description]
    assert names == list(contract.column_names)
    found = [dict(zip(names, row, strict=True)) for row in filled.fetchall()]
    assert in_order(contract, found) == stored(lake, contract)


@pytest.mark.postgres
def test_postgresql_has_the_comments_and_nested_rows_as_json(filled):
    filled.execute(f"select count(*) from pg_description where objoid = '{FLOW}'::regclass")
    assert filled.fetchone() == (len(MART_ISSUE_DAILY_FLOW.columns) + 1,)
    filled.execute(
        f"select change ->> 'label_name' from gitpulse.{MART_BACKLOG_VERDICT.view_name}, "
        "jsonb_array_elements(label_changes) change limit 1"
    )
    assert filled.fetchone()


@pytest.mark.postgres
def test_what_people_made_on_the_tables_stays_and_a_column_they_lack_is_added(lake, url, filled):
    filled.execute(f"create view people as select flow_date from {FLOW}")
    filled.execute(f"alter table {FLOW} drop column rolling_7d_closed")
    fill_postgres(lake, url, MEMORY_LIMIT)
    filled.execute(f"select count(rolling_7d_closed), (select count(*) from people) from {FLOW}")
    rows = len(stored(lake, MART_ISSUE_DAILY_FLOW))
    assert filled.fetchone() == (rows, rows)


@pytest.mark.postgres
def test_a_column_of_another_type_is_refused_and_the_old_rows_stay(lake, url, filled):
    filled.execute(f"alter table {FLOW} alter column open_at_end type double precision")
    try:
        with pytest.raises(
            PostgresError, match="open_at_end is double precision, not bigint; drop the table"
        ):
            fill_postgres(lake, url, MEMORY_LIMIT)
        filled.execute(f"select count(*) from {FLOW}")
        assert filled.fetchone() == (len(stored(lake, MART_ISSUE_DAILY_FLOW)),)
    finally:
        filled.execute(f"alter table {FLOW} alter column open_at_end type bigint")


@pytest.mark.parametrize(
    ("kind", "sent"),
    [
        (pa.string(), "a\0b"),
        (pa.list_(pa.string()), ["a\0b"]),
        (pa.list_(pa.struct([("x", pa.string())])), [{"x": "a\0b"}]),
    ],
)
def test_no_character_0_is_sent(kind: pa.DataType, sent: Any):
    with duckdb.connect() as con:
        con.register("stored", pa.table({"x": pa.array([sent], kind)}))
        found = con.sql(f"select {exporting.sendable('x', kind)} from stored").fetchall()
    assert "\0" not in str(found)
    assert "u0000" not in str(found)


def test_a_database_that_does_not_answer_is_one_line_without_the_password(folder, monkeypatch):
    monkeypatch.setenv("GITPULSE_LAKE_URL", str(folder))
    result = CliRunner().invoke(cli, ["export", "--postgres", "postgresql://me:very-secret@127.0.0.1:9/x"])
    assert (result.exit_code, result.stdout) == (FAILED, "")
    assert len(result.stderr.strip().splitlines()) == 1
    assert "very-secret" not in result.stderr
    assert "very-secret" not in harmless("in 'postgresql://u:very-secret@h'", "postgresql://u:very-secret@h")


def test_the_command_writes_the_file_and_says_how_to_open_it(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("GITPULSE_LAKE_URL", str(folder))
    target = tmp_path / "lake.duckdb"
    result = CliRunner().invoke(cli, ["export", str(target)])
    assert (result.exit_code, result.stderr) == (DONE, "")
    assert target.stat().st_size > 0
    assert "read-only" in result.stdout
    nowhere = CliRunner().invoke(cli, ["export", str(tmp_path / "no folder" / "lake.duckdb")])
    assert nowhere.exit_code == FAILED
    assert "cannot be written" in nowhere.stderr


def test_a_lake_that_is_not_there_is_refused(tmp_path, monkeypatch):
    """A mistyped address would be an empty file, and exit code 0."""
    monkeypatch.setenv("GITPULSE_LAKE_URL", str(tmp_path / "mistyped"))
    target = tmp_path / "lake.duckdb"
    result = CliRunner().invoke(cli, ["export", str(target)])
    assert result.exit_code == FAILED
    assert "no table is here; check GITPULSE_LAKE_URL" in result.output
    assert not target.exists()


@pytest.mark.parametrize("arguments", [[], ["lake.duckdb", "--postgres", "postgresql://x"]])
def test_one_of_file_and_database_is_named(arguments: list[str]):
    assert CliRunner().invoke(cli, ["export", *arguments]).exit_code == WRONG_USE
