"""Every card's SQL on DuckDB over the printed views, against the answers of the page and the API."""

import re
from datetime import date, timedelta
from typing import Any

import duckdb
import pytest

from gitpulse_assets.answers.lake_answers import LakeAnswers
from gitpulse_assets.bi.duckdb_views import duckdb_views
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.lake.s3_options import S3Options
from gitpulse_assets.metabase.cards import CARDS, TAG
from gitpulse_assets_tests.answer_lakes import EMPTY, ROCKET

OPTIONAL = re.compile(r"\[\[(.*?)\]\]", re.DOTALL)
SQL = {card.file + card.snippets.get("direction", ""): card.sql for card in CARDS}


@pytest.fixture(scope="module")
def con(folder):
    with duckdb.connect() as made:
        made.execute(duckdb_views(Lake.open(str(folder)), str(folder), S3Options(), with_comments=False))
        yield made


@pytest.fixture(scope="module")
def rocket(folder):
    answers = LakeAnswers(Lake.open(str(folder)))
    yield answers.ask(ROCKET, lambda asked: asked)
    answers.close()


def run(con, file: str, **given: Any) -> list[dict[str, Any]]:
    """Run a card as Metabase does: an optional clause without its parameter is left out, the rest bound."""
    given = {"repository": ROCKET.key, "window_days": 90, **given}

    def optional(clause: re.Match[str]) -> str:
        return clause[1] if set(TAG.findall(clause[1])) <= given.keys() else ""

    text = OPTIONAL.sub(optional, SQL[file])
    bound = {name: given[name] for name in set(TAG.findall(text))}
    return con.sql(TAG.sub(r"$\1", text), params=bound).to_arrow_table().to_pylist()


@pytest.fixture(params=["28 days", "90 days", "a past window"])
def case(request, rocket):
    last = rocket.published.last_complete_date
    if request.param == "a past window":
        end = last - timedelta(days=50)
        window = rocket.window(start=end - timedelta(days=59), end=end)
        return window, {"window_days": 60, "last_day": end}
    days = int(request.param.split()[0])
    return rocket.window(days), {"window_days": days}


def test_there_are_seventeen_and_each_has_its_file():
    assert len(CARDS) == len(SQL) == len({card.title for card in CARDS}) == 17
    assert not [name for name, sql in SQL.items() if "snippet" in sql]


def test_header(con, rocket, case):
    window, given = case
    header = rocket.header(window)
    assert run(con, "repository", **given) == [{"repository": "acme/rocket"}]
    assert run(con, "date_window", **given) == [
        {"start_date": window.start_date, "end_date": window.end_date, "observed_days": window.days}
    ]
    for file, name in (("opened", "opened"), ("closed", "closed"), ("net_change", "net_change")):
        assert run(con, file, **given) == [{name: header[name if name == "net_change" else f"{name}_count"]}]


def test_direction(con, rocket, case):
    window, given = case
    (row,) = run(con, "direction", **given)
    if "last_day" in given:
        assert row["direction"].startswith("no verdict: ")
    else:
        assert row["direction"] == rocket.verdict(window)["direction"]


def test_series(con, rocket, case):
    window, given = case
    days = rocket.daily_flow(window).to_pylist()
    assert [tuple(row.values()) for row in run(con, "cumulative_backlog", **given)] == [
        (day["flow_date"], day["open_at_end"]) for day in days
    ]
    assert [tuple(row.values()) for row in run(con, "seven_day_flow", **given)] == [
        (day["flow_date"], day["rolling_7d_opened"], day["rolling_7d_closed"]) for day in days
    ]
    assert [tuple(row.values()) for row in run(con, "seven_day_velocity", **given)] == [
        (day["flow_date"], day["rolling_7d_net_change"]) for day in days
    ]


@pytest.mark.parametrize(("file", "direction"), [("swing_days'up'", "up"), ("swing_days'down'", "down")])
def test_swing_days(con, rocket, case, file, direction):
    window, given = case
    expected = [row for row in rocket.swing_days(window).to_pylist() if row["direction"] == direction]
    found = run(con, file, **given)
    assert [(r["flow_date"], r["net_change"]) for r in found] == [
        (r["flow_date"], r["net_change"]) for r in expected
    ]
    signs = ("+#", "-#") if direction == "up" else ("-#", "+#")
    for row, other in zip(found, expected, strict=True):
        behind = {f"{signs[0]}{number}" for number in other["issue_numbers"]}
        behind |= {f"{signs[1]}{number}" for number in other["offset_issue_numbers"]}
        assert set(row["issues"].split()) == behind


def test_closure_age(con, rocket, case):
    window, given = case
    closure = rocket.closure_age(window)
    months = [row for row in closure.months.to_pylist() if row["closed_issue_count"]]
    found = run(con, "monthly_closure_age", **given)
    assert [(r["closed_month"], r["closed_issues"], r["median_days"], r["p90_days"]) for r in found] == [
        (r["closed_month"], r["closed_issue_count"], r["median_closure_age_days"], r["p90_closure_age_days"])
        for r in months
    ]
    for name in ("share_closed_within_7d", "share_closed_after_90d"):
        assert run(con, name, **given) == [{"share": pytest.approx(closure.in_window[name])}]


@pytest.mark.parametrize("kind", ["opened", "closed"])
def test_weekdays(con, rocket, case, kind):
    window, given = case
    rhythm = [row for row in rocket.weekday_rhythm(window).to_pylist() if row["event_type"] == kind]
    assert [tuple(row.values()) for row in run(con, f"{kind}_by_weekday", **given)] == [
        (row["weekday_name"], row["issue_count"]) for row in rhythm
    ]


def test_issue_detail(con, rocket, case):
    window, given = case
    found = {row["issue_number"]: row for row in run(con, "issue_detail", **given)}
    rows = rocket.published.datasets["mart_issue_lifecycle"].to_table().to_pylist()

    def holds(day: date | None) -> bool:
        return day is not None and window.start_date <= day <= window.end_date

    assert set(found) == {
        r["issue_number"] for r in rows if holds(r["created_date"]) or holds(r["closed_date"])
    }


@pytest.mark.parametrize("repository", [EMPTY.key, "no/such", "x'; drop view gold_mart_issue_daily_flow; --"])
@pytest.mark.parametrize("file", list(SQL))
def test_a_repository_without_issues_breaks_no_card(con, file, repository):
    run(con, file, repository=repository)


def test_the_repositorys_letter_case_does_not_matter(con):
    assert run(con, "opened", repository="Acme/ROCKET") == run(con, "opened")
