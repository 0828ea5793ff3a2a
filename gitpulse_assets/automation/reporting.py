"""When a report is made anew: when there is none yet, and when the verdict says something else.

The verdict's data version leaves out what moves with every refresh, so that is about once a day.
A report is a run of its own: drawing starts a JavaScript engine, which no refresh should wait or fail for.
"""

import dagster as dg

from gitpulse_assets.assets.report import REPORT_GROUP
from gitpulse_assets.runs.kinds import REPORT_JOB

SENSOR_SECONDS = 60

report = dg.define_asset_job(
    REPORT_JOB,
    selection=dg.AssetSelection.groups(REPORT_GROUP),
    description="Make the report of one repository from its marts, as they are.",
)


report_automation = dg.AutomationConditionSensorDefinition(
    "report_automation",
    target=dg.AssetSelection.groups(REPORT_GROUP),
    minimum_interval_seconds=SENSOR_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Makes the report of a repository when its verdict changed.",
)
