"""Case 5: forgetting beside a backfill: refused while one is at work, and a queued run fetches nothing."""

import time
from collections.abc import Callable
from contextlib import nullcontext

import dagster as dg
import pytest
from dagster._core.definitions.assets.graph.asset_graph_subset import AssetGraphSubset
from dagster._core.definitions.partitions.subset.default import DefaultPartitionsSubset
from dagster._core.execution.asset_backfill import AssetBackfillData
from dagster._core.execution.backfill import BulkActionStatus, PartitionBackfill

from gitpulse_assets.commands import forget
from gitpulse_assets.commands.exit_codes import FAILED
from gitpulse_assets.events.at_work import at_work
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.partitions import REPOS_PARTITIONS
from gitpulse_assets.runs import launch
from gitpulse_assets.runs.backfills import backfilled_keys
from gitpulse_assets.settings import load_settings
from gitpulse_assets_tests.dagster.conftest import REPO

COMMON = {"from_failure": False, "tags": {}, "backfill_timestamp": time.time(), "reexecution_steps": None}


def job_backfill(status: BulkActionStatus) -> PartitionBackfill:
    return PartitionBackfill(
        "job", partition_set_origin=None, partition_names=[REPO.key], status=status, **COMMON
    )


def asset_backfill(status: BulkActionStatus) -> PartitionBackfill:
    subset = DefaultPartitionsSubset({REPO.key})
    target = AssetGraphSubset(partitions_subsets_by_asset_key={dg.AssetKey("x"): subset})
    data = AssetBackfillData.empty(target, time.time(), dynamic_partitions_store=None)  # pyright: ignore
    return PartitionBackfill("asset", asset_backfill_data=data, status=status, **COMMON)


@pytest.mark.parametrize("backfill_of", [job_backfill, asset_backfill])
def test_05_forgetting_is_refused_while_a_backfill_is_under_way(
    home,
    instance: dg.DagsterInstance,
    backfill_of: Callable[[BulkActionStatus], PartitionBackfill],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    """Requested, its runs not launched yet: no run is at work."""
    monkeypatch.setattr(forget, "instance_of", lambda _: nullcontext(instance))
    backfill = backfill_of(BulkActionStatus.REQUESTED)
    instance.add_backfill(backfill)
    assert forget.forget_repo(load_settings(), REPO, is_confirmed=True) == FAILED
    assert "a backfill of acme/rocket is under way; let it end, or cancel it first" in capsys.readouterr().err
    assert forget.forget_login(load_settings(), "ada", is_confirmed=True) == FAILED
    assert "let them end first" in capsys.readouterr().err
    instance.update_backfill(backfill.with_status(BulkActionStatus.CANCELED))
    assert backfilled_keys(instance) == set()


def test_05_forgetting_a_person_is_refused_beside_a_backfill_of_events(
    home, lake: Lake, capsys: pytest.CaptureFixture[str]
):
    """Before anything of theirs is changed."""
    with at_work(lake.store, "bringing"):
        assert forget.forget_login(load_settings(), "ada", is_confirmed=True) == FAILED
    assert "a backfill or repair of public events is at work" in capsys.readouterr().err


def test_05_a_run_queued_before_its_repository_was_forgotten_fetches_nothing(
    run, instance: dg.DagsterInstance, lake: Lake, sandbox, monkeypatch: pytest.MonkeyPatch
):
    really = launch.execute_run_iterator

    def execute_late(job, queued, its_instance):
        instance.delete_dynamic_partition(REPOS_PARTITIONS, REPO.key)
        return really(job, queued, its_instance)

    monkeypatch.setattr(launch, "execute_run_iterator", execute_late)
    asked_before = len(sandbox.app.log)
    outcome = run()
    assert not outcome.is_success
    assert "was forgotten since this run was asked for; nothing was fetched" in outcome.message
    assert (list(lake.store.list("bronze/")), len(sandbox.app.log)) == ([], asked_before)
