"""Case 17: a character that the output's encoding cannot hold ended a list with a traceback.

Reported for a list of names redirected to a file in https://github.com/ihabunek/toot/issues/570.
"""

import io
import json
import logging
import sys
from pathlib import Path

import pytest
from rich.console import Console

from gitpulse_assets import cli
from gitpulse_assets.commands.console import refused, say, tell, watching
from gitpulse_assets.commands.views import print_views
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.settings import Settings


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
def test_17_every_command_bears_any_character(narrow, monkeypatch, encoding):
    def command():
        say("bug ✗ 漢 café")
        refused("no ✗", 1)
        tell(Console(stderr=True), "walking ✗")

    written = narrow(encoding)
    monkeypatch.setattr(cli, "cli", command)
    cli.main()
    assert written("stdout") == "bug \\u2717 \\u6f22 café\n".encode(encoding)
    assert written("stderr").split() == [b"gitpulse:", b"no", rb"\u2717", b"walking", rb"\u2717"]


def test_17_cousin_half_a_character_in_a_title_is_written(narrow, monkeypatch):
    """JSON may hold a lone surrogate, which not even UTF-8 can."""
    written = narrow("utf-8")
    monkeypatch.setattr(cli, "cli", lambda: say("\ud83d"))
    cli.main()
    assert written("stdout") == b"\\ud83d\n"


def test_17_cousin_a_stream_that_is_none_or_replaced_is_left_alone(monkeypatch):
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    monkeypatch.setattr(sys, "stderr", None)
    cli.bear_any_character()


def test_17_cousin_sql_for_a_program_is_utf_8_whatever_the_terminal_holds(narrow, monkeypatch, tmp_path):
    """An escape in it would be another folder's name, and DuckDB would find no table there."""
    folder = tmp_path / "Zoë ✗"
    Lake.open(str(folder))
    written = narrow("ascii")
    monkeypatch.setattr("gitpulse_assets.commands.views.duckdb_views", lambda lake, url, s3: f"from '{url}'")
    monkeypatch.setattr(
        cli, "cli", lambda: print_views(Settings.model_validate({"GITPULSE_LAKE_URL": str(folder)}))
    )
    cli.main()
    assert str(folder) in written("stdout").decode()


def test_17_cousin_json_stays_json(narrow, monkeypatch):
    """Escapes for what Latin letters an encoding lacks (`\\xe9`) are none of JSON's."""
    written = narrow("ascii")
    monkeypatch.setattr(cli, "cli", lambda: say(json.dumps({"paragraph": "café ✗ 🎉"})))
    cli.main()
    assert json.loads(written("stdout")) == {"paragraph": "café ✗ 🎉"}


def test_17_cousin_live_progress_and_warnings_on_a_narrow_terminal(narrow, monkeypatch):
    """A spinner is drawn of Braille, and a warning repeats what GitHub said."""
    written = narrow("ascii")

    def command():
        console = Console(stderr=True, force_terminal=True)
        with watching(console):
            logging.getLogger("gitpulse_assets.github").warning("GitHub says ✗ %s", "é")

    monkeypatch.setattr(cli, "cli", command)
    cli.main()
    assert rb"GitHub says \u2717 \xe9" in written("stderr")


@pytest.mark.parametrize("module", ["verdict", "repos"])
def test_17_json_is_printed_in_ascii(module):
    """What the cousin above rests on."""
    text = (Path(cli.__file__).parent / "commands" / f"{module}.py").read_text(encoding="utf-8")
    assert "json.dumps" in text
    assert "ensure_ascii" not in text
