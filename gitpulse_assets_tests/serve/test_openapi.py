"""Whatever the OpenAPI document lets one ask is answered as it says, and never with a failure."""

from collections import Counter
from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    positive_data_acceptance,
    response_schema_conformance,
    status_code_conformance,
)

from gitpulse_assets.catalog.tables import MARTS
from gitpulse_assets.metrics.catalogue import shipped_metrics
from gitpulse_assets.serve.reference import written
from gitpulse_assets.transform.verdict import WINDOWS_DAYS
from gitpulse_assets_tests.answer_lakes import ROCKET

EXAMPLES = 12
CONFORMANCE = (content_type_conformance, response_schema_conformance, status_code_conformance)
BOUNDED = settings(
    max_examples=EXAMPLES,
    derandomize=True,
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


OF_REPOSITORY = [
    f"/api/repository/{{owner}}/{{name}}/{question}"
    for question in ("verdict", "summary", *(mart.answer.route for mart in MARTS if mart.answer), "issues")
]
BADGES = [
    "/badge/{owner}/{name}.svg",
    "/badge/{owner}/{name}.json",
    "/feed/{owner}/{name}.atom",
    "/feeds.opml",
]
METRICS = [
    "/kpi",
    *(f"/kpi/{metric.id}" for metric in shipped_metrics()),
    "/api/events/count",
    "/api/repositories/active",
    "/api/repositories/with_multiple_prs",
    "/api/repository/{owner}/{name}/avg_pr_time",
]
PATHS = ["/api/repositories", "/healthz", *BADGES, *OF_REPOSITORY]


@pytest.fixture(scope="module")
def document(base_url):
    return schemathesis.openapi.from_url(f"{base_url}/api/openapi.json")


@pytest.mark.parametrize("path", PATHS)
def test_every_operation_keeps_to_the_document(document, path):
    @BOUNDED
    @given(case=document[path]["GET"].as_strategy())
    def ask(case: schemathesis.Case) -> None:
        # Each parameter may be right and the window still not be in the data, which no schema can say.
        case.call_and_validate(excluded_checks=[positive_data_acceptance])

    ask()


@pytest.mark.parametrize("path", OF_REPOSITORY)
@pytest.mark.parametrize("mode", list(schemathesis.GenerationMode))
def test_so_it_does_of_a_repository_that_is_there(document, path, mode):
    codes = Counter[int]()

    @BOUNDED
    @given(case=document[path]["GET"].as_strategy(generation_mode=mode))
    def ask(case: schemathesis.Case) -> None:
        case.path_parameters = {"owner": ROCKET.owner, "name": ROCKET.name}
        response = case.call()
        codes[response.status_code] += 1
        case.validate_response(response, checks=[not_a_server_error, *CONFORMANCE])

    ask()
    assert set(codes) <= {200, 422}
    assert codes[422 if mode is schemathesis.GenerationMode.NEGATIVE else 200], codes


def test_the_windows_to_choose_are_those_of_the_published_verdicts(client):
    operation = client.get("/api/openapi.json").json()["paths"][OF_REPOSITORY[0]]["get"]
    (window,) = [one["schema"] for one in operation["parameters"] if one["name"] == "window"]
    (choices,) = [one["enum"] for one in window["anyOf"] if "enum" in one]
    assert choices == [*map(str, WINDOWS_DAYS), "all"]


def test_the_document_has_words_and_examples_for_everything(client):
    document = client.get("/api/openapi.json").json()
    assert set(document["paths"]) == {*PATHS, *METRICS}
    for path, operations in document["paths"].items():
        operation = operations["get"]
        assert operation["description"], path
        if path != "/healthz":
            content = operation["responses"]["200"]["content"]
            assert "application/json" not in content or content["application/json"]["example"], path
            for parameter in operation.get("parameters", []):
                assert parameter.get("description"), (path, parameter["name"])


def test_the_routes_and_columns_of_the_handbook_are_the_documents():
    """`make docs` renews them."""
    text = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
    assert written(text) == text
    assert [mart.name for mart in MARTS if mart.answer and f"`…/{mart.answer.route}`" not in text] == []


def test_a_handbook_without_the_marks_is_refused():
    with pytest.raises(ValueError, match="no part between <!-- routes"):
        written("# The HTTP API")
