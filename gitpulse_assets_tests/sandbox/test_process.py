"""The stand-in in a process of its own, steered over HTTP."""

import httpx
import pytest

from gitpulse_assets.sandbox.history import generate
from gitpulse_assets.sandbox.plan import HistoryPlan
from gitpulse_assets.sandbox.process import serve_generated_apart

PLAN = HistoryPlan("octo/apart", issue_count=200, day_count=200)


@pytest.fixture(scope="module")
def base_url():
    """A generated repository, served apart."""
    with serve_generated_apart([PLAN]) as url:
        yield url


@pytest.fixture
def client(base_url):
    """A client of the other process."""
    with httpx.Client(base_url=base_url, headers={"user-agent": "tests"}) as client:
        yield client


def test_the_other_process_serves_the_same_world(client):
    expected = generate([PLAN]).truth("octo/apart").open_count
    pulls = sum("pull_request" in record for record in all_open(client))
    assert len(all_open(client)) - pulls == expected


def all_open(client) -> list[dict]:
    return [
        record
        for page in (1, 2, 3)
        for record in client.get(f"/repos/octo/apart/issues?per_page=100&page={page}").json()
    ]


def test_faults_are_set_over_http(client):
    assert client.post("/_sandbox/faults", json=[{"kind": "status", "status": 500}]).json() == {
        "rule_count": 1
    }
    assert [client.get("/repos/octo/apart").status_code for _ in range(2)] == [500, 200]


def test_the_clock_advances_over_http(client):
    answer = client.post("/_sandbox/advance", json={"to": "2026-07-02T00:00:00Z"})
    assert answer.json() == {"clock": "2026-07-02T00:00:00Z"}
    assert client.get("/repos/octo/apart").headers["date"] == "Thu, 02 Jul 2026 00:00:00 GMT"


def test_the_log_over_http_names_no_token(client):
    client.get("/repos/octo/apart", headers={"authorization": "Bearer secret-1"})
    answer = client.get("/_sandbox/requests")
    assert answer.json()[-1] == {
        "method": "GET",
        "target": "/repos/octo/apart",
        "status": 200,
        "cost": 1,
        "token": True,
        "asked": "",
    }
    assert "secret-1" not in answer.text


@pytest.mark.parametrize(
    ("path", "content", "status"),
    [
        ("faults", [{"kind": "status", "no": 1}], 400),
        ("advance", {"to": "1999-01-01"}, 400),
        ("advance", {"to": "soon"}, 400),
        ("nothing", {}, 404),
    ],
)
def test_control_requests_that_make_no_sense(client, path, content, status):
    assert client.post(f"/_sandbox/{path}", json=content).status_code == status
