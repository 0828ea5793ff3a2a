"""The routes of the metrics: what they answer, and what they refuse."""

import csv
import io
from collections import Counter
from collections.abc import Iterator
from datetime import date
from itertools import product
from pathlib import Path
from urllib.parse import quote

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from starlette.testclient import TestClient

from gitpulse_assets.metrics.answers import MetricAnswers
from gitpulse_assets.metrics.catalogue import shipped_metrics
from gitpulse_assets.metrics.parameters import read_values
from gitpulse_assets_tests.metrics.plain import Truth
from gitpulse_assets_tests.serve.conftest import app_of, served

EARLIER = ["/api/events/count", "/api/repositories/active", "/api/repositories/with_multiple_prs"]
OF_ONE = "/api/repository/{owner}/{name}/avg_pr_time"
ROUTES = [f"/kpi/{metric.id}" for metric in shipped_metrics()] + EARLIER + [OF_ONE]
OF_EVENTS = [f"/kpi/{metric.id}" for metric in shipped_metrics() if metric.is_of_events] + EARLIER + [OF_ONE]
# Each route of events, the metric it answers, and what it gives it.
SAME: list[tuple[str, str, dict[str, str]]] = [
    *((f"/kpi/{metric.id}", metric.id, {}) for metric in shipped_metrics() if metric.is_of_events),
    ("/api/events/count", "event_count_offset", {}),
    ("/api/repositories/active", "active_repositories", {}),
    ("/api/repositories/with_multiple_prs", "repositories_with_multiple_prs", {}),
    (OF_ONE, "avg_pr_time", {"repository": "acme/r5"}),
]
# Each route with each of its parameters that is a number.
NUMBERS = [
    (path, one.name)
    for path, metric_id in (
        *((f"/kpi/{metric.id}", metric.id) for metric in shipped_metrics()),
        *((path, metric_id) for path, metric_id, _ in SAME if not path.startswith("/kpi/")),
    )
    for metric in shipped_metrics()
    if metric.id == metric_id
    for one in metric.entry.parameters
    if one.is_number and (path != OF_ONE or one.name == metric.entry.window)
]
# Case 29 tries what each refuses; the document's words for a refusal are tried once a way to ask.
NEGATIVE = ("/kpi/avg_pr_time", "/kpi/open_issue_count", EARLIER[0], OF_ONE)
ASKED = [
    pytest.param(route, mode, marks=() if is_cheap else pytest.mark.slow)
    for route, mode in product(ROUTES, schemathesis.GenerationMode)
    for is_cheap in [mode is not schemathesis.GenerationMode.NEGATIVE or route in NEGATIVE]
]
# Case 29: negative, zero, huge, text, SQL, paths, and what Python or a browser would take for a number.
WRONG = [
    "-1",
    "0",
    "9" * 30,
    "1e3",
    "1.5",
    "ten",
    "1; drop table x",
    "1 or 1=1",
    "../../etc/passwd",
    "٣",
    "",
    " 5",
]
CONFORMANCE = (content_type_conformance, response_schema_conformance, status_code_conformance)
BOUNDED = settings(
    # Three of a kind and route in the suite, a hundred in `make prove`.
    max_examples=settings().max_examples // 5,
    derandomize=True,
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def client_of(folder: Path, **given: object) -> TestClient:
    return TestClient(app_of(folder, **given), raise_server_exceptions=False)


@pytest.fixture(scope="module")
def client(folder: Path) -> Iterator[TestClient]:
    with client_of(folder) as made:
        yield made


def path_of(route: str) -> str:
    return route.format(owner="acme", name="r5")


def test_the_catalogue_lists_every_metric_with_its_parameters(client: TestClient):
    listed = client.get("/kpi").json()["metrics"]
    assert [one["id"] for one in listed] == [metric.id for metric in shipped_metrics()]
    (first,) = next(one for one in listed if one["id"] == "event_count_offset")["parameters"]
    assert (first["name"], first["min"], first["max"], first["default"]) == ("offset", 1, 5_256_000, 60)


@pytest.mark.parametrize("route", ROUTES)
def test_every_route_says_what_it_stands_on(client: TestClient, route: str, truth: Truth):
    reply = client.get(path_of(route))
    assert reply.status_code == 200, reply.text
    body = reply.json()
    assert set(body) == {
        *("id", "name", "description", "visualisation", "unit", "parameters", "as_of"),
        *("coverage", "data_quality", "data"),
    }
    if route in OF_EVENTS:
        assert body["as_of"] == truth.newest_at.isoformat().replace("+00:00", "Z")
        assert 0 <= body["coverage"]["share_whole"] <= 1
    # No feed is polled here.
    assert bool(body["data"]) is (route != "/kpi/firehose_share")
    told = reply.headers["X-Data-Quality"]
    assert told.partition(";")[0] == body["data_quality"]["verdict"]


@pytest.mark.parametrize(("route", "name"), NUMBERS)
def test_case_29_a_wrong_parameter_is_refused_with_a_reason(client: TestClient, route: str, name: str):
    for wrong in WRONG:
        reply = client.get(path_of(route), params={name: wrong})
        assert (wrong, reply.status_code) == (wrong, 422)
        assert reply.headers["content-type"] == "application/problem+json"
        assert reply.json()["detail"].startswith(f"{name}: ")


@pytest.mark.parametrize("wrong", ["x", "a/b/c", "../etc", "a'/b", "a/b; drop table x", "acme/r5\0", "é/b"])
def test_case_29_a_wrong_repository_is_refused(client: TestClient, wrong: str):
    reply = client.get("/kpi/avg_pr_time", params={"repository": wrong})
    assert (reply.status_code, reply.json()["detail"][:12]) == (422, "repository: ")


@pytest.mark.parametrize("wrong", ["r5'; drop table x --", "1 or 1=1", "r5\0", "a" * 200, "é", "r5 ", "%00"])
@pytest.mark.parametrize("place", ["owner", "name"])
def test_case_29_a_wrong_repository_in_the_path_is_refused(client: TestClient, place: str, wrong: str):
    given = {"owner": "acme", "name": "r5", place: wrong}
    reply = client.get(OF_ONE.format(**{name: quote(text) for name, text in given.items()}))
    assert (reply.status_code, reply.headers["content-type"]) == (422, "application/problem+json")
    assert reply.json()["detail"].startswith(f"{place}: ")


@pytest.mark.parametrize("path", ["..%2f..%2fetc/passwd", "acme/..%2f..%2fetc%2fpasswd", "acme/r5%2f.."])
def test_case_29_a_path_that_leads_elsewhere_is_none(client: TestClient, path: str):
    assert client.get(f"/api/repository/{path}/avg_pr_time").status_code == 404


def test_case_29_an_unknown_or_repeated_parameter_is_refused(client: TestClient):
    assert client.get("/kpi/top_actors?ofset=5").json()["detail"].startswith("ofset: not known here")
    assert client.get("/kpi/top_actors?offset=5&offset=6").json()["detail"] == "offset: given more than once"
    assert client.get("/api/repository/acme/r5/avg_pr_time?repository=acme/r1").status_code == 422
    missing = client.get("/kpi/no_such")
    assert (missing.status_code, "event_count_offset" in missing.json()["detail"]) == (404, True)


@pytest.mark.parametrize(("route", "metric_id", "given"), SAME)
def test_cases_19_20_and_21_every_route_answers_as_its_metric_which_is_held_to_the_truth(
    client: TestClient, answers: MetricAnswers, route: str, metric_id: str, given: dict[str, str]
):
    metric = next(one for one in shipped_metrics() if one.id == metric_id)
    rows = answers.ask(metric, read_values(metric.entry.parameters, given)).rows
    assert client.get(path_of(route)).json()["data"] == [
        {name: as_json(value) for name, value in row.items()} for row in rows.to_pylist()
    ]


def as_json(value: object) -> object:
    """A value as JSON has it."""
    return value.isoformat().replace("+00:00", "Z") if isinstance(value, date) else value


def test_case_19_the_count_of_events_counts_copies_once(client: TestClient, truth: Truth):
    data = client.get("/api/events/count?offset=5256000").json()["data"]
    assert {r["event_type"]: r["event_count"] for r in data} == Counter(one["type"] for one in truth.events)


def test_case_20_and_21_the_earlier_route_counts_opened_pull_requests_of_stubs(
    client: TestClient, truth: Truth
):
    numbers = [
        one
        for one in truth.within(None, "PullRequestEvent")
        if one["repo"].get("id") == 5 and one["payload"]["action"] == "opened"
    ]
    (row,) = client.get("/api/repository/ACME/R5/avg_pr_time").json()["data"]
    assert (row["repository_id"], row["opened_count"]) == (5, len(numbers))
    several = client.get("/api/repositories/with_multiple_prs").json()["data"]
    assert {r["repository_id"]: r["opened_count"] for r in several}[5] == len(numbers)


def test_the_most_active_are_as_many_as_asked_for(client: TestClient):
    body = client.get("/api/repositories/active?limit=2&offset=300").json()
    assert (len(body["data"]), body["parameters"]) == (2, {"offset": 300, "limit": 2})


def test_rows_alone_are_csv(client: TestClient):
    reply = client.get("/kpi/top_actors?offset=300&format=csv")
    assert reply.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(reply.text)))
    assert rows[0].keys() == {"actor_login", "event_count", "is_bot", "actor_id"}
    assert reply.headers["X-Data-Quality"].startswith("thin; ")


def test_an_answer_that_is_known_costs_nothing(client: TestClient):
    first = client.get("/kpi/active_repositories")
    again = client.get("/kpi/active_repositories", headers={"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304
    other = client.get("/kpi/active_repositories?limit=3", headers={"If-None-Match": first.headers["ETag"]})
    assert other.status_code == 200


def test_a_lake_without_events_says_what_helps(tmp_path: Path):
    with client_of(tmp_path / "lake") as client:
        reply = client.get("/kpi/event_count_offset")
        assert reply.status_code == 404
        assert "gitpulse events backfill" in reply.json()["detail"]
        # Of nothing collected there is no figure, and 0 would be one.
        assert client.get("/kpi/open_issue_count").json()["data"] == [{"open_issue_count": None}]


def test_a_user_s_own_metric_is_served_beside_the_shipped_ones(folder: Path, tmp_path: Path):
    own = tmp_path / "own.yaml"
    own.write_text("""\
- id: pushes
  name: Pushes
  description: Pushes.
  visualisation: value
  unit: pushes
  window: hours
  parameters:
    - {name: hours, type: integer, unit: hours, min: 1, default: 2, meaning: Hours back.}
  sql: select count(*) as push_count from silver_github_public_push
""")
    with client_of(folder, GITPULSE_METRICS=str(own)) as client:
        assert client.get("/kpi/pushes").json()["data"][0]["push_count"] > 0
    own.write_text("- id: [")
    with client_of(folder, GITPULSE_METRICS=str(own)) as client:
        assert client.get("/kpi/pushes").status_code == 404
        assert client.get("/kpi/top_actors").status_code == 200


@pytest.fixture(scope="module")
def document(folder: Path) -> Iterator[object]:
    with served(app_of(folder)) as url:
        yield schemathesis.openapi.from_url(f"{url}/api/openapi.json")


@pytest.mark.parametrize(("route", "mode"), ASKED)
def test_every_operation_keeps_to_the_document(document, route: str, mode):
    is_made_up = route == OF_ONE and mode is schemathesis.GenerationMode.NEGATIVE

    @BOUNDED
    @given(case=document[route]["GET"].as_strategy(generation_mode=mode))
    def ask(case: schemathesis.Case) -> None:
        if route == OF_ONE and not is_made_up:
            case.path_parameters = {"owner": "acme", "name": "r5"}
        response = case.call()
        # A / in a name makes another path of it, which leads nowhere.
        assert response.status_code in (200, 422, 404 if is_made_up else 200)
        case.validate_response(response, checks=[not_a_server_error, *CONFORMANCE])

    ask()
