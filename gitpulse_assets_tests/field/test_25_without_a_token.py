"""Without a token, with fewer requests an hour than the list and its events take, every run comes further.

Reported by the project's own judge; elsewhere as mozilla/standards-positions#1221 (a walk without a token
that the limit ends on page 11, and that begins anew).
"""

import re

import pytest

from gitpulse_assets.github.errors import LimitReached
from gitpulse_assets_tests.field.lists import EVENTS, LIST, REPO, Watched, small_world


@pytest.fixture
def poor(tmp_path):
    """Nobody waits: a run ends where the hour's requests do."""
    return Watched(tmp_path, token="", with_events=True)


@pytest.fixture
def small(tmp_path):
    """2 pages of records and 4 of events."""
    return Watched(tmp_path, small_world(120), token="", with_events=True)


def whole(watched: Watched) -> list[str]:
    """Refresh hour by hour until nothing is left undone; what each run said."""
    said = [run(watched)]
    while said[-1]:
        assert len(said) < 40
        said.append(run(watched))
    return said


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


@pytest.mark.slow
def test_25_cousin_a_full_refresh_goes_on_where_the_hour_ended(small):
    """A 304 costs an anonymous request too: what was walked whole is not walked again before the events."""
    small.product.app.limits.anonymous_per_hour = 1000
    small.sync()
    small.product.app.limits.anonymous_per_hour = 7
    said, pages = ["begun"], 0
    while said[-1] and len(said) < 5:
        small.world.clock += 3600
        try:
            # Who asks for a full refresh asks again until it says that it is done.
            small.sync(is_full=True)
            said.append(small.error_of("issue_timeline") or small.error_of("control_total") or "")
        except LimitReached as error:
            said.append(str(error))
        pages += len(small.asked(LIST))
    assert not said[-1], said
    assert pages <= 4
    assert (small.judged().wrong_days, small.product.unknown_slices()) == (0, [])


@pytest.mark.slow
def test_25_cousin_what_changes_between_the_hours_is_not_lost(small):
    small.product.app.limits.anonymous_per_hour = 8
    acts = small.world.acts_on(REPO.key)
    for _ in range(2):
        run(small)
        acts.open(small.world.clock, None, "News")
        issues = [issue for issue in acts.repository.issues.values() if not issue.is_pull_request]
        acts.close(next(issue for issue in issues if issue.state == "open"), small.world.clock, None)
    small.world.clock += 60
    whole(small)
    small.world.clock += 3600
    whole(small)
    assert (small.judged().wrong_days, small.product.unknown_slices()) == (0, [])
    assert small.present_count() == len(acts.repository.listed)


@pytest.mark.slow
def test_25_cousin_an_hour_that_others_have_spent_costs_nothing_of_what_is_there(small):
    """One address shares its 60 requests: some hours there is not one left."""
    small.product.app.limits.anonymous_per_hour = 8
    run(small)
    small.product.app.limits.anonymous_per_hour = 0
    assert all("until" in run(small) for _ in range(2))
    small.product.app.limits.anonymous_per_hour = 8
    pages = len(small.asked(LIST))
    whole(small)
    assert (pages, small.judged().wrong_days) == (0, 0)


def test_25_cousin_later_changes_need_their_own_pages_alone(small):
    """Once the list is whole a poor hour is enough for a day's changes."""
    small.product.app.limits.anonymous_per_hour = 1000
    small.sync()
    small.product.app.limits.anonymous_per_hour = 9
    small.world.advance(seconds=86_400)
    assert run(small) == ""
    assert small.judged().wrong_days == 0
