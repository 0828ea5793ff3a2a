"""Runs the stand-in GitHub on 127.0.0.1: in a thread of this process, or in the foreground.

What it serves is a world from `history` or `recorded`.
"""

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from gitpulse_assets.sandbox.app import SandboxApp
from gitpulse_assets.sandbox.faults import Fault
from gitpulse_assets.sandbox.installations import Installations
from gitpulse_assets.sandbox.limits import Limits
from gitpulse_assets.sandbox.privacy import Privacy
from gitpulse_assets.sandbox.world import World

HOST = "127.0.0.1"
# A busy machine takes its time to start a thread; who ends it waits no longer for an answer that hangs.
START_SECONDS_MAX = 60.0
END_SECONDS_MAX = 10.0


class _OpenProtocol(H11Protocol):
    """Shows the application its transport, so that a fault can cut the connection."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}


@dataclass(frozen=True)
class Sandbox:
    """A running stand-in: its address, and the application to read the log of or set faults on."""

    base_url: str
    app: SandboxApp

    @property
    def world(self) -> World:
        """What is served."""
        return self.app.world


@contextmanager
def serve(
    world: World,
    *,
    limits: Limits | None = None,
    faults: list[Fault] | None = None,
    installations: Installations | None = None,
    privacy: Privacy | None = None,
    port: int = 0,
) -> Iterator[Sandbox]:
    """Serve a world from a thread until the block ends; port 0 takes a free one."""
    app = SandboxApp(world, limits=limits, faults=faults, installations=installations, privacy=privacy)
    with _listening(port) as listener:
        server = uvicorn.Server(_config(app))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            _wait_until_started(server, thread)
            yield Sandbox(_url(listener), app)
        finally:
            server.should_exit = server.force_exit = True
            thread.join(END_SECONDS_MAX)


def serve_forever(
    world: World,
    *,
    limits: Limits | None = None,
    port: int = 0,
    announce: Callable[[str], None] | None = None,
) -> None:
    """Serve a world in the foreground until interrupted; `announce` gets the base URL first.

    Raises OSError when the port is taken.
    """
    with _listening(port) as listener:
        if announce is not None:
            announce(_url(listener))
        uvicorn.Server(_config(SandboxApp(world, limits=limits))).run(sockets=[listener])


def _config(app: SandboxApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=_OpenProtocol,
        lifespan="off",
        access_log=False,
        log_level="critical",
        server_header=False,
        date_header=False,
        # An answer that a fault lets hang must not hold up the end.
        timeout_graceful_shutdown=1,
    )


@contextmanager
def _listening(port: int) -> Iterator[socket.socket]:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, port))
        # From here on early requests wait, so the URL may be announced before the server runs.
        listener.listen(128)
        yield listener


def _url(listener: socket.socket) -> str:
    return f"http://{HOST}:{listener.getsockname()[1]}"


def _wait_until_started(server: uvicorn.Server, thread: threading.Thread) -> None:
    deadline = time.monotonic() + START_SECONDS_MAX
    while not server.started:
        if not thread.is_alive() or time.monotonic() > deadline:
            raise RuntimeError("the stand-in GitHub did not start")
        time.sleep(0.01)
