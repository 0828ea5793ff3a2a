"""Real exchanges, replayed: GitHub's own Link, ETag, 304 and rate headers."""

import httpx
import pytest

from gitpulse_assets.github.client import GitHubClient
from gitpulse_assets.github.pages import walk
from gitpulse_assets.repo import Repo

API = "https://api.github.com"
REPO = Repo("rsc", "markdown")


def exchanges(path):
    """Yield (request line, response) of an httprr trace: `<reqlen> <resplen>` and the two texts."""
    data = path.read_bytes()
    position = data.index(b"\n") + 1
    while position < len(data):
        start = data.index(b"\n", position) + 1
        request_size, response_size = map(int, data[position:start].split())
        request = data[start : start + request_size]
        position = start + request_size + response_size
        yield request, data[start + request_size : position]


def response_of(text):
    head, _, body = text.partition(b"\r\n\r\n")
    status_line, *lines = head.decode().split("\r\n")
    headers = [line.split(": ", 1) for line in lines]
    # The trace keeps bodies decoded; the headers still tell of their transport.
    dropped = ("content-encoding", "transfer-encoding", "content-length")
    kept = [(name, value) for name, value in headers if name.lower() not in dropped]
    return httpx.Response(int(status_line.split()[1]), headers=kept, content=body)


@pytest.fixture(params=["markdown", "markdown2", "markdowninc", "tmpedit"])
def trace(request, recorded_data):
    """The exchanges by address and If-None-Match, and a client that replays them."""
    path = recorded_data / "rsc.httprr" / f"{request.param}.httprr"
    stored, order = {}, []
    for asked, text in exchanges(path):
        method, url, _ = asked.split(b"\r\n")[0].decode().split(" ")
        lines = [line for line in asked.decode().split("\r\n") if line.lower().startswith("if-none-match: ")]
        etag = lines[0].split(": ", 1)[1] if lines else None
        if method == "GET":
            stored[url, etag] = text
            order.append((url, etag))
    return stored, order


def client_of(stored):
    def handler(request):
        return response_of(stored[str(request.url), request.headers.get("if-none-match")])

    return GitHubClient(
        api_url=API,
        graphql_url=f"{API}/graphql",
        http_transport=httpx.MockTransport(handler),
        sleep=pytest.fail,
    )


def test_every_recorded_list_is_walked_as_recorded(trace):
    stored, order = trace
    page_count = 0
    for url, etag in order:
        if etag is not None or "/issues" not in url:
            continue
        client = client_of(stored)
        reply = client._transport.get(url, REPO)
        is_list = reply.content.startswith(b"[")
        if not is_list or (reply.next_url is not None and (reply.next_url, None) not in stored):
            continue
        pages = list(walk(client._transport, REPO, url))
        page_count += len(pages)
        assert all(page.date.year in (2024, 2025) and page.etag for page in pages)
        assert client.spending.quota_limit in (60, 5000)
        assert client.spending.quota_cost == len(pages) + 1
    assert page_count > 0


def test_every_recorded_304_is_an_unchanged_answer_with_its_etag(trace):
    stored, order = trace
    unchanged = [(url, etag) for url, etag in order if stored[url, etag].startswith(b"HTTP/2.0 304")]
    for url, etag in unchanged:
        reply = client_of(stored)._transport.get(url, REPO, etag=etag)
        assert (reply.status, reply.next_url) == (304, None)
        # GitHub answers a weak ETag with its strong form now and then; the sent one stays the one to keep.
        assert reply.etag.removeprefix("W/") == etag.removeprefix("W/")
