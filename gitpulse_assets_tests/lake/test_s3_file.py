"""Case 13: how often a body that breaks off is asked for, whatever time it took to break off.

Case 4: what is said of an object that the server itself can no longer read.
"""

import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from gitpulse_assets.lake.errors import LakeError, ObjectDamaged
from gitpulse_assets.lake.s3_file import BODY_ATTEMPTS, read_object
from gitpulse_assets.lake.s3_options import S3Options
from gitpulse_assets.lake.s3_store import connect

BODY = b"the whole object"
NAME = {"Bucket": "b", "Key": "k"}


class BreakingServer(ThreadingHTTPServer):
    """Announces the whole object, and breaks off in it `times` times, each `after_seconds` by our clock."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.asked = self.times = self.after_seconds = self.passed_seconds = 0
        self.known_status = self.read_status = 200
        real = time.monotonic
        monkeypatch.setattr(time, "monotonic", lambda: real() + self.passed_seconds)
        # Between two attempts; nothing else of this test waits.
        monkeypatch.setattr(time, "sleep", lambda seconds: None)


class Answer(BaseHTTPRequestHandler):
    server: BreakingServer

    def do_HEAD(self) -> None:
        self.send_response(self.server.known_status)
        self.end_headers()

    def do_GET(self) -> None:
        self.server.asked += 1
        if self.server.read_status != 200:
            self.send_error(self.server.read_status)
            return
        is_broken = self.server.asked <= self.server.times
        self.send_response(200)
        self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()
        if is_broken:
            self.server.passed_seconds += self.server.after_seconds
        self.wfile.write(BODY[: 5 if is_broken else None])

    def log_message(self, *_: object) -> None:
        """Nothing to say."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[BreakingServer]:
    with BreakingServer(monkeypatch) as server:
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield server
        server.shutdown()


def read(server: BreakingServer) -> bytes:
    """Ask the server by the client and with the settings that the lake has."""
    address = f"http://127.0.0.1:{server.server_port}"
    options = S3Options(endpoint_url=address, access_key_id="id", secret_access_key="secret")
    return read_object(connect(options), NAME, address)[0]


@pytest.mark.parametrize("after_seconds", [0, 46, 600])
def test_13_a_body_that_breaks_off_late_is_asked_for_as_often_as_one_that_does_at_once(server, after_seconds):
    server.times, server.after_seconds = BODY_ATTEMPTS - 1, after_seconds
    assert (read(server), server.asked) == (BODY, BODY_ATTEMPTS)


def test_13_it_is_given_up_after_four(server):
    server.times, server.after_seconds = 99, 46
    with pytest.raises(LakeError, match="s3://b/k"):
        read(server)
    assert server.asked == 4


@pytest.mark.parametrize(
    ("read_status", "known_status", "is_damaged"), [(500, 200, True), (500, 500, False), (503, 200, False)]
)
def test_04_what_a_server_that_is_well_cannot_read_is_damaged(server, read_status, known_status, is_damaged):
    """SeaweedFS answers 500 for an object of which a bit has rotted on its disk, and for no other."""
    server.read_status, server.known_status = read_status, known_status
    with pytest.raises(LakeError, match="look at that server") as told:
        read(server)
    assert isinstance(told.value, ObjectDamaged) == is_damaged
    assert str(told.value).endswith("run gitpulse repair OWNER/NAME") == is_damaged
