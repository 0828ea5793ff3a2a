"""When jobs run by themselves; what a run does is the job's.

The reconciliation, one run a registered repository, is written out, since Dagster's schedule of a partitioned
job refuses dynamic partitions when it is loaded.
"""

from collections.abc import Iterator

import dagster as dg

from gitpulse_assets.automation.jobs import REPO_TAG, reconcile
from gitpulse_assets.automation.maintain import maintain
from gitpulse_assets.partitions import REPOS_PARTITIONS


@dg.schedule(
    name="weekly_reconciliation",
    job=reconcile,
    cron_schedule="0 4 * * 0",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.STOPPED,
    description=(
        "Every Sunday at 04:00 UTC, a full walk of each registered repository. Off until switched on: the "
        "first full walk of a large repository can take most of an hour's GitHub quota."
    ),
)
def weekly_reconciliation(context: dg.ScheduleEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """Ask for one run a repository; a tick evaluated twice asks for none twice."""
    keys = sorted(context.instance.get_dynamic_partitions(REPOS_PARTITIONS))
    if not keys:
        yield dg.SkipReason("no repository is registered")
    for key in keys:
        yield dg.RunRequest(
            run_key=f"{context.scheduled_execution_time:%Y-%m-%d}:{key}",
            partition_key=key,
            tags={REPO_TAG: key},
        )


weekly_maintenance = dg.ScheduleDefinition(
    name="weekly_maintenance",
    job=maintain,
    cron_schedule="0 8 * * 0",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.STOPPED,
    description=(
        "Every Sunday at 08:00 UTC, four hours after the full walks that let older runs go, the maintenance "
        "of the lake. Off until switched on."
    ),
)

default_schedules = [weekly_reconciliation, weekly_maintenance]
