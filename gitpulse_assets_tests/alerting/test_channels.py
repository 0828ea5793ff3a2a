"""Messages over HTTP to a real receiver, and what is said of an address that does not work."""

import json
import re
from collections.abc import Iterator
from email import message_from_bytes
from email.policy import default
from http.server import BaseHTTPRequestHandler, HTTPServer
from socketserver import StreamRequestHandler, ThreadingTCPServer
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
        Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
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


def test_12_a_message_longer_than_its_service_takes_comes_in_parts(receiver: Receiver):
    """Mattermost takes 4,000 characters, Discord 2,000: what is longer was sent in one piece."""
    lines = [f"acme/rocket-{number:03}: the backlog's verdict flipped" for number in range(200)]
    (channel,) = open_channels([f"mmost://127.0.0.1:{receiver.server_port}/3ccdd113474722377935511fc85d3dd4"])
    channel.send("200 more alerts", "\n".join(lines), "error")
    texts = [body["text"] for body in receiver.bodies]
    assert len(texts) > 1
    assert max(map(len, texts)) <= 4000
    assert all(line in "\n".join(texts) for line in lines[:50])


def test_12_an_overflow_that_an_address_asks_for_is_kept(receiver: Receiver):
    address = f"mmost://127.0.0.1:{receiver.server_port}/3ccdd113474722377935511fc85d3dd4?overflow=truncate"
    (channel,) = open_channels([address])
    channel.send("title", "line\n" * 2000, "error")
    assert len(receiver.bodies) == 1
    assert len(receiver.bodies[0]["text"]) <= 4000


def test_12_a_label_calls_nobody_and_is_no_link_in_a_chat(receiver: Receiver):
    """Discord and Mattermost read both in what they get as text; a label is a stranger's word."""
    label = "@everyone <@123> <@&4> [here](http://example.com) a@b.example"
    (channel,) = open_channels([f"mmost://127.0.0.1:{receiver.server_port}/3ccdd113474722377935511fc85d3dd4"])
    channel.send("@channel", f"driven by {label}", "warning")
    (body,) = receiver.bodies
    assert not re.search(r"\B@[\w&]|\]\(", body["text"])
    assert "a@b.example" in body["text"]
    assert label in body["text"].replace("\u2060", "")


class Postbox(ThreadingTCPServer):
    """A mail server that takes what comes."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), MailSession)
        self.mails: list[bytes] = []


class MailSession(StreamRequestHandler):
    server: Postbox

    def handle(self) -> None:
        self.wfile.write(b"220 postbox\r\n")
        for line in self.rfile:
            if line.upper().startswith(b"QUIT"):
                self.wfile.write(b"221 bye\r\n")
                return
            if not line.upper().startswith(b"DATA"):
                self.wfile.write(b"250 fine\r\n")
                continue
            self.wfile.write(b"354 go on\r\n")
            self.server.mails.append(b"".join(iter(self.rfile.readline, b".\r\n")))
            self.wfile.write(b"250 taken\r\n")


@pytest.fixture
def postbox() -> Iterator[Postbox]:
    with Postbox() as server:
        Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server
        server.shutdown()


def test_12_a_label_with_angle_brackets_is_text_in_a_mail(postbox: Postbox):
    port = postbox.server_address[1]
    (channel,) = open_channels(
        [f"mailto://127.0.0.1:{port}/?from=gitpulse@example.com&to=a@example.com&mode=insecure"]
    )
    label = '<img src="http://example.com/seen.png"><b>urgent</b>'
    channel.send("acme/rocket: flipped", f"driven by {label}\na second line", "warning")
    (mail,) = postbox.mails
    message = message_from_bytes(mail, policy=default)
    text = message.get_body(("plain",))
    assert message.get_body(("html",)) is None
    assert text
    assert text.get_content().splitlines()[:2] == [f"driven by {label}", "a second line"]
