"""The definitions that earlier systems had, to show by how much each is wrong."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from copy import deepcopy
from dataclasses import replace
from unittest.mock import PropertyMock, patch

from gitpulse_assets_tests.contributors import oracle_acts, oracle_people, oracle_pull_requests
from gitpulse_assets_tests.contributors.truth import Move, Word, World


def as_merged(move: Move, is_pull_request: bool) -> Move:
    return replace(move, kind="merged") if is_pull_request and move.kind == "closed" else move


def by_draft(word: Word) -> Word:
    return replace(word, at=word.written_at) if word.written_at else word


def merged_assumed(world: World) -> World:
    """Every closed pull request was merged."""
    world = deepcopy(world)
    for thread in world.threads:
        thread.moves = [as_merged(move, thread.is_pull_request) for move in thread.moves]
    return world


def comments_by_created_at(world: World) -> World:
    """A review comment counts from when its draft was written."""
    world = deepcopy(world)
    for thread in world.threads:
        thread.words = [by_draft(word) for word in thread.words]
    return world


@contextmanager
def any_commenter() -> Iterator[None]:
    """Whoever says something answers, the author too."""
    with patch.object(oracle_acts.Act, "is_authors", new_callable=PropertyMock, return_value=False):
        yield


@contextmanager
def bots_count() -> Iterator[None]:
    """Bots are people."""
    with ExitStack() as stack:
        for module in (oracle_acts, oracle_people, oracle_pull_requests):
            stack.enter_context(patch.object(module, "is_human", return_value=True))
        yield
