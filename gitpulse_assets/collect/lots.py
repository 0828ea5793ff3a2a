"""Threads asked for by their node ids, in lots of as many as one question takes, several lots at once."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from gitpulse_assets.collect.at_once import Question, answers
from gitpulse_assets.github.graphql import MOST_NODES
from gitpulse_assets.github.lifecycle import LifecycleBatch

Ask = Callable[[Sequence[str]], Iterator[LifecycleBatch]]


@dataclass(frozen=True)
class Lot:
    """What came of one lot; `error`: why no more did."""

    batches: list[LifecycleBatch]
    error: Exception | None = None


class Lots:
    """Node ids that wait to be asked for; behind an error none is any more.

    `make_ask`: makes what asks for one lot after the other, and goes by what the one before has taught it.
    """

    def __init__(self, make_ask: Callable[[], Ask], node_ids: Iterable[str] = ()) -> None:
        self._make_ask = make_ask
        self._idle: list[Ask] = []
        self._waiting = deque(node_ids)
        self.error: Exception | None = None

    def add(self, node_id: str) -> None:
        """Let one more wait."""
        self._waiting.append(node_id)

    def question(self, least: int = 1) -> Question[Lot] | None:
        """The next lot, where at least so many wait."""
        if self.error is not None or len(self._waiting) < least:
            return None
        ids = [self._waiting.popleft() for _ in range(min(MOST_NODES, len(self._waiting)))]
        ask = self._idle.pop() if self._idle else self._make_ask()
        return lambda: self._asked(ask, ids)

    def take(self, answer: Lot) -> None:
        """Ask for none further behind an error."""
        self.error = self.error or answer.error

    def _asked(self, ask: Ask, ids: Sequence[str]) -> Lot:
        batches: list[LifecycleBatch] = []
        try:
            for batch in ask(ids):
                batches.append(batch)
        except Exception as error:
            return Lot(batches, error)
        self._idle.append(ask)
        return Lot(batches)


def batches_of(
    make_ask: Callable[[], Ask], node_ids: Sequence[str], at_once: Callable[[], int]
) -> Iterator[LifecycleBatch]:
    """Ask for all of them, `at_once` lots at a time; what came before an error is yielded before it."""
    if at_once() == 1 or len(node_ids) <= MOST_NODES:
        yield from make_ask()(node_ids)
        return
    lots = Lots(make_ask, node_ids)
    for lot in answers(lots, at_once):
        yield from lot.batches
    if lots.error is not None:
        raise lots.error
