"""Reads from Dagster's instance what the alerts judge: ended runs, and where each repository stands.

Every query works on every storage: runs by the time they were updated, a run's own events, and the latest
materialization of each partition. Reading check evaluations by a cursor over all runs would not: the embedded
SQLite, one file a run, refuses it. What is worth an alert is decided in `alerting/rules.py`.
"""

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import dagster as dg
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus
from dagster._core.storage.tags import ASSET_PARTITION_RANGE_START_TAG, PARTITION_NAME_TAG, WILL_RETRY_TAG

from gitpulse_assets.alerting.rules import CheckOutcome, FinishedRun, QuotaLeft, Standing
from gitpulse_assets.checks.result import SAMPLE_KEYS
from gitpulse_assets.contracts.bronze import ISSUES
from gitpulse_assets.contracts.events import HOURS_CHECK, PUBLIC_EVENT
from gitpulse_assets.marts.backlog_verdict import MART_BACKLOG_VERDICT
from gitpulse_assets.runs.batches import is_of_many, key_of
from gitpulse_assets.runs.chunks import chunks
from gitpulse_assets.runs.kinds import AGAIN_TAG, RECONCILE_JOB, RECONCILE_WATCHED_JOB, REFRESH_JOB
from gitpulse_assets.runs.marks import shown_direction, shown_verdict
from gitpulse_assets.runs.process import SWEEP_TAG
from gitpulse_assets.runs.records import events_of, run_records
from gitpulse_assets.texts.markdown import from_markdown
from gitpulse_assets.transform.verdict import WINDOWS_DAYS

VERDICT = dg.AssetKey(MART_BACKLOG_VERDICT.asset_key)
ENDED = (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE)
TELLING = {
    dg.DagsterEventType.ASSET_CHECK_EVALUATION,
    dg.DagsterEventType.ASSET_MATERIALIZATION,
    dg.DagsterEventType.ASSET_OBSERVATION,
    dg.DagsterEventType.STEP_FAILURE,
    dg.DagsterEventType.RUN_FAILURE,
}
# Processes on several machines write these times, each by its own clock and not in the order of commits.
OVERLAP = timedelta(minutes=5)


@dataclass(frozen=True)
class RunCursor:
    """How far the ended runs were read: the time they were updated, and those read near it."""

    until: datetime
    seen: Mapping[str, float]

    @classmethod
    def parse(cls, text: str, now: datetime) -> "RunCursor":
        """Return the stored cursor, or one that begins now: what ended before the first tick is old news."""
        if not text:
            return cls(now, {})
        stored = json.loads(text)
        return cls(datetime.fromtimestamp(stored["until"], UTC), stored["seen"])

    def text(self) -> str:
        """The cursor as it is stored."""
        return json.dumps({"until": self.until.timestamp(), "seen": self.seen})

    def after(self, records: Sequence[dg.RunRecord]) -> "RunCursor":
        """Return the cursor once these runs were told of."""
        times = {record.dagster_run.run_id: updated_at(record).timestamp() for record in records}
        until = max([self.until.timestamp(), *times.values()])
        edge = until - OVERLAP.total_seconds()
        seen = {run_id: time for run_id, time in {**self.seen, **times}.items() if time >= edge}
        return RunCursor(datetime.fromtimestamp(until, UTC), seen)


def updated_at(record: dg.RunRecord) -> datetime:
    """When Dagster last changed the record, UTC."""
    time = record.update_timestamp
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def ended_runs(instance: dg.DagsterInstance, cursor: RunCursor, limit: int) -> list[dg.RunRecord]:
    """Return runs that ended since the cursor, the oldest first, each once."""
    records = instance.get_run_records(
        dg.RunsFilter(statuses=ENDED, updated_after=cursor.until - OVERLAP),
        limit=limit + len(cursor.seen),
        order_by="update_timestamp",
        ascending=True,
    )
    return [record for record in records if record.dagster_run.run_id not in cursor.seen][:limit]


def finished_runs(instance: dg.DagsterInstance, record: dg.RunRecord) -> list[FinishedRun]:
    """Read what one ended run tells; a batch what a run of each of its repositories would, then of itself.

    Those that failed in it have runs of their own, which tell. Of one in whose middle the batch ended nothing
    is said but what checks ended.
    """
    run = record.dagster_run
    events = events_of(instance, run.run_id, TELLING)
    if not is_of_many(run):
        return [finished_run(run, events)]
    by_key: dict[str, list[dg.DagsterEvent]] = {}
    for event in events:
        by_key.setdefault(repo_key_of(event), []).append(event)
    own = finished_run(run, by_key.pop("", []))
    job_name = RECONCILE_JOB if run.job_name == RECONCILE_WATCHED_JOB else REFRESH_JOB
    elsewhere = keys_alone(instance, run)
    each = []
    for key, found in by_key.items():
        if key not in elsewhere:
            is_done = own.is_success or any(map(is_of_verdict, found))
            told = finished_run(run, found)
            each.append(
                replace(told, job_name=job_name, subject=key, is_success=is_done, will_retry=not is_done)
            )
    return [*each, own]


def keys_alone(instance: dg.DagsterInstance, run: dg.DagsterRun) -> set[str]:
    """Which repositories of a batch ended in runs of their own."""
    own = instance.get_runs(dg.RunsFilter(tags={SWEEP_TAG: run.run_id}))
    return {key_of(one) for one in own if not is_left_for_later(instance, one)}


def is_of_verdict(event: dg.DagsterEvent) -> bool:
    """Whether it tells that the last of a repository's tables was made, or found to hold."""
    kinds = ("ASSET_MATERIALIZATION", "ASSET_OBSERVATION")
    return event.event_type_value in kinds and event.asset_key == VERDICT


def repo_key_of(event: dg.DagsterEvent) -> str:
    """Of which repository an event is; empty where of none."""
    check = event.asset_check_evaluation_data if event.event_type_value == "ASSET_CHECK_EVALUATION" else None
    key = (check.partition if check else event.partition) or ""
    # An organisation's members are told of in a repository's run, too.
    return key if "/" in key else ""


def finished_run(run: dg.DagsterRun, events: Sequence[dg.DagsterEvent]) -> FinishedRun:
    """What these of a run's events tell."""
    checks = [e.asset_check_evaluation_data for e in events if e.event_type_value == "ASSET_CHECK_EVALUATION"]
    verdict = materialized(events, MART_BACKLOG_VERDICT.asset_key)
    return FinishedRun(
        run_id=run.run_id,
        # What is chosen in the UI, or by an automation condition, runs in a job that Dagster names so.
        job_name="a materialization" if run.job_name.startswith("__") else run.job_name,
        subject=key_of(run) or run.job_name,
        is_success=run.status == dg.DagsterRunStatus.SUCCESS,
        will_retry=run.tags.get(WILL_RETRY_TAG) == "true" or is_taken_again(run, events),
        message=message_of(events),
        checks=[check_outcome(check) for check in checks],
        verdicts=dict(by_window(verdict, shown_direction)),
        paragraphs=paragraphs_of(verdict),
        quota=quota_of(materialized(events, ISSUES.asset_key)),
    )


def is_taken_again(run: dg.DagsterRun, events: Iterable[dg.DagsterEvent]) -> bool:
    """Whether a limit of GitHub's failed the run, and the batch that executed it goes on behind it."""
    from gitpulse_assets.runs.launch import limited_until

    # One that is executed again inherits the tags, not the batch.
    is_of_batch = AGAIN_TAG in run.tags and not run.parent_run_id
    return is_of_batch and limited_until(events) is not None


def is_left_for_later(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    """The same of a run whose events were not read yet."""
    if run.status != dg.DagsterRunStatus.FAILURE:
        return False
    return is_taken_again(run, events_of(instance, run.run_id, dg.DagsterEventType.STEP_FAILURE))


def message_of(events: Sequence[dg.DagsterEvent]) -> str:
    """Return why the run failed, in the failed step's words or those of whoever declared it dead."""
    from gitpulse_assets.runs.launch import failure_message

    if said := failure_message(events):
        return said
    failures = [event.message or "" for event in events if event.is_run_failure]
    return failures[-1] if failures else ""


def check_outcome(evaluation: dg.AssetCheckEvaluation) -> CheckOutcome:
    """A check's evaluation as the rules judge it."""
    values: dict[str, Any] = {name: value.value for name, value in evaluation.metadata.items()}
    return CheckOutcome(
        asset=evaluation.asset_key.to_user_string(),
        check=evaluation.check_name,
        is_passed=evaluation.passed,
        is_error=evaluation.severity == dg.AssetCheckSeverity.ERROR,
        description=evaluation.description or "",
        counts={name: value for name, value in values.items() if value and isinstance(value, int | float)},
        samples=[
            ", ".join(f"{key}={value}" for key, value in row.items())
            for name, rows in values.items()
            if name.endswith(SAMPLE_KEYS) and isinstance(rows, list)
            for row in rows
        ],
        subject=evaluation.partition or "",
    )


def materialized(events: Iterable[dg.DagsterEvent], asset_key: Sequence[str]) -> dict[str, Any]:
    """Return the metadata the run gave to a table; nothing where it did not make it."""
    for event in events:
        if event.event_type_value == "ASSET_MATERIALIZATION" and event.asset_key == dg.AssetKey(asset_key):
            metadata = event.step_materialization_data.materialization.metadata
            return {name: value.value for name, value in metadata.items()}
    return {}


def by_window(metadata: Mapping[str, Any], name: Callable[[int], str]) -> Iterator[tuple[int, str]]:
    """Yield what is shown of each window by its days; `name` is under which it is."""
    for days in WINDOWS_DAYS:
        if name(days) in metadata:
            yield days, str(metadata[name(days)])


def paragraphs_of(metadata: Mapping[str, Any]) -> dict[int, str]:
    """The answers in words by their days, as they were before Dagster's page was to render them."""
    return {days: from_markdown(text) for days, text in by_window(metadata, shown_verdict)}


def quota_of(metadata: Mapping[str, Any]) -> QuotaLeft | None:
    """What a table's metadata say of GitHub's budget; None where they say nothing of it."""
    if "quota_limit" not in metadata:
        return None
    resets_at = metadata.get("quota_resets_at")
    return QuotaLeft(metadata["quota_remaining"], metadata["quota_limit"], resets_at and str(resets_at))


@dataclass(frozen=True)
class VerdictTold:
    """When Dagster heard of a repository's verdict (UTC), and from which run."""

    at: datetime
    run_id: str


def refreshed_at(instance: dg.DagsterInstance, keys: Collection[str] | None = None) -> dict[str, datetime]:
    """When the verdict of each repository, or of these, was last made, the end of all, or found to hold."""
    return {key: told.at for key, told in last_told(instance, keys).items()}


def last_told(instance: dg.DagsterInstance, keys: Collection[str] | None = None) -> dict[str, VerdictTold]:
    """Return by what each repository's verdict, or that of these, was last made or found to hold."""
    made = told_at(instance, dg.DagsterEventType.ASSET_MATERIALIZATION, keys)
    found = told_at(instance, dg.DagsterEventType.ASSET_OBSERVATION, keys)
    return {key: max(told, found.get(key, told), key=lambda one: one.at) for key, told in made.items()}


def told_at(
    instance: dg.DagsterInstance, kind: dg.DagsterEventType, keys: Collection[str] | None
) -> dict[str, VerdictTold]:
    """Return when Dagster last heard of each repository's verdict in this way."""
    return {
        key: VerdictTold(at.replace(tzinfo=UTC), run_id)
        for some in chunks(latest_ids(instance, kind, keys))
        for key, at, run_id in columns_of(instance, some)
    }


def columns_of(instance: dg.DagsterInstance, ids: Sequence[int]) -> list[tuple[str, datetime, str]]:
    """Partition, time and run of these events, not the events: Dagster's own questions decode each whole."""
    from dagster._core.storage.event_log import SqlEventLogStorage
    from dagster._core.storage.event_log.schema import SqlEventLogStorageTable as Events
    from sqlalchemy import select

    storage = instance.event_log_storage
    if not isinstance(storage, SqlEventLogStorage):
        return []
    wanted = select(Events.c.partition, Events.c.timestamp, Events.c.run_id).where(Events.c.id.in_(ids))
    with storage.index_connection() as connection:
        return [tuple(row) for row in connection.execute(wanted)]


def latest_ids(
    instance: dg.DagsterInstance, kind: dg.DagsterEventType, keys: Collection[str] | None
) -> list[int]:
    """The ids of the last event of this kind of each repository's verdict, or of these."""
    latest = instance.get_latest_storage_id_by_partition
    # Of no partitions Dagster would tell those of all.
    found = (
        [latest(VERDICT, kind)]
        if keys is None
        else [latest(VERDICT, kind, set(some)) for some in chunks(sorted(keys))]
    )
    return [number for some in found for number in some.values()]


def standings(
    instance: dg.DagsterInstance, repo_keys: Iterable[str], *, with_last_runs: bool
) -> list[Standing]:
    """Return where each repository stands; how its last run ended only on request: all failed are read."""
    fresh = refreshed_at(instance)
    failed = last_failures(instance, repo_keys, fresh) if with_last_runs else {}
    return [
        Standing(
            repo_key,
            fresh.get(repo_key),
            has_failed=repo_key in failed,
            run_id=failed.get(repo_key, ""),
        )
        for repo_key in repo_keys
    ]


def last_failures(
    instance: dg.DagsterInstance, repo_keys: Iterable[str], fresh: Mapping[str, datetime]
) -> dict[str, str]:
    """The last runs of repositories alone that failed, by key; not where a batch refreshed one since."""
    newest, failed = newest_failures(instance), {}
    for key in newest.keys() & set(repo_keys):
        if key not in fresh or fresh[key] <= updated_at(newest[key]):
            failed[key] = newest[key]
    over = succeeded_after(instance, failed)
    return {key: record.dagster_run.run_id for key, record in failed.items() if key not in over}


def newest_failures(instance: dg.DagsterInstance) -> dict[str, dg.RunRecord]:
    """The newest failed run of each repository alone, which a backfill asks for as a range of one, by key."""
    newest: dict[str, dg.RunRecord] = {}
    for record in run_records(instance, dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE])):
        newest.setdefault(key_of(record.dagster_run), record)
    return newest


def succeeded_after(instance: dg.DagsterInstance, failed: Mapping[str, dg.RunRecord]) -> set[str]:
    """The keys of which a run alone that was asked for behind the failed one ended well."""
    over = set()
    for some in chunks(sorted(failed)):
        since = min(failed[key].create_timestamp for key in some)
        for tag in (PARTITION_NAME_TAG, ASSET_PARTITION_RANGE_START_TAG):
            wanted = dg.RunsFilter(
                statuses=[dg.DagsterRunStatus.SUCCESS], tags={tag: list(some)}, created_after=since
            )
            for record in run_records(instance, wanted):
                key = key_of(record.dagster_run)
                if key in failed and record.create_timestamp > failed[key].create_timestamp:
                    over.add(key)
    return over


def days_not_whole(instance: dg.DagsterInstance) -> frozenset[date]:
    """Return the days of public events whose last check found hours that are not whole."""
    key = dg.AssetCheckKey(dg.AssetKey(list(PUBLIC_EVENT.asset_key)), HOURS_CHECK)
    known = instance.event_log_storage.get_asset_check_partition_info([key])
    return frozenset(
        date.fromisoformat(one.partition_key)
        for one in known
        if one.partition_key and one.latest_execution_status == AssetCheckExecutionRecordStatus.FAILED
    )
