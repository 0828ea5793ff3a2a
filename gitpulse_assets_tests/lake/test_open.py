"""Opening the lake: every wrong setting is one line that names it, before anything else is done."""

import http.server
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest

from gitpulse_assets.lake.errors import LakeError
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.lake.s3_options import S3Options

KEYS = S3Options("http://127.0.0.1:9", "gitpulse", "not-to-be-told", None, "us-east-1")


def refusal(url: str, options: S3Options | None = None, *, is_writable: bool = True) -> str:
    with pytest.raises(LakeError) as caught:
        Lake.open(url, options, is_writable=is_writable)
    assert "\n" not in str(caught.value)
    assert "not-to-be-told" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("form", ["{}", "file://{}"])
def test_a_folder_by_path_or_url(tmp_path: Path, form: str):
    folder = tmp_path / "my lake #1?"
    path = quote(str(folder)) if form.startswith("file") else str(folder)
    lake = Lake.open(form.format(path))
    lake.store.put("x/y", b"1")
    assert (folder / "x" / "y").read_bytes() == b"1"


@pytest.mark.parametrize(
    "url",
    [
        *("", "s3://", "http://host/x"),
        *("s3://bucket/p?x=1", "s3://bucket/team#1", "s3://bucket/p#"),
    ],
)
def test_what_is_no_lake_url(url: str):
    assert refusal(url).startswith(f"GITPULSE_LAKE_URL: {url!r} is no lake; write a folder")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_write_permission(tmp_path: Path):
    tmp_path.chmod(0o500)
    assert "permission denied: make the folder writable or set GITPULSE_LAKE_URL" in refusal(str(tmp_path))


def test_reading_needs_no_write(tmp_path: Path):
    lake = Lake.open(str(tmp_path / "absent"), is_writable=False)
    assert lake.committed_repos("silver") == []
    assert not (tmp_path / "absent").exists()


@pytest.mark.s3
@pytest.mark.parametrize(
    ("url", "changes", "expected"),
    [
        ("s3://nowhere/x", {}, "there is no such bucket: create it, or set GITPULSE_LAKE_URL"),
        ("s3://lake/x", {"access_key_id": "someone"}, "does not know this access key: set AWS_ACCESS_KEY_ID"),
        ("s3://lake/x", {"secret_access_key": "not-to-be-told"}, "set AWS_SECRET_ACCESS_KEY"),
        ("s3://Not_A_Bucket/x", {}, "set GITPULSE_LAKE_URL"),
    ],
)
def test_a_wrong_setting_of_s3_is_named(s3_server, url: str, changes: dict[str, str], expected: str):
    message = refusal(url, replace(s3_server.options, **changes))
    assert message.startswith(f"{url}/ at http://127.0.0.1:")
    assert expected in message


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {},
            "at http://127.0.0.1:9: cannot be reached (EndpointConnectionError): set AWS_ENDPOINT_URL",
        ),
        (
            {"access_key_id": None, "secret_access_key": None},
            "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
        ),
        ({"endpoint_url": "127.0.0.1:9"}, "AWS_ENDPOINT_URL: "),
    ],
    ids=["unreachable", "no key", "no scheme"],
)
def test_s3_without_a_server(changes: dict[str, str | None], expected: str):
    began = time.monotonic()
    assert expected in refusal("s3://lake/x", replace(KEYS, **changes))
    assert time.monotonic() - began < 30


def test_secrets_are_not_shown():
    assert "not-to-be-told" not in repr(KEYS)


class Answers(http.server.BaseHTTPRequestHandler):
    """An S3 server that does one thing wrong."""

    status, body = 200, b"<ListBucketResult/>"

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(self.status)
        self.send_header("Content-Length", str(0 if self.command == "HEAD" else len(self.body)))
        self.send_header("ETag", '"1"')
        if self.status == 301:
            # AWS tells it with each redirect; a client that is not told asks again until its stack is full.
            self.send_header("x-amz-bucket-region", "eu-west-1")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(self.body)

    do_GET = do_PUT = do_HEAD = do_DELETE = _answer  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def answering() -> Iterator[type[Answers]]:
    class Handler(Answers):
        url = ""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Handler.url = f"http://127.0.0.1:{server.server_address[1]}"
        threading.Thread(target=server.serve_forever, args=(0.05,)).start()
        yield Handler
        server.shutdown()


def error_body(code: str, more: str = "") -> bytes:
    return f"<Error><Code>{code}</Code><Message>Some words.</Message>{more}</Error>".encode()


def test_a_server_that_ignores_conditions_is_refused(answering):
    message = refusal("s3://lake/x", replace(KEYS, endpoint_url=answering.url))
    assert "the server ignores conditional writes (If-Match, If-None-Match)" in message
    Lake.open("s3://lake/x", replace(KEYS, endpoint_url=answering.url), is_writable=False)


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (400, error_body("AuthorizationHeaderMalformed", "<Region>eu-west-1</Region>"), "set AWS_REGION"),
        (301, error_body("PermanentRedirect", "<Endpoint>x</Endpoint>"), "set AWS_REGION"),
        (403, error_body("AccessDenied"), "access denied: AWS_ACCESS_KEY_ID must be one that may"),
        (403, error_body("SomethingNew"), "access denied: AWS_ACCESS_KEY_ID must be one that may"),
        (403, error_body("RequestTimeTooSkewed"), "set the clock"),
        (400, error_body("ExpiredToken"), "set AWS_SESSION_TOKEN to a new one"),
        (507, error_body("XMinioStorageFull"), "the server's disk is full"),
        (400, error_body("Whatever"), "the server answered 400 Whatever: Some words"),
        (
            501,
            error_body("Whatever"),
            "Some words: look at that server, or set AWS_ENDPOINT_URL",
        ),
    ],
    ids=lambda v: str(v)[:40] if isinstance(v, int) else "",
)
def test_what_a_server_answers_is_told_in_one_line(answering, status: int, body: bytes, expected: str):
    answering.status, answering.body = status, body
    assert expected in refusal("s3://lake/x", replace(KEYS, endpoint_url=answering.url))
