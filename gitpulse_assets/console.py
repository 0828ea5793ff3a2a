"""What a person sees while a refresh runs: a live line on a terminal, plain lines anywhere else."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from gitpulse_assets.progress import Listener, WalkProgress, listener

# Plain lines go to log files, where one line a page would bury everything else.
PAGES_A_LINE = 20


def describe(progress: WalkProgress) -> str:
    quota = "" if progress.quota_remaining is None else f", {progress.quota_remaining} requests left"
    return f"{progress.repo}: {progress.page_count} pages, {progress.record_count} {progress.what}{quota}"


@contextmanager
def watching(console: Console) -> Iterator[None]:
    """Show the progress of the walks made inside the `with` block."""
    with live(console) if console.is_terminal else plain(console):
        yield


@contextmanager
def live(console: Console) -> Iterator[None]:
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("starting")

        def show(progress: WalkProgress) -> None:
            if progress.note:
                console.print(f"{progress.repo}: {progress.note}", highlight=False)
            bar.update(task, description=describe(progress))

        with listening(show):
            yield


@contextmanager
def plain(console: Console) -> Iterator[None]:
    def show(progress: WalkProgress) -> None:
        if progress.note:
            console.print(f"{progress.repo}: {progress.note}", highlight=False, soft_wrap=True)
        elif progress.page_count % PAGES_A_LINE == 0:
            console.print(describe(progress), highlight=False, soft_wrap=True)

    with listening(show):
        yield


@contextmanager
def listening(show: Listener) -> Iterator[None]:
    token = listener.set(show)
    try:
        yield
    finally:
        listener.reset(token)
