"""The page Events: every metric is drawn, with the time that is not whole, whatever it is asked."""

import html
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import altair as alt
import duckdb
import pytest
from starlette.testclient import TestClient

from gitpulse_assets.charts import metrics as charts
from gitpulse_assets.metrics.answers import Answered, MetricAnswers
from gitpulse_assets.metrics.catalogue import Metric, shipped_metrics
from gitpulse_assets.metrics.clock import TooLong
from gitpulse_assets.page.events import values_of
from gitpulse_assets_tests.metrics.events import BEGIN, HOUR, MISSING, THIN
from gitpulse_assets_tests.metrics.plain import Truth
from gitpulse_assets_tests.serve.conftest import app_of

BY_ID = {metric.id: metric for metric in shipped_metrics()}
DRAWN = [one.id for one in shipped_metrics() if one.entry.visualisation in ("bar", "line")]


@pytest.fixture(scope="module")
def client(folder: Path) -> Iterator[TestClient]:
    with TestClient(app_of(folder), raise_server_exceptions=False) as made:
        yield made


def specs(text: str) -> dict[str, Any]:
    found = re.findall(r'id="spec-(\w+)">(.*?)</script>', text, re.DOTALL)
    return {name: json.loads(html.unescape(document)) for name, document in found}


def test_every_metric_has_a_card_and_is_drawn_as_it_says(client: TestClient):
    text = client.get("/events").text
    assert [name for name in BY_ID if f'id="card-{name}"' not in text] == []
    assert list(specs(text)) == sorted(DRAWN, key=lambda name: name != "events_per_minute")


def test_a_metric_without_rows_says_so_and_leaves_no_empty_table(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
):
    ask = MetricAnswers.ask

    def silent(self: MetricAnswers, metric: Metric, values: Any, seconds_max: float = 20) -> Answered:
        answered = ask(self, metric, values, seconds_max)
        return replace(answered, rows=answered.rows.slice(0, 0)) if metric.id == "avg_pr_time" else answered

    monkeypatch.setattr(MetricAnswers, "ask", silent)
    card = client.get("/events").text.partition('id="card-avg_pr_time"')[2].partition("</section>")[0]
    assert "Nothing to draw." in card
    assert "<details" not in card


def test_gaps_and_thin_hours_are_shaded(client: TestClient):
    told = specs(client.get("/events?window=360").text)["events_per_minute"]["datasets"]
    assert [one["from_at"] for one in told["missing"]] == [(BEGIN + MISSING * HOUR).isoformat()]
    assert [one["from_at"] for one in told["thin"]] == [(BEGIN + THIN * HOUR).isoformat()]


def test_the_window_says_how_much_of_it_is_whole(client: TestClient, truth: Truth):
    text = client.get("/events?window=360").text
    assert '<option value="360" selected>' in text
    assert re.search(r"6\d\.\d % of this time is whole", text)
    assert f"{truth.newest_at:%Y-%m-%d %H:%M} UTC" in text


def test_what_a_metric_alone_lacks_stands_on_its_card(client: TestClient):
    text = client.get("/events").text
    assert "closings of which nobody can tell" in text
    assert text.count("Not all of it:") < len(BY_ID)


@pytest.mark.parametrize("window", ["0", "-1", "all", "1; drop", "99999999", "٦٠"])
def test_case_29_another_window_is_refused_with_those_there_are(client: TestClient, window: str):
    reply = client.get("/events", params={"window": window})
    assert reply.status_code == 422
    assert "is none of 60, 360, 1440" in html.unescape(reply.text)


def test_without_events_it_says_what_helps(tmp_path: Path):
    with TestClient(app_of(tmp_path / "lake")) as client:
        reply = client.get("/events")
    assert (reply.status_code, "gitpulse events backfill FROM TO" in reply.text) == (200, True)


def test_a_time_that_cannot_be_judged_soon_is_refused_as_a_page(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
):
    def late(*_: Any) -> None:
        raise TooLong("it took longer than 20 s; ask for less time")

    monkeypatch.setattr(MetricAnswers, "coverage", late)
    reply = client.get("/events")
    assert (reply.status_code, "<h1>" in reply.text) == (422, True)
    assert "ask for less time" in reply.text


def test_a_window_in_days_is_the_metric_s_own_where_the_time_chosen_has_few():
    assert values_of(BY_ID["stars_per_day"], 1_440)["days"] == 30
    assert values_of(BY_ID["stars_per_day"], 20 * 1_440)["days"] == 20
    assert values_of(BY_ID["event_count_offset"], 60)["offset"] == 60
    assert values_of(BY_ID["events_per_minute"], 10**7)["offset"] == 43_200
    assert values_of(BY_ID["avg_pr_time"], 60)["offset"] == 60


@pytest.mark.parametrize(
    "rows", [[], [{"at": BEGIN, "n": None}], [{"at": BEGIN, "n": 2}, {"at": BEGIN + HOUR, "n": 3}]]
)
def test_charts_are_vega_lite_whatever_there_is(rows: list[dict[str, Any]]):
    gap = {"from_at": BEGIN, "to_at": BEGIN + HOUR, "verdict": "missing", "reason": "no_file"}
    for document in (
        charts.bars("Title", "What.", "events", ["at", "n"], rows),
        charts.line("Title", "What.", "events", ["at", "n"], rows, [gap] if rows else []),
    ):
        alt.Chart.from_dict(document, validate=True)


def test_what_strangers_called_a_repository_is_text():
    document = charts.bars("T", "", "n", ["name", "n"], [{"name": "<script>alert(1)</script>", "n": 1}])
    assert document["datasets"]["rows"][0]["label"] == "<script>alert(1)</script>"


def test_a_metric_that_takes_too_long_or_fails_does_not_take_the_page_with_it(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
):
    ask = MetricAnswers.ask

    def failing(self: MetricAnswers, metric: Metric, values: Any, seconds_max: float = 20) -> Answered:
        if metric.id == "top_actors":
            raise TooLong("it took longer than 6 s; ask for less time")
        if metric.id == "avg_pr_time":
            raise duckdb.ConversionException("of this machine")
        return ask(self, metric, values, seconds_max)

    monkeypatch.setattr(MetricAnswers, "ask", failing)
    reply = client.get("/events?window=60")
    assert reply.status_code == 200
    assert "It took longer than 6 s; ask for less time. The HTTP API waits longer." in reply.text
    assert "It cannot be computed; the server&#39;s log says why." in reply.text
    assert "of this machine" not in reply.text
