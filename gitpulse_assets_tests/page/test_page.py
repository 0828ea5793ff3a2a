"""The page as it is sent: filters in its address, every state of a lake, nothing from GitHub unescaped."""

import io
import json
import re
from html.parser import HTMLParser
from typing import Any

import pyarrow.parquet as pq
import pytest
from fastapi.testclient import TestClient

from gitpulse_assets.answers.lake_answers import LakeAnswers
from gitpulse_assets.answers.repository import IssueFilter
from gitpulse_assets.charts.titles import NO_LABEL
from gitpulse_assets.transform.verdict_text import ANSWERS, headline
from gitpulse_assets_tests.answer_lakes import EMPTY, HALF, ROCKET
from gitpulse_assets_tests.page.conftest import EVIL, TRICKY_LABEL

ROCKET_PAGE = f"/?repo={ROCKET}"


class Elements(HTMLParser):
    """The elements of a page, as (tag, attributes)."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for found, attributes in self.found if found == tag]


def documents(text: str) -> dict[str, dict[str, Any]]:
    """The charts of a page by their card."""
    found = re.findall(r'<script type="application/json" id="spec-(\w+)">(.*?)</script>', text, re.DOTALL)
    return {name: json.loads(document) for name, document in found}


def window_said(text: str) -> str:
    found = re.search(r'class="window">(.*?)<', text)
    assert found
    return found[1]


def test_the_page_tells_the_whole_story(site: TestClient):
    text = site.get(ROCKET_PAGE).text
    questions = [
        "Which way",
        "outrunning",
        "Which days",
        "new or old",
        "When does it",
        "act first",
        "How fresh",
    ]
    places = [text.index(question) for question in questions]
    assert places == sorted(places)
    assert set(documents(text)) == {
        "backlog",
        "flow",
        "swings",
        "closure_age",
        "closure_shares",
        "weekdays",
        "ages",
        "labels",
    }


@pytest.mark.parametrize(
    ("window", "days"), [("28", 28), ("180", 180), ("from=2026-05-01&to=2026-05-31", 31)], ids=str
)
def test_one_window_holds_for_every_card(site: TestClient, window: str, days: int):
    chosen = window if "=" in window else f"window={window}"
    text = site.get(f"{ROCKET_PAGE}&{chosen}").text
    assert f"({days} days)" in window_said(text)
    flow = documents(text)["flow"]["datasets"]["flow"]
    first, last = window_said(text).split(" (")[0].split(" to ")
    assert (flow[0]["flow_date"], flow[-1]["flow_date"], len(flow)) == (first, last, days)
    swings = documents(text)["swings"]["datasets"]["rows"]
    assert all(first <= row["day"][4:] <= last for row in swings)


def test_a_label_narrows_every_figure(site: TestClient, answers: LakeAnswers):
    labels = answers.ask(ROCKET, lambda asked: asked.label_names())
    label = next(name for name in labels if name != NO_LABEL)
    whole, narrowed = (documents(site.get(f"{ROCKET_PAGE}{more}").text) for more in ("", f"&label={label}"))
    ends = [page["backlog"]["datasets"]["flow"][-1]["open_at_end"] for page in (whole, narrowed)]
    assert 0 < ends[1] < ends[0]


def test_the_headline_is_the_answer_whatever_the_label_is_called(site: TestClient):
    text = site.get(ROCKET_PAGE, params={"repo": str(ROCKET), "label": TRICKY_LABEL}).text
    found = re.search(r'<h2 id="verdict">.*?</span>\s*([^<]*)</h2>\s*<p>(.*?)</p>', text, re.DOTALL)
    assert found
    assert found[1] in {headline(direction, ()) for direction in ANSWERS}
    assert re.match(r"[\d,]+ issues? (was|were) open at the end", found[2])


class Form(HTMLParser):
    """What a browser sends of the filter form when nobody touches it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.sent: dict[str, str] = {}
        self._select, self._selected = "", False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "select":
            self._select = str(given["name"])
        elif tag == "option" and "selected" in given:
            self._selected = "value" not in given
            self.sent[self._select] = given.get("value") or ""
        elif tag == "input":
            self.sent[str(given["name"])] = given.get("value") or ""

    def handle_data(self, data: str) -> None:
        if self._selected:
            self.sent[self._select], self._selected = data, False


@pytest.mark.parametrize(
    "chosen",
    ["repo=ACME/Rocket", "window=60", "window=all", "from=2026-05-01&to=2026-05-31", "from=2026-05-01"],
)
def test_the_form_sent_untouched_changes_nothing(site: TestClient, chosen: str):
    text = site.get(f"/?repo={ROCKET}&{chosen}" if "repo" not in chosen else f"/?{chosen}").text
    sent = Form(text).sent
    assert sent["repo"] == ROCKET.key
    again = site.get("/", params=sent)
    assert (again.status_code, window_said(again.text)) == (200, window_said(text))


def test_of_window_and_dates_the_one_that_was_changed_holds(site: TestClient):
    by_dates = Form(site.get(f"{ROCKET_PAGE}&from=2026-05-01&to=2026-05-31").text).sent
    text = site.get("/", params=by_dates | {"window": "28"}).text
    assert "(28 days)" in window_said(text)
    assert not Form(text).sent["from"]
    by_window = Form(text).sent
    text = site.get("/", params=by_window | {"from": "2026-05-01", "to": "2026-05-31"}).text
    assert window_said(text) == "2026-05-01 to 2026-05-31 (31 days)"


def test_an_address_with_window_and_dates_is_refused(site: TestClient):
    response = site.get(f"{ROCKET_PAGE}&window=28&from=2026-05-01")
    assert response.status_code == 422
    assert "either window, or from and to" in response.text


def test_a_swing_day_leads_to_its_issues(site: TestClient):
    text = site.get(ROCKET_PAGE).text
    links = {row["day"][4:]: row["url"] for row in documents(text)["swings"]["datasets"]["rows"]}
    day, url = next(iter(links.items()))
    assert f'id="day-{day}"><a href="{url.replace("&", "&amp;")}"' in text
    assert f"Issues that moved the backlog on {day}" in site.get(f"/{url}").text


def test_what_github_says_is_shown_as_text(site: TestClient):
    response = site.get(f"{ROCKET_PAGE}&state=open")
    found = Elements(response.text)
    assert EVIL not in response.text
    assert "&lt;script&gt;alert(" in response.text
    assert not [image for image in found.all("img") if image.get("onerror")]
    assert all(script.get("src") or script["type"] == "application/json" for script in found.all("script"))


def test_links_lead_to_this_server_or_by_http_only(site: TestClient):
    hrefs = [str(link["href"]) for link in Elements(site.get(ROCKET_PAGE).text).all("a")]
    assert any(href.startswith("http") for href in hrefs)
    assert all(href.startswith(("http://", "https://", "/", "?", "#")) for href in hrefs)


def test_the_page_may_load_from_its_own_server_only(site: TestClient):
    response = site.get(ROCKET_PAGE)
    policy = response.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert " style=" not in re.sub(r"<script.*?</script>", "", response.text, flags=re.DOTALL)
    loaded = [script["src"] for script in Elements(response.text).all("script") if script.get("src")]
    assert loaded
    for address in loaded:
        assert site.get(str(address)).headers["cache-control"].endswith("immutable")


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ("window=-1", "window: "),
        ("window=0", "a window has 1 to "),
        ("window=999999", "a window has 1 to "),
        ("window=99999999999999999999", "window: "),
        ("window=ninety", "window: "),
        ("window=%D9%A3", "window: "),
        ("from=yesterday", "from: "),
        ("from=20260501", "from: "),
        ("from=2026-05-02&to=2026-05-01", "the window begins on 2026-05-02, after "),
        ("to=2999-01-01", "the window ends on 2999-01-01; "),
        ("day=2026-02-30", "day: "),
        ("state=broken", "state: "),
        ("sort=size;drop table issues", "sort: "),
        ("page=0", "page: "),
        ("page=-1", "page: "),
        ("page=99999999999", "page: "),
        ("label=no such label", "label: no issue has "),
        ("label=" + "x" * 300, "label: no label has "),
    ],
)
def test_a_wrong_parameter_is_refused_with_a_reason(site: TestClient, wrong: str, reason: str):
    response = site.get(f"{ROCKET_PAGE}&{wrong}")
    assert response.status_code == 422
    assert "text/html" in response.headers["content-type"]
    assert f"<p>{reason}" in response.text


@pytest.mark.parametrize("wrong", ["nobody/nothing", "../../etc/passwd", "a", "<b>/c", "x" * 5_000])
def test_an_unknown_repository_is_told_so(site: TestClient, wrong: str):
    response = site.get("/", params={"repo": wrong})
    assert response.status_code in (404, 422)
    assert "<b>/c" not in response.text


def test_an_unknown_repository_names_the_command(site: TestClient):
    assert "gitpulse refresh nobody/nothing" in site.get("/?repo=nobody/nothing").text


def test_a_half_finished_first_sync_names_the_command(site: TestClient):
    response = site.get(f"/?repo={HALF}")
    assert response.status_code == 200
    assert f"gitpulse refresh {HALF}" in response.text


def test_an_empty_lake_names_the_commands(empty_site: TestClient):
    response = empty_site.get("/")
    assert response.status_code == 200
    assert "gitpulse refresh OWNER/NAME" in response.text


def test_a_repository_without_issues_has_a_page(site: TestClient):
    response = site.get(f"/?repo={EMPTY}&window=28")
    assert response.status_code == 200
    assert "No issue matches." in response.text


def test_the_list_shows_every_repository(site: TestClient):
    text = site.get("/?window=28").text
    for repo in (ROCKET, EMPTY):
        assert f'href="/?repo={repo.owner}/{repo.name}&amp;window=28"' in text
    assert "no answer yet" in text


@pytest.mark.parametrize("more", ["", "&state=closed&window=180", "&state=all&sort=most_discussed"])
def test_a_download_holds_all_issues_of_the_table(site: TestClient, more: str):
    page = site.get(f"{ROCKET_PAGE}{more}").text
    promised = re.search(r"Download all ([\d,]+)", page)
    assert promised
    csv = site.get(f"/download/issues.csv?repo={ROCKET}{more}").text.splitlines()
    parquet = pq.read_table(io.BytesIO(site.get(f"/download/issues.parquet?repo={ROCKET}{more}").content))
    assert len(csv) - 1 == parquet.num_rows == int(promised[1].replace(",", ""))
    assert csv[0].split(",") == parquet.column_names


def test_a_download_is_in_the_order_of_the_table(site: TestClient, answers: LakeAnswers):
    content = site.get(f"/download/issues.parquet?repo={ROCKET}&sort=newest").content
    asked = IssueFilter(state="open", sort="newest", limit=5)
    shown = answers.ask(ROCKET, lambda one: one.issues(asked)).rows["issue_number"].to_pylist()
    assert pq.read_table(io.BytesIO(content))["issue_number"].to_pylist()[:5] == shown


@pytest.mark.parametrize("wrong", ["issues.xls?repo=acme/rocket", "issues.csv?repo=no/body", "issues.csv"])
def test_what_cannot_be_downloaded_is_refused(site: TestClient, wrong: str):
    assert site.get(f"/download/{wrong}").status_code in (404, 422)


def test_the_pages_of_issues_follow_each_other(site: TestClient):
    first, second = (site.get(f"{ROCKET_PAGE}&state=all&page={page}").text for page in (1, 2))
    numbers = [re.findall(r'scope="row"><a href="http[^"]*">#(\d+)', text) for text in (first, second)]
    assert len(numbers[0]) == 25
    assert not set(numbers[0]) & set(numbers[1])
    assert "1 to 25 of" in first
    assert "26 to 50 of" in second
