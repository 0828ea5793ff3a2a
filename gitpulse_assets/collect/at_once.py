"""Asks several questions at once, each in a thread of its own; one thread takes the answers in and stores.

What is asked next is decided between two answers, by the one thread: whoever decides needs no locks.
"""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import suppress
from contextvars import copy_context
from queue import Empty, SimpleQueue
from typing import Protocol, TypeVar

from gitpulse_assets.processes.stopping import LOOK_SECONDS, stop_if_wished

T = TypeVar("T")
Question = Callable[[], T]


class Questions(Protocol[T]):
    """What is to be asked."""

    def question(self) -> Question[T] | None:
        """What to ask now; None where nothing is to be asked before a further answer has come."""
        ...

    def take(self, answer: T) -> None:
        """Take an answer in: it may tell what to ask next."""
        ...


def answers(questions: Questions[T], at_once: Callable[[], int]) -> Iterator[T]:
    """Ask as many questions at a time as may be by now; yield the answers as they come.

    The next ones are asked before an answer is yielded. An error, of a question or of taking an answer in, is
    raised when the answers that were under way have come. One at once: without a thread.
    """
    come: SimpleQueue[Future[T]] = SimpleQueue()
    under_way, found, failure = 0, list[T](), None
    while True:
        while failure is None and under_way < at_once() and (question := questions.question()) is not None:
            (_asked_apart if at_once() > 1 else _asked_here)(question, come)
            under_way += 1
        yield from found
        if not under_way:
            break
        found, under_way = [], under_way - 1
        try:
            answer = _next(come).result()
            questions.take(answer)
            found = [answer]
        except Exception as error:
            failure = failure or error
    if failure is not None:
        raise failure


def _next(come: "SimpleQueue[Future[T]]") -> "Future[T]":
    """Wait for an answer, but not beyond the wish to stop: a thread may wait for its network for long."""
    while True:
        stop_if_wished()
        with suppress(Empty):
            return come.get(timeout=LOOK_SECONDS)


def _asked_here(question: Question[T], come: "SimpleQueue[Future[T]]") -> None:
    future: Future[T] = Future()
    try:
        future.set_result(question())
    except BaseException as error:
        future.set_exception(error)
    come.put(future)


def _asked_apart(question: Question[T], come: "SimpleQueue[Future[T]]") -> None:
    ask = copy_context().run
    threading.Thread(target=ask, args=(_asked_here, question, come), daemon=True).start()
