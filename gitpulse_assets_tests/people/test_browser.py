"""The pages of pull requests, answers and people in a real browser: usable by everyone, light and dark."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from gitpulse_assets.answers.repository import RepositoryAnswers
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.serve.sections import TITLES
from gitpulse_assets_tests.page.test_browser import ACCESSIBILITY, CONTRAST, browser, open_page, served
from gitpulse_assets_tests.people.lakes import ROCKET

__all__ = ["browser"]
pytestmark = [pytest.mark.browser, pytest.mark.timeout(240), pytest.mark.dear]

PAGES = {"pull-requests": 2, "responsiveness": 1, "contributors": 1}
SIZES = ((1280, 900), (390, 840))


@pytest.fixture(scope="module")
def address(people_lake: Lake) -> Iterator[str]:
    yield from served(people_lake)


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    yield from open_page(browser, address, viewport={"width": 1280, "height": 900})


def see(page: Page, path: str, query: str = "") -> None:
    """Open a page and wait until its charts are drawn."""
    page.goto(f"/{path}?repo={ROCKET}{query}")
    expect(page.locator("[data-spec] svg.marks")).to_have_count(PAGES[path])


def test_every_page_has_been_looked_at():
    assert set(PAGES) == {path for path in TITLES if path}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_pages_are_readable_in_both_themes_and_on_a_narrow_screen(browser: Browser, address: str, theme: str):
    for page in open_page(browser, address, color_scheme=theme):
        for width, height in SIZES:
            page.set_viewport_size({"width": width, "height": height})
            for path in PAGES:
                see(page, path)
                assert page.evaluate("document.documentElement.scrollWidth") <= width, path
                assert page.evaluate(ACCESSIBILITY) == [], path
                assert page.evaluate(CONTRAST) == [], path


def test_whom_to_answer_first_is_what_a_reader_sees_first(page: Page, asked: RepositoryAnswers):
    see(page, "responsiveness")
    first = page.get_by_role("heading", name="Answer #")
    expect(first).to_be_in_viewport()
    expect(first).to_contain_text(asked.waiting().headline)
    number = asked.waiting().first[0]["issue_number"]
    expect(page.locator("#list-follow-up tbody tr").first.get_by_role("link")).to_have_text(f"#{number}")


def test_a_label_and_a_person_are_chosen_and_their_rows_downloaded(page: Page, tmp_path: Path):
    see(page, "responsiveness")
    before = page.locator("#list-follow-up tbody tr").count()
    opened_by = page.locator("#list-follow-up tbody tr td").nth(2).inner_text()
    page.locator("input[name=person]").fill(opened_by)
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("link", name="Everything again")).to_be_visible()
    found = page.locator("#list-follow-up tbody tr")
    assert 0 < found.count() <= before
    with page.expect_download() as started:
        page.locator("#list-follow-up").get_by_role("link", name="CSV").click()
    started.value.save_as(tmp_path / "list.csv")
    assert (tmp_path / "list.csv").read_text().count("\n") - 1 == found.count()
    page.locator("select[name=label]").select_option(label="(no label)")
    page.get_by_role("button", name="Show").click()
    assert "label=%28no+label%29" in page.url
    assert f"person={opened_by}" in page.url


def test_a_reader_with_a_keyboard_alone_gets_to_the_lists(page: Page):
    see(page, "responsiveness")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    page.locator("select[name=label]").focus()
    page.keyboard.press("Tab")
    expect(page.locator("input[name=person]")).to_be_focused()
    page.locator("#list-follow-up .scroll").focus()
    assert page.locator(":focus").evaluate("one => getComputedStyle(one).outlineStyle") != "none"
    page.keyboard.press("Tab")
    expect(page.locator("#list-follow-up tbody a").first).to_be_focused()
