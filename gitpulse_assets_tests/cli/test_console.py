"""What is shown while a refresh runs: a live line on a terminal, plain lines elsewhere."""

import io
import logging
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from gitpulse_assets.cli import cli
from gitpulse_assets.collect.progress import WalkProgress, listener, tell
from gitpulse_assets.commands.console import describe, watching
from gitpulse_assets.repo import Repo

REPO = Repo("acme", "rocket")
COMMANDS = (
    *(
        "action",
        "alert-test",
        "backup",
        "check",
        "demo",
        "events",
        "export",
        "forget",
        "init",
        "kpi",
        "maintain",
        "mcp",
        "metabase",
        "plan",
        "rebuild",
        "refresh",
        "repair",
        "report",
        "repos",
        "restore",
    ),
    *("sandbox", "serve", "ui", "verdict", "views"),
)
GITPULSE = str(Path(sys.executable).with_name("gitpulse"))


@pytest.mark.parametrize(
    ("progress", "words"),
    [
        (WalkProgress(REPO, 1, 100), "acme/rocket: 100 records in 1 page"),
        (
            WalkProgress(REPO, 162, 16173, quota_remaining=4838),
            "16,173 records in 162 pages, 4,838 requests left",
        ),
        (WalkProgress(REPO, 2, 180, "lifecycles", 4998), "180 lifecycles in 2 pages, 4,998 points left"),
        (WalkProgress(REPO, 0, 0, step="gold"), "acme/rocket: computing the marts"),
    ],
)
def test_progress_in_words(progress, words):
    assert describe(progress).endswith(words)


def shown(*, is_terminal: bool, act) -> str:
    file = io.StringIO()
    with watching(Console(file=file, force_terminal=is_terminal, width=100)):
        act()
    return file.getvalue()


def walk(page_count: int) -> None:
    for page in range(1, page_count + 1):
        tell(WalkProgress(REPO, page, 100 * page))


def test_a_log_file_gets_a_line_every_twenty_pages():
    lines = shown(is_terminal=False, act=lambda: walk(45)).splitlines()
    assert lines == [
        f"acme/rocket: {count} records in {pages} pages" for pages, count in ((20, "2,000"), (40, "4,000"))
    ]


def test_a_log_file_gets_no_line_for_a_short_walk_or_a_step():
    assert shown(is_terminal=False, act=lambda: (walk(3), tell(WalkProgress(REPO, 0, 0, step="gold")))) == ""


def test_a_terminal_gets_one_line_that_goes_away():
    text = shown(is_terminal=True, act=lambda: walk(3))
    assert "\x1b[2K" in text
    assert not text.rstrip().endswith("pages")


@pytest.mark.parametrize("is_terminal", [True, False])
def test_a_note_stays_and_is_no_markup(is_terminal):
    note = WalkProgress(REPO, 0, 0, note="waiting [red]until[/red] 12:00 [Errno 111]")
    text = shown(is_terminal=is_terminal, act=lambda: tell(note))
    assert "acme/rocket: waiting [red]until[/red] 12:00 [Errno 111]" in text


def test_warnings_are_shown_and_attempts_once():
    logger = logging.getLogger("gitpulse_assets.github.transport")

    def attempts() -> None:
        for attempt in (2, 3, 4):
            logger.warning("%s: attempt %d", "host is down", attempt)
        logger.warning("something else")

    text = shown(is_terminal=False, act=attempts)
    assert text.splitlines() == ["host is down: attempt 2", "something else"]


def test_nobody_listens_afterwards():
    shown(is_terminal=False, act=lambda: None)
    assert listener.get() is None
    assert logging.getLogger("gitpulse_assets").handlers == []


def test_a_reader_that_has_seen_enough_is_no_failure(refreshed):
    shell = '"$@" | head -1; echo "${PIPESTATUS[*]}"'
    command = ["bash", "-c", shell, "bash", GITPULSE, "verdict", "acme/rocket", "--json"]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert result.stdout == "[\n0 0\n"
    assert result.stderr == ""


def test_a_terminal_sees_the_direction_in_bold(refreshed):
    controller, terminal = pty.openpty()
    command = [GITPULSE, "verdict", "acme/rocket", "--window", "28"]
    subprocess.run(command, stdout=terminal, check=True)
    said = os.read(controller, 2_000)
    os.close(terminal)
    os.close(controller)
    assert said.startswith(b"28 days: \x1b[1m")


def test_help_names_every_command_and_exit_code(gitpulse):
    text = gitpulse("--help").stdout
    named = re.findall(r"^  ([a-z-]+)  ", text.split("Commands:")[1].split("Exit codes:")[0], re.MULTILINE)
    assert named == sorted(COMMANDS) == sorted(cli.commands)
    assert all(f"  {code} " in text for code in (0, 1, 2, 3, 130))
    assert "..." not in text.split("Commands:")[1]
