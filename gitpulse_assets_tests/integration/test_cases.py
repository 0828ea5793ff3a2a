"""Cases that earlier systems got wrong, by the whole product on either store: a folder, and a real S3 server.

Case 17 is in `crash/`, and so is case 18 of two runs of one repository; both are on either store, too.
"""

import threading
from dataclasses import replace

import pyarrow as pa
import pytest

from gitpulse_assets.catalog.subjects import SILVER_TABLES
from gitpulse_assets.contracts.silver import ISSUE_CURRENT, RECONCILIATION, SYNC_STATE
from gitpulse_assets.lake.errors import LakeError
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.lake.s3_options import S3Options
from gitpulse_assets.sandbox.model import Issue
from gitpulse_assets.sandbox.server import Sandbox
from gitpulse_assets_tests.answer_lakes import publish
from gitpulse_assets_tests.crash.conftest import PROVENANCE, PUBLISHED, differences, tables_of
from gitpulse_assets_tests.crash.pipeline import REPO, Place, Run, refresh
from gitpulse_assets_tests.integration.conftest import OTHER
from gitpulse_assets_tests.s3_server import s3_is_slow

NEWER = ("html_url", "author_association")


def known(lake: Lake) -> dict[str, list[dict[str, object]]]:
    """What the tables say but for when and by which run it was fetched."""
    unlike = (SYNC_STATE, RECONCILIATION)
    tables = [table for table in PUBLISHED if table not in unlike]
    names = {table: set(table.column_names) - PROVENANCE - {"fetched_at"} for table in tables}
    return {
        table.name: lake.dataset(table, REPO).to_table(sorted(names[table])).to_pylist() for table in tables
    }


@pytest.mark.slow
def test_case_03_two_extracts_before_one_merge_lose_nothing(place: Place, change, unsettled: Issue, tmp_path):
    """As in a lake where each is merged at once; only the first of them meets the issue closed."""
    at_once = Place(str(tmp_path / "at-once"), S3Options(), place.api_url)
    refresh(place, "run-0")
    refresh(at_once, "run-0")
    before = known(place.open())
    for run_id in ("run-1", "run-2"):
        change()
        refresh(at_once, run_id)
        Run(place, run_id).extract()
    assert known(place.open()) == before
    Run(place, "run-2").merge()
    assert known(place.open()) == known(at_once.open())
    seen = known(place.open())["issue_sighting"]
    assert [row["state"] for row in seen if row["issue_id"] == unsettled.issue_id] == [
        "open",
        "closed",
        "open",
    ]


def publish_older(lake: Lake, missing: tuple[str, ...]) -> pa.Table:
    """Publish issue_current as a version of GitPulse did that lacked some columns; return what it was."""
    tables = {table: lake.dataset(table, REPO).to_table() for table in SILVER_TABLES}
    whole = tables.pop(ISSUE_CURRENT)
    kept = tuple(column for column in ISSUE_CURRENT.columns if column.name not in missing)
    older = replace(ISSUE_CURRENT, columns=kept, rules=())
    publish(lake, "silver", REPO, tables | {older: whole.drop_columns(list(missing))})
    return whole


@pytest.mark.slow
def test_case_15_an_old_snapshot_without_newer_columns_is_merged_into(place: Place, change, tmp_path):
    """What it lacks is null until an issue is met again; nothing else differs from a lake begun today."""
    refresh(place, "run-1")
    whole = publish_older(place.open(), NEWER)
    assert whole["html_url"].null_count == 0
    assert place.open().dataset(ISSUE_CURRENT, REPO).to_table()["html_url"].null_count == whole.num_rows
    change()
    refresh(place, "run-2")
    anew = Place(str(tmp_path / "anew"), S3Options(), place.api_url)
    refresh(anew, "run-1")
    found, expected = (
        {row["issue_id"]: row for row in known(one.open())["issue_current"]} for one in (place, anew)
    )
    unmet = {issue_id for issue_id, row in found.items() if row["html_url"] is None}
    assert 0 < len(unmet) <= whole.num_rows - 2
    for issue_id in unmet:
        expected[issue_id] |= dict.fromkeys(NEWER)
    assert found == expected


@s3_is_slow
def test_case_15_an_old_snapshot_that_cannot_be_merged_into_is_rebuilt(place: Place):
    refresh(place, "run-1")
    before = tables_of(place.open())
    publish_older(place.open(), ("is_pull_request",))
    with pytest.raises(LakeError) as refused:
        refresh(place, "run-2")
    said = str(refused.value)
    assert "issue_current.is_pull_request: stored without this column" in said
    assert "run gitpulse rebuild" in said
    Run(place, "run-3").merge(is_rebuild=True)
    assert differences(tables_of(place.open()), before) == {}


@s3_is_slow
def test_case_18_two_repositories_at_once(place: Place, sandbox: Sandbox):
    workers = [
        threading.Thread(target=refresh, args=(replace(place, repo=repo), "run-1")) for repo in (REPO, OTHER)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    for repo in (REPO, OTHER):
        served = sandbox.world.acts_on(repo.key).repository
        assert tables_of(place.open(), repo)["issue_current"].total() == len(served.listed)
