"""The way to GitHub: Enterprise's paths, a private CA, a proxy."""

import asyncio
import datetime as dt
import ipaddress
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gitpulse_assets.contracts.sources import ISSUE_LIST
from gitpulse_assets.github.client import GitHubClient
from gitpulse_assets.github.errors import NetworkDown
from gitpulse_assets.repo import Repo
from gitpulse_assets.resources import github_client
from gitpulse_assets.sandbox.app import SandboxApp
from gitpulse_assets.sandbox.history import generate
from gitpulse_assets.sandbox.plan import HistoryPlan
from gitpulse_assets.settings import load_settings
from gitpulse_assets_tests.conftest import forget_settings

REPO = Repo("acme", "rocket")
WAIT_SECONDS = 30


def signed(
    subject: str, issuer: str, key: ec.EllipticCurvePrivateKey, by: ec.EllipticCurvePrivateKey, *, ca: bool
):
    now = dt.datetime.now(dt.UTC)

    def name(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    key_id = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    return (
        x509.CertificateBuilder()
        .subject_name(name(subject))
        .issuer_name(name(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(address, critical=False)
        .add_extension(key_id, critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(by.public_key()), critical=False)
        .sign(by, hashes.SHA256())
    )


def pem(thing) -> bytes:
    return thing.public_bytes(serialization.Encoding.PEM)


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a CA of our own, and a server's certificate signed by it."""
    folder = tmp_path_factory.mktemp("ca")
    ca_key, server_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    (folder / "ca.pem").write_bytes(pem(signed("test ca", "test ca", ca_key, ca_key, ca=True)))
    (folder / "server.pem").write_bytes(pem(signed("server", "test ca", server_key, ca_key, ca=False)))
    (folder / "server.key").write_bytes(
        server_key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return folder


@pytest.fixture(scope="module")
def enterprise(ca: Path) -> Iterator[str]:
    """A stand-in by HTTPS, under the addresses of GitHub Enterprise Server."""
    app = SandboxApp(generate([HistoryPlan(REPO.key, issue_count=20, day_count=60)]))
    config = uvicorn.Config(
        app,
        lifespan="off",
        log_level="critical",
        date_header=False,
        ssl_certfile=str(ca / "server.pem"),
        ssl_keyfile=str(ca / "server.key"),
    )
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(16)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        yield f"https://127.0.0.1:{listener.getsockname()[1]}/api/v3"
        server.should_exit = True
        thread.join(WAIT_SECONDS)


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, enterprise: str):
    forget_settings(monkeypatch)
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GITHUB_API_URL", enterprise)
    monkeypatch.setenv("GITHUB_TOKEN", "sandbox")


def client() -> GitHubClient:
    return github_client(load_settings(), attempts=1)


def test_an_unknown_authority_is_refused():
    with client() as asked, pytest.raises(NetworkDown, match=r"certificate verify failed.*SSL_CERT_FILE"):
        asked.repository(REPO)


def test_a_private_authority_serves_rest_and_graphql(ca: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(ca / "ca.pem"))
    with client() as asked:
        assert asked.repository(REPO).full_name == REPO.key
        assert asked.issue_counts(REPO).open_issue_count > 0
        (page,) = asked.pages(REPO, ISSUE_LIST)
        assert page.records


@contextmanager
def a_proxy() -> Iterator[tuple[str, list[str]]]:
    """An HTTP proxy that only tunnels; what it was asked to connect to stands in the list."""
    asked: list[str] = []
    started = threading.Event()
    loop = asyncio.new_event_loop()
    port = 0

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.close()

    async def tunnel(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = (await reader.readuntil(b"\r\n\r\n")).decode()
        target = request.split(" ")[1]
        asked.append(target)
        host, _, number = target.partition(":")
        far_reader, far_writer = await asyncio.open_connection(host, int(number))
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer), return_exceptions=True)

    async def serve() -> None:
        nonlocal port
        server = await asyncio.start_server(tunnel, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        started.set()

    thread = threading.Thread(
        target=lambda: (loop.run_until_complete(serve()), loop.run_forever()), daemon=True
    )
    thread.start()
    assert started.wait(WAIT_SECONDS)
    try:
        yield f"http://127.0.0.1:{port}", asked
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(WAIT_SECONDS)


def test_a_proxy_is_used(ca: Path, enterprise: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(ca / "ca.pem"))
    with a_proxy() as (address, asked):
        monkeypatch.setenv("HTTPS_PROXY", address)
        with client() as through:
            assert through.repository(REPO).full_name == REPO.key
        assert asked == [enterprise.removeprefix("https://").removesuffix("/api/v3")]
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        with client() as directly:
            assert directly.repository(REPO).full_name == REPO.key
        assert len(asked) == 1


def test_no_proxy_is_trusted_blindly(monkeypatch: pytest.MonkeyPatch):
    """The tunnel is not where TLS ends: an authority unknown to us is refused through it too."""
    with a_proxy() as (address, _):
        monkeypatch.setenv("HTTPS_PROXY", address)
        with client() as through, pytest.raises(NetworkDown, match="certificate verify failed"):
            through.repository(REPO)
