"""What the document lets one ask of the subject's routes is answered as it says, and never with a failure."""

from collections import Counter
from pathlib import Path

import pytest
import schemathesis
from hypothesis import given
from schemathesis.checks import not_a_server_error

from gitpulse_assets.catalog.declared import marts_of
from gitpulse_assets.chosen import CONTRIBUTORS
from gitpulse_assets.serve.reference import written
from gitpulse_assets_tests.people.lakes import ROCKET
from gitpulse_assets_tests.serve.conftest import app_of, served
from gitpulse_assets_tests.serve.test_openapi import BOUNDED, CONFORMANCE

# One of each kind in the suite.
KINDS = ("contributors", "follow-up", "pull-request-flow", "pull-request-months")
ROUTES = [
    pytest.param(mart.answer.route, marks=() if mart.answer.route in KINDS else pytest.mark.slow)
    for mart in marts_of(CONTRIBUTORS)
    if mart.answer
]


@pytest.fixture(scope="module")
def document(people_folder: Path):
    with served(app_of(people_folder)) as url:
        yield schemathesis.openapi.from_url(f"{url}/api/openapi.json")


@pytest.mark.parametrize("route", ROUTES)
def test_every_route_keeps_to_the_document(document, route):
    codes = Counter[int]()

    @BOUNDED
    @given(case=document[f"/api/repository/{{owner}}/{{name}}/{route}"]["GET"].as_strategy())
    def ask(case: schemathesis.Case) -> None:
        case.path_parameters = {"owner": ROCKET.owner, "name": ROCKET.name}
        response = case.call()
        codes[response.status_code] += 1
        case.validate_response(response, checks=[not_a_server_error, *CONFORMANCE])

    ask()
    assert set(codes) <= {200, 422}
    assert codes[200], codes


def test_the_handbook_is_the_same_whatever_is_chosen():
    text = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
    assert written(text) == text
