"""When a report is made anew: when there is none yet, and when the verdict says something else.

The verdict's data version leaves out what moves with every refresh, so that is about once a day.
A report is a run of its own: drawing starts a JavaScript engine, which no refresh should wait or fail for.
"""

import dagster as dg

from gitpulse_assets.marts.backlog_verdict import MART_BACKLOG_VERDICT

REPORT_JOB = "report"
REPORT_GROUP = "report"
SENSOR_SECONDS = 60

report = dg.define_asset_job(
    REPORT_JOB,
    selection=dg.AssetSelection.groups(REPORT_GROUP),
    description="Make the report of one repository from its marts, as they are.",
)


def report_is_due() -> dg.AutomationCondition:
    """Once for each cause: a report that cannot be drawn is not tried again until there is a new one."""
    verdict = dg.AssetSelection.assets(list(MART_BACKLOG_VERDICT.asset_key))
    first = (dg.AutomationCondition.missing() & ~dg.AutomationCondition.any_deps_missing()).newly_true()
    changed = dg.AutomationCondition.any_deps_match(dg.AutomationCondition.data_version_changed())
    cause = first | changed.allow(verdict)
    handled = dg.AutomationCondition.newly_requested() | dg.AutomationCondition.newly_updated()
    return (
        cause.since(handled)
        & ~dg.AutomationCondition.in_progress()
        & ~dg.AutomationCondition.any_deps_in_progress()
    )


report_automation = dg.AutomationConditionSensorDefinition(
    "report_automation",
    target=dg.AssetSelection.groups(REPORT_GROUP),
    minimum_interval_seconds=SENSOR_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Makes the report of a repository when its verdict changed.",
)
