"""The application over a generated lake, asked in this process."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI
from starlette.testclient import TestClient

from gitpulse_assets.answers.lake_answers import LakeAnswers
from gitpulse_assets.commands.serve import listen, server_config, url_of
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.serve.app import create_app
from gitpulse_assets.settings import Settings
from gitpulse_assets_tests.answer_lakes import copy_filled, copy_recorded

START_SECONDS = 240


@pytest.fixture(scope="session")
def folder(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A filled lake, for tests that only read."""
    made = tmp_path_factory.mktemp("served") / "lake"
    copy_filled(pytestconfig, made, departs=True)
    return made


@pytest.fixture(scope="session")
def recorded_folder(
    recorded_data: Path, pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    made = tmp_path_factory.mktemp("recorded") / "lake"
    copy_recorded(pytestconfig, made, recorded_data)
    return made


def app_of(folder: Path, **settings: Any) -> FastAPI:
    """The application as the settings say; none are read from the environment but those given."""
    given = {"GITPULSE_API_RATE_PER_MINUTE": 0, **settings}
    return create_app(Lake.open(str(folder), is_writable=False), Settings.model_validate(given))


@pytest.fixture(scope="session")
def client(folder: Path) -> Iterator[TestClient]:
    with TestClient(app_of(folder)) as made:
        yield made


@pytest.fixture
def make_client(folder: Path) -> Iterator[Callable[..., TestClient]]:
    """`make_client(GITPULSE_API_KEYS="…")`: another server over the lake, or over the folder given."""
    opened: list[TestClient] = []

    def make(place: Path = folder, **settings: Any) -> TestClient:
        opened.append(TestClient(app_of(place, **settings), raise_server_exceptions=False))
        opened[-1].__enter__()
        return opened[-1]

    yield make
    for one in opened:
        one.__exit__(None, None, None)


@pytest.fixture(scope="session")
def base_url(folder: Path) -> Iterator[str]:
    with served(app_of(folder)) as url:
        yield url


@contextmanager
def served(app: FastAPI) -> Iterator[str]:
    """The address of a server on a socket, in a thread."""
    with listen("127.0.0.1", 0) as listener:
        server = uvicorn.Server(server_config(app, None))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            url = url_of(listener)
            wait_until_served(url)
            yield url
        finally:
            server.should_exit = True
            thread.join(START_SECONDS)


def wait_until_served(url: str) -> None:
    end = time.monotonic() + START_SECONDS
    while True:
        try:
            assert httpx.get(f"{url}/healthz", timeout=START_SECONDS).status_code == 200
            return
        except httpx.TransportError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)


@pytest.fixture(scope="session")
def answers(folder: Path) -> Iterator[LakeAnswers]:
    made = LakeAnswers(Lake.open(str(folder), is_writable=False))
    yield made
    made.close()
