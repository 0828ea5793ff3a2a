"""`gitpulse serve`: the page and the HTTP API over the lake, in this process and read-only."""

import ipaddress
import socket
from collections.abc import Callable
from contextlib import suppress

import uvicorn
from starlette.types import ASGIApp

from gitpulse_assets.commands.console import refused, say
from gitpulse_assets.commands.exit_codes import DONE, FAILED, WRONG_USE
from gitpulse_assets.lake.errors import LakeError
from gitpulse_assets.lake_address import open_lake
from gitpulse_assets.repo import Repo
from gitpulse_assets.serve.app import create_app
from gitpulse_assets.serve.connection import Connection
from gitpulse_assets.settings import Settings, SettingsError
from gitpulse_assets.watch.watch_list import watch_list

LOCAL_HOSTS = ("localhost", "127.0.0.1", "[::1]")
GRACE_SECONDS = 5
BACKLOG = 512


def serve(settings: Settings, host: str, port: int) -> int:
    """Serve until interrupted; return the exit code."""
    try:
        is_watched = watching(settings)
        lake = open_lake(settings, is_writable=False)
    except SettingsError as error:
        return refused(error, WRONG_USE)
    except LakeError as error:
        return refused(error, FAILED)
    try:
        listener = listen(host, port)
    except OSError as error:
        reason = error.strerror or str(error)
        return refused(f"port {port} on {host} cannot be used ({reason}); try another --port", FAILED)
    proxies = settings.trusted_proxies
    hosts = LOCAL_HOSTS if is_loopback(host) and not proxies else ("*",)
    app = create_app(lake, settings, is_watched=is_watched, allowed_hosts=hosts)
    with listener, suppress(KeyboardInterrupt):
        say(f"GitPulse serves {settings.lake_url} on {url_of(listener)} (Ctrl-C ends it)")
        uvicorn.Server(server_config(app, proxies)).run(sockets=[listener])
    return DONE


def server_config(app: ASGIApp, proxies: str | None) -> uvicorn.Config:
    """How uvicorn runs the application; `proxies`: whose word on the client's address counts."""
    return uvicorn.Config(
        app,
        http=Connection,
        access_log=False,
        log_level="warning",
        proxy_headers=bool(proxies),
        forwarded_allow_ips=proxies,
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )


def watching(settings: Settings) -> Callable[[Repo], bool] | None:
    """Return what says of a repository whether it is watched; None where no watch list is set."""
    watched = watch_list(settings)
    return None if watched.is_empty else watched.names


def listen(host: str, port: int) -> socket.socket:
    """Listen on the address, taken before anything is said; raises OSError where that cannot be."""
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        # Whoever reads the address and asks before the application is up waits instead of being refused.
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches the address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def url_of(listener: socket.socket) -> str:
    """The address a browser is given."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
