"""GitHub's total stays above what its lists hold: it counts issues of accounts it hides.

Reported as JuliaGraphics/Colors.jl#260: 214 counted, 20 listed, after spam was taken away.
"""

import pytest

from gitpulse_assets.collect import refresh
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


@pytest.mark.dear
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


@pytest.mark.slow
def test_13_an_unchanged_list_is_not_counted_again_for_it(watched):
    watched.sync()
    watched.world.clock += 3600
    assert watched.sync().walk_kind == "unchanged"
    assert (watched.asked(LIST), watched.asked("graphql")) == ([], [])


@pytest.mark.slow
def test_13_a_difference_that_ends_is_told_no_more(watched):
    watched.sync()
    watched.world.repository("acme/rocket").unlisted_open_count = 0
    comment(watched)
    watched.sync()
    assert watched.product.unknown_slices() == []


@pytest.mark.slow
def test_13_without_a_token_it_is_known_as_well(watched):
    """Cousin: the count holds pull requests too."""
    watched.token = ""
    watched.sync()
    assert (newest(watched)["has_pull_requests"], newest(watched)["is_known_difference"]) == (True, True)
    comment(watched)
    assert watched.sync().walk_kind == "incremental"
    (warned,) = [words for words in watched.product.unknown_slices() if "GitHub counts" in words]
    assert "each time they are walked whole" in warned


@pytest.mark.slow
def test_13_a_total_below_the_lists_is_known_as_well(watched):
    """Cousin: a count that stays behind what the lists hold."""
    watched.world.repository("acme/rocket").unlisted_open_count = -3
    watched.sync()
    assert watched.product.unknown_slices() == [WARNED.format(65, 68)]
    comment(watched)
    assert watched.sync().walk_kind == "incremental"


@pytest.mark.slow
@pytest.mark.parametrize("step", ["held", pytest.param("keep_control_total", marks=pytest.mark.slow)])
def test_13_it_is_known_though_a_run_dies_between_its_walk_and_its_count(watched, monkeypatch, step):
    """Cousin: the next run finds the list unchanged, which proves nothing of its own; two more walks do."""

    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(refresh, step, die)
        with pytest.raises(KeyboardInterrupt):
            watched.product.collect()
    watched.sync()
    assert newest(watched)["is_known_difference"]
    assert watched.product.unknown_slices() == [WARNED.format(70, 68)]
    comment(watched)
    assert watched.sync().walk_kind == "incremental"
