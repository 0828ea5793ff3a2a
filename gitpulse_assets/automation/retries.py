"""The sensor that says how a run or a backfill ended, where Dagster says otherwise or says it to nobody.

A run over its maximum runtime ends as canceled, so that nothing retries it or tells of it. And the daemon
that retries reads the event of a failure before the run is marked as failed, where the two lie far enough
apart (a loaded machine): it takes the run for one at work and never looks at it again. Both are mended by the
event of a failure, written here; what follows from it is Dagster's, as for any other. So is a retry that the
daemon could not launch, since the code server did not answer just then: it would never try again.

A backfill ends as failed where Dagster looks at it between the failure of its last run and the word that
this is to be retried (dagster#34204), and then the retry is refused; or where the retry ends while it looks.
Such a backfill is opened again, and Dagster looks anew.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import dagster as dg
from dagster._core.definitions.events import AssetKeyPartitionKey
from dagster._core.events import RunFailureReason
from dagster._core.execution.backfill import BulkActionsFilter, BulkActionStatus, PartitionBackfill
from dagster._core.storage.tags import (
    AUTO_RETRY_RUN_ID_TAG,
    BACKFILL_ID_TAG,
    PARENT_RUN_ID_TAG,
    RUN_FAILURE_REASON_TAG,
    WILL_RETRY_TAG,
)

from gitpulse_assets.automation.always_on import always_on
from gitpulse_assets.runs.records import events_of

# Longer ago it is old news: after that long without a daemon, whoever starts it looks himself.
LOOKED_AT = timedelta(days=1)
# The daemon looks every 5 seconds; until this is over it may still take the run up itself.
PASSED_OVER_AFTER = timedelta(minutes=1)
PASSED_OVER = "its retry was passed over"
# A failure that was reported a second time, once: where the daemon refuses (its backfill has ended), it would
# refuse again. Its value is the run's own id, for a retry gets the tags of what it retries.
REPORTED_TAG = "gitpulse/failure_reported"
# The failed run for which its backfill was opened again, once, by its own id as well.
REOPENED_TAG = "gitpulse/backfill_reopened"
# The newest of those that failed.
BACKFILLS_LOOKED_AT = 20
# The words of Dagster's monitoring; a person's request has others.
TIMED_OUT = "Canceling due to exceeding maximum runtime"
# The words of the daemon that retries.
NOT_LAUNCHED = "Failed to retry run"


@always_on(
    name="retries",
    description=(
        "Marks a run that was canceled for exceeding its maximum runtime as failed, and has the daemon retry "
        "a failed run that it passed over or whose retry it could not launch. Opens a backfill again that "
        "ended before its retries. On from the start, since it asks GitHub nothing."
    ),
)
def retries(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """Report what failed and was not told as that, once its backfill would take the retry."""
    now, told = datetime.now(UTC), list[str]()
    for run in not_launched(context.instance, now - LOOKED_AT):
        context.instance.add_run_tags(run.run_id, {WILL_RETRY_TAG: "true"})
        told.append(f"{run.run_id}: its retry could not be launched")
    told += [f"backfill {each}: it ended too early" for each in reopened(context.instance, now)]
    # Each as it is found: what is true of a run now may not be when others have been looked at.
    for run, why in unreported_failures(context.instance, now):
        if why == PASSED_OVER:
            context.instance.add_run_tags(run.run_id, {REPORTED_TAG: run.run_id})
        context.instance.report_run_failed(run, why)
        told.append(f"{run.run_id}: {why}")
    return dg.SkipReason("; ".join(told) or "nothing was passed over")


def not_launched(instance: dg.DagsterInstance, since: datetime) -> Iterator[dg.DagsterRun]:
    """The runs whose retry the daemon could not launch, each once: now a code server answers, this one."""
    tags = {WILL_RETRY_TAG: "false"}
    filters = dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE], tags=tags, updated_after=since)
    for run in instance.get_runs(filters) if instance.run_retries_enabled else ():
        is_of_a_step = run.tags.get(RUN_FAILURE_REASON_TAG) == RunFailureReason.STEP_FAILURE.value
        if is_of_a_step or run.tags.get(REPORTED_TAG) == run.run_id:
            continue
        events = events_of(instance, run.run_id, dg.DagsterEventType.ENGINE_EVENT)
        if any(event.message == NOT_LAUNCHED for event in events):
            yield run


def reopened(instance: dg.DagsterInstance, now: datetime) -> Iterator[str]:
    """Open each backfill again that ended as failed before a retry was known; yield its id."""
    for backfill in failed_backfills(instance, now - LOOKED_AT):
        runs = [
            run for run in retried_runs(instance, backfill) if is_unknown_to_backfill(instance, run, backfill)
        ]
        if runs:
            asked = backfill.with_status(BulkActionStatus.REQUESTED)
            instance.update_backfill(asked._replace(backfill_end_timestamp=None))
            yield backfill.backfill_id
        for run in runs:
            instance.add_run_tags(run.run_id, {REOPENED_TAG: run.run_id})


def failed_backfills(instance: dg.DagsterInstance, since: datetime) -> list[PartitionBackfill]:
    """The backfills of assets that ended as failed since then; those of a job wait for no retry."""
    failed = BulkActionsFilter(statuses=[BulkActionStatus.COMPLETED_FAILED])
    return [
        backfill
        for backfill in instance.get_backfills(failed, limit=BACKFILLS_LOOKED_AT)
        if backfill.is_asset_backfill and (backfill.backfill_end_timestamp or 0) >= since.timestamp()
    ]


def retried_runs(instance: dg.DagsterInstance, backfill: PartitionBackfill) -> list[dg.DagsterRun]:
    """The backfill's failed runs that are, or were, to be retried, and did not have it opened again yet."""
    tags = {BACKFILL_ID_TAG: backfill.backfill_id, WILL_RETRY_TAG: "true"}
    runs = instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE], tags=tags))
    return [run for run in runs if run.tags.get(REOPENED_TAG) != run.run_id]


def is_unknown_to_backfill(
    instance: dg.DagsterInstance, run: dg.DagsterRun, backfill: PartitionBackfill
) -> bool:
    """Whether the retry of a failed run is missing, or has made what its backfill calls failed."""
    found = instance.get_runs(dg.RunsFilter(tags={PARENT_RUN_ID_TAG: run.run_id}), limit=1)
    if not found:
        # Nobody would launch it: one whose failure was reported again was refused then.
        return instance.run_retries_enabled and run.tags.get(REPORTED_TAG) != run.run_id
    return found[0].status == dg.DagsterRunStatus.SUCCESS and has_made_failed(instance, found[0], backfill)


def has_made_failed(instance: dg.DagsterInstance, run: dg.DagsterRun, backfill: PartitionBackfill) -> bool:
    """Whether a run has made anything that its backfill, when it ended, took for failed.

    One that ended well before that look has not: what else is missing is another run's.
    """
    data = backfill.asset_backfill_data
    if data is None:
        return False
    return any(
        AssetKeyPartitionKey(event.asset_key, event.partition) in data.failed_and_downstream_subset
        for event in events_of(instance, run.run_id, dg.DagsterEventType.ASSET_MATERIALIZATION)
        if event.asset_key
    )


def unreported_failures(instance: dg.DagsterInstance, now: datetime) -> Iterator[tuple[dg.DagsterRun, str]]:
    """Yield each run whose failure is to be reported, and why."""
    since = now - LOOKED_AT
    canceled = dg.RunsFilter(statuses=[dg.DagsterRunStatus.CANCELED], updated_after=since)
    for run in instance.get_runs(canceled):
        if is_timed_out(instance, run):
            yield run, "it exceeded its maximum runtime"
    for run in lost_before_start(instance):
        yield run, "its worker died before it began"
    if instance.run_retries_enabled:
        failed = dg.RunsFilter(
            statuses=[dg.DagsterRunStatus.FAILURE],
            tags={WILL_RETRY_TAG: "true"},
            updated_after=since,
            updated_before=now - PASSED_OVER_AFTER,
        )
        for run in instance.get_runs(failed):
            if not is_taken_up(instance, run):
                yield run, PASSED_OVER


def lost_before_start(instance: dg.DagsterInstance) -> Iterator[dg.DagsterRun]:
    """The runs that count as starting although who took them is gone, where the launcher can tell.

    Whoever holds a run marks it before he lets it go: one that began and ended since the list was read has
    nobody either, and is read again.
    """
    is_lost = getattr(instance.run_launcher, "is_lost_before_start", None)
    if is_lost is None:
        return
    for run in instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTING])):
        now = instance.get_run_by_id(run.run_id) if is_lost(run) else None
        if now is not None and now.status == dg.DagsterRunStatus.STARTING:
            yield now


def is_timed_out(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    """Whether Dagster's monitoring canceled the run, and no person."""
    events = events_of(instance, run.run_id, dg.DagsterEventType.RUN_CANCELING)
    return bool(events) and (events[0].message or "").startswith(TIMED_OUT)


def is_taken_up(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    """Whether a failed run has its retry, which was submitted, or was reported a second time before."""
    if run.tags.get(REPORTED_TAG) == run.run_id:
        return True
    found = instance.get_runs(dg.RunsFilter(tags={PARENT_RUN_ID_TAG: run.run_id}), limit=1)
    if found:
        return found[0].status != dg.DagsterRunStatus.NOT_STARTED
    return AUTO_RETRY_RUN_ID_TAG in run.tags
