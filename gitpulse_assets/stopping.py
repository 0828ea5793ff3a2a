"""Sees that somebody wants a process to stop, whatever became of the exception that said so.

A signal's handler raises wherever the main thread happens to be, and there the exception may be swallowed (in
a finaliser, in a callback): a loop that waits would go on. Inside `stops_noted` the wish is kept, and every
pause and every request looks at it.
"""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)
# A thread other than the main one cannot be interrupted: it looks this often.
LOOK_SECONDS = 1.0

_wish = threading.Event()


@contextmanager
def stops_noted() -> Iterator[None]:
    """Keep the wish to stop until the end of the block; signals do what they did besides."""
    with ExitStack() as stack:
        stack.callback(_wish.clear)
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                stack.callback(signal.signal, number, _noted(number))
        yield


def _noted(number: int):
    handler = signal.getsignal(number)

    def note(caught: int, frame: FrameType | None) -> None:
        _wish.set()
        if callable(handler):
            handler(caught, frame)

    signal.signal(number, note)
    return handler


def stop_if_wished() -> None:
    """Raise KeyboardInterrupt where somebody wished for a stop that has not come yet."""
    if _wish.is_set():
        raise KeyboardInterrupt


def pause(seconds: float) -> None:
    """Wait, but not beyond the wish to stop."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        stop_if_wished()
        time.sleep(min(left, LOOK_SECONDS))
    stop_if_wished()
