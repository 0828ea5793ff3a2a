"""The script that proves the history of a real repository, on the recording and on what it must refuse."""

import datetime as dt
import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "prove_history.py"
DAY = dt.date(2026, 1, 2)


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("prove_history", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def moment(day):
    return dt.datetime(2026, 1, day, tzinfo=dt.UTC)


@pytest.fixture
def compared(script):
    """Compare one day on which the truth has issue 7 open and the product has not."""

    def compare(ambiguous=(), arrivals=None, stock=0):
        found = script.History({DAY: stock}, {}, arrivals or {})
        truth = script.History({DAY: 1}, {7: [(moment(2), None)]})
        return script.compare(found, truth, ambiguous)

    return compare


def test_a_day_without_a_cause_is_not_explained(compared, script):
    (difference,) = compared()
    assert not difference.is_explained
    assert "2026-01-02: ours 0, truth 1; #7: NO CAUSE KNOWN" in script.report([difference], 1)


def test_an_equal_stock_made_of_other_issues_is_a_difference(compared):
    assert [difference.causes for difference in compared(stock=1)] == [{7: None}]


def test_an_ambiguous_issue_is_a_cause(compared, script):
    assert compared(ambiguous=[7])[0].causes == {7: script.AMBIGUOUS}


def test_a_transfer_is_a_cause_until_the_issue_arrives(compared, script):
    assert compared(arrivals={7: moment(4)})[0].causes == {7: script.ELSEWHERE}
    assert compared(arrivals={7: moment(2)})[0].causes == {7: None}


def test_a_stock_that_no_issue_explains_is_not_explained(script):
    (difference,) = script.compare(script.History({DAY: 1}, {}), script.History({DAY: 0}, {}), [])
    assert not difference.is_explained


@pytest.mark.recorded
@pytest.mark.slow
def test_every_differing_day_of_a_real_repository_has_its_cause(recorded_data):
    folder = recorded_data / "microsoft__onnxruntime"
    done = subprocess.run([sys.executable, SCRIPT, folder], capture_output=True, text=True, check=False)
    print("\n".join(done.stdout.splitlines()[-6:]))
    assert done.returncode == 0, done.stderr
    assert "1707 days compared\n37 days with another stock, 37 with other issues open" in done.stdout
    assert set(re.findall(r"#\d+", done.stdout)) == {"#9031", "#9161", "#9458", "#11446", "#16867"}
