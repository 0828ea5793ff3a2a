"""The health of a server over S3: asked of the storage each time, not remembered from the start."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from starlette.testclient import TestClient

from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.lake.s3_options import S3Options
from gitpulse_assets.serve.app import create_app
from gitpulse_assets.settings import Settings

EMPTY_LISTING = b"<ListBucketResult><KeyCount>0</KeyCount><IsTruncated>false</IsTruncated></ListBucketResult>"
NO_BUCKET = b"<Error><Code>NoSuchBucket</Code><Message>gone</Message></Error>"


class Storage(ThreadingHTTPServer):
    """Answers every listing with an empty one, or says that the bucket is gone."""

    is_away = False
    request_count = 0


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, Storage)
        self.server.request_count += 1
        body = NO_BUCKET if self.server.is_away else EMPTY_LISTING
        self.send_response(404 if self.server.is_away else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Keep the tests' output clean."""


@pytest.fixture
def storage() -> Iterator[Storage]:
    with Storage(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_health_asks_the_storage_each_time(storage):
    options = S3Options(f"http://127.0.0.1:{storage.server_port}", "key", "secret", None, "us-east-1")
    lake = Lake.open("s3://bucket/lake", options, is_writable=False)
    with TestClient(create_app(lake, Settings()), raise_server_exceptions=False) as client:
        asked_before = storage.request_count
        assert client.get("/healthz").status_code == 200
        assert storage.request_count == asked_before + 1
        storage.is_away = True
        told = client.get("/healthz")
        assert (told.status_code, told.headers["retry-after"]) == (503, "30")
        assert "bucket" not in told.text
        storage.is_away = False
        assert client.get("/healthz").status_code == 200
