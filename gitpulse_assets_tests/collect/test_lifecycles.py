"""Which lifecycles are asked for again, and which answers are another repository's."""

from dataclasses import replace

import pytest

from gitpulse_assets.contracts.silver import LIFECYCLE_COVERAGE
from gitpulse_assets.github.lifecycle import Lifecycles
from gitpulse_assets.repo import Repo
from gitpulse_assets.sandbox.world import World

REPO = Repo("acme", "one")


@pytest.fixture
def world() -> World:
    """Three open issues in each of two repositories, a day old."""
    world = World("2026-01-01T00:00:00Z")
    for name in ("acme/one", "acme/two"):
        acts = world.add_repository(name)
        for _ in range(3):
            acts.open(world.clock, None, "Old")
    world.advance(seconds=86400)
    return world


def sync_a_day_later(product, **options) -> None:
    product.world.advance(seconds=86400)
    product.sync(**options)


def cut_count(product) -> int:
    return product.table(LIFECYCLE_COVERAGE)["is_complete"].to_pylist().count(False)


def test_a_timeline_that_did_not_come_whole_is_asked_for_again_by_a_full_refresh(
    world, make_product, monkeypatch
):
    really = Lifecycles._lifecycle
    with monkeypatch.context() as cut:
        cut.setattr(
            Lifecycles,
            "_lifecycle",
            lambda *asked: replace(found := really(*asked), is_complete=found.issue_number != 2),
        )
        product = make_product(world, repo=REPO)
        product.sync()
    sync_a_day_later(product)
    assert cut_count(product) == 1
    assert not [served for served in product.app.log if "graphql" in served.target]
    sync_a_day_later(product, is_full=True)
    assert cut_count(product) == 0
