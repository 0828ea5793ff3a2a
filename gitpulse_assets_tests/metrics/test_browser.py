"""The page Events in a real browser, light, dark and narrow: no word on its console, readable by everyone."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from gitpulse_assets_tests.metrics.test_page import DRAWN
from gitpulse_assets_tests.page.test_browser import ACCESSIBILITY, CONTRAST, browser, open_page
from gitpulse_assets_tests.serve.conftest import app_of, served

__all__ = ["browser"]

pytestmark = [pytest.mark.browser, pytest.mark.dear]


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    with served(app_of(folder)) as url:
        yield url


@pytest.fixture(params=["light", "dark"])
def themed(request: pytest.FixtureRequest, browser: Browser, address: str) -> Iterator[Page]:
    yield from open_page(browser, address, color_scheme=request.param)


def see(page: Page, query: str = "") -> None:
    page.goto(f"/events{query}")
    expect(page.locator("[data-spec][data-drawn]")).to_have_count(len(DRAWN))
    expect(page.locator("[data-spec] svg.marks")).to_have_count(len(DRAWN))


def test_every_metric_is_drawn_in_both_themes(themed: Page):
    see(themed)
    assert themed.evaluate(ACCESSIBILITY) == []
    assert themed.evaluate(CONTRAST) == []


def test_a_pointer_on_a_gap_is_told_what_it_is(themed: Page):
    see(themed, "?window=360")
    chart = themed.locator("#chart-events_per_minute")
    chart.scroll_into_view_if_needed()
    box = chart.locator(".mark-rect path").first.bounding_box()
    assert box
    themed.mouse.move(box["x"] + box["width"] / 2, box["y"] + 40)
    expect(themed.locator("#vg-tooltip-element")).to_contain_text("missing: no file")


def test_another_time_is_chosen_and_a_narrow_screen_suffices(browser: Browser, address: str):
    for page in open_page(browser, address, viewport={"width": 360, "height": 740}):
        see(page)
        page.locator("select[name=window]").select_option("60")
        page.get_by_role("button", name="Show").click()
        expect(page.locator(".window")).to_contain_text("Last hour")
        expect(page.locator("[data-spec][data-drawn]")).to_have_count(len(DRAWN))
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        assert page.evaluate(ACCESSIBILITY) == []
