"""Case 17: a character that the output's encoding cannot hold ended a list with a traceback.

Reported for a list of names redirected to a file in https://github.com/ihabunek/toot/issues/570.
"""

import io
import sys

import pytest
from rich.console import Console

from gitpulse_assets import cli
from gitpulse_assets.console import refused, say, tell


@pytest.fixture
def narrow(monkeypatch):
    """The bytes written to stdout and stderr, both of an encoding that holds few characters."""

    def replace(encoding):
        streams = {name: io.TextIOWrapper(io.BytesIO(), encoding) for name in ("stdout", "stderr")}
        for name, stream in streams.items():
            monkeypatch.setattr(sys, name, stream)
        monkeypatch.setattr(cli, "interrupt_on_signals", lambda: None)

        def written(name):
            streams[name].flush()
            return streams[name].buffer.getvalue()

        return written

    return replace


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "cp437"])
def test_every_command_bears_any_character(narrow, monkeypatch, encoding):
    def command():
        say("bug ✗ 漢 café")
        refused("no ✗", 1)
        tell(Console(stderr=True), "walking ✗")

    written = narrow(encoding)
    monkeypatch.setattr(cli, "cli", command)
    cli.main()
    assert written("stdout") == "bug \\u2717 \\u6f22 café\n".encode(encoding)
    assert written("stderr").split() == [b"gitpulse:", b"no", rb"\u2717", b"walking", rb"\u2717"]


def test_cousin_half_a_character_in_a_title_is_written(narrow, monkeypatch):
    """JSON may hold a lone surrogate, which not even UTF-8 can."""
    written = narrow("utf-8")
    monkeypatch.setattr(cli, "cli", lambda: say("\ud83d"))
    cli.main()
    assert written("stdout") == b"\\ud83d\n"


def test_cousin_a_stream_that_is_none_or_replaced_is_left_alone(monkeypatch):
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    monkeypatch.setattr(sys, "stderr", None)
    cli.bear_any_character()
