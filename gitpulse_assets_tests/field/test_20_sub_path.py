"""Case 20: below a proxy's path every link and asset of the page led beside it.

The same report of another server: https://github.com/getnora-io/nora/issues/685. Caddy stands before it here.
"""

import re
import shutil
import subprocess
import threading
import time

import httpx
import pytest
import uvicorn

from gitpulse_assets.commands.serve import listen, url_of
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.sandbox.world import World
from gitpulse_assets.serve.app import create_app
from gitpulse_assets.settings import Settings
from gitpulse_assets_tests.answer_lakes import sync
from gitpulse_assets_tests.conftest import absent
from gitpulse_assets_tests.field.github_reader import REPO

START_SECONDS = 240
LINK = re.compile(r'(?:href|src|action)="(/[^"#]*)')


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    """A lake of one repository with two issues."""
    world = World("2026-01-01T00:00:00Z")
    acts = world.add_repository(REPO.key)
    acts.open(world.clock, None, "One")
    world.advance(seconds=86_400)
    acts.open(world.clock, None, "Two")
    world.advance(seconds=86_400)
    folder = tmp_path_factory.mktemp("shown")
    made = Lake.open(str(folder))
    sync(made, world, REPO, folder)
    return made


def answers(url):
    """Wait until somebody answers there."""
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        try:
            httpx.get(url, timeout=START_SECONDS)
            return
        except httpx.TransportError:
            time.sleep(0.05)
    raise TimeoutError(url)


@pytest.fixture(scope="module")
def server(lake):
    """The site, which its readers see at /backlog."""
    settings = Settings.model_validate({"GITPULSE_PAGE_URL": "https://gitpulse.example.com/backlog/"})
    with listen("127.0.0.1", 0) as listener:
        made = uvicorn.Server(uvicorn.Config(create_app(lake, settings), log_level="warning"))
        thread = threading.Thread(target=made.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        answers(f"{url_of(listener)}/healthz")
        yield url_of(listener)
        made.should_exit = True
        thread.join(START_SECONDS)


@pytest.fixture(scope="module", params=["handle_path", "handle"], ids=["path taken off", "path kept"])
def caddy(server, request, tmp_path_factory):
    """Caddy before it, which takes the path off or leaves it."""
    program = shutil.which("caddy")
    if program is None:
        absent("caddy", "there is no caddy on the path")
    folder = tmp_path_factory.mktemp("caddy")
    with listen("127.0.0.1", 0) as free:
        port = free.getsockname()[1]
    rule = f"redir /backlog /backlog/\n{request.param} /backlog/* {{\n reverse_proxy {server}\n}}"
    site = f"http://127.0.0.1:{port} {{\n bind 127.0.0.1\n{rule}\n}}"
    (folder / "Caddyfile").write_text(f"{{\n admin off\n auto_https off\n}}\n{site}\n")
    command = [str(program), "run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile"]
    environment = {"HOME": str(folder), "PATH": ""}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            answers(f"http://127.0.0.1:{port}/backlog/healthz")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait()


@pytest.mark.caddy
@pytest.mark.parametrize(
    "path",
    [
        "/backlog",
        "/backlog/",
        f"/backlog/?repo={REPO}",
        "/backlog/?repo=no/such",
        "/backlog/download/issues.csv",
    ],
)
def test_20_every_link_and_asset_leads_below_the_path(caddy, path):
    with httpx.Client(base_url=caddy, follow_redirects=True, timeout=START_SECONDS) as client:
        links = set(LINK.findall(client.get(path).text))
        assert links
        for link in links:
            assert link.startswith("/backlog/")
            assert client.get(link.replace("&amp;", "&")).status_code == 200


def test_20_cousin_the_api_names_its_addresses_below_the_path(server):
    described = httpx.get(f"{server}/backlog/api/openapi.json", timeout=START_SECONDS).json()
    assert described["servers"] == [{"url": "/backlog"}]
    page = httpx.get(
        f"{server}/backlog/api/repository/{REPO}/issues?limit=1&state=all", timeout=START_SECONDS
    )
    assert (page.status_code, "/backlog/api/" in page.headers["link"]) == (200, True)


def test_20_cousin_a_page_without_a_path_stays_at_the_root(lake):
    from starlette.testclient import TestClient

    with TestClient(create_app(lake, Settings())) as client:
        links = set(LINK.findall(client.get(f"/?repo={REPO}").text))
        assert links
        assert not [link for link in links if link.startswith("/backlog")]


@pytest.mark.parametrize("query", ["", "?repo=octo-org%2Fhello&window=90"])
def test_20_cousin_the_path_without_its_slash_leads_on_with_the_filters(server, query):
    """Whoever shares the page's address may leave it out."""
    answer = httpx.get(f"{server}/backlog{query}", timeout=START_SECONDS)
    assert (answer.status_code, answer.headers["location"]) == (307, f"/backlog/{query}")
