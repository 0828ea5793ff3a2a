"""The pages of pull requests, answers and people: the same figures as the marts and the API, to act from."""

import html
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from gitpulse_assets.answers.lake_answers import LakeAnswers
from gitpulse_assets.answers.members import PUBLIC_ONLY
from gitpulse_assets.answers.repository import RepositoryAnswers
from gitpulse_assets.answers.waiting import Waiting, business_days, overdue_since
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.marts import follow_up, pending_response
from gitpulse_assets.page.conversations import KINDS
from gitpulse_assets.page.report import report_html, report_story
from gitpulse_assets.serve.sections import TITLES
from gitpulse_assets_tests.people.lakes import ROCKET, SILENT

PAGES = [path for path in TITLES if path]
API = f"/api/repository/{ROCKET}"


def text_of(client: TestClient, path: str, **given: str) -> str:
    reply = client.get(f"/{path}", params={"repo": ROCKET.key, **given})
    assert reply.status_code == 200, reply.text
    return html.unescape(reply.text)


@pytest.mark.parametrize("path", PAGES)
def test_a_page_leads_to_the_others_and_to_github_and_runs_no_title(client: TestClient, path: str):
    raw = client.get(f"/{path}", params={"repo": ROCKET.key}).text
    for other in TITLES:
        assert f'href="/{other}?repo=acme%2Frocket"' in raw
    assert raw.count('aria-current="page"') == 1
    assert "<script>alert" not in raw
    assert path == "contributors" or re.search(r'href="https?://[^"]+/acme/rocket/(issues|pull)/\d+"', raw)


def test_who_to_answer_first_is_the_marts_and_the_apis(client: TestClient, people_lake: Lake):
    rows = people_lake.dataset(follow_up.MART.contract, ROCKET).to_table().to_pylist()
    pending = people_lake.dataset(pending_response.MART.contract, ROCKET).to_table().to_pylist()
    overdue = [row for row in rows if row["is_overdue"]]
    told = client.get(f"{API}/act-first").json()["act_first"]
    assert (told["overdue_count"], told["waiting_count"]) == (len(overdue), len(rows))
    assert (told["pending_count"], bool(pending)) == (len(pending), True)
    latest = max(overdue, key=lambda row: (row["waiting_since"], row["issue_number"]))
    oldest = min(overdue, key=lambda row: (row["waiting_since"], row["issue_number"]))
    assert latest["business_days_waiting"] < oldest["business_days_waiting"]
    text = text_of(client, "responsiveness")
    first = f"Answer #{latest['issue_number']} first: it waits {business_days(latest)}, longer than promised"
    assert first in text
    assert f"#{oldest['issue_number']} the oldest: {overdue_since(oldest)}" in told["said"]
    for page in (text, text_of(client, "")):
        assert told["said"] in page
    assert f"Who waits for a maintainer's word: {len(rows)}" in text


def test_the_report_names_them_too(asked: RepositoryAnswers):
    story = report_story(asked)
    assert story.waiting == asked.waiting()


def test_pages_and_report_say_that_private_members_are_not_known(
    client: TestClient, answers: LakeAnswers, asked: RepositoryAnswers
):
    gap = f"Not known: {PUBLIC_ONLY.format('acme')}"
    for path in TITLES:
        assert gap in text_of(client, path)
    report = report_html(asked, answers.status(ROCKET), report_story(asked))
    assert gap in html.unescape(report)


def test_of_pull_requests_only_pull_requests_are_named(client: TestClient):
    waiting = client.get(f"{API}/follow-up", params={"limit": 1000}).json()["rows"]
    count = sum(row["is_pull_request"] and row["is_overdue"] for row in waiting)
    text = text_of(client, "pull-requests")
    assert (f"{count} pull request" in text) == (count > 0)
    assert "issues and pull requests wait" not in text


def test_a_label_and_a_person_narrow_the_lists_and_their_downloads(client: TestClient):
    rows = client.get(f"{API}/follow-up", params={"limit": 1000}).json()["rows"]
    label = next(name for row in rows for name in row["label_names"])
    login = next(row["author_login"] for row in rows if label in row["label_names"])
    given = {"label": label, "person": login.upper()}
    wanted = client.get(f"{API}/follow-up", params={**given, "format": "csv", "limit": 1000})
    loaded = client.get("/download/lists/follow-up.csv", params={"repo": ROCKET.key, **given})
    assert loaded.text == wanted.text
    assert "acme-rocket-follow-up.csv" in loaded.headers["Content-Disposition"]
    text = text_of(client, "responsiveness", **given)
    assert f"Who waits for a maintainer's word: {loaded.text.count(chr(10)) - 1}" in text
    assert "Everything again" in text


@pytest.mark.parametrize("route", KINDS)
def test_every_list_can_be_downloaded(client: TestClient, route: str):
    loaded = client.get(f"/download/lists/{route}.csv", params={"repo": ROCKET.key})
    assert loaded.text == client.get(f"{API}/{route}", params={"format": "csv", "limit": 1000}).text


WRONG = [
    ({"label": "no such"}, "label: no issue or pull request has the label 'no such' now"),
    ({"person": "nobody-here"}, "person: nobody here has the login 'nobody-here'"),
    ({"person": "'; drop table mart; --"}, "person: nobody here has the login"),
    ({"person": "x" * 101}, "person: no login has more than 100 characters"),
    ({"page": "0"}, "page: '0' is no page"),
    ({"page": "99999999"}, "page: '99999999' is no page"),
    ({"window": "1; drop"}, "window: '1; drop' is no number of days"),
    ({"repo": "../../etc"}, "'../../etc' is"),
]


@pytest.mark.parametrize(("given", "reason"), WRONG)
def test_case_29_what_is_wrong_is_refused_with_its_reason(client: TestClient, given, reason: str):
    for path in ("responsiveness", "download/lists/follow-up.csv"):
        reply = client.get(f"/{path}", params={"repo": ROCKET.key, **given})
        if path == "responsiveness" or "window" not in given:
            assert reply.status_code == 422
            assert reason in html.unescape(reply.text)


def test_people_have_no_label_and_there_are_no_other_lists(client: TestClient):
    reply = client.get("/contributors", params={"repo": ROCKET.key, "label": "bug"})
    assert (reply.status_code, "people have no label" in reply.text) == (422, True)
    assert client.get("/download/lists/fastest.csv", params={"repo": ROCKET.key}).status_code == 404


def test_a_page_beyond_the_last_is_empty(client: TestClient):
    text = text_of(client, "responsiveness", page="999999")
    shown, _, _ = text.partition('id="list-pending-responses"')
    assert "This page is empty: the list ends before it." in shown
    assert re.search(r"<span>0 of [1-9][0-9]* shown", shown)
    assert f"/{ROCKET}/issues/" not in shown.partition('id="list-follow-up"')[2]


def test_without_a_token_the_pages_say_what_is_not_known(client: TestClient):
    for path in PAGES:
        text = html.unescape(client.get(f"/{path}", params={"repo": SILENT.key}).text)
        assert "Not known: reviews and requests for them, who merged," in text


def test_nobody_is_ranked_by_speed():
    for kind in KINDS.values():
        assert kind.mart.answer
        order = [field for field, _ in kind.mart.answer.sort]
        timed = {field for field, _ in kind.columns if field.endswith(("_seconds", "_days"))}
        if not kind.is_of_threads:
            assert (timed, order[0]) == (set(), "person_login")
        elif "label_id" not in order:
            assert not [field for field in (*timed, *order) if field.endswith("_seconds")]


@pytest.mark.parametrize("count", [0, 1, 2])
def test_the_words_fit_the_numbers(count: int):
    row: dict[str, object] = {"issue_number": 7, "business_days_waiting": 1, "waiting_days": 1.0}
    row["waiting_since"] = datetime(2026, 6, 1, tzinfo=UTC)
    rows = [row] * min(count, 1)
    said = Waiting(count, count + 1, count, rows, rows).said
    assert said.startswith(
        {
            0: "Nobody waits longer than promised",
            1: "1 issue or pull request waits longer than promised for a maintainer's word, #7: "
            "1 business day, since 2026-06-01. 1 issue or pull request got what its waiting label asks for",
            2: "2 issues and pull requests wait longer",
        }[count]
    )
    more = "1 more waits" if count else "1 issue or pull request waits"
    assert said.endswith(f". {more} within the promise.")


def test_not_chosen_nothing_of_it_is_there(people_folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("gitpulse_assets.serve.sections.chosen_subjects", tuple)
    monkeypatch.setattr("gitpulse_assets.serve.app.chosen_subjects", tuple)
    monkeypatch.setattr("gitpulse_assets.page.story.chosen_subjects", tuple)
    from gitpulse_assets_tests.serve.conftest import app_of

    with TestClient(app_of(people_folder)) as client:
        text = client.get("/", params={"repo": ROCKET.key, "window": "28"}).text
        assert ("responsiveness" in text, "Answer #" in text) == (False, False)
        assert {client.get(f"/{path}", params={"repo": ROCKET.key}).status_code for path in PAGES} == {404}
