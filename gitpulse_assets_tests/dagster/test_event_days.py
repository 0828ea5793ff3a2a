"""Which days of public events are not whole, as Dagster's instance has it: by the last check of each."""

from datetime import date

import dagster as dg
import pytest

from gitpulse_assets.automation.event_feeds import is_told
from gitpulse_assets.contracts.events import HOURS_CHECK, PUBLIC_EVENT
from gitpulse_assets.place import Day
from gitpulse_assets.runs.history import days_not_whole
from gitpulse_assets.runs.telling import report_by_run

RUNS = ("8b7e0f4e-0000-4000-8000-000000000001", "8b7e0f4e-0000-4000-8000-000000000002")
MONDAY, TUESDAY, WEDNESDAY = (date(2026, 3, day) for day in (2, 3, 4))


@pytest.fixture(params=["ephemeral", "stored"])
def instance(request: pytest.FixtureRequest) -> dg.DagsterInstance:
    is_stored = request.param == "stored"
    return request.getfixturevalue("stored_instance") if is_stored else dg.DagsterInstance.ephemeral()


def evaluation(day: date, *, passed: bool) -> dg.AssetCheckEvaluation:
    key = dg.AssetKey(list(PUBLIC_EVENT.asset_key))
    return dg.AssetCheckEvaluation(
        asset_key=key, check_name=HOURS_CHECK, passed=passed, metadata={}, partition=str(day)
    )


def report(instance: dg.DagsterInstance, run_id: str, day: date, *, passed: bool) -> None:
    result = dg.AssetCheckResult(
        asset_key=dg.AssetKey(list(PUBLIC_EVENT.asset_key)), check_name=HOURS_CHECK, passed=passed
    )
    report_by_run(instance, run_id, result, str(day))


def test_the_last_check_of_each_day_counts_however_many_runs_judge_it(instance: dg.DagsterInstance):
    assert days_not_whole(instance) == frozenset()
    for day in (MONDAY, TUESDAY, WEDNESDAY):
        report(instance, RUNS[0], day, passed=day == WEDNESDAY)
    assert days_not_whole(instance) == {MONDAY, TUESDAY}
    report(instance, RUNS[1], TUESDAY, passed=True)
    report(instance, RUNS[1], WEDNESDAY, passed=False)
    assert days_not_whole(instance) == {MONDAY, WEDNESDAY}


def test_what_was_told_without_a_run_is_known_by_its_day(instance: dg.DagsterInstance):
    report(instance, RUNS[0], MONDAY, passed=True)
    assert not is_told(instance, HOURS_CHECK, Day(MONDAY))
    instance.report_runless_asset_event(evaluation(MONDAY, passed=True))
    assert is_told(instance, HOURS_CHECK, Day(MONDAY))
    assert not is_told(instance, HOURS_CHECK, Day(TUESDAY))


def test_dagster_refuses_a_second_check_of_a_day_without_a_run(instance: dg.DagsterInstance):
    """Why checks of earlier days are told by the run that judges them."""
    instance.report_runless_asset_event(evaluation(MONDAY, passed=False))
    with pytest.raises(Exception, match="UNIQUE constraint failed"):
        instance.report_runless_asset_event(evaluation(MONDAY, passed=True))


def test_a_day_that_another_run_judges_again_is_not_shown_as_one_that_was_never_checked(
    instance: dg.DagsterInstance,
):
    key = dg.AssetKey(list(PUBLIC_EVENT.asset_key))
    instance.report_runless_asset_event(dg.AssetMaterialization(key, partition=str(MONDAY)))
    report(instance, RUNS[0], MONDAY, passed=False)
    checks = [dg.AssetCheckKey(key, HOURS_CHECK)]
    (shown,) = instance.event_log_storage.get_asset_check_partition_info(checks)
    assert (shown.partition_key, shown.is_current) == (str(MONDAY), True)
