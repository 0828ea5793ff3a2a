"""Every chart is a Vega-Lite document that says what it shows, also where there is nothing to show."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import altair as alt
import pytest

from gitpulse_assets.charts import charts, titles
from gitpulse_assets.charts.parts import Document
from gitpulse_assets.charts.render import chunks, png, svg, untitled

START = dt.date(2026, 1, 1)


def flow(net_changes: list[int], open_before: int = 100) -> list[dict[str, Any]]:
    rows, stock = [], open_before
    for number, net in enumerate(net_changes):
        stock += net
        rows.append(
            {
                "flow_date": START + dt.timedelta(days=number),
                "opened_count": max(net, 0),
                "closed_count": max(-net, 0),
                "net_change": net,
                "open_at_end": stock,
                "rolling_7d_opened": 3,
                "rolling_7d_closed": 2,
                "rolling_7d_net_change": 1,
            }
        )
    return rows


def verdict(**changed: Any) -> dict[str, Any]:
    told = {
        "repo_owner": "acme",
        "repo_name": "rocket",
        "direction": "growing",
        "open_at_start": 100,
        "net_change": 3,
        "pace_per_week": 7.0,
        "pace_low_per_week": -0.25,
        "pace_high_per_week": 14.0,
        "bulk_movements": [],
    }
    return told | changed


def month(**changed: Any) -> dict[str, Any]:
    told = {
        "closed_month": START,
        "closed_issue_count": 5,
        "median_closure_age_days": 6.84,
        "p90_closure_age_days": 120.0,
        "kaplan_meier_median_closure_age_days": 296.4,
        "share_closed_within_7d": 0.514,
        "share_closed_after_90d": 0.25,
    }
    return told | changed


NOTHING_CLOSED = month(
    closed_issue_count=0,
    median_closure_age_days=None,
    p90_closure_age_days=None,
    kaplan_meier_median_closure_age_days=None,
    share_closed_within_7d=None,
    share_closed_after_90d=None,
)
RHYTHM = [
    {"weekday_num": num, "weekday_name": name, "event_type": kind, "issue_count": num}
    for num, name in enumerate(("Monday", "Tuesday"))
    for kind in ("opened", "closed")
]
LABELS = [
    {"label_name": name, "open_issue_count": count, "share_of_open": 0.5, "net_change": 1}
    for name, count in ((titles.NO_LABEL, 9), ("bug", 7))
]
BANDS = [
    {
        "age_band": band,
        "to_days": to,
        "open_issue_count": count,
        "share_of_open": 0.5,
        "oldest_issue_number": 1,
    }
    for band, to, count in (("0-7 d", 7, 1), ("> 365 d", None, 3))
]
DAYS = [
    {"flow_date": START, "net_change": net, "issue_numbers": [1, 2], "swing_rank": 1, "url": "?day=1"}
    for net in (4, -9)
]

CHARTS: dict[str, Callable[[], Document]] = {
    "backlog": lambda: charts.backlog(flow([1, 1, 1]), verdict()),
    "backlog without days": lambda: charts.backlog([], verdict(pace_per_week=None)),
    "flow": lambda: charts.opened_and_closed(flow([1, 1, -5])),
    "flow without days": lambda: charts.opened_and_closed([]),
    "swings": lambda: charts.swing_days(DAYS),
    "swings without days": lambda: charts.swing_days([]),
    "closure age": lambda: charts.closure_age([month()], month()),
    "closure age without closings": lambda: charts.closure_age([NOTHING_CLOSED], NOTHING_CLOSED),
    "closure shares": lambda: charts.closure_shares([month()], month()),
    "weekdays": lambda: charts.weekday_rhythm(RHYTHM),
    "weekdays without days": lambda: charts.weekday_rhythm([]),
    "labels": lambda: charts.backlog_by_label(LABELS),
    "labels without issues": lambda: charts.backlog_by_label([]),
    "ages": lambda: charts.backlog_by_age(BANDS),
    "ages without issues": lambda: charts.backlog_by_age([]),
    "comparison": lambda: charts.comparison([verdict(), verdict(repo_name="shuttle", pace_per_week=None)]),
    "comparison of none": lambda: charts.comparison([]),
}


@pytest.mark.parametrize("make", CHARTS.values(), ids=CHARTS)
def test_a_chart_keeps_vega_lites_schema_and_says_what_it_shows(make: Callable[[], Document]):
    document = make()
    alt.Chart.from_dict(untitled(document) | {"title": document["title"]}, validate=True)
    assert document["title"]["text"]
    assert document["description"].startswith(document["title"]["text"])


def test_the_titles_say_the_finding():
    said = {name: make()["title"]["text"] for name, make in CHARTS.items()}
    assert said["backlog"] == "Backlog grew by 3 to 103"
    assert said["flow"] == "2 opened, 5 closed: 3 more closed than opened"
    assert said["swings"] == "2026-01-01 removed 9; 2026-01-01 added 4"
    assert said["closure shares"] == "51 % of the closings came within 7 days, 25 % after more than 90"
    assert said["weekdays"] == "Most are opened on Tuesdays, most closed on Tuesdays"
    assert said["labels"] == "bug has the largest backlog: 7 open"
    assert said["ages"] == "75 % of the 4 open issues are older than a year"
    assert said["comparison"] == "Backlogs: 2 growing"


def test_the_title_of_closing_ages_names_the_bias():
    said = charts.closure_age([month()], month())["title"]["text"]
    assert said.startswith("Half of what was closed was older than 6.8 days; with open issues counted")
    assert said.endswith("closing takes 296 days")
    most_stay = month(kaplan_meier_median_closure_age_days=None)
    assert "more than half stay open" in charts.closure_age([most_stay], most_stay)["title"]["text"]


@pytest.mark.parametrize(
    ("net_changes", "said"),
    [([-3, 1], "Backlog shrank by 2 to 98"), ([3, -3], "Backlog ended where it began, at 100")],
)
def test_the_backlogs_title_tells_its_direction(net_changes: list[int], said: str):
    assert titles.backlog(flow(net_changes)) == said


def test_the_trend_begins_at_the_windows_start_and_never_falls_below_none():
    shrinking = verdict(open_at_start=2, pace_per_week=-7.0, pace_low_per_week=-14.0, pace_high_per_week=0.0)
    trend = charts.backlog(flow([-1, 0, 0], 2), shrinking)["datasets"]["trend"]
    assert [row["flow_date"] for row in trend] == ["2025-12-31", "2026-01-03"]
    assert [(row["low"], row["high"]) for row in trend] == [(2, 2), (0, 2)]


def test_a_bulk_movement_is_marked_on_its_utc_day():
    began = dt.datetime(2026, 1, 2, 23, tzinfo=dt.timezone(dt.timedelta(hours=-2)))
    move = {"started_at": began, "is_arrival": False, "issue_count": 24}
    marks = charts.backlog(flow([0, 0, -24]), verdict(bulk_movements=[move]))["datasets"]["bulk"]
    assert [(row["flow_date"], row["said"]) for row in marks] == [("2026-01-03", "-24 in bulk")]


def axis_titles(part: Any) -> list[str]:
    """The titles of all axes that measure something."""
    if isinstance(part, list):
        return [title for one in part for title in axis_titles(one)]
    if not isinstance(part, dict):
        return []
    found = [
        part["encoding"][channel].get("title") or part["encoding"][channel].get("axis", {}).get("title")
        for channel in ("x", "y")
        if part.get("encoding", {}).get(channel, {}).get("type") == "quantitative"
    ]
    return [str(title) for title in found] + axis_titles(part.get("layer", []))


@pytest.mark.parametrize("name", [name for name in CHARTS if "without" not in name and "none" not in name])
def test_every_measured_axis_names_its_unit(name: str):
    titles = set(axis_titles(CHARTS[name]()))
    assert titles
    assert all(any(unit in title for unit in ("issues", "days", "share")) for title in titles), titles


def test_a_chart_is_drawn_with_text_escaped_and_colours_by_variable():
    evil = [{**LABELS[1], "label_name": "</text><script>alert(1)</script>"}]
    drawn = svg(untitled(charts.backlog_by_label(evil)), 720)
    assert "<script" not in drawn
    assert "&lt;script" in drawn
    assert "var(--closed)" in drawn


def test_a_preview_is_a_small_png():
    drawn = png(charts.backlog(flow([1] * 90), verdict()), 420)
    parts = dict(chunks(drawn))
    assert drawn.startswith(b"\x89PNG")
    assert list(parts) == [b"IHDR", b"IDAT", b"IEND"]
    assert len(drawn) < 40_000
