from datetime import UTC, datetime

import httpx
import pytest

from gitpulse_assets.contracts.sources import EVENT_LIST, ISSUE_LIST
from gitpulse_assets.github.detours import KnownPage
from gitpulse_assets.github.errors import (
    AnswerUnusable,
    CursorRefused,
    ForeignLink,
    IssuesDisabled,
    RepositoryNotFound,
)

API = "https://api.github.test"
NEXT = f"{API}/repositories/9/issues?state=all&per_page=100&after=Y3Vyc29y%3D%3D&page=2"
CAP = {"message": "In order to keep the API fast for everyone, pagination is limited for this resource."}
DEEP = {"message": "Pagination with the page parameter is not supported for large datasets, please use"}


@pytest.fixture(autouse=True)
def _few_records_are_a_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page of one record stands for one of a hundred here, and is not asked for again."""
    monkeypatch.setattr("gitpulse_assets.github.pages.is_short", lambda page: False)


def link(url, relation="next"):
    return f'<{url}>; rel="{relation}"'


def test_a_first_walk_sends_no_since_and_follows_the_link_verbatim(script, answer, repo):
    client, calls = script([answer([{"id": 1}], link=link(NEXT), etag='"a"'), answer([{"id": 2}])])
    pages = list(client.pages(repo, ISSUE_LIST))
    assert calls.urls[0] == "/repos/octo/demo/issues?state=all&sort=created&direction=asc&per_page=100"
    assert str(calls.requests[1].url) == NEXT
    assert [page.number for page in pages] == [1, 2]
    assert [page.next_url for page in pages] == [NEXT, None]
    assert (pages[0].etag, pages[0].date) == ('"a"', datetime(2024, 6, 3, 21, 18, 53, tzinfo=UTC))


def test_an_incremental_walk_goes_by_update(script, answer, repo):
    client, calls = script([answer([])])
    list(client.pages(repo, ISSUE_LIST, since=datetime(2024, 6, 1, 2, 3, 4, 999999, tzinfo=UTC)))
    query = dict(calls.requests[0].url.params)
    assert query == {
        "state": "all",
        "since": "2024-06-01T02:03:04Z",
        "sort": "updated",
        "direction": "asc",
        "per_page": "100",
    }


def test_records_are_the_bytes_received(script, answer, repo):
    client, _ = script([answer(b' [ {"b": 1.50,\n"a":"\\u00e9 \xc3\xa9"} , null,"x", 1e3 ]')])
    (page,) = client.pages(repo, ISSUE_LIST)
    assert page.records == [b'{"b": 1.50,\n"a":"\\u00e9 \xc3\xa9"}', b"null", b'"x"', b"1e3"]


def test_json_that_is_no_list_is_an_error(script, answer, repo):
    client, calls = script([answer({"message": "hello"})])
    with pytest.raises(AnswerUnusable, match="no list"):
        list(client.pages(repo, ISSUE_LIST))
    assert len(calls.requests) == 1


def test_a_link_to_another_origin_is_not_followed(script, answer, repo):
    client, calls = script([answer([{"id": 1}], link=link("https://evil.test/issues?page=2"))])
    with pytest.raises(ForeignLink, match=r"evil\.test"):
        list(client.pages(repo, ISSUE_LIST))
    assert len(calls.requests) == 1


def test_a_page_that_names_itself_as_next_is_an_error(script, answer, repo):
    client, _ = script(lambda request: answer([], link=link(request.url)))
    with pytest.raises(AnswerUnusable, match="names itself"):
        list(client.pages(repo, ISSUE_LIST))


@pytest.mark.parametrize("body", [CAP, DEEP])
def test_a_422_of_a_capped_list_is_capped_and_not_the_end(script, answer, repo, body):
    client, _ = script([answer([{"id": 1}], link=link(NEXT)), answer(body, 422)])
    pages = list(client.pages(repo, ISSUE_LIST))
    assert [page.is_capped for page in pages] == [False, True]
    assert pages[1].records == []


def test_a_walk_goes_on_at_a_stored_address(script, answer, repo):
    client, calls = script([answer([{"id": 2}])])
    assert [page.number for page in client.pages(repo, ISSUE_LIST, start_url=NEXT)] == [1]
    assert str(calls.requests[0].url) == NEXT


def test_a_stored_address_of_another_origin_is_refused_before_it_is_asked(script, repo):
    client, calls = script([])
    with pytest.raises(ForeignLink):
        client.pages(repo, ISSUE_LIST, start_url="https://evil.test/issues")
    assert calls.requests == []


@pytest.mark.parametrize("status", [404, 422])
def test_a_stored_address_no_longer_served_asks_for_a_new_walk(script, answer, repo, status):
    client, _ = script([answer({"message": "Invalid cursor"}, status)])
    with pytest.raises(CursorRefused, match="start the walk again"):
        list(client.pages(repo, ISSUE_LIST, start_url=NEXT))


def test_a_cursor_refused_in_mid_walk_is_not_the_end(script, answer, repo):
    client, _ = script([answer([{"id": 1}], link=link(NEXT)), answer({"message": "Invalid cursor"}, 422)])
    with pytest.raises(CursorRefused):
        list(client.pages(repo, ISSUE_LIST))


def test_a_repository_that_is_not_there(script, answer, repo):
    client, _ = script(lambda _: answer({"message": "Not Found"}, 404))
    for ask in (
        client.repository,
        lambda repo: client.probe(repo, ISSUE_LIST),
        lambda repo: list(client.pages(repo, ISSUE_LIST)),
    ):
        with pytest.raises(
            RepositoryNotFound, match=r"octo/demo is not found at api\.github\.test, or not visible"
        ):
            ask(repo)


def test_issues_that_are_disabled(script, answer, repo):
    client, _ = script(lambda _: answer({"message": "Issues are disabled for this repo"}, 410))
    with pytest.raises(IssuesDisabled, match="octo/demo has its issues disabled"):
        list(client.pages(repo, ISSUE_LIST))


def test_an_unexpected_422_on_the_first_page_is_an_error(script, answer, repo):
    client, _ = script([answer({"message": "Validation Failed"}, 422)])
    with pytest.raises(AnswerUnusable, match="Validation Failed"):
        list(client.pages(repo, ISSUE_LIST))


def test_case_22_a_304_on_page_1_with_news_on_page_2(script, answer, repo):
    first = f"{API}/repos/octo/demo/issues?state=all&sort=created&direction=asc&per_page=100"
    known = {first: KnownPage('"a"', NEXT), NEXT: KnownPage('"b"', None)}
    client, calls = script([answer(b"", 304, etag='"a"'), answer([{"id": 2}], etag='"c"')])
    pages = list(client.pages(repo, ISSUE_LIST, known=known))
    assert [(page.is_unchanged, len(page.records), page.etag) for page in pages] == [
        (True, 0, '"a"'),
        (False, 1, '"c"'),
    ]
    assert calls.requests[0].headers["if-none-match"] == '"a"'


def test_the_last_known_page_is_asked_unconditionally_since_its_304_hides_a_new_page(script, answer, repo):
    known = {NEXT: KnownPage('"b"', None)}
    client, calls = script([answer([{"id": 1}], link=link(f"{API}/three")), answer([{"id": 2}])])
    assert len(list(client.pages(repo, ISSUE_LIST, start_url=NEXT, known=known))) == 2
    assert "if-none-match" not in calls.requests[0].headers


def test_a_304_nobody_asked_for_is_an_error(script, answer, repo):
    client, _ = script([answer(b"", 304)])
    with pytest.raises(AnswerUnusable):
        list(client.pages(repo, ISSUE_LIST))


def test_events_of_the_repository_say_when_they_are_capped(script, answer, repo):
    client, calls = script([answer([{"id": 3}], link=link(f"{API}/e?page=2")), answer(CAP, 422)])
    assert [page.is_capped for page in client.pages(repo, EVENT_LIST)] == [False, True]
    assert calls.urls[0] == "/repos/octo/demo/issues/events?per_page=100"


@pytest.mark.parametrize(("number", "is_capped"), [(299, False), (300, True)])
def test_an_event_list_that_just_ends_at_row_30000_is_capped(script, answer, repo, number, is_capped):
    client, _ = script([answer([{"id": 3}])])
    (page,) = client.pages(repo, EVENT_LIST, start_url=f"{API}/e?per_page=100&page={number}")
    assert page.is_capped is is_capped


def test_a_counted_address_with_a_senseless_page_is_not_capped(script, answer, repo):
    client, _ = script([answer([{"id": 1}])])
    (page,) = client.pages(repo, EVENT_LIST, start_url=f"{API}/e?per_page=100&page=x")
    assert not page.is_capped


def test_memory_does_not_grow_with_the_pages(script, repo):
    import tracemalloc

    body = b"[" + b",".join(b'{"id": %d, "body": "%s"}' % (n, b"x" * 4000) for n in range(100)) + b"]"
    date = "Mon, 03 Jun 2024 21:18:53 GMT"

    def handler(request):
        page = int(request.url.params.get("page", "1")) + 1
        headers = {"date": date} | ({"link": link(f"{API}/i?page={page}")} if page <= 60 else {})
        return httpx.Response(200, headers=headers, content=body)

    client, calls = script(handler)
    calls.requests = type("Dropping", (list,), {"append": lambda *_: None})()
    tracemalloc.start()
    record_count = sum(len(page.records) for page in client.pages(repo, ISSUE_LIST))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert record_count == 6000
    assert peak < 5_000_000
