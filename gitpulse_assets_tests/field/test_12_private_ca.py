"""Case 12: S3 behind a private CA was told to be started.

That boto3 reads another variable than other clients cost people hours: https://github.com/nextstrain/ncov/issues/1055.
"""

import datetime as dt
import ssl
import threading
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


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate that signed itself, with its key in one file."""
    path, key = tmp_path_factory.mktemp("ca") / "ca.pem", ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "private CA")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(private + made.public_bytes(pem))
    return path


@pytest.fixture(scope="module")
def endpoint(certificate):
    """An S3 server behind that certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server = HTTPServer(("127.0.0.1", 0), Listing)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"https://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def open_lake(endpoint, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(s3_store, "REQUEST_ATTEMPTS", 1)
    s3_store._client.cache_clear()
    options = S3Options(endpoint, "key", "secret", None, "us-east-1")
    yield lambda: Lake.open("s3://lake/x", options, is_writable=False)
    s3_store._client.cache_clear()
    s3_store._checked.clear()


@pytest.mark.parametrize("variable", ["", "SSL_CERT_FILE"])
def test_a_private_ca_is_told_with_the_variable_that_names_it(open_lake, certificate, monkeypatch, variable):
    if variable:
        monkeypatch.setenv(variable, str(certificate))
    with pytest.raises(LakeError, match=r"certificate is not trusted.*AWS_CA_BUNDLE"):
        open_lake()


def test_with_that_variable_it_is_read(open_lake, certificate, monkeypatch):
    monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate))
    open_lake()


@pytest.mark.parametrize("content", [None, "no certificate"], ids=["absent", "no certificate"])
def test_cousin_a_bundle_that_is_none_is_named(open_lake, monkeypatch, tmp_path, content):
    path = tmp_path / "other.pem"
    if content:
        path.write_text(content)
    monkeypatch.setenv("AWS_CA_BUNDLE", str(path))
    with pytest.raises(LakeError, match="AWS_CA_BUNDLE"):
        open_lake()
