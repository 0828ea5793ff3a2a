"""A small generated world, served, and a client for it."""

from collections.abc import Iterator

import httpx
import pytest

from gitpulse_assets.sandbox.history import generate
from gitpulse_assets.sandbox.plan import HistoryPlan
from gitpulse_assets.sandbox.server import Sandbox, serve
from gitpulse_assets.sandbox.world import World

PLAN = HistoryPlan("Octo-Org/Hello", issue_count=300, day_count=200, former_names=("octo-org/old-hello",))


@pytest.fixture
def world() -> World:
    """A world with one repository, Octo-Org/Hello, that was renamed from octo-org/old-hello."""
    return generate([PLAN])


@pytest.fixture
def sandbox(world: World) -> Iterator[Sandbox]:
    """The world, served."""
    with serve(world) as running:
        yield running


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[httpx.Client]:
    """A client with a token."""
    headers = {"authorization": "Bearer good-token", "user-agent": "tests"}
    with httpx.Client(base_url=sandbox.base_url, headers=headers) as client:
        yield client


@pytest.fixture
def anonymous(sandbox: Sandbox) -> Iterator[httpx.Client]:
    """A client without a token."""
    with httpx.Client(base_url=sandbox.base_url, headers={"user-agent": "tests"}) as client:
        yield client
