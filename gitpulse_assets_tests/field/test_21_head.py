"""Case 21: HEAD on the page, the API and the static files was answered 405.

FastAPI leaves it to each route: https://github.com/fastapi/fastapi/issues/1773.
"""

import pytest
from starlette.testclient import TestClient

from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.serve.app import create_app
from gitpulse_assets.settings import Settings


@pytest.fixture
def client(tmp_path):
    Lake.open(str(tmp_path))
    with TestClient(create_app(Lake.open(str(tmp_path), is_writable=False), Settings())) as client:
        yield client


@pytest.mark.parametrize(
    "path",
    ["/", "/healthz", "/api/openapi.json", "/static/page.css", "/static/page.js", "/api/v1/nothing", "/?x=1"],
)
def test_head_answers_as_get_without_the_body(client, path):
    head, got = client.head(path), client.get(path)
    assert (head.status_code, head.content) == (got.status_code, b"")
    assert head.status_code != 405
    assert {name: head.headers[name] for name in ("content-length", "content-type")} == {
        name: got.headers[name] for name in ("content-length", "content-type")
    }


@pytest.mark.parametrize("path", ["/", "/healthz", "/api/repositories", "/static/page.css"])
def test_cousin_other_methods_stay_refused_and_are_told_what_is_allowed(client, path):
    refused = client.post(path)
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD")
