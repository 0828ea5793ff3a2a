"""The page, the report, the API and `gitpulse verdict` say the same."""

import html
import json
import re

import pytest
from click.testing import CliRunner
from fastapi.testclient import TestClient

from gitpulse_assets.answers.lake_answers import LakeAnswers
from gitpulse_assets.cli import cli
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.page.report import make_report
from gitpulse_assets_tests.answer_lakes import ROCKET

WINDOW_DAYS = 90


def figures_of(text: str) -> dict[str, str]:
    """The header's figures of a page or a report, by what they are."""
    found = re.findall(r"<div><dt>([^<]+)</dt><dd><strong>([^<]+)</strong>", text)
    return {what: html.unescape(value) for what, value in found}


@pytest.fixture(scope="module")
def told(lake: Lake) -> dict:
    """What the command line tells of the window."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GITPULSE_LAKE_URL", lake.store.uri("").rstrip("/"))
        result = CliRunner().invoke(cli, ["verdict", ROCKET.key, "--window", str(WINDOW_DAYS), "--json"])
    return json.loads(result.stdout)[0]


@pytest.fixture(scope="module")
def report(answers: LakeAnswers) -> str:
    return make_report(answers, ROCKET).html


@pytest.fixture(scope="module")
def page(site: TestClient) -> str:
    return site.get(f"/?repo={ROCKET}&window={WINDOW_DAYS}").text


def test_all_say_the_same_words(site: TestClient, told: dict, page: str, report: str):
    api = site.get(f"/api/repository/{ROCKET}/verdict?window={WINDOW_DAYS}").text
    assert told["explanation"] in html.unescape(page)
    assert told["explanation"] in html.unescape(report)
    assert json.dumps(told["paragraph"], ensure_ascii=False)[1:-1] in api


def test_all_say_the_same_numbers(told: dict, page: str, report: str):
    assert figures_of(page) == figures_of(report)
    shown = figures_of(page)
    assert shown["Net change"] == f"{told['net_change']:+,}"
    assert shown["Opened"] == f"{told['opened_count']:,}"
    assert shown["Closed"] == f"{told['closed_count']:,}"
    assert float(shown["Pace a week"]) == pytest.approx(told["pace_per_week"], abs=0.05)


def test_the_chart_draws_what_the_api_gives(site: TestClient, page: str):
    rows = site.get(f"/api/repository/{ROCKET}/daily-flow?window={WINDOW_DAYS}").json()["rows"]
    found = re.search(r'id="spec-backlog">(.*?)</script>', page, re.DOTALL)
    assert found
    drawn = json.loads(found[1])["datasets"]["flow"]
    assert [(row["flow_date"], row["open_at_end"]) for row in drawn] == [
        (row["flow_date"], row["open_at_end"]) for row in rows
    ]


def test_the_report_needs_no_network_and_runs_nothing(report: str):
    assert "<script" not in report
    assert "default-src 'none'" in report
    assert not re.search(r'(?:src|<link[^>]*href)="(?!data:)', report)
    assert not re.search(r"url\((?!#)", report)
    assert report.count("<svg") == 8
