"""What a person sees in Dagster's own UI after a refresh, in a real browser."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import httpx
import pytest
from playwright.sync_api import Page, expect, sync_playwright

from gitpulse_assets.definitions import build_defs
from gitpulse_assets.repo import Repo
from gitpulse_assets.runs.kinds import REPORT_JOB
from gitpulse_assets.runs.launch import execute, is_success, prepare_home, refresh
from gitpulse_assets.sandbox.history import generate
from gitpulse_assets.sandbox.plan import HistoryPlan
from gitpulse_assets.sandbox.server import serve
from gitpulse_assets_tests.conftest import absent

# Half a minute of processor for a webserver and a browser: `.ci/run` runs it beside the suite.
pytestmark = [pytest.mark.browser, pytest.mark.dear]

REPO = Repo("acme", "rocket")
START_SECONDS_MAX = 120
PATIENCE_MILLISECONDS = 100_000
LINEAGE = """query Lineage($of: AssetKeyInput!) { assetNodeOrError(assetKey: $of) { ... on AssetNode {
    dependencyKeys { path }
    metadataEntries { ... on TableColumnLineageMetadataEntry {
        lineage { columnName columnDeps { assetKey { path } columnName } }
    } }
} } }"""
# Without these Chromium looks for its maker's hosts at every start, in the middle of a test.
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home in which one generated repository was refreshed, and its report made."""
    folder = tmp_path_factory.mktemp("ui")
    with (
        pytest.MonkeyPatch.context() as patch,
        serve(generate([HistoryPlan(REPO.key, issue_count=200)])) as sandbox,
    ):
        patch.chdir(folder)
        patch.setenv("GITHUB_API_URL", sandbox.base_url)
        patch.setenv("GITHUB_TOKEN", "sandbox")
        patch.setenv("DAGSTER_HOME", str(folder / "dagster"))
        patch.setenv("GITPULSE_LAKE_URL", str(folder / "lake"))
        prepare_home(folder / "dagster")
        with dg.DagsterInstance.get() as instance:
            assert refresh(build_defs(), instance, REPO, is_full=False).is_success
            _, events = execute(build_defs(), instance, REPORT_JOB, {}, {"dagster/partition": REPO.key})
            assert is_success(events)
        yield folder


@pytest.fixture(scope="module")
def address(home: Path) -> Iterator[str]:
    """Dagster's webserver on the home."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    workspace = str(home / "dagster" / "workspace.yaml")
    command = [sys.executable, "-m", "dagster_webserver", "-w", workspace, "-h", "127.0.0.1", "-p", str(port)]
    environment = {**os.environ, "PYTHONWARNINGS": "ignore"}
    with (home / "webserver.log").open("wb") as log:
        server = subprocess.Popen(command, cwd=home, env=environment, stdout=log, stderr=log)
    try:
        wait_for(f"http://127.0.0.1:{port}/server_info", server)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(START_SECONDS_MAX)


def wait_for(url: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < deadline and server.poll() is None:
        try:
            httpx.get(url)
        except httpx.TransportError:
            time.sleep(0.5)
        else:
            return
    pytest.fail(f"the webserver did not answer at {url}")


@pytest.fixture(scope="module")
def page(address: str) -> Iterator[Page]:
    chromium = shutil.which("chromium")
    if chromium is None:
        absent("browser", "there is no chromium on the path")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=list(FLAGS), timeout=PATIENCE_MILLISECONDS
        )
        opened = browser.new_page(base_url=address, viewport={"width": 1600, "height": 1200})
        opened.set_default_timeout(PATIENCE_MILLISECONDS)
        expect.set_options(timeout=PATIENCE_MILLISECONDS)
        yield opened
        browser.close()


def test_the_graph_has_its_three_layers(page: Page):
    page.goto("/asset-groups")
    for layer in ("bronze", "silver", "gold"):
        expect(page.get_by_text(layer, exact=True).first).to_be_visible()


def test_a_table_shows_its_partition(page: Page):
    page.goto("/assets/silver/issue_current?view=partitions")
    expect(page.get_by_text(REPO.key).first).to_be_visible()
    expect(page.get_by_text("Materialized (1)")).to_be_visible()


def test_a_table_shows_its_checks(page: Page):
    page.goto("/assets/silver/issue_current?view=checks")
    for check in ("contract", "control_total"):
        expect(page.get_by_text(check, exact=True).first).to_be_visible()
    expect(page.get_by_text("rows keep every rule").first).to_be_visible()


def test_a_marts_lineage_is_what_its_sql_reads(page: Page):
    page.goto("/assets/gold/mart_issue_daily_flow?view=lineage")
    # The UI cuts longer names short.
    for table in ("issue_transitions", "sync_state", "repository", "backlog_report"):
        expect(page.get_by_text(table, exact=True).first).to_be_visible()
    assert page.get_by_text("issue_labels", exact=True).count() == 0


def test_a_column_tells_what_it_is_made_from(page: Page):
    page.goto("/assets/gold/mart_issue_daily_flow?view=overview")
    expect(page.get_by_text("From silver/issue_transitions (").first).to_be_visible()


def test_the_uis_graphql_hands_on_what_a_column_is_made_from(address: str):
    """Dagster's hosted product draws it from there."""
    asked = {"query": LINEAGE, "variables": {"of": {"path": ["gold", "mart_issue_daily_flow"]}}}
    found = httpx.post(f"{address}/graphql", json=asked, timeout=60).json()["data"]["assetNodeOrError"]
    assert {key["path"][1] for key in found["dependencyKeys"]} == {
        "issue_transitions",
        "repository",
        "sync_state",
    }
    (lineage,) = (entry["lineage"] for entry in found["metadataEntries"] if "lineage" in entry)
    (deps,) = (of["columnDeps"] for of in lineage if of["columnName"] == "opened_count")
    assert deps == [{"assetKey": {"path": ["silver", "issue_transitions"]}, "columnName": "kind"}]


def test_the_verdict_stands_on_its_asset(page: Page):
    page.goto(f"/assets/gold/mart_backlog_verdict?view=events&partition={REPO.key}")
    expect(page.get_by_text("verdict_90_days").first).to_be_visible()
    expect(
        page.get_by_text("window_end_date").or_(page.get_by_text("the backlog").first).first
    ).to_be_visible()


def test_the_curve_is_shown_on_the_reports_page(page: Page):
    page.goto(f"/assets/report/backlog_report?view=events&partition={REPO.key}")
    expect(page.get_by_text("index.html").first).to_be_visible()
    page.get_by_text("Show Markdown").first.click()
    curve = page.locator("img[src^='data:image/png']").first
    expect(curve).to_be_visible()
    assert curve.evaluate("one => one.decode().then(() => one.naturalWidth)") > 200
