"""Keys, the rate limit, CORS and the headers of every reply."""

import base64
import hmac

import pytest
from pydantic import SecretStr
from starlette.testclient import TestClient

from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.serve.app import create_app
from gitpulse_assets.serve.keys import Keys
from gitpulse_assets.serve.limits import CLIENTS_KEPT, RateLimit
from gitpulse_assets.settings import Settings

KEY, OTHER = "0123456789abcdef-first", "0123456789abcdef-second"
KEYS = {"GITPULSE_API_KEYS": f"{KEY},{OTHER}"}
LIST = "/api/repositories"


def basic(key: str) -> str:
    return "Basic " + base64.b64encode(f"anyone:{key}".encode()).decode()


@pytest.mark.parametrize(
    "path", [LIST, "/", "/api/openapi.json", "/api/repository/acme/rocket/verdict", "/nothing"]
)
def test_with_keys_everything_asks_for_one(make_client, path):
    client = make_client(**KEYS)
    response = client.get(path)
    assert response.status_code == 401
    assert response.headers["www-authenticate"].startswith("Bearer")
    assert "Basic" in response.headers["www-authenticate"]
    for authorization in (f"Bearer {KEY}", f"bearer {OTHER}", basic(KEY)):
        assert client.get(path, headers={"Authorization": authorization}).status_code != 401


@pytest.mark.parametrize(
    "authorization",
    [
        "Bearer wrong",
        f"Bearer {KEY}x",
        f"Bearer {KEY[:-1]}",
        KEY,
        "Bearer",
        "",
        "Basic !!!",
        basic("wrong"),
        "Bearer ü",
    ],
)
def test_a_wrong_key_is_refused_and_not_repeated(make_client, authorization):
    response = make_client(**KEYS).get(LIST, headers={"Authorization": authorization.encode("utf-8")})
    assert response.status_code == 401
    assert KEY not in response.text


def test_health_needs_no_key(make_client):
    assert make_client(**KEYS).get("/healthz").status_code == 200


def test_without_keys_nothing_asks_for_one(client):
    assert client.get(LIST, headers={"Authorization": "Bearer whatever"}).status_code == 200


def test_every_key_is_compared_in_constant_time(monkeypatch):
    compared = []
    monkeypatch.setattr(hmac, "compare_digest", lambda a, b: compared.append((a, b)) or a == b)
    keys = Keys([SecretStr(KEY), SecretStr(OTHER), SecretStr("x" * 20)])
    assert keys.client(f"Bearer {KEY}") == "key 1"
    assert len(compared) == 3
    assert {len(part) for pair in compared for part in pair} == {32}


def test_a_client_that_asks_too_often_is_told_when_to_come_back(make_client):
    client = make_client(GITPULSE_API_RATE_PER_MINUTE=5)
    codes = [client.get(LIST).status_code for _ in range(8)]
    assert (codes[:5], set(codes[5:])) == ([200] * 5, {429})
    refused = client.get(LIST)
    assert 1 <= int(refused.headers["retry-after"]) <= 13
    assert "come back in" in refused.json()["detail"]
    assert client.get("/healthz").status_code == 200


def test_keys_are_counted_apart_and_wrong_ones_too(make_client):
    client = make_client(GITPULSE_API_RATE_PER_MINUTE=3, **KEYS)
    first, second = ({"Authorization": f"Bearer {key}"} for key in (KEY, OTHER))
    assert [client.get(LIST, headers=first).status_code for _ in range(4)] == [200, 200, 200, 429]
    assert client.get(LIST, headers=second).status_code == 200
    assert [client.get(LIST).status_code for _ in range(4)] == [401, 401, 401, 429]


def test_the_bucket_fills_again():
    now = [0.0]
    limit = RateLimit(60, lambda: now[0])
    assert [limit.wait_seconds("a") for _ in range(60)] == [0] * 60
    assert limit.wait_seconds("a") == pytest.approx(1)
    now[0] = 1.5
    assert (limit.wait_seconds("a"), limit.wait_seconds("b")) == (0, 0)
    assert limit.wait_seconds("a") == pytest.approx(0.5)
    now[0] = 10_000
    assert sum(limit.wait_seconds("a") == 0 for _ in range(100)) == 60


def test_it_remembers_a_bounded_number_of_clients():
    limit = RateLimit(1, lambda: 0.0)
    for number in range(CLIENTS_KEPT + 1):
        assert limit.wait_seconds(str(number)) == 0
    assert limit.wait_seconds("1") > 0
    assert limit.wait_seconds("0") == 0


def test_other_origins_are_let_in_only_where_named(client, make_client):
    origin = {"Origin": "https://dash.example.com"}
    assert "access-control-allow-origin" not in client.get(LIST, headers=origin).headers
    open_to = make_client(GITPULSE_CORS_ORIGINS="https://dash.example.com", **KEYS)
    allowed = open_to.get(LIST, headers={**origin, "Authorization": f"Bearer {KEY}"})
    assert allowed.headers["access-control-allow-origin"] == "https://dash.example.com"
    assert "ETag" in allowed.headers["access-control-expose-headers"]
    preflight = {
        **origin,
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "authorization",
    }
    assert open_to.options(LIST, headers=preflight).status_code == 200
    stranger = open_to.get(LIST, headers={"Origin": "https://evil.example"})
    assert "access-control-allow-origin" not in stranger.headers


def test_a_name_that_is_not_ours_is_refused(folder):
    """A page elsewhere that has its name point at 127.0.0.1 must not read what is served there."""
    app = create_app(
        Lake.open(str(folder), is_writable=False), Settings(), allowed_hosts=("localhost", "127.0.0.1")
    )
    with TestClient(app, base_url="http://evil.example") as client:
        assert client.get(LIST).status_code == 400
    with TestClient(app, base_url="http://localhost:8000") as client:
        assert client.get(LIST).status_code == 200


@pytest.mark.parametrize("path", [LIST, "/healthz", "/nothing", "/"])
def test_every_reply_has_the_headers_that_keep_browsers_careful(client, path):
    headers = client.get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
