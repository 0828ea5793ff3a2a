import logging
import traceback
from datetime import UTC, datetime

import httpx
import pytest

from gitpulse_assets.contracts.sources import ISSUE_LIST
from gitpulse_assets.github.client import GitHubClient
from gitpulse_assets.github.errors import (
    AnswerUnusable,
    BadToken,
    Forbidden,
    ForeignLink,
    GitHubError,
    LimitReached,
    NetworkDown,
)
from gitpulse_assets.github.links import PAGE_SIZES
from gitpulse_assets.github.transport import ATTEMPTS, back_off_seconds

FOUND = {"id": 1, "full_name": "Octo/Demo", "has_issues": True, "open_issues_count": 3}
FAILURES = [
    httpx.ConnectError("[Errno -2] Name or service not known"),
    httpx.ConnectTimeout("timed out"),
    httpx.ReadTimeout("timed out"),
    httpx.ReadError("[Errno 104] Connection reset by peer"),
    httpx.RemoteProtocolError("peer closed connection without sending complete message body"),
    httpx.DecodingError("incorrect header check"),
]


@pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: type(failure).__name__)
def test_a_transport_error_is_tried_again(script, answer, repo, failure):
    client, calls = script([failure, failure, answer(FOUND)])
    assert client.repository(repo).repository_id == 1
    assert client.spending.request_count == len(calls.requests) == 3


@pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: type(failure).__name__)
def test_a_transport_error_that_stays_names_the_host_and_the_cause(script, repo, failure):
    client, calls = script(lambda _: failure)
    with pytest.raises((NetworkDown, AnswerUnusable), match=r"api\.github\.test") as caught:
        client.repository(repo)
    assert str(failure) in str(caught.value)
    assert len(calls.requests) == ATTEMPTS


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_5xx_is_tried_again_and_fails_loudly_when_it_stays(script, answer, repo, status):
    client, _ = script([answer(b"<html>", status), answer(FOUND)])
    assert client.repository(repo).full_name == "Octo/Demo"
    client, _ = script(lambda _: answer(b"<html>", status))
    with pytest.raises(AnswerUnusable, match=str(status)):
        client.repository(repo)


@pytest.mark.parametrize("content", [b"<!DOCTYPE html><html>", b"", b'[{"id": 1}, {"id"', b'{"id": 1'])
def test_html_or_half_a_json_with_status_200_is_tried_again_and_never_the_end(script, answer, repo, content):
    client, _ = script([answer(content), answer([])])
    assert [page.records for page in client.pages(repo, ISSUE_LIST)] == [[]]
    client, calls = script(lambda _: answer(content))
    with pytest.raises(AnswerUnusable, match="no JSON"):
        list(client.pages(repo, ISSUE_LIST))
    # What may have been cut for its size is asked for once at each smaller one.
    smaller = 0 if b"<" in content else len(PAGE_SIZES) - 1
    assert len(calls.requests) == ATTEMPTS + smaller


def test_the_pauses_between_tries_grow_and_are_bounded(script, repo):
    client, calls = script(lambda _: httpx.ConnectError("refused"))
    with pytest.raises(NetworkDown):
        client.repository(repo)
    assert len(calls.sleeps) == ATTEMPTS - 1
    assert all(1.1 <= calls.sleeps[n + 1] / calls.sleeps[n] <= 3.4 for n in range(ATTEMPTS - 2))
    assert back_off_seconds(50) <= 25


@pytest.mark.parametrize(
    "body",
    [
        b"Content-Length: 400\r\n\r\n[]",
        b"Transfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n",
        b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n[]",
    ],
    ids=["short", "chunk missing", "not gzip"],
)
def test_a_body_cut_short_on_a_real_connection_is_tried_again_and_never_the_end(raw_server, repo, body):
    url = raw_server([b"HTTP/1.1 200 OK\r\nConnection: close\r\n" + body] * (ATTEMPTS + len(PAGE_SIZES) - 1))
    sleeps = []
    with (
        GitHubClient(api_url=url, graphql_url=url, sleep=sleeps.append) as client,
        pytest.raises(AnswerUnusable, match="cut its answer short"),
    ):
        list(client.pages(repo, ISSUE_LIST))
    assert len(sleeps) == ATTEMPTS - 1


def test_a_server_that_stays_silent_runs_into_the_read_time_out(raw_server, repo):
    url = raw_server([None])
    with (
        GitHubClient(api_url=url, graphql_url=url, sleep=raise_on_sleep, read_timeout_seconds=0.1) as client,
        pytest.raises(RuntimeError, match="would wait"),
    ):
        client.repository(repo)


def raise_on_sleep(seconds):
    raise RuntimeError("would wait")


def test_an_answer_without_a_date_is_not_used(script, repo):
    client, _ = script(lambda _: httpx.Response(200, json=FOUND))
    with pytest.raises(AnswerUnusable, match="Date header"):
        client.repository(repo)


@pytest.mark.parametrize("date", ["Mon, 03 Jun 2024 21:18:53 GMT", "Mon, 03 Jun 2024 21:18:53 -0000"])
def test_the_date_is_the_servers_in_utc(script, answer, repo, date):
    client, _ = script([answer(FOUND, date=date)])
    assert client.repository(repo).date == datetime(2024, 6, 3, 21, 18, 53, tzinfo=UTC)


def test_every_request_pins_the_version_and_names_its_sender(script, answer, repo, token):
    client, calls = script([answer(FOUND)])
    client.repository(repo)
    headers = calls.requests[0].headers
    assert headers["x-github-api-version"] == "2022-11-28"
    assert headers["user-agent"] == "gitpulse-assets"
    assert headers["authorization"] == f"Bearer {token}"


def test_without_a_token_nothing_is_sent_and_the_log_says_so_once(script, answer, repo, caplog):
    client, calls = script(lambda _: answer(FOUND), tokens=())
    client.repository(repo)
    client.repository(repo)
    assert "authorization" not in calls.requests[0].headers
    assert [record.levelname for record in caplog.records if "60 requests" in record.message] == ["WARNING"]


def test_a_limit_is_waited_out_and_announced(script, answer, repo):
    client, calls = script(
        [answer({}, 429, retry_after="7"), answer({}, 403, retry_after="5"), answer(FOUND)]
    )
    assert client.repository(repo).repository_id == 1
    assert calls.sleeps == [7, 5]
    assert [wait.seconds for wait in calls.waits] == [7, 5]
    assert calls.waits[0].resumes_at == datetime(2024, 6, 3, 21, 19, 0, tzinfo=UTC)


def test_a_limit_beyond_the_patience_says_when_it_can_go_on(script, answer, repo):
    reset = int(datetime(2024, 6, 3, 22, 0, tzinfo=UTC).timestamp())
    limited = answer({}, 403, x_ratelimit_remaining="0", x_ratelimit_reset=str(reset))
    client, calls = script([limited], patience_seconds=900)
    with pytest.raises(LimitReached, match="until 2024-06-03 22:00:01 UTC") as caught:
        client.repository(repo)
    assert caught.value.resumes_at == datetime(2024, 6, 3, 22, 0, 1, tzinfo=UTC)
    assert calls.sleeps == []


def test_the_patience_is_for_all_waits_of_a_request_together(script, answer, repo):
    client, calls = script(lambda _: answer({}, 429, retry_after="50"), patience_seconds=120)
    with pytest.raises(LimitReached):
        client.repository(repo)
    assert calls.sleeps == [50, 50]


def test_waiting_without_a_listener(script, answer, repo):
    client, calls = script([answer({}, 429, retry_after="0"), answer(FOUND)], tokens=())
    client._transport._on_wait = None
    client.repository(repo)
    assert calls.waits == []


def test_a_limit_without_a_token_advises_one(script, answer, repo):
    client, _ = script([answer({}, 429, retry_after="500")], tokens=())
    with pytest.raises(LimitReached, match="set GITHUB_TOKEN"):
        client.repository(repo)


def test_a_bad_token_is_named_by_its_place(script, answer, repo):
    client, _ = script([answer({"message": "Bad credentials"}, 401)])
    with pytest.raises(BadToken, match=r"token 1 of 1 \(401: Bad credentials\)"):
        client.repository(repo)


def test_a_401_without_a_token_asks_for_one(script, answer, repo):
    client, _ = script([answer({}, 401)], tokens=())
    with pytest.raises(BadToken, match="wants a token"):
        client.repository(repo)


@pytest.mark.parametrize("status", [403, 451])
def test_a_refusal_that_is_no_limit_says_githubs_words(script, answer, repo, status):
    words = "Resource protected by organization\nSAML enforcement."
    client, calls = script([answer({"message": words}, status, x_ratelimit_remaining="10")])
    with pytest.raises(Forbidden, match="organization SAML enforcement"):
        client.repository(repo)
    assert calls.sleeps == []


@pytest.mark.parametrize("status", [204, 400, 418])
def test_another_status_is_an_error_at_once(script, answer, repo, status):
    client, calls = script([answer(b"", status)])
    with pytest.raises(AnswerUnusable, match=str(status)):
        client.repository(repo)
    assert len(calls.requests) == 1


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_inside_the_origin_is_followed_and_reported(script, answer, repo, status, caplog):
    caplog.set_level(logging.INFO)
    moved = answer({}, status, location="https://api.github.test/repositories/1")
    client, calls = script([moved, answer(FOUND)])
    assert client.repository(repo).moved_to == "https://api.github.test/repositories/1"
    assert calls.urls == ["/repos/octo/demo", "/repositories/1"]
    assert "moved to https://api.github.test/repositories/1" in caplog.text


def test_a_redirect_to_another_origin_is_not_followed(script, answer, repo):
    client, calls = script([answer({}, 301, location="https://evil.test/repositories/1")])
    with pytest.raises(ForeignLink, match=r"evil\.test"):
        client.repository(repo)
    assert len(calls.requests) == 1


def test_a_redirect_without_an_address_is_an_error(script, answer, repo):
    client, _ = script([answer({}, 301)])
    with pytest.raises(AnswerUnusable, match="without saying where"):
        client.repository(repo)


def test_redirects_in_a_circle_end(script, answer, repo):
    client, calls = script(lambda _: answer({}, 301, location="/repos/octo/demo"))
    with pytest.raises(AnswerUnusable, match="redirects more than"):
        client.repository(repo)
    assert len(calls.requests) == 6


@pytest.mark.parametrize(("tokens", "cost"), [(("tok",), 1), ((), 2)])
def test_a_304_costs_nothing_with_a_token(script, answer, repo, tokens, cost):
    headers = {
        "x_ratelimit_remaining": "4998",
        "x_ratelimit_limit": "5000",
        "x_ratelimit_reset": "1717452520",
    }
    client, calls = script(
        [answer(FOUND, etag='W/"a"', **headers), answer(b"", 304, **headers)], tokens=tokens
    )
    etag = client.repository(repo).etag
    assert client.repository(repo, etag).is_unchanged
    assert calls.requests[1].headers["if-none-match"] == 'W/"a"'
    spending = client.spending
    assert (spending.request_count, spending.quota_cost) == (2, cost)
    assert (spending.quota_remaining, spending.quota_limit) == (4998, 5000)
    assert spending.quota_reset_at == datetime(2024, 6, 3, 22, 8, 40, tzinfo=UTC)
    assert client.graphql_spending.request_count == 0


@pytest.mark.parametrize("handler", [*FAILURES, 401, 403, 404, 410, 418, 422, 500, 200, 301])
def test_the_token_shows_in_no_error_chain_or_log(script, answer, repo, token, caplog, handler):
    caplog.set_level(logging.DEBUG)
    echo = {"message": f"you sent {token}"}
    reply = handler if isinstance(handler, Exception) else answer(echo, handler, location="/x")
    client, _ = script(lambda _: reply)
    with pytest.raises(GitHubError) as caught:
        client.repository(repo)
    seen, error = [], caught.value
    while error is not None:
        seen += [repr(error), str(error), repr(vars(error)), *traceback.format_exception(error)]
        assert not isinstance(error, httpx.HTTPError)
        error = error.__cause__ or error.__context__
    assert token not in "".join(seen) + caplog.text + repr([vars(record) for record in caplog.records])
    assert token not in repr(client) + repr(vars(client)) + repr(vars(client._transport))


def test_the_token_shows_in_no_graphql_error(script, answer, repo, token):
    problem = {"type": "FORBIDDEN", "message": f"you sent {token}"}
    client, _ = script([answer({"data": None, "errors": [problem]})])
    with pytest.raises(Forbidden, match=r"you sent \[token\]"):
        client.issue_counts(repo)
