"""Tokens, quotas, ETags and headers of the stand-in GitHub."""

import pytest

from gitpulse_assets.sandbox.app import SandboxApp
from gitpulse_assets.sandbox.limits import Limits
from gitpulse_assets.sandbox.messages import Request, Response

LIST = "/repos/octo-org/hello/issues"


class Caller:
    """Asks an application without a server."""

    def __init__(self, world, **limits: int) -> None:
        self.app = SandboxApp(world, limits=Limits(**limits))

    def get(self, path: str = LIST, token: str = "", **headers: str) -> Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        auth = {"authorization": f"Bearer {token}"} if token else {}
        request = Request("GET", path, "", {"user-agent": "tests"} | auth | named, "http://sandbox")
        return self.app.answer(request)[0]


@pytest.fixture
def caller(world) -> Caller:
    """A caller of the generated world."""
    return Caller(world)


def remaining(response: Response) -> int:
    return int(response.headers["x-ratelimit-remaining"])


def test_the_date_is_the_frozen_clock(caller):
    assert caller.get().headers["date"] == "Tue, 30 Jun 2026 12:00:00 GMT"


def test_quotas_with_and_without_a_token(caller):
    assert (caller.get().headers["x-ratelimit-limit"], remaining(caller.get())) == ("60", 58)
    answer = caller.get(token="good")
    assert (answer.headers["x-ratelimit-limit"], remaining(answer)) == ("5000", 4999)
    assert answer.headers["x-ratelimit-used"] == "1"
    assert answer.headers["x-ratelimit-resource"] == "core"


def test_each_token_has_its_own_quota(caller):
    caller.get(token="one")
    assert remaining(caller.get(token="two")) == 4999


def test_the_quota_ends_and_resets_on_the_clock(world):
    caller = Caller(world, anonymous_per_hour=2)
    assert [caller.get().status for _ in range(3)] == [200, 200, 403]
    refused = caller.get()
    assert remaining(refused) == 0
    world.advance(seconds=int(refused.headers["x-ratelimit-reset"]) - world.clock)
    assert caller.get().status == 200


def test_what_is_too_much_at_once_is_refused_with_units_left_and_a_date(caller):
    """Without a date it was taken for some proxy's answer, and asked again at once."""
    refused = caller.app._too_much(Request("GET", LIST, "", {}, "http://sandbox"))
    assert (refused.status, remaining(refused)) == (403, 60)
    assert refused.headers["date"] == caller.get().headers["date"]


def test_asking_for_the_rate_limit_is_free(caller):
    caller.get("/rate_limit", token="good")
    assert remaining(caller.get("/rate_limit", token="good")) == 5000


def test_an_unchanged_answer_is_free_with_a_token_and_has_no_link(caller):
    first = caller.get(token="good")
    again = caller.get(token="good", if_none_match=first.headers["etag"])
    assert (again.status, again.body, remaining(again)) == (304, b"", 4999)
    assert "link" in first.headers
    assert "link" not in again.headers
    assert again.headers["etag"] == first.headers["etag"]


def test_an_unchanged_answer_costs_without_a_token(caller):
    first = caller.get()
    again = caller.get(if_none_match=first.headers["etag"])
    assert (again.status, remaining(again)) == (304, 58)


def test_an_etag_depends_on_the_token(caller):
    first = caller.get(token="one")
    assert caller.get(token="two", if_none_match=first.headers["etag"]).status == 200


def test_an_etag_changes_with_the_records(caller, world):
    first = caller.get(token="good")
    repository = world.acts_on("octo-org/hello").repository
    newest = max(repository.issues.values(), key=lambda issue: issue.created_at * (issue.state == "open"))
    world.acts_on("octo-org/hello").comment(newest, world.clock)
    assert caller.get(token="good", if_none_match=first.headers["etag"]).status == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"authorization": "Bearer bad-token"}, 401),
        ({"authorization": "token bad-token"}, 401),
        ({"user_agent": ""}, 403),
        ({"x_github_api_version": "2019-01-01"}, 400),
        ({"x_github_api_version": "2022-11-28"}, 200),
    ],
)
def test_requests_github_refuses(caller, headers, status):
    assert caller.get(**headers).status == status


def test_the_log_has_every_request_with_its_cost(caller):
    first = caller.get(token="good")
    caller.get(token="good", if_none_match=first.headers["etag"])
    caller.get("/repos/no/such")
    assert [(served.target, served.status, served.cost) for served in caller.app.log] == [
        (LIST, 200, 1),
        (LIST, 304, 0),
        ("/repos/no/such", 404, 1),
    ]
