"""Case 21: HEAD on the page, the API and the static files was answered 405.

FastAPI leaves it to each route: https://github.com/fastapi/fastapi/issues/1773.
"""

import pytest
from starlette.testclient import TestClient

from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.serve.app import create_app
from gitpulse_assets.settings import Settings


@pytest.fixture(scope="module")
def make_client(tmp_path_factory):
    """A client of the application over an empty lake, with further settings."""
    folder = str(tmp_path_factory.mktemp("lake"))
    Lake.open(folder)

    def make(**settings):
        lake = Lake.open(folder, is_writable=False)
        return TestClient(create_app(lake, Settings.model_validate(settings)))

    return make


@pytest.fixture(scope="module")
def client(make_client):
    with make_client() as client:
        yield client


@pytest.mark.parametrize(
    "path",
    ["/", "/healthz", "/api/openapi.json", "/static/page.css", "/static/page.js", "/api/v1/nothing", "/?x=1"],
)
def test_21_head_answers_as_get_without_the_body(client, path):
    head, got = client.head(path), client.get(path)
    assert (head.status_code, head.content) == (got.status_code, b"")
    assert head.status_code != 405
    assert {name: head.headers[name] for name in ("content-length", "content-type")} == {
        name: got.headers[name] for name in ("content-length", "content-type")
    }


@pytest.mark.parametrize("path", ["/", "/healthz", "/api/repositories", "/static/page.css"])
def test_21_cousin_other_methods_stay_refused_and_are_told_what_is_allowed(client, path):
    refused = client.post(path)
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD")


def test_21_cousin_what_did_not_change_is_304(client):
    """A monitor that keeps an ETag asks by HEAD as a browser does by GET."""
    etag = client.get("/api/repositories").headers["etag"]
    head = client.head("/api/repositories", headers={"If-None-Match": etag})
    assert (head.status_code, head.headers["etag"], head.content) == (304, etag, b"")


@pytest.mark.parametrize("path", ["/api/repositories", "/", "/static/page.css"])
def test_21_cousin_head_is_asked_for_the_key_and_counted_as_get_is(make_client, path):
    with make_client(GITPULSE_API_KEYS="me=0123456789abcdef0123", GITPULSE_API_RATE_PER_MINUTE=3) as client:
        statuses = [client.head(path).status_code for _ in range(5)]
        assert statuses == [401, 401, 401, 429, 429]
        assert client.get(path).status_code == 429


def test_21_cousin_a_page_of_another_origin_may_ask_by_head(make_client):
    """With a key the browser asks first whether it may; it was told: by GET alone."""
    origin = "https://dashboard.example"
    with make_client(GITPULSE_CORS_ORIGINS=origin) as client:
        asked = {"Origin": origin, "Access-Control-Request-Method": "HEAD"}
        asked["Access-Control-Request-Headers"] = "authorization"
        answer = client.options("/api/repositories", headers=asked)
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, origin)
        assert "HEAD" in answer.headers["access-control-allow-methods"]


def test_21_cousin_head_below_a_sub_path(make_client):
    with make_client(GITPULSE_PAGE_URL="https://host/backlog") as client:
        for path in ("/backlog/", "/backlog/static/page.css", "/backlog/api/repositories"):
            assert (client.head(path).status_code, client.head(path).content) == (200, b"")
        assert client.head("/backlog", follow_redirects=False).status_code == 307
