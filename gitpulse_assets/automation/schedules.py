"""When jobs run by themselves; what a run does is the job's. All in UTC, and all off until switched on.

A schedule of a partitioned job would make a run, and so a process, for each repository (and Dagster's own
refuses dynamic partitions when it is loaded): these ask for batches, runs that take many in turn.
"""

import dagster as dg

from gitpulse_assets.automation.maintain import maintain
from gitpulse_assets.automation.sweep import scheduled_keys
from gitpulse_assets.resources import open_lake
from gitpulse_assets.runs.batches import batch_requests
from gitpulse_assets.runs.kinds import RECONCILE_WATCHED_JOB, REFRESH_WATCHED_JOB
from gitpulse_assets.settings import load_settings

Asked = list[dg.RunRequest] | dg.SkipReason


@dg.schedule(
    name="weekly_reconciliation",
    job_name=RECONCILE_WATCHED_JOB,
    cron_schedule="0 4 * * 0",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.STOPPED,
    description=(
        "Every Sunday at 04:00 UTC, a full walk of each watched repository. Off until switched on: the first "
        "full walk of a large repository can take most of an hour's GitHub quota. It reconciles, "
        "of all years, what no refresh can see: whether a closed pull request was merged, for one."
    ),
)
def weekly_reconciliation(context: dg.ScheduleEvaluationContext) -> Asked:
    return in_batches(context, RECONCILE_WATCHED_JOB, full=True)


@dg.schedule(
    name="daily_refresh",
    job_name=REFRESH_WATCHED_JOB,
    cron_schedule="0 5 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.STOPPED,
    description=(
        "Every day at 05:00 UTC, a refresh of each watched repository, quiet ones too: it brings every mart "
        "to the new day, and looks at the members of their organisations. Off until switched on; switch it "
        "on beside the sensors."
    ),
)
def daily_refresh(context: dg.ScheduleEvaluationContext) -> Asked:
    return in_batches(context, REFRESH_WATCHED_JOB)


@dg.schedule(
    name="half_hourly_refresh",
    job_name=REFRESH_WATCHED_JOB,
    cron_schedule="*/30 * * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.STOPPED,
    description=(
        "Every 30 minutes, a refresh of the watched repositories that changed. Off until switched on: for "
        "those who prefer a schedule to the sensor changed_repositories, which does the same all the time."
    ),
)
def half_hourly_refresh(context: dg.ScheduleEvaluationContext) -> Asked:
    return in_batches(context, REFRESH_WATCHED_JOB, only_changed=True)


@dg.schedule(
    name="ten_minute_refresh",
    job_name=REFRESH_WATCHED_JOB,
    cron_schedule="*/10 * * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.STOPPED,
    description=(
        "Every 10 minutes, what half_hourly_refresh does every 30: for those whose lists of what waits for "
        "an answer shall be that fresh. Off until switched on; a look at what did not change costs no quota."
    ),
)
def ten_minute_refresh(context: dg.ScheduleEvaluationContext) -> Asked:
    return in_batches(context, REFRESH_WATCHED_JOB, only_changed=True)


def in_batches(context: dg.ScheduleEvaluationContext, job_name: str, **config: bool) -> Asked:
    """Ask for a batch for every so many repositories; a tick evaluated twice asks for none twice."""
    settings = load_settings()
    keys = scheduled_keys(context.instance, open_lake(settings))
    if not keys:
        return dg.SkipReason("no repository is watched, and none is registered")
    due_at = context.scheduled_execution_time.isoformat()
    # Where processes share no pace, two batches at once would spend GitHub's allowance twice as fast.
    size = settings.batch_size if settings.pg_host else len(keys)
    return batch_requests(keys, size, due_at, job_name, **config, since=due_at)


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

default_schedules = [
    weekly_reconciliation,
    daily_refresh,
    half_hourly_refresh,
    ten_minute_refresh,
    weekly_maintenance,
]
