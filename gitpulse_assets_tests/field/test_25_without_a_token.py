"""Without a token, with fewer requests an hour than the list and its events take, every run comes further.

Reported by the project's own judge; elsewhere as mozilla/standards-positions#1221 (a walk without a token
that the limit ends on page 11, and that begins anew).
"""

import re

import pytest

from gitpulse_assets.github.errors import LimitReached
from gitpulse_assets_tests.field.lists import EVENTS, LIST, Watched


@pytest.fixture
def poor(tmp_path):
    """Nobody waits: a run ends where the hour's requests do."""
    return Watched(tmp_path, token="", with_events=True)


def run(watched: Watched) -> str:
    """Refresh in a new hour; what was left undone is returned."""
    watched.world.clock += 3600
    try:
        watched.sync()
    except LimitReached as error:
        return str(error)
    return watched.error_of("issue_timeline") or watched.error_of("control_total") or ""


@pytest.mark.parametrize("an_hour", [9, *(pytest.param(count, marks=pytest.mark.slow) for count in (6, 20))])
def test_25_every_run_comes_further_and_says_how_many_more_it_takes(poor, an_hour):
    """5 pages of records and 11 of events; before, with 9 an hour, no run ever came to the events."""
    poor.product.app.limits.anonymous_per_hour = an_hour
    list_pages, said = 0, []
    for _ in range(40):
        said.append(run(poor))
        list_pages += len(poor.asked(LIST))
        if not said[-1]:
            break
    assert not said[-1]
    assert list_pages <= 6
    assert (poor.judged().wrong_days, poor.product.unknown_slices()) == (0, [])
    assert all(re.search(r"at most \d+ |until", words) for words in said[:-1])


def test_25_the_list_is_merged_before_the_events_are_whole(poor):
    poor.product.app.limits.anonymous_per_hour = 12
    words = run(poor)
    assert re.search(r"at most \d+ pages of issue events are still to come, \d+ more runs", words)
    assert poor.present_count() == 418
    assert poor.product.unknown_slices() == [
        "history: snapshot only, earlier closings, reopenings and transfers are missing"
    ]
    assert poor.asked(EVENTS)
