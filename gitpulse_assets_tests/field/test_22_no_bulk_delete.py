"""Case 22: a server that wants Content-MD5 of DeleteObjects kept what a merge had staged, at every run.

Reported in https://github.com/CERT-Polska/karton/issues/269. The server is a real one but for this answer.
"""

import uuid

import pytest
from botocore.awsrequest import AWSResponse

from gitpulse_assets.lake import s3_store
from gitpulse_assets.lake.errors import LakeError
from gitpulse_assets_tests.s3_server import BUCKET, Storage, no_caller_settings, s3_server

__all__ = ["no_caller_settings", "s3_server"]

pytestmark = pytest.mark.s3


class RawBody:
    """What botocore reads a body from."""

    def __init__(self, body):
        self.body = body

    def stream(self, **_):
        yield self.body


@pytest.fixture
def answered(s3_server, monkeypatch):
    """A store whose server answers every DeleteObjects so; and how often it was asked."""
    monkeypatch.setattr(s3_store, "_delete_singly", set())
    client = s3_store.connect(s3_server.options)
    asked, registered = [], []

    def open_store(status, code):
        def refuse(request, **_):
            asked.append(request.url)
            body = f"<Error><Code>{code}</Code><Message>Told so.</Message></Error>".encode()
            return AWSResponse(request.url, status, {}, RawBody(body))

        client.meta.events.register("before-send.s3.DeleteObjects", refuse)
        registered.append(refuse)
        return Storage(f"s3://{BUCKET}/{uuid.uuid4().hex}", s3_server.options).open().store, asked

    yield open_store
    for refuse in registered:
        client.meta.events.unregister("before-send.s3.DeleteObjects", refuse)


def fill(store, *keys):
    for key in keys:
        store.put(key, b"x")


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "MissingContentMD5"),
        pytest.param(400, "InvalidRequest", id="cousin: told otherwise"),
        pytest.param(501, "NotImplemented", id="cousin: not implemented"),
        pytest.param(405, "MethodNotAllowed", id="cousin: not allowed"),
    ],
)
def test_22_what_is_not_deleted_together_is_deleted_one_by_one_and_said_once(answered, caplog, status, code):
    store, asked = answered(status, code)
    for folder in ("a/", "b/"):
        fill(store, f"{folder}1", f"{folder}2", "kept")
        store.delete_prefix(folder)
    assert [info.key for info in store.list("")] == ["kept"]
    assert len(asked) == 1
    assert [code in record.message for record in caplog.records if "one by one" in record.message] == [True]


def test_22_cousin_what_is_forbidden_is_told(answered):
    store, _ = answered(403, "AccessDenied")
    fill(store, "a/1")
    with pytest.raises(LakeError, match="access denied"):
        store.delete_prefix("a/")
