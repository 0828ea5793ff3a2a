"""The interval's honesty on a small scale, with fixed seeds; the full table is in the pace interval's ADR.

Bands are wider than the ADR's by what 300 series cannot tell apart, and narrow enough to fail when the noise
is mismeasured by a fifth.
"""

import importlib.util
import sys
from itertools import product
from pathlib import Path
from types import ModuleType

import pytest

from gitpulse_assets.sandbox.daily_series import SCENARIOS

SERIES_COUNT = 300
BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}
SAMPLE = (
    "zero drift",
    "weekly rhythm, large drift",
    "autocorrelated 0.9",
    "closed within days",
    "low volume, large drift",
    "bulk closings, small drift",
    "all at once",
)
# Nothing to find in the short window, and in the long one what makes the interval wide; `make prove` has all.
SUITE = {(28, "zero drift"), (90, "autocorrelated 0.9")}
CASES = [
    pytest.param(*case, marks=() if case in SUITE else pytest.mark.slow) for case in product((28, 90), SAMPLE)
]


@pytest.fixture(scope="module")
def calibration() -> ModuleType:
    path = Path(__file__).parents[2] / "scripts" / "calibrate_pace.py"
    spec = importlib.util.spec_from_file_location("calibrate_pace", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["calibrate_pace"] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(("window_days", "name"), CASES)
def test_the_interval_covers_the_true_pace_and_calls_a_clear_drift(calibration, name, window_days):
    method = calibration.estimate_pace
    cell = calibration.measure(BY_NAME[name], window_days, 1092, SERIES_COUNT, 11, method)
    assert 0.91 <= cell.coverage <= 0.985
    assert cell.wrong_direction <= 0.09
    assert cell.power >= 0.75


def test_the_textbook_interval_fails_the_same_bands(calibration):
    scenario = BY_NAME["autocorrelated 0.9"]
    cell = calibration.measure(scenario, 90, 0, SERIES_COUNT, 11, calibration.newey_west)
    assert cell.coverage < 0.8


def test_levels_before_the_window_do_not_move_the_pace_in_it(calibration):
    scenario = BY_NAME["pace turned at the window"]
    cell = calibration.measure(scenario, 90, 1092, SERIES_COUNT, 5, calibration.estimate_pace)
    assert 0.91 <= cell.coverage <= 0.985
