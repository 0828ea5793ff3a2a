"""Case 12: S3 behind a private CA was told to be started.

That boto3 reads another variable than other clients cost people hours: https://github.com/nextstrain/ncov/issues/1055.
"""

import datetime as dt
import ssl
import threading
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gitpulse_assets.lake import s3_store
from gitpulse_assets.lake.errors import LakeError
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.lake.s3_options import S3Options

LISTING = b'<?xml version="1.0"?><ListBucketResult><Name>lake</Name><KeyCount>0</KeyCount></ListBucketResult>'


class Listing(BaseHTTPRequestHandler):
    """Answers every question with an empty bucket."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", str(len(LISTING)))
        self.end_headers()
        self.wfile.write(LISTING)

    def log_message(self, format, *args):
        pass


def write_certificate(path, *, address="127.0.0.1", begins_in_days=-1):
    """Write a certificate of two days that signed itself, with its key in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "private CA")])
    begin = dt.datetime.now(dt.UTC) + dt.timedelta(days=begins_in_days)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + dt.timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(address))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(private + made.public_bytes(pem))


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    write_certificate(path)
    return path


@contextmanager
def server_behind(certificate):
    """The address of an S3 server behind a certificate, or of one without TLS."""
    server = HTTPServer(("127.0.0.1", 0), Listing)
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=partial(server.serve_forever, poll_interval=0.02), daemon=True).start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def endpoint(certificate):
    """An S3 server behind that certificate."""
    with server_behind(certificate) as place:
        yield f"https://{place}"


@pytest.fixture
def open_at(monkeypatch, tmp_path):
    """Open the lake at an endpoint, which is tried once."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(s3_store, "REQUEST_ATTEMPTS", 1)
    s3_store._client.cache_clear()

    def open_at(endpoint):
        options = S3Options(endpoint, "key", "secret", None, "us-east-1")
        return Lake.open("s3://lake/x", options, is_writable=False)

    yield open_at
    s3_store._client.cache_clear()
    s3_store._checked.clear()


@pytest.fixture
def open_lake(endpoint, open_at):
    return partial(open_at, endpoint)


@pytest.mark.parametrize("variable", ["", "SSL_CERT_FILE"])
def test_12_a_private_ca_is_told_with_the_variable_that_names_it(
    open_lake, certificate, monkeypatch, variable
):
    if variable:
        monkeypatch.setenv(variable, str(certificate))
    with pytest.raises(LakeError, match=r"certificate is not trusted.*AWS_CA_BUNDLE"):
        open_lake()


def test_12_with_that_variable_it_is_read(open_lake, certificate, monkeypatch):
    monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate))
    open_lake()


@pytest.mark.parametrize("content", [None, "no certificate"], ids=["absent", "no certificate"])
def test_12_cousin_a_bundle_that_is_none_is_named(open_lake, monkeypatch, tmp_path, content):
    path = tmp_path / "other.pem"
    if content:
        path.write_text(content)
    monkeypatch.setenv("AWS_CA_BUNDLE", str(path))
    with pytest.raises(LakeError, match="AWS_CA_BUNDLE"):
        open_lake()


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ({"begins_in_days": -9}, "is out of date (certificate verify failed: certificate has expired"),
        ({"begins_in_days": 2}, "is out of date (certificate verify failed: certificate is not yet valid"),
        ({"address": "127.0.0.2"}, "is for another name ("),
    ],
    ids=["expired", "of the future", "of another name"],
)
def test_12_cousin_a_certificate_that_no_bundle_mends_is_told_as_what_it_is(
    open_at, monkeypatch, tmp_path, kind, words
):
    """It is the server's to renew: AWS_CA_BUNDLE names the CA already."""
    path = tmp_path / "server.pem"
    write_certificate(path, **kind)
    monkeypatch.setenv("AWS_CA_BUNDLE", str(path))
    with server_behind(path) as place, pytest.raises(LakeError) as refused:
        open_at(f"https://{place}")
    told = str(refused.value)
    assert words in told
    assert "at the server" in told
    assert "AWS_CA_BUNDLE" not in told


def test_12_cousin_https_to_a_server_without_tls_names_the_scheme(open_at):
    with server_behind(None) as place, pytest.raises(LakeError, match=r"speaks no TLS there: write http://"):
        open_at(f"https://{place}")


def test_12_cousin_http_to_a_server_with_tls_names_the_scheme(open_at, certificate):
    with (
        server_behind(certificate) as place,
        pytest.raises(LakeError, match=r"without an answer: .*https:// where it speaks TLS"),
    ):
        open_at(f"http://{place}")
