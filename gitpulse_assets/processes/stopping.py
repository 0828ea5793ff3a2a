"""Sees that somebody wants a process to stop, whatever became of the exception that said so.

A signal's handler raises wherever the main thread happens to be, and there the exception may be swallowed (in
a finaliser, in a callback): a loop that waits would go on. Inside `stops_noted` the wish is kept, and every
pause, every request and whoever waits for threads looks at it.
"""

import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from types import FrameType
from typing import TypeVar

SIGNALS = (signal.SIGINT, signal.SIGTERM)
# A thread other than the main one cannot be interrupted: it looks this often.
LOOK_SECONDS = 1.0

Item = TypeVar("Item")
Result = TypeVar("Result")

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


def each_in_threads(
    call: Callable[[Item], Result], items: Sequence[Item], thread_count: int
) -> list[Future[Result]]:
    """What the calls came to, in the order of their items; a stop is seen however long one of them takes.

    Its threads are left alone then: those of a ThreadPoolExecutor would be waited for, at the latest at the
    interpreter's end.
    """
    found: list[Future[Result]] = [Future() for _ in items]
    waiting = deque(zip(found, items, strict=True))

    def work() -> None:
        while waiting:
            try:
                future, item = waiting.popleft()
            except IndexError:
                return
            try:
                future.set_result(call(item))
            except BaseException as error:
                future.set_exception(error)

    threads = [threading.Thread(target=work, daemon=True) for _ in range(min(thread_count, len(items)))]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            _ended(thread)
    finally:
        waiting.clear()
    return found


def _ended(thread: threading.Thread) -> None:
    """Wait for a thread, but not beyond the wish to stop."""
    while thread.is_alive():
        stop_if_wished()
        thread.join(LOOK_SECONDS)
