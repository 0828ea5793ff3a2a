"""Every day of generated histories, whose truth the generator wrote down as it acted: none may be wrong."""

import pytest

from gitpulse_assets.lake import ranges
from gitpulse_assets_tests.history.histories import MODES
from gitpulse_assets_tests.history.prove import play_all, prove
from gitpulse_assets_tests.history.verdicts import Verdict

# The seeds of the quick run, of `pair` one whose repositories are linked; the slow one plays others.
QUICK = {
    "full": range(1),
    "increments": range(1),
    "incremental": range(1),
    "events": range(1),
    "pair": range(3, 4),
}
# Nearly as `increments`; a shorter history without a token has `collect/test_issue_events.py`.
SELDOM = ("incremental", "events")
MARKS = dict.fromkeys(SELDOM, pytest.mark.slow) | {"pair": pytest.mark.dear}
SLOW = {"full": 600, "increments": 450, "incremental": 200, "events": 150, "pair": 60}
SLOW_FIRST = 1000
MINUTES_MAX = 45


@pytest.fixture(autouse=True)
def few_issues_a_range(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hundreds of issues lie in several objects a table: seventy of three issues prove no more than four."""
    monkeypatch.setattr(ranges, "NARROW", 60)


@pytest.mark.parametrize("mode", [pytest.param(mode, marks=MARKS.get(mode, ())) for mode in MODES])
def test_no_day_is_wrong(mode):
    verdict = play_all(QUICK[mode], mode)
    print(f"{mode}: {verdict}")
    assert verdict.mistakes == []
    assert bool(verdict.links) == (mode == "pair")
    assert verdict.created_and_closed_wrong_days > verdict.days / 2


@pytest.mark.slow
@pytest.mark.timeout(60 * MINUTES_MAX)
@pytest.mark.parametrize("mode", MODES)
def test_no_day_of_many_histories_is_wrong(mode, capsys):
    verdict = sum(prove(mode, SLOW[mode], SLOW_FIRST), Verdict())
    with capsys.disabled():
        print(f"\n{mode}: {verdict}")
    assert verdict.mistakes == []
    assert bool(verdict.links) == (mode == "pair")
