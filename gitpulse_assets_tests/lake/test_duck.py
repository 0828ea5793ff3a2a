"""The process's one DuckDB database: what its connections share, and what each has for itself."""

import threading
from pathlib import Path

import duckdb
import pytest

from gitpulse_assets.lake import duck
from gitpulse_assets.lake.duck import (
    FEW_ROWS,
    at_most_threads,
    connect,
    parsed,
    rows_of,
    rows_within,
    run,
    sized,
    start_database,
)


def test_what_is_made_on_one_connection_is_not_on_another():
    with connect() as one, connect() as other:
        one.execute("create temp table made as select 1 as x")
        one.register("given", other.sql("select 1 as x").to_arrow_table())
        for name in ("made", "given"):
            with pytest.raises(duckdb.CatalogException):
                other.execute(f"from {name}")


def test_a_statement_is_parsed_once_and_run_with_other_values_on_other_connections():
    statement = "select $value::int + 1 as next"
    with connect() as one, connect() as other:
        assert run(one, statement, {"value": 1}).fetchall() == [(2,)]
        assert run(other, statement, {"value": 2}).fetchall() == [(3,)]
        assert rows_of(other, statement, {"value": 3}).to_arrow_table().to_pylist() == [{"next": 4}]
    assert parsed(statement) is parsed(statement)


def test_a_database_that_broke_is_replaced(monkeypatch: pytest.MonkeyPatch):
    really, databases = duck.session, []

    def broken_once(database: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
        databases.append(database)
        if len(databases) == 1:
            raise duckdb.FatalException("a fault inside DuckDB")
        return really(database)

    monkeypatch.setattr(duck, "session", broken_once)
    with connect() as con:
        assert con.execute("select 1").fetchall() == [(1,)]
    assert databases[0] is not databases[1]


def test_few_rows_are_read_on_one_thread_and_many_on_all_there_are(tmp_path: Path):
    with start_database("100MB", tmp_path) as con:
        every = threads_of(con)
        with sized(con, FEW_ROWS):
            assert threads_of(con) == every
        with sized(con, FEW_ROWS - 1):
            with at_most_threads(con, 2):
                assert threads_of(con) == 1
            assert threads_of(con) == 1
        with pytest.raises(ValueError, match="in the middle"), sized(con, 0):
            raise ValueError("in the middle")
        assert threads_of(con) == every


def threads_of(con: duckdb.DuckDBPyConnection) -> int:
    return con.execute("select current_setting('threads')").fetchall()[0][0]


def test_rows_that_are_too_large_are_not_read_on():
    query = "select repeat('x', 1000) as t from range(1000000)"
    with connect() as con, pytest.raises(duckdb.OutOfMemoryException, match="larger than 100,000 bytes"):
        rows_within(con.sql(query), 100_000)


def test_a_stream_that_is_interrupted_says_so_as_a_statement_does():
    """Arrow's reader has it as an OSError."""
    with connect() as con:
        threading.Timer(0.05, con.interrupt).start()
        with pytest.raises(duckdb.InterruptException):
            rows_within(con.sql("select range from range(1000000000)"), 10**10)


def test_another_trouble_in_a_stream_is_an_error_of_duckdb():
    query = "select if(range < 9000, range, error('made')::bigint) as n from range(10000)"
    with connect() as con, pytest.raises(duckdb.Error, match="made"):
        rows_within(con.sql(query), 10**6)
