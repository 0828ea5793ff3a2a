from datetime import UTC, datetime, timedelta

import httpx
import pytest

from gitpulse_assets.github.limits import limit_in

DATE = datetime(2024, 6, 3, 21, 18, 53, tzinfo=UTC)
RESET = str(int(DATE.timestamp()) + 300)
SECONDARY = b'{"message":"You have exceeded a secondary rate limit. Please wait."}'


def seconds(status, content=b"{}", wait_count=0, **headers):
    names = httpx.Headers({name.replace("_", "-"): value for name, value in headers.items()})
    limit = limit_in(status, names, content, DATE, wait_count)
    return None if limit is None else limit.wait_seconds


@pytest.mark.parametrize("status", [403, 429])
def test_retry_after_comes_before_reset(status):
    assert seconds(status, retry_after="7", x_ratelimit_remaining="0", x_ratelimit_reset=RESET) == 7


@pytest.mark.parametrize("status", [403, 429])
def test_an_empty_budget_waits_until_reset_on_the_servers_clock(status):
    assert seconds(status, x_ratelimit_remaining="0", x_ratelimit_reset=RESET) == 301


@pytest.mark.parametrize(("wait_count", "expected"), [(0, 60), (1, 120), (2, 240)])
def test_a_secondary_limit_without_a_time_waits_a_minute_then_exponentially(wait_count, expected):
    assert seconds(403, SECONDARY, wait_count, x_ratelimit_remaining="4000") == expected


def test_retry_after_may_be_a_date():
    assert seconds(429, retry_after="Mon, 03 Jun 2024 21:19:53 GMT") == 60


@pytest.mark.parametrize("value", ["0", "Mon, 03 Jun 2024 21:00:00 GMT"])
def test_a_retry_after_that_is_no_time_waits_longer_each_time(value):
    assert [seconds(429, b"", count, retry_after=value) for count in range(4)] == [1, 2, 4, 8]


@pytest.mark.parametrize("value", ["soon", "-5", ""])
def test_a_senseless_retry_after_falls_through(value):
    assert seconds(429, retry_after=value) == 60


def test_a_reset_that_is_past_does_not_lead_to_a_tight_loop():
    past = str(int(DATE.timestamp()) - 5)
    assert seconds(403, x_ratelimit_remaining="0", x_ratelimit_reset=past) == 60


def test_a_senseless_reset_falls_through():
    assert seconds(403, x_ratelimit_remaining="0", x_ratelimit_reset="never") == 60


def test_an_endless_retry_after_is_kept_inside_the_calendar():
    limit = limit_in(429, httpx.Headers({"retry-after": "9" * 30}), b"", DATE, 0)
    assert limit is not None
    assert limit.resumes_at == DATE + timedelta(days=365)


@pytest.mark.parametrize("content", [b'{"message":"Resource not accessible"}', b"<html>", b"[]", b""])
def test_a_403_of_another_kind_is_no_limit(content):
    assert seconds(403, content, x_ratelimit_remaining="4000") is None


def test_graphql_refuses_with_status_200():
    content = b'{"errors":[{"type":"RATE_LIMITED","message":"API rate limit exceeded"}]}'
    assert seconds(200, content, x_ratelimit_remaining="0", x_ratelimit_reset=RESET) == 301
    assert seconds(200, b'{"errors":[{"message":"You have exceeded a secondary rate limit"}]}') == 60


@pytest.mark.parametrize(
    "content", [b'[{"title":"RATE_LIMITED"}]', b'{"data":{"title":"secondary rate limit RATE_LIMITED"}}']
)
def test_issues_about_rate_limits_are_no_limit(content):
    assert seconds(200, content) is None


def test_other_answers_are_no_limit():
    assert seconds(404) is None
