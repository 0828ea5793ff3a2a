"""GitHub's total stays above what its lists hold: it counts issues of accounts it hides."""

import pytest

from gitpulse_assets.contracts import silver
from gitpulse_assets_tests.field.lists import LIST, Watched

WARNED = "why GitHub counts {} open issues and its lists, each time they are walked whole, {}"


@pytest.fixture
def watched(tmp_path):
    watched = Watched(tmp_path)
    watched.world.repository("acme/rocket").unlisted_open_count = 2
    return watched


def newest(watched) -> dict:
    return watched.product.table(silver.CONTROL_TOTAL).to_pylist()[-1]


def comment(watched) -> None:
    watched.world.clock += 3600
    acts = watched.world.acts_on("acme/rocket")
    acts.comment(next(iter(acts.repository.issues.values())), watched.world.clock)
    watched.world.clock += 60


def test_13_a_lasting_difference_is_known_after_the_second_whole_walk(watched):
    watched.sync()
    assert newest(watched)["is_known_difference"]
    assert watched.error_of("control_total") is None
    assert watched.product.unknown_slices() == [WARNED.format(70, 68)]
    assert watched.judged().wrong_days == 0


def test_13_no_further_full_walks_until_it_changes(watched):
    watched.sync()
    comment(watched)
    assert watched.sync().walk_kind == "incremental"
    assert newest(watched)["is_known_difference"]
    assert watched.product.unknown_slices() == [WARNED.format(70, 68)]
    watched.world.repository("acme/rocket").unlisted_open_count = 3
    comment(watched)
    assert watched.sync().walk_kind == "full"
    assert watched.product.unknown_slices() == [WARNED.format(71, 68)]


def test_13_an_unchanged_list_is_not_counted_again_for_it(watched):
    watched.sync()
    watched.world.clock += 3600
    assert watched.sync().walk_kind == "unchanged"
    assert (watched.asked(LIST), watched.asked("graphql")) == ([], [])


def test_13_a_difference_that_ends_is_told_no_more(watched):
    watched.sync()
    watched.world.repository("acme/rocket").unlisted_open_count = 0
    comment(watched)
    watched.sync()
    assert watched.product.unknown_slices() == []
