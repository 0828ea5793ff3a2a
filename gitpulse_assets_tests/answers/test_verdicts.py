"""The verdict of a window: the published one, or the same code's for another window."""

import json
from datetime import timedelta
from typing import Any

import pytest

from gitpulse_assets.answers.in_words import in_words
from gitpulse_assets.answers.repository import RepositoryAnswers
from gitpulse_assets.commands.verdict import verdict_rows
from gitpulse_assets_tests.answer_lakes import ONNX, ROCKET

# What an answer says beside the mart's row.
WORDS = ("headline", "opening", "explanation")
PACE = ("direction", "pace_per_week", "pace_low_per_week", "pace_high_per_week", "drivers")


def as_row(verdict: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in verdict.items() if name not in WORDS}


@pytest.mark.parametrize("days", [28, 90, 180])
def test_the_latest_windows_are_the_published_ones(rocket, lake, days):
    rows = {row["window_days"]: row for row in verdict_rows(lake, ROCKET, None)}
    assert as_row(rocket.verdict(rocket.window(days))) == rows[days]


@pytest.mark.recorded
@pytest.mark.parametrize("days", [28, 90, 180])
def test_they_are_those_of_real_data(onnx, recorded, days):
    rows = {row["window_days"]: row for row in verdict_rows(recorded, ONNX, None)}
    verdict, header = onnx.verdict(onnx.window(days)), onnx.header(onnx.window(days))
    assert as_row(verdict) == rows[days]
    for name in ("opened_count", "closed_count", "net_change", "open_at_start", "open_at_end"):
        assert verdict[name] == header[name]


@pytest.mark.parametrize("days", [28, 90, 180])
def test_a_past_window_is_that_of_the_command_line(rocket, lake, days):
    end = rocket.published.last_complete_date - timedelta(days=40)
    rows = {row["window_days"]: row for row in verdict_rows(lake, ROCKET, end)}
    window = rocket.window(start=end - timedelta(days=days - 1), end=end)
    assert json.dumps(as_row(rocket.verdict(window)), default=str) == json.dumps(rows[days], default=str)


def test_computed_again_the_latest_window_has_the_published_pace(rocket: RepositoryAnswers):
    """The whole row differs in ages only, which the mart tells of the as-of moment and not of midnight."""
    window = rocket.window(90)
    published, computed = rocket.verdict(window), rocket._judge(window, None)
    assert {name: published[name] for name in PACE} == {name: computed[name] for name in PACE}


@pytest.mark.parametrize(("days", "has_pace"), [(1, False), (27, False), (28, True), (61, True), (366, True)])
def test_a_pace_is_told_of_windows_it_fits(rocket, days, has_pace):
    verdict = rocket.verdict(rocket.window(days))
    assert (verdict["pace_per_week"] is not None) == has_pace
    assert verdict["net_change"] == rocket.header(rocket.window(days))["net_change"]
    assert verdict["window_days"] == days


@pytest.mark.parametrize("scope", ["", ", label bug", ", label **urgent** 2*3"])
def test_the_words_are_the_paragraph_taken_apart(rocket, scope):
    """A label may look like Markdown itself."""
    published = rocket.verdict(rocket.window(90))
    marked = published["paragraph"].replace(f"**{ROCKET}", f"**{ROCKET}{scope}", 1)
    told = in_words(published | {"paragraph": marked}, scope)
    assert told["opening"].startswith(f"{ROCKET}{scope}, 90 days to {published['window_end_date']}")
    assert f"**{told['opening']}** {told['explanation']}" == marked
