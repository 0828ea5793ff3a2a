"""kill -9 anywhere in a refresh: the next one ends with the tables of an undisturbed one (case 17)."""

import signal
import time

import pytest

from gitpulse_assets_tests.crash.conftest import Undisturbed, differences, requests, tables_of
from gitpulse_assets_tests.crash.pipeline import Place, die_at, refresh
from gitpulse_assets_tests.s3_server import s3_is_slow

POINTS = 120
PAGES_MAX = 10
# GitHub's count before and after a walk, and the timelines fetched in the second their issue was updated.
GRAPHQL_EXTRA_MAX = 3

SPREAD = [pytest.param(n, marks=() if n == 29 else pytest.mark.slow) for n in range(POINTS)]


def point_of(number: int, point_count: int) -> int:
    """Spread the numbers evenly over the points."""
    return 1 + number * (point_count - 1) // (POINTS - 1)


@s3_is_slow
@pytest.mark.parametrize("number", SPREAD)
def test_case_17_kill_9_before_or_after_any_write_and_after_any_answer(
    place: Place, undisturbed: Undisturbed, sandbox, fork, number: int
):
    point = point_of(number, undisturbed.point_count)
    process = fork(die_at, place, "run-1", point)
    process.join()
    assert process.exitcode == -signal.SIGKILL
    refresh(place, "run-2")
    assert differences(tables_of(place.open()), undisturbed.tables) == {}
    again = requests(sandbox)
    again.subtract(undisturbed.requests)
    assert again["per_page=100"] <= PAGES_MAX
    assert again["graphql"] <= PAGES_MAX + GRAPHQL_EXTRA_MAX


@pytest.mark.slow
@pytest.mark.parametrize("number", range(40))
def test_kill_9_at_any_moment(place: Place, undisturbed: Undisturbed, fork, number: int):
    """Also within a write."""
    process = fork(die_at, place, "run-1", 0)
    time.sleep(0.05 + number * 0.05)
    process.kill()
    process.join()
    refresh(place, "run-2")
    assert differences(tables_of(place.open()), undisturbed.tables) == {}


@s3_is_slow
def test_a_refresh_killed_again_and_again_gets_through(place: Place, undisturbed: Undisturbed, fork):
    """Each of its further runs gets a little further, until one is through before it comes to its point."""
    exit_codes = []
    for number in range(1, 6):
        process = fork(die_at, place, f"run-{number}", number * undisturbed.point_count // 7)
        process.join()
        exit_codes.append(process.exitcode)
    assert exit_codes[0] == -signal.SIGKILL
    assert set(exit_codes) <= {0, -signal.SIGKILL}
    refresh(place, "run-6")
    assert differences(tables_of(place.open()), undisturbed.tables) == {}
