"""Whatever a metric's SQL does, it reads nothing but the views put before it, and comes to an end."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import date
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from gitpulse_assets.answers.lake_answers import LakeAnswers
from gitpulse_assets.contracts.events import PUBLIC_EVENT
from gitpulse_assets.events.feed_hours import FeedHours
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.metrics import answers as of_answers
from gitpulse_assets.metrics import clock as of_clock
from gitpulse_assets.metrics.answers import COMPUTED_AT_ONCE, MetricAnswers, locked_database
from gitpulse_assets.metrics.catalogue import Metric, read_metrics, shipped_metrics
from gitpulse_assets.metrics.clock import Clock, TooLong
from gitpulse_assets.metrics.event_days import EventDays, PolledFeeds, star_trouble

COUNT = next(one for one in shipped_metrics() if one.id == "event_count_offset")
ENDLESS = "select count(*) from range(1000000) a, range(1000) b where hash(a.range + b.range) = 1"
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


def own(folder: Path, text: str) -> Metric:
    """The metric of a user's file."""
    path = folder / "own.yaml"
    path.write_text(text)
    (metric,) = read_metrics(path)
    return metric


@contextmanager
def opened(lake: Lake) -> Iterator[MetricAnswers]:
    """The answers of a lake, by a process that knows nothing of it yet."""
    with closing(LakeAnswers(lake)) as of_lake, closing(MetricAnswers(lake, of_lake)) as answers:
        yield answers


FILES = "file system operations are disabled by configuration"
LOCKED = "the configuration has been locked"


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("select * from read_text('/etc/hostname')", FILES),
        ("select * from read_csv('/etc/hostname')", FILES),
        ("select * from '/etc/hostname'", "/etc/hostname does not exist"),
        ("select * from glob('/etc/*')", FILES),
        ("select * from read_parquet('http://127.0.0.1:9/x')", FILES),
        ("copy (select 1) to '/tmp/gitpulse-leak.csv'", FILES),
        ("attach '/tmp/gitpulse-leak.duckdb' as other", FILES),
        ("install httpfs", FILES),
        ("load httpfs", "Loading external extensions is disabled"),
        ("set memory_limit = '100GB'", LOCKED),
        ("set max_temp_directory_size = '100GB'", LOCKED),
        ("set enable_external_access = true", LOCKED),
        ("set TimeZone = 'Asia/Tokyo'", LOCKED),
        ("select * from a_table", "a_table does not exist"),
        ("create secret s (type s3)", FILES),
    ],
)
def test_case_29_the_connection_has_no_files_no_network_and_no_settings(statement: str, words: str):
    a_table = pa.table({"x": [1]})
    with locked_database() as database, database.cursor() as con, pytest.raises(duckdb.Error, match=words):
        con.execute(statement).fetchall()
    assert not Path("/tmp/gitpulse-leak.csv").exists()
    # Elsewhere DuckDB finds it by its name.
    assert duckdb.sql("select x from a_table").to_arrow_table() == a_table


def test_days_are_utc_days_whatever_the_machine_says(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    with locked_database() as database, database.cursor() as con:
        (row,) = con.execute("select timestamptz '2026-03-01 23:30:00+00'::date::varchar").fetchall()
    assert row == ("2026-03-01",)


def test_a_metric_that_takes_too_long_is_stopped(lake: Lake, tmp_path: Path):
    with (
        opened(lake) as answers,
        pytest.raises(TooLong, match=r"it took longer than 0\.2 s; ask for less time"),
    ):
        answers.ask(own(tmp_path, SLOW), {}, seconds_max=0.2)


@pytest.mark.parametrize("call", ["ask", "coverage"])
def test_of_many_that_ask_at_once_some_wait_so_that_none_is_stopped_for_the_others(
    answers: MetricAnswers, monkeypatch: pytest.MonkeyPatch, call: str
):
    """The page's first question is for the coverage, which has to be judged as every answer's."""
    verdicts, at_work, most = MetricAnswers._verdicts, [], []

    def noted(self: MetricAnswers, *given):
        at_work.append(given)
        most.append(len(at_work))
        time.sleep(0.01)
        found = verdicts(self, *given)
        at_work.remove(given)
        return found

    monkeypatch.setattr(MetricAnswers, "_verdicts", noted)
    asked = getattr(answers, call)
    with ThreadPoolExecutor(12) as users:
        found = list(users.map(lambda minutes: asked(COUNT, {"offset": minutes}), range(101, 113)))
    assert len(found) == 12
    assert max(most) <= COMPUTED_AT_ONCE


@pytest.mark.parametrize("call", ["ask", "coverage"])
def test_judging_hours_is_stopped_as_the_figures_are(lake: Lake, monkeypatch: pytest.MonkeyPatch, call: str):
    """It alone took minutes for ten years of an archive, and four of them stopped everybody's metrics."""
    monkeypatch.setattr(of_answers, "judged", lambda con, *given: con.execute(ENDLESS))
    with opened(lake) as answers, pytest.raises(TooLong, match=r"it took longer than 0\.2 s"):
        getattr(answers, call)(COUNT, {"offset": 60}, seconds_max=0.2)


def test_days_are_not_read_any_more_once_the_time_is_over(lake: Lake):
    with opened(lake) as answers, pytest.raises(TooLong):
        answers.question(COUNT, {"offset": 60}, seconds_max=0)


def test_no_table_of_a_day_is_opened_any_more_once_the_time_is_over(lake: Lake):
    def over() -> None:
        raise TooLong

    days = EventDays(lake)
    commits, feeds = days.commits(days.versions(), date.min, date.max), FeedHours({})
    with locked_database() as con:
        for read in (
            lambda: EventDays(lake).commits(days.versions(), date.min, date.max, over),
            lambda: days.feed_hours(commits, PolledFeeds(), over),
            lambda: days.is_filtered(commits, over),
            lambda: days.open([PUBLIC_EVENT], commits, over),
            lambda: days.owned(con, commits, 5, "acme", over),
            lambda: days.named_in(con, commits, 5, "acme/r5", over),
            lambda: star_trouble(con, days, commits, feeds, over),
        ):
            with pytest.raises(TooLong):
                read()


def test_the_wait_for_a_turn_is_not_counted(monkeypatch: pytest.MonkeyPatch):
    now = [0.0]
    monkeypatch.setattr(of_clock, "monotonic", lambda: now[0])

    @contextmanager
    def turn() -> Iterator[None]:
        now[0] += 3600
        yield

    clock = Clock(5)
    with clock.waiting(turn()):
        clock.check()
        now[0] += 5
        with pytest.raises(TooLong):
            clock.check()


def test_what_is_begun_after_the_time_is_stopped_too():
    def slow(con: duckdb.DuckDBPyConnection) -> None:
        with Clock(0.05).running(con):
            time.sleep(0.1)
            con.execute(ENDLESS)

    with locked_database() as database, database.cursor() as con, pytest.raises(TooLong):
        slow(con)


def test_rows_that_are_left_off_are_said_and_the_first_stay_in_their_order(lake: Lake, tmp_path: Path):
    with opened(lake) as answers:
        found = answers.ask(own(tmp_path, MANY), {})
    assert found.rows["number"].to_pylist() == list(range(20_000, 10_000, -1))
    assert str(found.reason).endswith("Only the first 10,000 rows are answered.")
    assert found.told()["data_quality"]["verdict"] == "thin"


def test_rows_that_are_larger_than_one_answer_may_be_are_refused(
    lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """DuckDB's limit counts nothing of them: 10,000 payloads could be gigabytes of the server's."""
    monkeypatch.setattr(of_answers, "ROW_BYTES_MAX", 10_000)
    with opened(lake) as answers, pytest.raises(TooLong, match="more memory than a metric may take"):
        answers.ask(own(tmp_path, MANY), {})
