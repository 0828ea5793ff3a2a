"""A wait for other writers sees the wish to stop, also where the exception that told of it was lost."""

import signal
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from botocore.exceptions import ClientError

from gitpulse_assets.lake import snapshot
from gitpulse_assets.lake.errors import PreconditionFailed
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.lake.manifest import PUT_ATTEMPTS, Manifest
from gitpulse_assets.lake.s3_options import S3Options
from gitpulse_assets.lake.s3_store import S3Store
from gitpulse_assets.marts.issue_lifecycle import MART_ISSUE_LIFECYCLE
from gitpulse_assets.processes.stopping import stops_noted
from gitpulse_assets.repo import Repo
from gitpulse_assets_tests.answer_lakes import ROCKET

REPO = Repo("acme", "rocket")


@pytest.fixture(autouse=True)
def wished() -> Iterator[None]:
    """Somebody wished for a stop, and nothing was raised."""
    before = signal.signal(signal.SIGTERM, lambda *_: None)
    try:
        with stops_noted():
            signal.raise_signal(signal.SIGTERM)
            yield
    finally:
        signal.signal(signal.SIGTERM, before)


def test_a_manifest_that_others_keep_replacing(tmp_path, monkeypatch):
    attempts: list[int] = []

    def replaced(*_: object) -> str:
        attempts.append(1)
        raise PreconditionFailed("another run replaced it")

    manifest = Manifest(Lake.open(str(tmp_path)).store, REPO)
    monkeypatch.setattr(manifest, "_write", replaced)
    with pytest.raises(KeyboardInterrupt):
        manifest._update(lambda rows: [*rows, SimpleNamespace(sequence=1)])  # pyright: ignore[reportArgumentType]
    assert len(attempts) == 1 < PUT_ATTEMPTS


def test_a_publication_that_does_not_end(tmp_path, monkeypatch):
    monkeypatch.setattr(snapshot, "_stray", lambda *_: ("mart", None))
    monkeypatch.setattr(snapshot, "refuse_damaged", lambda *_: None)
    with pytest.raises(KeyboardInterrupt):
        snapshot.open_snapshot(Lake.open(str(tmp_path)).store, "gold", ROCKET, [MART_ISSUE_LIFECYCLE])


def test_a_conditional_write_that_meets_another_one():
    """409 as AWS answers it; no server here does."""
    refusal = {"Error": {"Code": "ConditionalRequestConflict"}, "ResponseMetadata": {"HTTPStatusCode": 409}}
    asked: list[object] = []

    def put_object(**request: object) -> None:
        asked.append(request)
        raise ClientError(refusal, "PutObject")  # pyright: ignore[reportArgumentType]

    store = S3Store("bucket", "", S3Options("http://127.0.0.1:9", "key", "secret", None, "us-east-1"))
    store._client = SimpleNamespace(
        put_object=put_object, exceptions=SimpleNamespace(ClientError=ClientError)
    )
    with pytest.raises(KeyboardInterrupt):
        store.put("key", b"1", if_match='"etag"')
    assert len(asked) == 1
