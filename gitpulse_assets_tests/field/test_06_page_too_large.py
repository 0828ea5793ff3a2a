"""A page too large to be made is asked for in smaller ones, from the same place on.

Reported in chaoss/grimoirelab-perceval#755 (Server Error at 100 a page, 200 at 50) and
microsoft/CEDAR.GitHub.Collector#45.
"""

import re

import pytest

from gitpulse_assets.github.errors import AnswerUnusable
from gitpulse_assets.sandbox.faults import ALWAYS, Fault
from gitpulse_assets_tests.field.lists import EVENTS, REPO, Watched


def sizes(watched, part: str) -> list[int]:
    served = [one for one in watched.product.app.log if part in one.target and one.status == 200]
    return [int(re.findall(r"per_page=(\d+)", one.target)[0]) for one in served]


@pytest.mark.parametrize("size_max", [25, *(pytest.param(size, marks=pytest.mark.slow) for size in (50, 1))])
def test_06_the_walk_shrinks_its_pages_keeps_its_place_and_grows_again(tmp_path, size_max):
    watched = Watched(tmp_path)
    watched.faults.append(Fault("status", match="page=3", min_nodes=size_max + 1, times=ALWAYS))
    watched.sync()
    assert (watched.present_count(), watched.judged().wrong_days) == (418, 0)
    walked = sizes(watched, "direction=asc")
    assert (walked[:2], walked[2]) == ([100, 100], size_max)
    assert walked[-1] == 100


@pytest.mark.slow
@pytest.mark.parametrize("page", ["&page=3", pytest.param("", marks=pytest.mark.slow)])
def test_06_pages_that_are_counted_keep_their_place_too(tmp_path, page):
    watched = Watched(tmp_path, token="", with_events=True)
    watched.product.app.limits.anonymous_per_hour = 1000
    match = f"{EVENTS}?per_page=100{page}"
    watched.faults.append(Fault("status", match=match, min_nodes=51, times=ALWAYS))
    watched.sync()
    assert (watched.judged().wrong_days, watched.product.unknown_slices()) == (0, [])


@pytest.mark.slow
def test_06_the_first_page_and_known_pages_shrink_too(tmp_path):
    watched = Watched(tmp_path)
    watched.sync()
    watched.world.clock += 60
    watched.faults.append(Fault("status", match="direction=asc", min_nodes=51, times=ALWAYS))
    watched.sync(is_full=True)
    assert watched.present_count() == len(watched.world.repository(REPO.key).listed)


def test_06_a_page_that_no_size_helps_leaves_the_walk_to_be_gone_on_with(tmp_path):
    watched = Watched(tmp_path)
    watched.faults.append(Fault("status", match="page=3", times=ALWAYS))
    with pytest.raises(AnswerUnusable, match="502"):
        watched.sync()
    watched.faults.clear()
    assert watched.sync().resumed_run_id == "run-001"
    assert watched.present_count() == 418
