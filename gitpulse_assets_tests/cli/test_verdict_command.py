"""`gitpulse verdict`: words, JSON, past days, and what is said where nothing is known."""

import datetime as dt
import json

import pytest

from gitpulse_assets.commands.exit_codes import DONE, FAILED, WRONG_USE
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.marts.issue_daily_flow import MART_ISSUE_DAILY_FLOW
from gitpulse_assets.repo import Repo
from gitpulse_assets.sandbox.history import generate
from gitpulse_assets.sandbox.plan import HistoryPlan
from gitpulse_assets_tests.answer_lakes import sync
from gitpulse_assets_tests.history.product import Reader

FIRST, LAST = "2025-12-12", "2026-06-29"


def windows(result) -> list[int]:
    return [row["window_days"] for row in json.loads(result.stdout)]


def test_it_says_a_direction_a_window(refreshed):
    result = refreshed.gitpulse("verdict", "acme/rocket")
    assert result.exit_code == DONE
    heads = [line for line in result.stdout.splitlines() if " days: " in line]
    assert [head.split()[0] for head in heads] == ["28", "90", "180"]
    assert {head.split()[-1] for head in heads} <= {"GROWING", "SHRINKING", "FLAT", "UNCLEAR"}
    assert "acme/rocket, 28 days to 2026-06-29 (UTC):" in result.stdout


def test_markdown_and_colours_are_left_out(refreshed):
    result = refreshed.gitpulse("verdict", "acme/rocket")
    assert "**" not in result.stdout
    assert "\x1b" not in result.stdout


def test_one_window(refreshed):
    assert windows(refreshed.gitpulse("verdict", "acme/rocket", "--json")) == [28, 90, 180]
    assert windows(refreshed.gitpulse("verdict", "acme/rocket", "--json", "--window", "90")) == [90]


def test_json_has_every_column_and_no_markup(refreshed):
    (row,) = json.loads(refreshed.gitpulse("verdict", "acme/rocket", "--json", "--window", "28").stdout)
    assert row["window_end_date"] == LAST
    assert row["open_at_end"] - row["open_at_start"] == row["net_change"]
    assert {"direction", "confidence", "pace_per_week", "paragraph", "drivers"} <= set(row)


def test_a_past_day_ends_the_windows(refreshed):
    now = json.loads(refreshed.gitpulse("verdict", "acme/rocket", "--json").stdout)
    past = json.loads(refreshed.gitpulse("verdict", "acme/rocket", "--json", "--as-of", "2026-06-01").stdout)
    assert {row["window_end_date"] for row in past} == {"2026-06-01"}
    # The 28 days to the last day begin where a verdict as of the day before them ends.
    assert now[0]["open_at_start"] == past[0]["open_at_end"]


def test_the_last_complete_day_is_what_is_published(refreshed):
    now, past = (
        json.loads(refreshed.gitpulse("verdict", "acme/rocket", "--json", *more).stdout)
        for more in ((), ("--as-of", LAST))
    )
    exact = ("direction", "open_at_start", "open_at_end", "net_change", "pace_per_week")
    assert [[row[name] for name in exact] for row in now] == [[row[name] for name in exact] for row in past]


@pytest.mark.parametrize("day", ["2020-05-01", "2025-12-11", "2026-06-30", "2030-01-01"])
def test_a_day_outside_the_history_is_refused(refreshed, day):
    result = refreshed.gitpulse("verdict", "acme/rocket", "--as-of", day)
    assert (result.exit_code, result.stdout) == (WRONG_USE, "")
    said = f"gitpulse: acme/rocket has no verdict as of {day}: its history covers {FIRST} to {LAST}\n"
    assert result.stderr == said


@pytest.mark.parametrize("arguments", [(), ("--as-of", "2026-06-01"), ("--json",)])
def test_no_data_yet_says_what_to_do(refreshed, arguments):
    result = refreshed.gitpulse("verdict", "acme/nosuch", *arguments)
    assert (result.exit_code, result.stdout) == (FAILED, "")
    said = "gitpulse: nothing is known of acme/nosuch yet; run gitpulse refresh acme/nosuch\n"
    assert result.stderr == said


@pytest.mark.parametrize(
    "arguments",
    [("rocket",), (), ("a/b", "--as-of", "yesterday"), ("a/b", "--window", "7"), ("a/b", "c/d")],
)
def test_wrong_use_is_two(refreshed, arguments):
    result = refreshed.gitpulse("verdict", *arguments)
    assert result.exit_code == WRONG_USE
    assert "Usage: gitpulse verdict" in result.stderr


def test_a_lake_that_cannot_be_reached_is_one_line(refreshed, monkeypatch):
    monkeypatch.setenv("GITPULSE_LAKE_URL", "s3://nowhere/x")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    result = refreshed.gitpulse("verdict", "acme/rocket")
    assert result.exit_code == FAILED
    line = result.stderr.splitlines()[-1]
    assert "cannot be reached" in line


def test_a_past_day_is_not_told_from_marts_older_than_the_ledger(gitpulse, tmp_path, monkeypatch):
    """A check that kept the marts back, or a refresh between the two, leaves silver newer than gold."""
    folder, repo = tmp_path / "unsettled", Repo("acme", "rocket")
    monkeypatch.setenv("GITPULSE_LAKE_URL", str(folder))
    world = generate([HistoryPlan(repo.key, seed=7, issue_count=30, day_count=60)])
    lake = Lake.open(str(folder))
    sync(lake, world, repo, folder)
    first_day = lake.dataset(MART_ISSUE_DAILY_FLOW, repo).to_table(columns=["flow_date"])[0][0].as_py()
    arguments = ("verdict", repo.key, "--json", "--as-of", str(first_day + dt.timedelta(days=40)))
    told = gitpulse(*arguments)
    assert told.exit_code == DONE
    world.advance(seconds=3600)
    Reader(world, repo, folder, run_count=1).sync(is_full=True)
    kept_back = gitpulse(*arguments)
    assert (kept_back.exit_code, kept_back.stdout) == (FAILED, "")
    assert kept_back.stderr.startswith("gitpulse: the marts of acme/rocket are older than its ledger: ")
    assert kept_back.stderr.count("\n") == 1
    assert gitpulse("verdict", repo.key).exit_code == DONE
    sync(lake, world, repo, folder)
    assert gitpulse(*arguments).stdout == told.stdout
