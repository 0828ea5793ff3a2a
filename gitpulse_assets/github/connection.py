"""The HTTP client, and which variable of the environment keeps it from being made.

httpx reads proxies and certificates from the environment when it is made, and raises half a dozen kinds of
errors over them; none of their texts is shown, since a proxy's address may hold a password.
"""

import ipaddress
import os
import ssl
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache, partial
from pathlib import Path

import httpx

from gitpulse_assets.github.errors import UnusableEnvironment

HEADERS = {
    "Accept": "application/vnd.github+json",
    "User-Agent": "gitpulse-assets",
    # 2026-03-10 exists and drops fields.
    "X-GitHub-Api-Version": "2022-11-28",
}
CONNECT_SECONDS = 10.0
READ_SECONDS = 30.0
PROXIES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY")
# What decides which certificates are trusted.
TRUST = ("SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE")


def open_http(
    read_timeout_seconds: float = READ_SECONDS,
    transport: httpx.BaseTransport | None = None,
    *,
    headers: Mapping[str, str] = HEADERS,
    base_url: str = "",
    follow_redirects: bool = False,
) -> httpx.Client:
    """Make an HTTP client, GitHub's or another's.

    Raises UnusableEnvironment, which names the variable at fault.
    """
    timeout = httpx.Timeout(CONNECT_SECONDS, read=read_timeout_seconds)
    try:
        return httpx.Client(
            headers=headers,
            timeout=timeout,
            transport=transport,
            verify=_trusted(),
            base_url=base_url,
            follow_redirects=follow_redirects,
        )
    except (httpx.InvalidURL, ImportError, OSError, ValueError) as error:
        kind = type(error).__name__
    # Outside the handler, so that the chain holds no proxy's password.
    fallback = (
        f"the HTTP client cannot be made ({kind}); check {', '.join(PROXIES)}, NO_PROXY, SSL_CERT_FILE, "
        "SSLKEYLOGFILE"
    )
    raise UnusableEnvironment(next(_culprits(), fallback))


def _trusted() -> ssl.SSLContext:
    """The certificates that are trusted; a file of them that was replaced is read again."""
    named = [os.environ.get(name) for name in TRUST]
    there = (path for path in map(Path, filter(None, named)) if path.exists())
    return _certificates(*named, *(path.stat().st_mtime_ns for path in there))


@lru_cache(maxsize=1)
def _certificates(*_: str | int | None) -> ssl.SSLContext:
    """Read them, once a process: a client alone takes a hundredth as long."""
    return httpx.create_ssl_context()


def check_environment() -> None:
    """Raise UnusableEnvironment where the environment lets no HTTP client be made."""
    open_http().close()


def _culprits() -> Iterator[str]:
    """What is wrong with the variables httpx reads, a line for each."""
    for name, trouble_in in (
        ("SSL_CERT_FILE", _certificate_trouble),
        ("SSLKEYLOGFILE", _key_log_trouble),
        *((name, _proxy_trouble) for proxy in PROXIES for name in (proxy.lower(), proxy)),
        ("no_proxy", _exception_trouble),
        ("NO_PROXY", _exception_trouble),
    ):
        value = os.environ.get(name)
        if value and (trouble := trouble_in(value)):
            yield f"{name}: {trouble}"


def _certificate_trouble(path: str) -> str:
    # Not by create_default_context, which opens SSLKEYLOGFILE as well.
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=path)
    except ssl.SSLError:
        return f"{path} holds no certificates in PEM form; name a file of them, or unset it"
    except OSError as error:
        return (
            f"{path} cannot be read ({error.strerror}); name a file of certificates in PEM form, or unset it"
        )
    return ""


def _key_log_trouble(path: str) -> str:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).keylog_filename = path
    except OSError as error:
        return f"{path} cannot be written ({error.strerror}); unset it, unless TLS keys are to be logged"
    return ""


def _proxy_trouble(address: str) -> str:
    scheme, separator, _ = address.partition("://")
    if separator and scheme.lower() not in ("http", "https"):
        return (
            f"a proxy of the kind {scheme}:// cannot be used; name an HTTP proxy, for example "
            "http://proxy.example.com:3128, or unset it"
        )
    url = address if separator else f"http://{address}"
    if _fails(partial(httpx.Proxy, url)):
        return "it is no address of a proxy; write http://host:port, or unset it"
    return ""


def _exception_trouble(hosts: str) -> str:
    for host in (text.strip() for text in hosts.split(",")):
        if host and "://" not in host and _fails(partial(httpx.URL, _pattern(host))):
            return (
                f"{host!r} cannot be read; write a name, or an address without brackets, port and mask (::1)"
            )
    return ""


def _pattern(host: str) -> str:
    """What httpx makes of an exception."""
    try:
        version = ipaddress.ip_address(host.partition("/")[0]).version
    except ValueError:
        return f"all://*{host}"
    return f"all://[{host}]" if version == 6 else f"all://{host}"


def _fails(attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except (httpx.InvalidURL, ValueError):
        return True
    return False
