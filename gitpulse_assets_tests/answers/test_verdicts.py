"""The verdict of a window: the published one, or the same code's for another window."""

import json
from contextlib import closing
from dataclasses import replace
from datetime import timedelta

import pytest

from gitpulse_assets.answers.lake_answers import LakeAnswers
from gitpulse_assets.answers.repository import RepositoryAnswers
from gitpulse_assets.commands.verdict import verdict_rows
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.marts.backlog_verdict import MART_BACKLOG_VERDICT
from gitpulse_assets_tests.answer_lakes import ONNX, ROCKET, copy_filled, publish

PARTS = ["headline", "opening", "explanation"]
PACE = ("direction", "pace_per_week", "pace_low_per_week", "pace_high_per_week", "drivers")


@pytest.mark.parametrize("days", [28, 90, 180])
def test_the_latest_windows_are_the_published_ones(rocket, lake, days):
    rows = {row["window_days"]: row for row in verdict_rows(lake, ROCKET, None)}
    assert rocket.verdict(rocket.window(days)) == rows[days]


@pytest.mark.recorded
@pytest.mark.parametrize("days", [28, 90, 180])
def test_they_are_those_of_real_data(onnx, recorded, days):
    rows = {row["window_days"]: row for row in verdict_rows(recorded, ONNX, None)}
    verdict, header = onnx.verdict(onnx.window(days)), onnx.header(onnx.window(days))
    assert verdict == rows[days]
    for name in ("opened_count", "closed_count", "net_change", "open_at_start", "open_at_end"):
        assert verdict[name] == header[name]


@pytest.mark.parametrize("days", [28, 90, 180])
def test_a_past_window_is_that_of_the_command_line(rocket, lake, days):
    end = rocket.published.last_complete_date - timedelta(days=40)
    rows = {row["window_days"]: row for row in verdict_rows(lake, ROCKET, end)}
    window = rocket.window(start=end - timedelta(days=days - 1), end=end)
    assert json.dumps(rocket.verdict(window), default=str) == json.dumps(rows[days], default=str)


def test_computed_again_the_latest_window_has_the_published_pace(rocket: RepositoryAnswers):
    """The whole row differs in ages only, which the mart tells of the as-of moment and not of midnight."""
    window = rocket.window(90)
    published, computed = rocket.verdict(window), rocket._judge(window, None, window.end_at)
    assert {name: published[name] for name in PACE} == {name: computed[name] for name in PACE}


@pytest.mark.parametrize(("days", "has_pace"), [(1, False), (27, False), (28, True), (61, True), (366, True)])
def test_a_pace_is_told_of_windows_it_fits(rocket, days, has_pace):
    verdict = rocket.verdict(rocket.window(days))
    assert (verdict["pace_per_week"] is not None) == has_pace
    assert verdict["net_change"] == rocket.header(rocket.window(days))["net_change"]
    assert verdict["window_days"] == days


@pytest.mark.parametrize(("label", "whose"), [(None, str(ROCKET)), ("bug", f"{ROCKET}, label bug")])
def test_the_words_say_whose_backlog_it_is(rocket, label, whose):
    told = rocket.verdict(rocket.window(90), label)
    assert told["opening"].startswith(f"{whose}, 90 days to {told['window_end_date']}")
    assert told["paragraph"] == f"**{told['opening']}** {told['explanation']}"


def test_a_lake_from_before_the_words_had_columns_says_the_same(pytestconfig, tmp_path):
    copy_filled(pytestconfig, tmp_path, issue_count=60, day_count=90)
    lake = Lake.open(str(tmp_path))
    stored, kept = verdict_rows(lake, ROCKET, None), lake.dataset(MART_BACKLOG_VERDICT, ROCKET).to_table()
    without = tuple(one for one in MART_BACKLOG_VERDICT.columns if one.name not in PARTS)
    older = replace(MART_BACKLOG_VERDICT, columns=without)
    publish(lake, "gold", ROCKET, {older: kept.drop_columns(PARTS)})
    with closing(LakeAnswers(lake)) as answers:
        asked = answers.ask(ROCKET, lambda of: of)
        assert {row["explanation"] for row in asked.published.verdicts} == {None}
        assert [asked.verdict(asked.window(row["window_days"])) for row in stored] == stored
    assert verdict_rows(lake, ROCKET, None) == stored
