"""A stand-in of Metabase's documented API, and a filled lake."""

import itertools
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from gitpulse_assets_tests.answer_lakes import copy_filled

EMAIL, PASSWORD = "triage@example.com", "the-password-that-must-never-show"


class StandIn(httpx.BaseTransport):
    """Answers as Metabase's API reference says, and adds fields of its own to what it stores."""

    def __init__(self, *, is_set_up: bool = True) -> None:
        self.is_set_up = is_set_up
        self.ids = itertools.count(7)
        self.things: dict[str, dict[int, dict[str, Any]]] = {
            kind: {} for kind in ("database", "collection", "card", "dashboard")
        }
        self.writes: list[str] = []
        self.tracking: list[bool] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content) if request.content else {}
        path = request.url.path.removeprefix("/api/").split("/")
        if path == ["session", "properties"]:
            return self.answer({"setup-token": "the-token", "has-user-setup": self.is_set_up})
        if path == ["setup"]:
            return self.set_up(body)
        if path == ["session"]:
            is_right = self.is_set_up and body == {"username": EMAIL, "password": PASSWORD}
            return self.answer(
                {"id": "the-session"} if is_right else {"errors": {}}, 200 if is_right else 401
            )
        if request.headers.get("X-Metabase-Session") != "the-session":
            return httpx.Response(401, text="Unauthenticated")
        if request.method == "GET":
            return self.read(path, request.url.params.get("models"))
        self.writes.append(f"{request.method} {'/'.join(path)}")
        return self.write(path, body)

    def set_up(self, body: dict[str, Any]) -> httpx.Response:
        if self.is_set_up or body["token"] != "the-token" or body["user"]["password"] != PASSWORD:
            return httpx.Response(403, text="The /api/setup route can only be used to create the first user")
        self.is_set_up = True
        self.tracking.append(body["prefs"]["allow_tracking"])
        return self.answer({"id": "the-session"})

    def read(self, path: list[str], models: str | None) -> httpx.Response:
        kind, rows = path[0], self.things[path[0]]
        if len(path) == 3 and path[2] == "items":
            found = [row for row in self.things[str(models)].values() if row["collection_id"] == int(path[1])]
            return self.answer({"data": [{"id": row["id"], "name": row["name"]} for row in found]})
        if len(path) == 2:
            return self.answer(rows[int(path[1])]) if int(path[1]) in rows else httpx.Response(404)
        return self.answer({"data": [*rows.values()]} if kind == "database" else [*rows.values()])

    def write(self, path: list[str], body: dict[str, Any]) -> httpx.Response:
        rows = self.things[path[0]]
        number = int(path[1]) if len(path) == 2 else next(self.ids)
        row = rows.get(number, {"id": number, "created_at": "2026-01-01", "archived": False})
        for dashcard in body.get("dashcards", []):
            if dashcard["id"] < 0:
                dashcard["id"] = next(self.ids)
        rows[number] = {**row, **body}
        return self.answer(rows[number])

    def answer(self, body: Any, status: int = 200) -> httpx.Response:
        return httpx.Response(status, json=body)


@pytest.fixture
def stand_in() -> StandIn:
    return StandIn()


@pytest.fixture(scope="session")
def folder(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("metabase") / "lake"
    copy_filled(pytestconfig, made)
    return made
