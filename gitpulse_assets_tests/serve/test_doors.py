"""The doors of `gitpulse serve`: guessed keys, refused hosts and requests, connections left open, windows."""

import asyncio
import json
import socket
from contextlib import closing

import pytest
from starlette.testclient import TestClient
from uvicorn.server import ServerState

from gitpulse_assets.commands.serve import server_config
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.serve.app import SECURITY_HEADERS, create_app
from gitpulse_assets.serve.connection import Connection
from gitpulse_assets.settings import Settings
from gitpulse_assets_tests.serve.test_access import KEY, KEYS, LIST

SUMMARY = "/api/repository/acme/rocket/summary"
CONNECTION_SECONDS = 60


@pytest.mark.parametrize("path", ["/static/page.css", "/static/nothing", LIST, "/"])
def test_14_wrong_keys_are_counted_wherever_they_are_tried(make_client, path):
    client = make_client(GITPULSE_API_RATE_PER_MINUTE=1, **KEYS)
    codes = [client.get(path, headers={"Authorization": f"Bearer {n}"}).status_code for n in range(3)]
    assert codes == [401, 429, 429]
    assert client.get(LIST).status_code == 429


def test_14_static_files_still_cost_a_right_key_nothing(make_client):
    client = make_client(GITPULSE_API_RATE_PER_MINUTE=1, **KEYS)
    right = {"Authorization": f"Bearer {KEY}"}
    assert {client.get("/static/page.css", headers=right).status_code for _ in range(8)} == {200}


@pytest.mark.parametrize(
    ("accepted", "is_packed"),
    [
        ("gzip", True),
        ("GZIP;q=0.5, br", True),
        ("*", True),
        ("gzip;q=0", False),
        ("gzip; q=0.000", False),
        ("*;q=0", False),
        ("gzip;q=0, *", False),
        ("identity, gzip;q=0.5", False),
        ("xgzip", False),
        ("", False),
    ],
)
@pytest.mark.parametrize("path", ["/api/repository/acme/rocket/issues", "/static/vega.js"])
def test_17_gzip_is_sent_to_those_who_take_it(client, path, accepted, is_packed):
    response = client.get(path, headers={"Accept-Encoding": accepted})
    assert ("content-encoding" in response.headers) == is_packed


@pytest.mark.parametrize(
    "host", ["evil.example", "", "localhost@evil.example", "[::1", "evil.localhost", "::1"]
)
def test_17_a_refused_host_is_told_as_a_problem(folder, host):
    app = create_app(
        Lake.open(str(folder), is_writable=False), Settings(), allowed_hosts=("localhost", "[::1]")
    )
    with TestClient(app) as client:
        response = client.get(LIST, headers={"Host": host})
        assert response.status_code == 400
        assert response.headers["content-type"] == "application/problem+json"
        assert "FORWARDED_ALLOW_IPS" in response.json()["detail"]
        assert {name: response.headers[name] for name in SECURITY_HEADERS} == SECURITY_HEADERS
        for ours in ("localhost", "LOCALHOST:8000", "[::1]:8000"):
            assert client.get(LIST, headers={"Host": ours}).status_code == 200


def said(url: str, sent: bytes) -> bytes:
    """All that a server answers to these bytes until it closes the connection."""
    host, _, port = url.removeprefix("http://").partition(":")
    with closing(socket.create_connection((host, int(port)), CONNECTION_SECONDS)) as connection:
        connection.sendall(sent)
        return b"".join(iter(lambda: connection.recv(65_536), b""))


@pytest.mark.parametrize(
    "sent",
    [
        b"NONSENSE\r\n\r\n",
        b"GET / HTTP/1.1\r\nno header\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)
def test_17_a_malformed_request_is_told_as_a_problem(base_url, sent):
    head, _, body = said(base_url, sent).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert b"content-type: application/problem+json" in head.lower()
    assert json.loads(body)["status"] == 400


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"GET / HTTP/1.1\r\nHost: local",
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\nGET / HT",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nhalf",
    ],
)
def test_17_a_connection_on_which_nothing_comes_is_closed(base_url, sent, monkeypatch):
    monkeypatch.setattr(Connection, "idle_seconds", 0.2)
    answered = said(base_url, sent)
    assert answered.startswith(b"HTTP/1.1") == (b"\r\n\r\n" in sent)


def test_17_a_connection_that_waits_for_its_answer_is_kept():
    async def answered() -> bytes:
        looked_at = asyncio.Event()

        class Watched(Connection):
            idle_seconds = 0.001
            looks = 0

            def close_if_idle(self, before):
                super().close_if_idle(before)
                self.looks += 1
                if self.looks == 5:
                    looked_at.set()

        async def app(scope, receive, send):
            await looked_at.wait()
            await send({"type": "http.response.start", "status": 204, "headers": []})
            await send({"type": "http.response.body"})

        config, state = server_config(app, None), ServerState()
        server = await asyncio.get_running_loop().create_server(
            lambda: Watched(config, state, {}), "127.0.0.1", 0
        )
        async with server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            line = await asyncio.wait_for(reader.readline(), CONNECTION_SECONDS)
            writer.close()
            return line

    assert asyncio.run(answered()).startswith(b"HTTP/1.1 204")


@pytest.mark.parametrize("bound", ["from", "to"])
@pytest.mark.parametrize("window", ["28", "90", "180", "all"])
def test_17_a_window_with_one_day_begins_or_ends_on_it(client, window, bound):
    longest = client.get(SUMMARY, params={"window": "all"}).json()["window"]
    day = longest["start_date"] if bound == "from" else longest["end_date"]
    response = client.get(SUMMARY, params={"window": window, bound: day})
    assert response.status_code == 200, response.text
    told = response.json()["window"]
    assert told["start_date" if bound == "from" else "end_date"] == day
    assert told["days"] == (longest["days"] if window == "all" else int(window))


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ({"window": "28", "from": "2026-01-01", "to": "2026-01-28"}, "not both"),
        ({"window": "28", "from": "9999-12-31"}, "28 days"),
        ({"window": "180", "to": "0001-01-01"}, "180 days"),
        ({"window": "28", "to": "9999-12-31"}, "the last complete day known is"),
    ],
)
def test_17_a_window_that_cannot_be_is_refused_with_its_reason(client, parameters, named):
    response = client.get(SUMMARY, params=parameters)
    assert response.status_code == 422
    assert named in response.json()["detail"]
