"""What only S3 can do wrong: answers that are lost, servers that die; and what we lean on, pinned."""

import socket
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from urllib.parse import urlsplit

import pyarrow as pa
import pytest
from botocore.awsrequest import AWSPreparedRequest
from botocore.exceptions import ClientError

from gitpulse_assets.contracts.model import TableContract
from gitpulse_assets.lake.errors import LakeError, PreconditionFailed
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.lake.s3_store import S3Store, connect
from gitpulse_assets.repo import Repo

pytestmark = pytest.mark.s3


@pytest.fixture
def store(s3_server, request: pytest.FixtureRequest) -> S3Store:
    return S3Store("lake", f"{request.node.name}/", s3_server.options)


def refused(**condition: str) -> dict[str, object]:
    return {"Bucket": "lake", "Key": "characterisation/object", "Body": b"2", **condition}


def test_upstream_put_object_honours_if_match_and_if_none_match(s3_server):
    """Publication, the manifest and the clean-up lean on it; a failure means that the server changed."""
    client = connect(s3_server.options)
    client.delete_object(Bucket="lake", Key="characterisation/object")
    with pytest.raises(ClientError) as absent:
        client.put_object(**refused(IfMatch='"0"'))
    first = client.put_object(Bucket="lake", Key="characterisation/object", Body=b"1", IfNoneMatch="*")
    with pytest.raises(ClientError) as existing:
        client.put_object(**refused(IfNoneMatch="*"))
    with pytest.raises(ClientError) as stale:
        client.put_object(**refused(IfMatch='"0"'))
    client.put_object(**refused(IfMatch=first["ETag"]))
    codes = [e.value.response["ResponseMetadata"]["HTTPStatusCode"] for e in (absent, existing, stale)]
    assert codes[0] in (404, 412)
    assert codes[1:] == [412, 412]


@pytest.mark.parametrize("is_new", [True, False])
def test_a_write_whose_answer_was_lost_is_known_as_ours(store: S3Store, monkeypatch, is_new: bool):
    """boto3 sends it again, and the second one fails on what the first one wrote."""
    etag = None if is_new else store.put("x", b"old")
    put_object = store._client.put_object

    def answered_late(**request):
        put_object(**request)
        return put_object(**request)

    monkeypatch.setattr(store._client, "put_object", answered_late)
    new = store.put("x", b"new", if_match=etag, if_absent=is_new)
    head = store.head("x")
    assert head is not None
    assert head.etag == new


def test_a_conflict_in_flight_is_tried_again(store: S3Store, monkeypatch):
    put_object, answers = store._client.put_object, [409, 409]
    monkeypatch.setattr("gitpulse_assets.lake.s3_store.CONFLICT_WAIT_SECONDS", 0.001)

    def conflicting(**request):
        if answers:
            metadata = {"HTTPStatusCode": answers.pop()}
            error = {"Error": {"Code": "ConditionalRequestConflict"}, "ResponseMetadata": metadata}
            raise ClientError(error, "PutObject")  # pyright: ignore[reportArgumentType]
        return put_object(**request)

    monkeypatch.setattr(store._client, "put_object", conflicting)
    store.put("x", b"1", if_absent=True)
    answers.extend([409] * 100)
    with pytest.raises(PreconditionFailed):
        store.put("x", b"2", if_absent=True)


class Killed(BaseException):
    """The client is no more; no handler on the way may take it for an error."""


@pytest.fixture
def killed_behind_its_headers(store: S3Store) -> Iterator[None]:
    """Every request of the store's client sends its headers, no byte of its body, and dies."""

    def die(request: AWSPreparedRequest, **_: object) -> None:
        url = urlsplit(request.url)
        named = {"Host": url.netloc, **{k: as_text(v) for k, v in request.headers.items()}}
        head = "".join(f"{name}: {value}\r\n" for name, value in named.items() if name != "Expect")
        with socket.create_connection((str(url.hostname), int(url.port or 80))) as connection:
            connection.sendall(f"{request.method} {url.path} HTTP/1.1\r\n{head}\r\n".encode())
            connection.shutdown(socket.SHUT_WR)
            connection.recv(65536)
        raise Killed

    events = store._client.meta.events
    events.register("before-send.s3.PutObject", die)
    yield
    events.unregister("before-send.s3.PutObject", die)


def as_text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


def test_a_client_killed_behind_its_headers_leaves_what_was_there(store: S3Store, request):
    store.put("x", b"before")
    request.getfixturevalue("killed_behind_its_headers")
    with pytest.raises(Killed):
        store.put("x", b"after")
    assert store.get("x").body == b"before"  # pyright: ignore[reportOptionalMemberAccess]


def test_upstream_without_a_digest_it_leaves_0_bytes(store: S3Store, request):
    """Why the digest is sent; where this fails, the server has learned to count, and all is well."""
    store.put("x", b"before")
    request.getfixturevalue("killed_behind_its_headers")
    with pytest.raises(Killed):
        store._client.put_object(**store._name("x"), Body=b"after")
    assert store.get("x").body == b""  # pyright: ignore[reportOptionalMemberAccess]


def test_ranges_of_a_large_object_are_right(store: S3Store):
    body = bytes(range(256)) * 2000
    store.put("x", body)
    opened = store.open("x")
    assert opened is not None
    spans = [(0, 10), (100_000, 300_000), (len(body) - 70_000, 70_000), (len(body) - 3, 99), (len(body), 1)]
    assert [opened.file.read_at(n, start) for start, n in spans] == [body[s : s + n] for s, n in spans]


def test_a_body_cut_short_is_read_again(store: S3Store, monkeypatch):
    store.put("x", b"whole")
    get_object, cuts = store._client.get_object, [1, 1]
    monkeypatch.setattr("gitpulse_assets.lake.s3_file.BODY_WAIT_SECONDS", 0.001)

    def cut(**request):
        answer = get_object(**request)
        if cuts:
            answer["Body"]._content_length = str(9 + cuts.pop())
        return answer

    monkeypatch.setattr(store._client, "get_object", cut)
    found = store.get("x")
    assert found is not None
    assert found.body == b"whole"


def test_two_prefixes_of_a_bucket_never_meet(s3_server):
    one, other = (Lake.open(f"s3://lake/{p}", s3_server.options) for p in ("twin", "twin-b"))
    other.store.put("_staging/m/x", b"1")
    one.store.delete_prefix("_staging/")
    assert [i.key for i in other.store.list("_staging/")] == ["_staging/m/x"]


def test_more_objects_than_one_page_are_listed_and_deleted(store: S3Store, monkeypatch):
    monkeypatch.setattr("gitpulse_assets.lake.s3_store.DELETE_KEYS", 2)
    for number in range(5):
        store.put(f"many/{number}", b"")
    assert len(list(store.list("many/"))) == 5
    store.delete_prefix("many/")
    assert list(store.list("many/")) == []


@pytest.fixture
def sent(s3_server) -> Iterator[list[str]]:
    """The names of the requests that the session's client sends from now on."""
    names: list[str] = []

    def note(model, **_) -> None:
        names.append(model.name)

    events = connect(s3_server.options).meta.events
    events.register("before-call.s3", note)
    yield names
    events.unregister("before-call.s3", note)


def test_a_place_is_checked_once_a_process(s3_server, sent: list[str]):
    """A run opens the lake a dozen times: what that asked, it asked at the first."""
    url = f"s3://lake/{uuid.uuid4().hex}"
    Lake.open(url, s3_server.options, is_writable=False)
    assert sent == ["ListObjectsV2"]
    Lake.open(url, s3_server.options)
    assert (len(sent), sent.count("ListObjectsV2"), sent[-1]) == (7, 1, "DeleteObject")
    for is_writable in (True, False) * 5:
        Lake.open(url, s3_server.options, is_writable=is_writable)
    assert len(sent) == 7
    Lake.open(f"{url}/other", s3_server.options, is_writable=False)
    assert len(sent) == 8


def test_what_was_refused_is_asked_again(s3_server, sent: list[str]):
    bucket = f"bucket-{uuid.uuid4().hex}"
    for _ in range(2):
        with pytest.raises(LakeError, match="there is no such bucket"):
            Lake.open(f"s3://{bucket}/x", s3_server.options)
    connect(s3_server.options).create_bucket(Bucket=bucket)
    Lake.open(f"s3://{bucket}/x", s3_server.options)
    assert sent.count("ListObjectsV2") == 3


@pytest.mark.parametrize(
    "request_of",
    [
        lambda lake, repo, thing: lake.commit("silver", repo),
        lambda lake, repo, thing: lake.dataset(thing, repo),
        lambda lake, repo, thing: lake.manifest(repo).rows(),
        lambda lake, repo, thing: lake.committed_repos("silver"),
        lambda lake, repo, thing: lake.store.put("x", b""),
    ],
    ids=["commit", "table", "manifest", "list", "write"],
)
def test_a_bucket_that_vanished_since_is_told_at_the_first_request(s3_server, repo, thing, request_of):
    """Not taken for an empty lake, which would be filled from GitHub at full price."""
    client, bucket = connect(s3_server.options), f"bucket-{uuid.uuid4().hex}"
    client.create_bucket(Bucket=bucket)
    Lake.open(f"s3://{bucket}/x", s3_server.options)
    client.delete_bucket(Bucket=bucket)
    lake = Lake.open(f"s3://{bucket}/x", s3_server.options)
    with pytest.raises(LakeError, match="there is no such bucket: create it, or set GITPULSE_LAKE_URL"):
        request_of(lake, repo, thing)


def wait_for_merges(lake: Lake, repo: Repo, count: int) -> None:
    """Wait until so many merges were published, however slow the machine is."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        # A server that has just come back may refuse a read yet.
        with suppress(LakeError):
            commit = lake.commit("silver", repo)
            if commit is not None and len(commit.merged["issues"]) >= count:
                return
        time.sleep(0.1)


def test_the_server_dies_and_comes_back_in_the_middle(
    own_server, repo: Repo, thing: TableContract, values, other
):
    """Merges go on through it or fail in one line, and what is read afterwards is whole."""
    lake, stop, failures = Lake.open("s3://lake/x", own_server.options), threading.Event(), []

    def work() -> None:
        value = 0
        while not stop.is_set():
            value += 1
            try:
                merge(lake, repo, (thing, other), value)
            except LakeError as error:
                failures.append(str(error))

    worker = threading.Thread(target=work)
    worker.start()
    try:
        time.sleep(0.5)
        own_server.kill()
        own_server.start()
        wait_for_merges(lake, repo, count=4)
    finally:
        stop.set()
        worker.join()
    lake.begin("silver", repo)
    commit = lake.commit("silver", repo)
    assert commit is not None
    assert values(lake) == [{max(commit.merged["issues"].values())}] * 2
    assert len(commit.merged["issues"]) > 3
    assert all("\n" not in failure for failure in failures)


def merge(lake: Lake, repo: Repo, contracts: tuple[TableContract, ...], value: int) -> None:
    with lake.begin("silver", repo) as publication:
        rows = pa.table({"thing_id": [value], "label": ["x"]}, contracts[0].arrow_schema)
        staged = [publication.stage(contract, rows) for contract in contracts]
        publication.seal({"issues": {f"run-{value}": value}})
        for table in staged:
            publication.promote(table)
