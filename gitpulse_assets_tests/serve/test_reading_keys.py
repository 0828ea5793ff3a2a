"""19: the page needs no more of S3 than a key that may list and read the bucket."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from gitpulse_assets.lake.errors import LakeError
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.lake.s3_options import S3Options
from gitpulse_assets.serve.app import create_app
from gitpulse_assets.settings import Settings
from gitpulse_assets_tests.answer_lakes import fill, generated_world
from gitpulse_assets_tests.s3_server import (  # noqa: F401
    BUCKET,
    S3Server,
    SharedServer,
    no_caller_settings,
    s3_server,
)

READER = ("reader", "a-secret-that-may-only-read")
LAKE = f"s3://{BUCKET}/lake"


@pytest.fixture(scope="module")
def options(s3_server: SharedServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Options]:  # noqa: F811
    """The writing key of a server of its own that knows a reading one too, with a filled lake."""
    folder = tmp_path_factory.mktemp("reading")
    server = S3Server(s3_server.weed, folder)
    identities = [
        identity("writer", str(server.options.access_key_id), str(server.options.secret_access_key), "Admin"),
        identity("reader", *READER, f"Read:{BUCKET}", f"List:{BUCKET}"),
    ]
    (folder / "s3.json").write_text(json.dumps({"identities": identities}))
    server.arguments.extend(["-s3.config", str(folder / "s3.json")])
    try:
        server.start()
        fill(Lake.open(LAKE, server.options), generated_world(10, 10), folder)
        yield server.options
    finally:
        server.kill()


def identity(name: str, key: str, secret: str, *actions: str) -> dict[str, object]:
    return {"name": name, "credentials": [{"accessKey": key, "secretKey": secret}], "actions": actions}


@pytest.fixture
def reading(options: S3Options) -> S3Options:
    return replace(options, access_key_id=READER[0], secret_access_key=READER[1])


@pytest.mark.s3
def test_19_the_page_answers_with_a_key_that_may_only_read(reading: S3Options):
    app = create_app(Lake.open(LAKE, reading, is_writable=False), Settings())
    with TestClient(app) as client:
        for path in ("/healthz", "/api/repositories", "/api/repository/acme/rocket/verdict", "/"):
            assert client.get(path).status_code == 200, path


@pytest.mark.s3
def test_19_that_key_writes_and_deletes_nothing(options: S3Options, reading: S3Options, tmp_path: Path):
    store = Lake.open(LAKE, reading, is_writable=False).store
    with pytest.raises(LakeError):
        store.put("planted", b"1")
    found = next(iter(Lake.open(LAKE, options).store.list("gold/")))
    with pytest.raises(LakeError):
        store.delete(found.key)
    assert found.key in [each.key for each in Lake.open(LAKE, options).store.list("gold/")]
