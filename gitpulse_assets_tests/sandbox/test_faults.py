"""Failures on demand, as a client meets them."""

from collections.abc import Iterator

import httpx
import pytest

from gitpulse_assets.sandbox.faults import ALWAYS, Fault
from gitpulse_assets.sandbox.history import generate
from gitpulse_assets.sandbox.plan import HistoryPlan
from gitpulse_assets.sandbox.server import Sandbox, serve

LIST = "/repos/octo-org/hello/issues"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """A small world, really served."""
    with serve(generate([HistoryPlan("Octo-Org/Hello", issue_count=60, day_count=60)])) as running:
        yield running


@pytest.fixture
def client(sandbox) -> Iterator[httpx.Client]:
    """A client over the network."""
    sandbox.app.faults.clear()
    sandbox.app.log.clear()
    with httpx.Client(base_url=sandbox.base_url, headers={"user-agent": "tests"}) as client:
        yield client


@pytest.fixture
def fail(sandbox):
    """Add a rule to the running stand-in."""

    def add(*args, **options) -> None:
        sandbox.app.faults.append(Fault(*args, **options))

    return add


def test_a_rule_skips_then_strikes_then_lets_pass(client, fail):
    fail("status", match="/issues", skip=1, times=2, status=503)
    client.get("/rate_limit")
    assert [client.get(LIST).status_code for _ in range(4)] == [200, 503, 503, 200]


def test_a_status_with_body_and_headers(client, fail):
    fail("status", status=502, body="<html>", headers={"retry-after": "7"})
    answer = client.get(LIST)
    assert (answer.status_code, answer.text, answer.headers["retry-after"]) == (502, "<html>", "7")


def test_a_reset_connection(client, fail):
    fail("reset")
    with pytest.raises(httpx.NetworkError):
        client.get(LIST)
    assert client.get(LIST).status_code == 200


def test_a_truncated_body(client, fail):
    fail("truncated")
    with pytest.raises(httpx.RemoteProtocolError, match="without sending complete"):
        client.get(LIST)
    assert client.get(LIST).status_code == 200


def test_a_slow_answer(client, fail):
    # Where others have the machine a second passes before the client looks for it.
    fail("slow", seconds=60)
    with pytest.raises(httpx.ReadTimeout):
        client.get(LIST, timeout=0.1)


def test_an_answer_that_never_comes(client, fail):
    fail("hang")
    with pytest.raises(httpx.ReadTimeout):
        client.get(LIST, timeout=0.1)


def test_a_page_of_html_with_status_200(client, fail):
    fail("html")
    answer = client.get(LIST)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.text.startswith("<!DOCTYPE html>")


@pytest.mark.parametrize("status", [403, 429])
@pytest.mark.parametrize("retry_after", [None, 30])
def test_a_secondary_limit(client, fail, status, retry_after):
    fail("secondary_limit", status=status, retry_after_seconds=retry_after)
    answer = client.get(LIST)
    assert answer.status_code == status
    assert "secondary rate limit" in answer.json()["message"]
    assert answer.headers.get("retry-after") == (None if retry_after is None else str(retry_after))
    assert int(answer.headers["x-ratelimit-remaining"]) > 0


def test_a_primary_limit_lasts_until_its_reset(client, fail, sandbox):
    fail("primary_limit")
    refused = client.get(LIST)
    assert (refused.status_code, refused.headers["x-ratelimit-remaining"]) == (403, "0")
    assert client.get(LIST).status_code == 403
    sandbox.world.advance(seconds=3600)
    assert client.get(LIST).status_code == 200


def test_a_rule_may_strike_for_ever(client, fail):
    fail("status", match="sort=updated", times=ALWAYS)
    assert {client.get(f"{LIST}?sort=updated").status_code for _ in range(5)} == {502}
    assert client.get(LIST).status_code == 200


def test_failures_are_in_the_log(client, fail, sandbox):
    fail("status", status=500)
    fail("reset")
    client.get(LIST)
    with pytest.raises(httpx.NetworkError):
        client.get(LIST)
    assert [served.status for served in sandbox.app.log] == [500, 0]
