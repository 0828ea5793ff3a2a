"""Whatever a metric's SQL does, it reads nothing but the views put before it, and comes to an end."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import pytest

from gitpulse_assets.answers.lake_answers import LakeAnswers
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.metrics import answers as of_answers
from gitpulse_assets.metrics.answers import (
    COMPUTED_AT_ONCE,
    Clock,
    MetricAnswers,
    TooLong,
    locked_database,
)
from gitpulse_assets.metrics.catalogue import read_metrics, shipped_metrics

SLOW = """\
- id: slow
  name: Slow
  description: Counts for hours.
  visualisation: value
  unit: rows
  sql: >-
    select count(*) as row_count
    from range(100000) as a, range(100000) as b, range(1000) as c
    left join (select open_at_end from gold_mart_issue_daily_flow) on open_at_end = c.range
    where hash(a.range + b.range) % 7 = 3
"""

MANY = """\
- id: many
  name: Many
  description: More rows than are answered.
  visualisation: table
  unit: rows
  sql: >-
    select distinct b.range + 1 as number
    from range(20000) as b
    left join (select open_at_end from gold_mart_issue_daily_flow) on open_at_end < 0
    order by number desc;
"""


@pytest.mark.parametrize(
    "statement",
    [
        "select * from read_text('/etc/hostname')",
        "select * from read_csv('/etc/hostname')",
        "select * from '/etc/hostname'",
        "select * from glob('/etc/*')",
        "copy (select 1) to '/tmp/gitpulse-leak.csv'",
        "attach '/tmp/gitpulse-leak.duckdb' as other",
        "install httpfs",
        "load httpfs",
        "set memory_limit = '100GB'",
        "set enable_external_access = true",
        "set TimeZone = 'Asia/Tokyo'",
        "select * from a_variable",
        "create secret s (type s3)",
    ],
)
def test_case_29_the_connection_has_no_files_no_network_and_no_settings(statement: str):
    a_variable = [1]
    with locked_database() as database, database.cursor() as con, pytest.raises(duckdb.Error):
        con.execute(statement).fetchall()
    assert a_variable
    assert not Path("/tmp/gitpulse-leak.csv").exists()


def test_days_are_utc_days_whatever_the_machine_says(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    with locked_database() as database, database.cursor() as con:
        (row,) = con.execute("select timestamptz '2026-03-01 23:30:00+00'::date::varchar").fetchall()
    assert row == ("2026-03-01",)


def test_a_metric_that_takes_too_long_is_stopped(lake: Lake, tmp_path: Path):
    path = tmp_path / "own.yaml"
    path.write_text(SLOW)
    of_lake = LakeAnswers(lake)
    answers = MetricAnswers(lake, of_lake)
    (metric,) = read_metrics(path)
    with pytest.raises(TooLong, match=r"it took longer than 0\.2 s; ask for less time"):
        answers.ask(metric, {}, seconds_max=0.2)
    answers.close()
    of_lake.close()


HOURS = "select count(*) from range(1000000) as a, range(1000) as b where hash(a.range + b.range) = 1"


def test_judging_the_hours_of_a_long_time_is_stopped_as_the_figures_are(
    answers: MetricAnswers, monkeypatch: pytest.MonkeyPatch
):
    """Four who asked for ten years held all turns, and nothing ended them."""
    monkeypatch.setattr(of_answers, "judged", lambda con, *given: con.execute(HOURS))
    metric = next(one for one in shipped_metrics() if one.id == "event_count_offset")
    with pytest.raises(TooLong, match=r"it took longer than 0\.2 s"):
        answers.ask(metric, {"offset": 77}, seconds_max=0.2)


def test_what_is_begun_after_the_time_is_stopped_too():
    def slow(con: duckdb.DuckDBPyConnection) -> None:
        with Clock(0.05).running(con):
            time.sleep(0.1)
            con.execute(HOURS)

    with locked_database() as database, database.cursor() as con, pytest.raises(TooLong):
        slow(con)


def test_rows_that_are_left_off_are_said_and_the_first_stay_in_their_order(lake: Lake, tmp_path: Path):
    path = tmp_path / "own.yaml"
    path.write_text(MANY)
    of_lake = LakeAnswers(lake)
    answers = MetricAnswers(lake, of_lake)
    (metric,) = read_metrics(path)
    found = answers.ask(metric, {})
    assert found.rows["number"].to_pylist() == list(range(20_000, 10_000, -1))
    assert str(found.reason).endswith("Only the first 10,000 rows are answered.")
    answers.close()
    of_lake.close()


def test_of_many_that_ask_at_once_some_wait_so_that_none_is_stopped_for_the_others(
    answers: MetricAnswers, monkeypatch: pytest.MonkeyPatch
):
    rows, at_work, most = MetricAnswers._rows, [], []

    def noted(self: MetricAnswers, *given):
        at_work.append(given)
        most.append(len(at_work))
        time.sleep(0.01)
        found = rows(self, *given)
        at_work.remove(given)
        return found

    monkeypatch.setattr(MetricAnswers, "_rows", noted)
    metric = next(one for one in shipped_metrics() if one.id == "event_count_offset")
    with ThreadPoolExecutor(12) as users:
        found = list(users.map(lambda minutes: answers.ask(metric, {"offset": minutes}), range(101, 113)))
    assert len(found) == 12
    assert max(most) <= COMPUTED_AT_ONCE
