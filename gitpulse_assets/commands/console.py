"""What a person sees while a command runs: a live line on a terminal, plain lines anywhere else.

What happened and how it is put into words belongs to the commands.
"""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from gitpulse_assets.collect.progress import Listener, WalkProgress, listener

# Plain lines go to log files, where one line a page would bury everything else.
PAGES_A_LINE = 20
STEP_WORDS = {
    "bronze": "asking GitHub what changed",
    "silver": "merging what came",
    "sync_state": "moving the watermarks",
    "gold": "computing the marts",
}
# Requests of REST and points of GraphQL are two budgets.
QUOTA_WORDS = {"records": "requests", "lifecycles": "points"}


def say(text: str | bytes) -> None:
    """Print a result; a reader that has seen enough (`| head -1`) makes no command fail.

    Bytes, for programs to read, are written as they are, whatever the encoding of stdout.
    """
    try:
        click.echo(text)
    except BrokenPipeError:
        # Python flushes stdout once more at its end, which must not fail either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def refused(reason: object, code: int) -> int:
    """Say on stderr why a command does not go on, a line each, and return the exit code."""
    for line in str(reason).splitlines():
        click.echo(f"gitpulse: {line}", err=True)
    return code


def tell(console: Console, text: str) -> None:
    """Print a line as it is: no markup, no colours, and not broken where it goes to a file."""
    console.print(text, markup=False, highlight=False, soft_wrap=True)


def describe(progress: WalkProgress) -> str:
    """Say how far a walk is in one line."""
    if progress.step:
        return f"{progress.repo}: {STEP_WORDS.get(progress.step, progress.step)}"
    left, unit = progress.quota_remaining, QUOTA_WORDS.get(progress.what, "requests")
    quota = "" if left is None else f", {left:,} {unit} left"
    return f"{progress.repo}: {progress.record_count:,} {progress.what} in {counted_pages(progress)}{quota}"


def counted_pages(progress: WalkProgress) -> str:
    """Write the number of pages."""
    return "1 page" if progress.page_count == 1 else f"{progress.page_count:,} pages"


@contextmanager
def watching(console: Console) -> Iterator[None]:
    """Show the progress of the walks made inside the `with` block, and the warnings of this package."""
    with warnings_shown(console), live(console) if console.is_terminal else plain(console):
        yield


@contextmanager
def live(console: Console) -> Iterator[None]:
    """Show progress in one line that changes, on a terminal."""
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("starting")

        def show(progress: WalkProgress) -> None:
            if progress.note:
                tell(console, f"{progress.repo}: {progress.note}")
            else:
                bar.update(task, description=describe(progress))

        with listening(show):
            yield


@contextmanager
def plain(console: Console) -> Iterator[None]:
    """Print a line now and then, where output goes to a file or a log."""

    def show(progress: WalkProgress) -> None:
        if progress.note:
            tell(console, f"{progress.repo}: {progress.note}")
        elif progress.page_count and progress.page_count % PAGES_A_LINE == 0:
            tell(console, describe(progress))

    with listening(show):
        yield


@contextmanager
def listening(show: Listener) -> Iterator[None]:
    """Have walks tell `show` how far they are."""
    token = listener.set(show)
    try:
        yield
    finally:
        listener.reset(token)


class ConsoleHandler(logging.Handler):
    """Prints warnings, of those that only count attempts the first."""

    def __init__(self, console: Console):
        super().__init__(logging.WARNING)
        self._console = console
        self._last: object = None

    def emit(self, record: logging.LogRecord) -> None:
        """Print a warning, unless it repeats the one before with other numbers."""
        subject = (record.msg, str(record.args[0]) if isinstance(record.args, tuple) and record.args else "")
        if subject != self._last:
            tell(self._console, record.getMessage())
        self._last = subject


@contextmanager
def warnings_shown(console: Console) -> Iterator[None]:
    """Print the warnings of this package."""
    handler, logger = ConsoleHandler(console), logging.getLogger("gitpulse_assets")
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
