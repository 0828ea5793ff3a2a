"""What Dagster is told of looks that refreshes made, and what of it the alerts hear."""

import dagster as dg

from gitpulse_assets.alerting.rules import CheckOutcome
from gitpulse_assets.assets.members import tell_look
from gitpulse_assets.runs.history import finished_runs
from gitpulse_assets_tests.history.product import Reader
from gitpulse_assets_tests.members.test_looking import ACME, DAY, looked, reader

__all__ = ["reader"]


def told(instance: dg.DagsterInstance, reader: Reader) -> dict[str, CheckOutcome]:
    """Tell of the newest look in a run; return what alerts are told of its checks."""

    @dg.op
    def tell(context: dg.OpExecutionContext) -> None:
        tell_look(context, reader.lake, ACME)  # type: ignore[arg-type]

    run_id = dg.GraphDefinition("a_refresh", node_defs=[tell]).execute_in_process(instance=instance).run_id
    (record,) = instance.get_run_records(dg.RunsFilter(run_ids=[run_id]))
    (run,) = finished_runs(instance, record)
    return {check.check: check for check in run.checks}


def test_looks_of_two_days_are_told_and_a_list_kept_aside_reaches_the_alerts(reader: Reader):
    with dg.DagsterInstance.ephemeral() as instance:
        looked(reader)
        assert told(instance, reader)["member_list_is_believed"].is_passed
        reader.world.organization("acme").empty_lists = 9
        reader.world.advance(seconds=DAY)
        looked(reader)
        aside = told(instance, reader)["member_list_is_believed"]
    # Whichever repository's run looks next tells that it is over.
    assert (aside.subject, aside.is_passed, aside.is_error) == ("acme", False, False)
