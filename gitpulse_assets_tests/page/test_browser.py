"""What a person sees and does on the page, in a real browser: no error on its console, usable by everyone."""

import shutil
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from gitpulse_assets.answers.lake_answers import LakeAnswers
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.page.report import make_report
from gitpulse_assets.serve.app import create_app
from gitpulse_assets_tests.answer_lakes import HALF, ROCKET
from gitpulse_assets_tests.conftest import absent
from gitpulse_assets_tests.page.conftest import EVIL, plain_settings

# Half a minute of processor: `.ci/run` runs it beside the suite.
pytestmark = [pytest.mark.browser, pytest.mark.dear]

START_SECONDS_MAX = 240
# With no more than half a minute, as Playwright has it, a busy machine fails what is right.
PATIENCE_MILLISECONDS = 100_000
CARDS = 8
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
# Every control has a name, every heading its rank, every picture its words, every cell its header.
ACCESSIBILITY = """() => {
  const wrong = [];
  const named = (one) => one.getAttribute("aria-label") || one.labels?.length || one.textContent.trim();
  for (const one of document.querySelectorAll("a[href], button, select, input:not([type=hidden]), summary"))
    if (!named(one)) wrong.push("no name: " + one.outerHTML.slice(0, 80));
  let rank = 0;
  for (const one of document.querySelectorAll("h1, h2, h3, h4")) {
    const here = Number(one.tagName[1]);
    if (here > rank + 1) wrong.push("heading skips a rank: " + one.textContent);
    rank = here;
  }
  if (document.querySelectorAll("h1").length !== 1) wrong.push("not one h1");
  if (document.querySelectorAll("main").length !== 1) wrong.push("not one main");
  if (!document.documentElement.lang || !document.title) wrong.push("no language or title");
  for (const one of document.querySelectorAll("[role=img], [role=region]"))
    if (!one.getAttribute("aria-label")) wrong.push("no words for: " + one.outerHTML.slice(0, 80));
  for (const one of document.querySelectorAll("table"))
    if (!one.querySelector("th[scope]")) wrong.push("a table without headers");
  const ids = [...document.querySelectorAll("[id]")].map((one) => one.id);
  for (const id of new Set(ids)) if (ids.filter((one) => one === id).length > 1) wrong.push("twice: #" + id);
  for (const one of document.querySelectorAll("[aria-labelledby]"))
    if (!document.getElementById(one.getAttribute("aria-labelledby"))) wrong.push("labelled by nothing");
  return wrong;
}"""
# Contrast of each text with the first ground below it, as WCAG 2 counts it.
CONTRAST = """() => {
  const parse = (text) => text.match(/[\\d.]+/g).map(Number);
  const channel = (v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const luminance = (c) => 0.2126 * channel(c[0]) + 0.7152 * channel(c[1]) + 0.0722 * channel(c[2]);
  const ground = (one) => {
    for (let at = one; at; at = at.parentElement) {
      const colour = parse(getComputedStyle(at).backgroundColor);
      if (colour.length < 4 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  const weak = [];
  for (const one of document.querySelectorAll("main *, header *, footer")) {
    const isSvg = one instanceof SVGElement;
    const says = [...one.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!says || one.closest("script, noscript, option") || (isSvg && one.tagName !== "text")) continue;
    const colour = parse(getComputedStyle(one)[isSvg ? "fill" : "color"]);
    const [low, high] = [luminance(colour), luminance(ground(one))].sort((a, b) => a - b);
    const ratio = (high + 0.05) / (low + 0.05);
    if (ratio < 4.5) weak.push(`${ratio.toFixed(2)} ${one.tagName} ${one.textContent.trim().slice(0, 40)}`);
  }
  return weak;
}"""


@pytest.fixture(scope="module")
def address(lake: Lake) -> Iterator[str]:
    yield from served(lake)


def served(lake: Lake) -> Iterator[str]:
    """The page on a port of its own."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(create_app(lake, plain_settings()), log_level="warning"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    deadline = time.monotonic() + START_SECONDS_MAX
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.05)
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join(START_SECONDS_MAX)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium")
    if chromium is None:
        absent("browser", "there is no chromium on the path")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(
            executable_path=chromium, args=list(FLAGS), timeout=PATIENCE_MILLISECONDS
        )
        expect.set_options(timeout=PATIENCE_MILLISECONDS)
        yield opened
        opened.close()


def patient(browser: Browser, address: str, **options) -> BrowserContext:
    """A visitor who waits as long as a busy machine takes."""
    context = browser.new_context(base_url=address, **options)
    context.set_default_timeout(PATIENCE_MILLISECONDS)
    return context


def open_page(browser: Browser, address: str, **options) -> Iterator[Page]:
    """A page that must end without a word on its console."""
    context = patient(browser, address, **options)
    page, said = context.new_page(), []
    page.on("console", lambda message: said.append(message.text) if message.type != "info" else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("requestfailed", lambda request: said.append(f"{request.url} failed"))
    yield page
    context.close()
    assert said == []


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    yield from open_page(browser, address, viewport={"width": 1280, "height": 900})


@pytest.fixture(params=["light", "dark"])
def themed(request: pytest.FixtureRequest, browser: Browser, address: str) -> Iterator[Page]:
    yield from open_page(browser, address, color_scheme=request.param)


@pytest.fixture
def narrow(browser: Browser, address: str) -> Iterator[Page]:
    yield from open_page(browser, address, viewport={"width": 360, "height": 740})


def see_story(page: Page, query: str = "") -> None:
    """Open the repository's page and wait until its charts are drawn."""
    page.goto(f"/?repo={ROCKET}{query}")
    expect(page.locator("[data-spec][data-drawn]")).to_have_count(CARDS)
    expect(page.locator("[data-spec] svg.marks")).to_have_count(CARDS)


def test_every_chart_is_drawn_in_both_themes(themed: Page):
    see_story(themed)
    assert themed.evaluate(ACCESSIBILITY) == []
    assert themed.evaluate(CONTRAST) == []


def test_the_list_of_repositories_is_readable_in_both_themes(themed: Page):
    themed.goto("/")
    expect(themed.get_by_role("link", name=ROCKET.key)).to_be_visible()
    assert themed.evaluate(ACCESSIBILITY) == []
    assert themed.evaluate(CONTRAST) == []


def test_the_filters_narrow_the_story(page: Page):
    see_story(page)
    page.locator("select[name=window]").select_option("28")
    page.locator("select[name=label]").select_option(index=1)
    page.get_by_role("button", name="Show").click()
    expect(page.locator(".window")).to_contain_text("(28 days), label")
    expect(page.locator("[data-spec][data-drawn]")).to_have_count(CARDS)
    assert "window=28" in page.url


def test_a_bar_of_the_swing_chart_leads_to_its_issues(page: Page):
    see_story(page)
    page.locator("#chart-swings .mark-rect path").first.click()
    expect(page.locator("#issues-heading")).to_contain_text("Issues that moved the backlog on")
    expect(page.locator("#issues tbody tr").first).to_be_visible()
    page.get_by_role("link", name="All days again").click()
    expect(page.locator("#issues-heading")).to_contain_text("Open issues, oldest first")


@pytest.mark.parametrize("share", [0.3, 0.5])
def test_a_pointer_anywhere_is_told_a_days_figures(page: Page, share: float):
    """Also between two days, which lie 12 pixels apart here."""
    see_story(page)
    chart = page.locator("#chart-backlog svg")
    chart.scroll_into_view_if_needed()
    box = chart.bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] * share, box["y"] + box["height"] / 2)
    expect(page.locator("#vg-tooltip-element")).to_contain_text("open at its end")


def test_the_table_is_downloaded(page: Page, tmp_path: Path):
    see_story(page)
    with page.expect_download() as started:
        page.get_by_role("link", name="CSV").click()
    assert started.value.suggested_filename == "acme-rocket-issues.csv"
    started.value.save_as(tmp_path / "issues.csv")
    assert (tmp_path / "issues.csv").read_text().startswith("issue_number,title,")


def test_titles_from_github_run_nothing(page: Page):
    page.on("dialog", lambda dialog: pytest.fail("a script of an issue's title ran"))
    see_story(page, "&state=all&sort=oldest")
    # The last page has no such link, and one that is not read to its end has no title yet.
    while not page.get_by_text(EVIL).count():
        with page.expect_navigation():
            page.get_by_role("link", name="Next").click()
    expect(page.get_by_text(EVIL)).to_be_visible()


def test_a_reader_with_a_keyboard_alone_gets_on(page: Page):
    see_story(page)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    for _ in range(3):
        page.keyboard.press("Tab")
    focused = page.locator(":focus")
    assert focused.evaluate("one => getComputedStyle(one).outlineStyle") != "none"
    details = page.locator("#card-backlog summary")
    details.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#card-backlog tbody tr").first).to_be_visible()


def test_a_narrow_screen_needs_no_sideways_scrolling(narrow: Page):
    see_story(narrow)
    assert narrow.evaluate("document.documentElement.scrollWidth") <= 360
    assert narrow.evaluate(ACCESSIBILITY) == []


@pytest.mark.parametrize("query", [f"?repo={HALF}", "?repo=nobody/nothing", f"?repo={ROCKET}&window=0"])
def test_what_has_no_answer_says_what_helps(browser: Browser, address: str, query: str):
    context = patient(browser, address)
    page = context.new_page()
    page.goto(f"/{query}")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert page.evaluate(ACCESSIBILITY) == []
    context.close()


def test_the_page_is_read_without_javascript(browser: Browser, address: str):
    context = patient(browser, address, java_script_enabled=False)
    page = context.new_page()
    page.goto(f"/?repo={ROCKET}")
    expect(page.locator("#card-backlog summary")).to_be_visible()
    page.locator("select[name=window]").select_option("180")
    page.get_by_role("button", name="Show").click()
    expect(page.locator(".window")).to_contain_text("(180 days)")
    context.close()


def test_the_report_opens_from_a_file_without_a_network(
    browser: Browser, address: str, answers: LakeAnswers, tmp_path: Path
):
    file = tmp_path / "report.html"
    file.write_text(make_report(answers, ROCKET).html, encoding="utf-8")
    for page in open_page(browser, address, offline=True):
        page.goto(file.as_uri())
        expect(page.locator("svg.marks")).to_have_count(CARDS)
        assert page.evaluate(ACCESSIBILITY) == []
        assert page.evaluate(CONTRAST) == []
