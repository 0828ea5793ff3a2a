"""Case 5: an issue that GraphQL cannot serve, however small the page, stopped the first walk for ever.

Reported for the timeline of one item in https://github.com/cli/cli/issues/11027.
"""

import json

import pytest

from gitpulse_assets.contracts.silver import ISSUE_CURRENT, LIFECYCLE_COVERAGE
from gitpulse_assets.github.errors import GitHubError
from gitpulse_assets.sandbox.faults import ALWAYS, Fault
from gitpulse_assets_tests.field.github_reader import REPO, field_reader

BAD = 7


def unserved(number=BAD, status=200):
    return Fault("unserved_issue", match="/graphql", issue_number=number, status=status)


def cut_numbers(reader):
    """The numbers of the issues whose lifecycle is known not to be whole, and how many are known at all."""
    numbers = {
        row["issue_id"]: row["issue_number"]
        for row in reader.lake.dataset(ISSUE_CURRENT, REPO).to_table().to_pylist()
    }
    rows = reader.lake.dataset(LIFECYCLE_COVERAGE, REPO).to_table().to_pylist()
    return sorted(numbers[row["issue_id"]] for row in rows if not row["is_complete"]), len(rows)


@pytest.mark.parametrize(
    "status", [200, *(pytest.param(status, marks=pytest.mark.slow) for status in (500, 502, 503))]
)
def test_05_one_unserved_issue_costs_its_own_history_only(tmp_path, status):
    reader = field_reader(tmp_path, 20, unserved(status=status))
    reader.sync()
    assert cut_numbers(reader) == ([BAD], 20)
    assert reader.unknown_slices() == [f"1 issue whose lifecycle GitHub did not give whole: #{BAD}"]
    assert len([kind for _, _, kind in reader.transitions() if kind == "closed"]) == 7


def test_05_it_is_asked_again_when_it_changed_and_by_a_full_refresh(tmp_path):
    reader = field_reader(tmp_path, 9, unserved())
    reader.sync()
    reader.app.log.clear()
    reader.touch(1)
    reader.sync()
    assert cut_numbers(reader) == ([BAD], 9)
    reader.app.faults.clear()
    reader.sync(is_full=True)
    assert cut_numbers(reader) == ([], 9)
    assert reader.unknown_slices() == []


@pytest.mark.parametrize(
    "bad", [(1, 2), *(pytest.param(bad, marks=pytest.mark.slow) for bad in ((9,), (4, 6)))]
)
def test_05_cousin_wherever_they_stand(tmp_path, bad):
    reader = field_reader(tmp_path, 9, unserved(bad[0]))
    really = reader.app._graphql.answer

    def answer(request, quota, fault=None):
        # One request is under one rule, so that each issue is asked about in turn.
        answers = [really(request, quota, unserved(number)) for number in bad]
        return next((one for one in answers if json.loads(one.body)["data"] is None), answers[0])

    reader.app._graphql.answer = answer
    reader.sync()
    assert cut_numbers(reader) == (sorted(bad), 9)


@pytest.mark.slow
def test_05_cousin_an_issue_that_breaks_later(tmp_path):
    reader = field_reader(tmp_path, 9)
    reader.sync()
    reader.app.faults[:] = [unserved(2)]
    reader.app.faults[0].times = ALWAYS
    reader.touch(2)
    reader.sync()
    assert cut_numbers(reader) == ([2], 9)
    # Its closing is known by its record.
    assert [kind for _, _, kind in reader.transitions() if kind == "closed"] == ["closed"] * 4


def test_05_cousin_an_outage_is_nobodys_fault(tmp_path):
    outage = Fault("status", match="/graphql", status=502, skip=1)
    reader = field_reader(tmp_path, 9, outage)
    with pytest.raises(GitHubError, match="502"):
        reader.sync()
    reader.app.faults.clear()
    reader.sync()
    assert cut_numbers(reader) == ([], 9)
