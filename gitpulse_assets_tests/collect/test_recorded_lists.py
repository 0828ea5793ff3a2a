"""Four dated lists of a real repository, one after the other: the last one alone is what must be shown.

The recording has the repository at four moments, with thousands of changes that updated_at does not show.
"""

from collections import Counter
from pathlib import Path

import pytest

from gitpulse_assets.contracts.silver import ISSUE_ASSIGNEES, ISSUE_CURRENT, ISSUE_LABELS
from gitpulse_assets.repo import Repo
from gitpulse_assets.sandbox.recorded import load_recorded, recorded_dates

pytestmark = [pytest.mark.recorded, pytest.mark.slow, pytest.mark.timeout(900)]

ONNXRUNTIME = Repo("microsoft", "onnxruntime")
# Gone from the last list: deleted, transferred or converted, the recording does not say.
GONE = {1338, 10783}


@pytest.fixture(scope="module")
def folder(recorded_data: Path) -> Path:
    return recorded_data / "microsoft__onnxruntime"


@pytest.fixture(scope="module")
def synced(folder, make_product):
    """Sync one list after another: `synced(dates, is_full=...)`; prints what each run cost."""

    def sync(dates, *, is_full=False):
        product = make_product(load_recorded(folder, dates[0]), repo=ONNXRUNTIME)
        for date in dates:
            product.show(load_recorded(folder, date))
            row = product.sync(is_full=is_full)
            print(
                f"{date}: {row.walk_kind}, {row.page_count} pages, {product.units} units, {product.repairs()}"
            )
        return product

    return sync


@pytest.fixture(scope="module")
def alone(folder, synced):
    """The last list alone."""
    return synced(recorded_dates(folder)[-1:])


def by_id(product, contract):
    return {tuple(row[name] for name in contract.key): row for row in product.table(contract).to_pylist()}


def differences(product, other, contract) -> Counter[str]:
    """How many rows of both differ in which column; `(rows)`: in any."""
    here, there = by_id(product, contract), by_id(other, contract)
    columns: Counter[str] = Counter()
    for key in here.keys() & there.keys():
        different = [name for name in here[key] if here[key][name] != there[key][name]]
        columns.update([*different, "(rows)"] if different else [])
    return columns


def gone_numbers(product, other) -> set[int]:
    here, there = by_id(product, ISSUE_CURRENT), by_id(other, ISSUE_CURRENT)
    assert not there.keys() - here.keys()
    return {here[key]["issue_number"] for key in here.keys() - there.keys()}


def test_full_walks_end_where_the_last_list_alone_ends(folder, synced, alone):
    walked = synced(recorded_dates(folder), is_full=True)
    assert gone_numbers(walked, alone) == GONE
    for contract in (ISSUE_CURRENT, ISSUE_LABELS):
        assert not differences(walked, alone, contract), contract.name
    departed = {row["issue_number"] for row in by_id(walked, ISSUE_CURRENT).values() if row["departed_at"]}
    assert departed == GONE


def test_incremental_walks_lack_only_what_updated_at_does_not_show(folder, synced, alone, capsys):
    walked = synced(recorded_dates(folder))
    found = differences(walked, alone, ISSUE_CURRENT)
    with capsys.disabled():
        for contract in (ISSUE_CURRENT, ISSUE_LABELS, ISSUE_ASSIGNEES):
            print(f"\n{contract.name}: {dict(differences(walked, alone, contract))}", end="")
    assert gone_numbers(walked, alone) == GONE
    assert found.keys() <= {"(rows)", "author_login", "author_id", "author_association"}


def test_a_second_full_walk_of_an_unchanged_list_costs_one_page(alone):
    row = alone.sync(is_full=True)
    assert (row.page_count, row.unchanged_page_count) == (162, 161)
    # The last page, the probe before, the list's newest record, and GitHub's own count twice.
    assert alone.units == 5
