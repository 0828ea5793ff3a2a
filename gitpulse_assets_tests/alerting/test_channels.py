"""Messages over HTTP to a real receiver, and what is said of an address that does not work."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
from click.testing import CliRunner

from gitpulse_assets.alerting.channels import ChannelFailed, open_channels
from gitpulse_assets.cli import cli


class Receiver(HTTPServer):
    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Hook)
        self.bodies: list[dict[str, str]] = []
        self.status = 200

    @property
    def url(self) -> str:
        return f"json://127.0.0.1:{self.server_port}/s3cret-path"


class Hook(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        self.server.bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Keep the test's output clean."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def test_a_message_arrives_with_title_text_and_severity(receiver: Receiver):
    (channel,) = open_channels([receiver.url])
    channel.send("acme/rocket: a title", "a line\nhttp://ui/runs/1", "error")
    (body,) = receiver.bodies
    assert (body["title"], body["message"]) == ("acme/rocket: a title", "a line\nhttp://ui/runs/1")
    assert body["type"] == "failure"


def test_a_refused_message_says_by_whom_and_why_without_the_secret(receiver: Receiver):
    (channel,) = open_channels([receiver.url])
    receiver.status = 500
    with pytest.raises(ChannelFailed, match="channel 1") as failed:
        channel.send("title", "body", "info")
    assert "error=500" in str(failed.value)
    assert "s3cret" not in str(failed.value) + channel.name


def test_an_unknown_address_is_refused_by_its_number_alone():
    good, *unknown = open_channels(["json://127.0.0.1/", "nonsense://s3cret", "s3cret"])
    assert good.trouble == ""
    for number, channel in enumerate(unknown, start=2):
        with pytest.raises(ChannelFailed, match=f"address {number} is none that apprise knows") as refused:
            channel.send("title", "body", "info")
        assert "s3cret" not in str(refused.value) + channel.name


def test_the_command_says_which_channel_took_it(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, tmp_path
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GITPULSE_ALERT_URLS", f"{receiver.url} json://127.0.0.1:1/s3cret nope://s3cret")
    result = CliRunner().invoke(cli, ["alert-test"])
    assert result.exit_code == 1
    assert "channel 1 (json) took it" in result.output
    assert "channel 2 (json) did not take a message" in result.output
    assert "address 3 is none that apprise knows" in result.output
    assert "s3cret" not in result.output
    assert receiver.bodies[0]["title"] == "GitPulse can reach you"


def test_without_channels_the_command_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITPULSE_ALERT_URLS", raising=False)
    result = CliRunner().invoke(cli, ["alert-test"])
    assert (result.exit_code, "GITPULSE_ALERT_URLS" in result.output) == (2, True)
