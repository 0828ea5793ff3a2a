"""What is asked of a subject in a lake that was refreshed before anybody chose it."""

from pathlib import Path

from fastapi import APIRouter
from starlette.testclient import TestClient

from gitpulse_assets.catalog.declared import marts_of
from gitpulse_assets.chosen import CONTRIBUTORS
from gitpulse_assets.serve.api import add_mart
from gitpulse_assets.serve.conversations import conversations_router
from gitpulse_assets_tests.serve.conftest import app_of


def test_its_routes_say_what_helps(folder: Path):
    app, added = app_of(folder), APIRouter(prefix="/api")
    for mart in marts_of(CONTRIBUTORS):
        add_mart(added, mart)
    app.include_router(added)
    with TestClient(app, raise_server_exceptions=False) as client:
        for mart in marts_of(CONTRIBUTORS):
            assert mart.answer
            reply = client.get(f"/api/repository/acme/rocket/{mart.answer.route}")
            assert (reply.status_code, "run gitpulse refresh acme/rocket" in reply.text) == (409, True)


def test_not_chosen_there_is_no_route_of_it(client: TestClient):
    paths = client.get("/api/openapi.json").json()["paths"]
    routes = [mart.answer.route for mart in marts_of(CONTRIBUTORS) if mart.answer]
    assert [path for path in paths if path.rpartition("/")[2] in routes] == []
    assert client.get("/api/repository/acme/rocket/follow-up").status_code == 404


def test_its_pages_say_what_helps(folder: Path):
    app = app_of(folder)
    app.include_router(conversations_router)
    with TestClient(app, raise_server_exceptions=False) as client:
        for path in ("responsiveness", "pull-requests", "contributors", "download/lists/follow-up.csv"):
            reply = client.get(f"/{path}?repo=acme/rocket")
            assert (reply.status_code, "gitpulse refresh acme/rocket" in reply.text) == (200, True)
