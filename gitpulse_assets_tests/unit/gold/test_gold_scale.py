"""Gold stays fast and within memory at a size beyond any public repository."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

MEASURE = Path(__file__).with_name("measure_gold.py")


def measure(*arguments: object) -> str:
    command = [sys.executable, MEASURE, *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.mark.slow
def test_a_million_issues_take_a_minute_and_four_gigabytes(tmp_path):
    measure("generate", tmp_path, 1_000_000)
    measured = json.loads(measure("build", tmp_path))
    print(f"gold: {measured['seconds']:.1f} s, peak {measured['peak_bytes'] / 2**30:.2f} GiB")
    assert measured["rows"]["mart_issue_lifecycle"] == 1_000_000
    assert measured["seconds"] <= 60
    assert measured["peak_bytes"] <= 4 * 2**30
