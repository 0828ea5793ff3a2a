"""A lake in a folder, and a backfill whose clock stands in a later week."""

import itertools
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from gitpulse_assets.events.backfill import Backfill
from gitpulse_assets.events.fetching import Fetcher
from gitpulse_assets.events.ledger import HourRow
from gitpulse_assets.events.projection import projections
from gitpulse_assets.lake.duck import connect
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.setting_values.archives import parse_archives
from gitpulse_assets_tests.events.hours import START


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake.open(str(tmp_path / "lake"))


@pytest.fixture(scope="session")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with connect() as con:
        yield con


@pytest.fixture
def run(con: duckdb.DuckDBPyConnection) -> Callable[..., list[HourRow]]:
    """Brings the days of an archive setting into a lake; each call is a process of its own."""
    ticks = itertools.count()

    def now() -> datetime:
        return START + timedelta(days=20, seconds=next(ticks))

    def run(lake: Lake, archives: str, days: int = 2, first: datetime = START) -> list[HourRow]:
        chosen = [one for one in projections() if one.event_type in ("PullRequestEvent", "WatchEvent")]
        with Fetcher() as fetcher:
            backfill = Backfill(lake, con, fetcher, chosen, now)
            last = (first + timedelta(days=days - 1)).date()
            return backfill.days(parse_archives(archives), first.date(), last)

    return run


@pytest.fixture
def stored(lake: Lake, con: duckdb.DuckDBPyConnection) -> Callable[..., list[dict[str, Any]]]:
    """The rows of a table as every reader of plain Parquet has them."""

    def stored(table: str = "public_event") -> list[dict[str, Any]]:
        files = lake.store.uri(f"silver/{table}/*/*.parquet")
        found = con.sql(f"select * exclude (event_date) from read_parquet('{files}') order by all")
        return found.to_arrow_table().to_pylist()

    return stored
