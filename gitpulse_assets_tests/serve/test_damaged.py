"""Case 10: a repository that cannot be read takes no other one down: it stands in the lists as damaged."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from gitpulse_assets.contracts.bronze import MANIFEST
from gitpulse_assets.contracts.silver import SYNC_STATE
from gitpulse_assets.lake import paths, snapshot
from gitpulse_assets.marts.issue_daily_flow import MART_ISSUE_DAILY_FLOW
from gitpulse_assets_tests.answer_lakes import EMPTY, ROCKET

OBJECTS = {
    "manifest": paths.table_key(MANIFEST, ROCKET),
    "silver_commit": paths.commit_key("silver", ROCKET),
    "gold_commit": paths.commit_key("gold", ROCKET),
    "silver_table": paths.table_key(SYNC_STATE, ROCKET),
    "mart": paths.table_key(MART_ISSUE_DAILY_FLOW, ROCKET),
}


def cut(body: bytes) -> bytes:
    return body[: len(body) // 2]


def flipped(body: bytes) -> bytes:
    middle = len(body) // 2
    return body[:middle] + bytes([body[middle] ^ 0x40]) + body[middle + 1 :]


@pytest.fixture
def damaged(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_client: Callable[..., TestClient]
) -> Callable[..., TestClient]:
    """`damaged("mart", cut)`: a server over a copy of the lake in which one object is damaged."""
    monkeypatch.setattr(snapshot, "WAIT_SECONDS", 0.1)

    def damage(name: str, how: Callable[[bytes], bytes]) -> TestClient:
        place = tmp_path / "lake"
        shutil.copytree(folder, place)
        path = place / OBJECTS[name]
        path.write_bytes(how(path.read_bytes()))
        return make_client(place)

    return damage


@pytest.mark.parametrize("how", [cut, flipped])
@pytest.mark.parametrize("name", OBJECTS)
def test_10_a_damaged_repository_stands_in_its_row_and_the_others_are_right(
    damaged, client: TestClient, name: str, how: Callable[[bytes], bytes]
):
    server = damaged(name, how)
    response = server.get("/api/repositories")
    assert response.status_code == 200
    rows = {row["repository"]: row for row in response.json()["rows"]}
    whole = {row["repository"]: row for row in client.get("/api/repositories").json()["rows"]}
    assert len(rows) == len(whole)
    assert rows[EMPTY.key] == whole[EMPTY.key]
    told = rows[ROCKET.key]
    # A flip inside a commit may leave JSON that reads: then nothing is wrong that a list could see.
    if how is cut or name in ("silver_table", "mart"):
        assert (told["is_complete"], told["open_count"]) == (False, None)
        assert told["note"].startswith("damaged: ")
    page = server.get("/")
    assert page.status_code == 200
    assert ("damaged" in page.text) == (told["open_count"] is None)


def test_10_its_own_page_and_routes_say_that_it_cannot_be_read(damaged):
    server = damaged("mart", cut)
    assert server.get(f"/api/repository/{ROCKET.key}/verdict").status_code == 503
    assert server.get(f"/?repo={ROCKET.key}").status_code == 503
    assert server.get(f"/api/repository/{EMPTY.key}/verdict").status_code in (200, 422)


def test_10_a_mended_repository_is_shown_again(
    damaged, monkeypatch: pytest.MonkeyPatch, folder: Path, tmp_path: Path
):
    from gitpulse_assets.answers import lake_answers

    monkeypatch.setattr(lake_answers, "DAMAGE_KEPT_SECONDS", 0.0)
    server = damaged("gold_commit", cut)
    assert "damaged" in server.get("/").text
    shutil.copy(folder / OBJECTS["gold_commit"], tmp_path / "lake" / OBJECTS["gold_commit"])
    assert "damaged" not in server.get("/").text
