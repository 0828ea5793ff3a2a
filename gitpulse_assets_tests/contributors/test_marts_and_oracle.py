"""The marts of conversations against an oracle of plain Python, cell by cell; and four wrong definitions.

`pytest -m slow -s` prints how many cells were compared and wrong, and how many a naive definition gets wrong.
"""

from contextlib import AbstractContextManager, nullcontext

import pytest

from gitpulse_assets_tests.contributors.compare import ORACLES, Compared, compared, judged
from gitpulse_assets_tests.contributors.naive import (
    any_commenter,
    bots_count,
    comments_by_created_at,
    merged_assumed,
)
from gitpulse_assets_tests.contributors.truth import World
from gitpulse_assets_tests.contributors.worlds import random_world

CHEAP, ALL = range(10), range(1_000, 1_600)
NAIVE = ("any commenter answers", "bots count", "merged assumed", "review comments by created_at")


def total(seeds: range) -> Compared:
    result = Compared()
    for seed in seeds:
        result.add(judged(random_world(seed)))
    return result


def way_of(name: str, world: World) -> tuple[AbstractContextManager[None], World]:
    """How the oracle is made to judge as the naive definition does."""
    if name == "any commenter answers":
        return any_commenter(), world
    if name == "bots count":
        return bots_count(), world
    change = merged_assumed if name == "merged assumed" else comments_by_created_at
    return nullcontext(), change(world)


def naive_marts(name: str, world: World) -> Compared:
    """The marts of a world as the naive definition has them, against the right ones."""
    true, result = {mart: oracle(world) for mart, (oracle, _) in ORACLES.items()}, Compared()
    way, told = way_of(name, world)
    with way:
        for mart, (oracle, _) in ORACLES.items():
            result.add(compared(mart, oracle(told), true[mart]))
    return result


def naive(name: str, seeds: range) -> Compared:
    result = Compared()
    for seed in seeds:
        result.add(naive_marts(name, random_world(seed)))
    return result


def test_no_cell_is_wrong():
    result = total(CHEAP)
    assert result.wrong == []
    assert result.cells > 10_000


def test_a_column_that_the_oracle_lacks_is_wrong():
    found = compared("mart_follow_up", [{"issue_number": 1, "title": None}], [{"issue_number": 1}])
    assert [column for _, _, column, *_ in found.wrong] == ["title"]


@pytest.mark.parametrize("name", NAIVE)
def test_a_naive_definition_is_wrong(name: str):
    assert naive(name, CHEAP).wrong


@pytest.mark.slow
def test_no_cell_of_600_repositories_is_wrong():
    result = total(ALL)
    print(f"\n{len(ALL)} repositories: {result.cells:,} cells compared, {len(result.wrong)} wrong")
    for name in NAIVE:
        wrong = naive(name, ALL)
        print(f"  {name}: {len(wrong.wrong):,} of {wrong.cells:,} cells wrong")
    assert result.wrong == []
