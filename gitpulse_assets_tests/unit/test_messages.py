"""Every message that the package raises stands in the handbook's page "What the messages mean"."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import gitpulse_assets

PACKAGE = Path(gitpulse_assets.__file__).parent
HANDBOOK = PACKAGE.parent / "docs" / "operations.md"
# What the API and the assistant's tools refuse says itself what is wrong; the stand-in GitHub and the tracer
# are for who develops.
ROOMS = sorted(
    {
        path.name
        for path in PACKAGE.iterdir()
        if path.name not in ("serve", "assistant", "sandbox", "lineage", "__pycache__")
    }
)
# Python's own are for who develops, and no command shows them.
OWN = re.compile(r"(?!ValueError|KeyError|TypeError|RuntimeError)\w[\w.]*$")
# Nor these: wrong calls of the lake, what is always caught, and the kind of an error whose words follow.
NEVER_SHOWN = (
    "the row belongs to",
    "cannot name a run",
    "a day of events is no repository",
    "a merge is sealed",
    "cannot join this merge",
    "has no such bytes",
    "there is no such object",
    "there is no such file",
    "replaced",
    "unknown_calendar",
    "not_gzip",
    "cut_short",
    "a walk that was cut short cannot be complete",
    "leads on by no cursor",
    "its rows are larger than",
)
WORDS_IN_A_ROW = 4


def parts(message: ast.expr) -> Iterator[str]:
    """The constant parts of a message, those between what differs."""
    if isinstance(message, ast.Constant) and isinstance(message.value, str):
        yield message.value
    elif isinstance(message, ast.JoinedStr):
        for value in message.values:
            yield from parts(value)
    elif isinstance(message, ast.BinOp):
        yield from parts(message.left)
        yield from parts(message.right)


def words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9_']+", text.lower())


def raised(room: str) -> Iterator[tuple[str, list[str]]]:
    """Where a message is raised, and the longest of its parts in words."""
    place = PACKAGE / room
    for path in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and node.exc.args):
                continue
            found = [words(part) for part in parts(node.exc.args[0])]
            # Of a message put together elsewhere there is nothing to look for.
            if any(found) and OWN.match(ast.unparse(node.exc.func)):
                yield f"{path.relative_to(PACKAGE)}:{node.lineno}", max(found, key=len)


@pytest.fixture(scope="module")
def page() -> str:
    text = HANDBOOK.read_text(encoding="utf-8")
    begin, end = text.index("\n## What the messages mean"), text.index("\n## When something is damaged")
    return f" {' '.join(words(text[begin:end]))} "


@pytest.mark.parametrize("room", ROOMS)
def test_every_message_of_a_room_stands_in_the_handbook(page: str, room: str):
    """Four words in a row of it, or all of a shorter one: those differ that stand for names and numbers."""
    missing = {}
    for where, told in raised(room):
        text = " ".join(told)
        if any(" ".join(words(known)) in text for known in NEVER_SHOWN):
            continue
        rows = [told[i : i + WORDS_IN_A_ROW] for i in range(max(1, len(told) - WORDS_IN_A_ROW + 1))]
        if not any(f" {' '.join(row)} " in page for row in rows):
            missing[where] = text
    assert missing == {}


def test_the_messages_are_found():
    """Else the test above holds nothing."""
    found = [where for room in ROOMS for where, _ in raised(room)]
    assert len(found) > 120
