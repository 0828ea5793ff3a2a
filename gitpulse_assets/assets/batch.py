"""Takes several repositories through one run, one after the other, each with a result of its own.

The run tells Dagster of each repository what a run of it alone tells: its tables, what its checks found, that
it was found at rest. What a run writes of its own machinery is written once. A repository that fails is
executed again as a run of its own, in which it fails, or not, as any other: with steps, checks and an alert.
"""

from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NoReturn

import dagster as dg
from dagster._core.definitions.data_version import DATA_VERSION_TAG
from dagster._core.storage.tags import BACKFILL_ID_TAG, PARTITION_NAME_TAG

from gitpulse_assets.assets.making import MadeSoFar, MergeConfig, marts_made, merged, watermarks_moved
from gitpulse_assets.assets.receiving import Received, RefreshConfig, notes_logged, received
from gitpulse_assets.assets.work import Context, Work
from gitpulse_assets.collect.progress import WalkProgress, tell
from gitpulse_assets.contracts.bronze import ISSUES
from gitpulse_assets.io_manager import lake_errors, table_metadata
from gitpulse_assets.processes.stopping import pause, stops_noted
from gitpulse_assets.repo import Repo
from gitpulse_assets.runs.batches import is_of_many
from gitpulse_assets.runs.busy import is_at_work, is_in_hand
from gitpulse_assets.runs.deaths import deaths_by_key
from gitpulse_assets.runs.history import is_left_for_later, refreshed_at
from gitpulse_assets.runs.kinds import AGAIN_TAG, AT_WORK_TAG, REPO_TAG, repo_tags
from gitpulse_assets.runs.launch import RunOutcome, execute_job, outcome, recorded_run, run_config
from gitpulse_assets.runs.marks import INTERRUPTED
from gitpulse_assets.runs.process import SWEEP_TAG
from gitpulse_assets.runs.sqlite_connections import keep_connections
from gitpulse_assets.runs.telling import Telling, evaluation_of, evaluations_of, tell_dagster

if TYPE_CHECKING:
    from gitpulse_assets.lake.lake import Lake
    from gitpulse_assets.lake.manifest import ManifestRow

# Ten minutes: a batch takes a small repository in seconds.
BATCH_WAITS, BATCH_WAIT_SECONDS = 120, 5.0
# GitHub's hour, as often as a run may last (then it fails as it does alone); within the minute something else
# may have mended it.
LIMITS_MAX, LIMIT_SECONDS_MIN = 12, 60.0
# Dagster executes a batch three times: whom its process died at twice would have the third die, too.
DEATHS_MAX = 2
STEPS = ("bronze", "silver", "sync_state", "gold")
Steps = Generator[Received | MadeSoFar, None, bool | None]


class LimitMet(Exception):
    """A limit of GitHub's lets nothing of the repository out until `resumes_at`, UTC."""

    def __init__(self, resumes_at: datetime) -> None:
        super().__init__(resumes_at)
        self.resumes_at = resumes_at


@dataclass
class Taken:
    """What became of a batch's repositories; the rest of them is done.

    `walked`: left out, since an execution of the batch before had done them. `busy`: left out, since another
    run was at work on them both times they came. `failed`: why, by key. `limited`: until when a limit of
    GitHub's lets nothing of them out, by key.
    """

    walked: list[str] = field(default_factory=list)
    busy: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    limited: dict[str, datetime] = field(default_factory=dict)


@dataclass(frozen=True)
class Batch:
    """How a batch's repositories are taken: by which steps, and by which job one that fails is taken alone.

    `since`: what was done at or after it, by GitHub's clock, is left out.
    """

    context: Context
    work: Work
    job: dg.JobDefinition
    steps: Sequence[str] = STEPS
    refresh: RefreshConfig = field(default_factory=RefreshConfig)
    merge: MergeConfig = field(default_factory=MergeConfig)
    since: datetime | None = None

    @property
    def step_key(self) -> str:
        """The step in whose name Dagster is told."""
        return self.context.op_def.name


def is_batch(context: dg.AssetExecutionContext) -> bool:
    """Whether the run takes more than one repository."""
    # Not by its keys, which Dagster refuses where one was forgotten since: that a run alone says itself.
    return is_of_many(context.run)


def take_partitions(
    context: dg.AssetExecutionContext,
    work: Work,
    refresh: RefreshConfig | None = None,
    merge: MergeConfig | None = None,
) -> None:
    """Take a range of partitions through all the run is to do; the steps behind have nothing left to make.

    A retry leaves out what was done since the first of its runs was asked for.
    """
    chosen = context.run.step_keys_to_execute or context.job_def.graph.node_names()
    steps = [step for step in STEPS if step in chosen]
    since = asked_at(context) if "bronze" in steps else None
    given = (refresh or RefreshConfig(), merge or MergeConfig())
    take_all(Batch(context, work, context.job_def, steps, *given, since), list(context.partition_keys))


def asked_at(context: Context) -> datetime | None:
    """When the first of a retry's runs was asked for; None where neither the run nor its step is a retry."""
    root = context.run.root_run_id or (context.run.run_id if context.retry_number else None)
    record = context.instance.get_run_record_by_id(root) if root else None
    return record.create_timestamp.replace(tzinfo=UTC) if record else None


def alone(batch: Batch, repo: Repo, *, is_last: bool) -> RunOutcome:
    """Execute the repository's own run in this process, and tell how it ended."""
    run = batch.work.run
    config, tags = of_its_own(batch, repo)
    tags |= {} if is_last else {AGAIN_TAG: "true"}
    run_id, events = execute_job(batch.job, batch.work.instance, config, tags, repo, run.asset_selection)
    return outcome(repo, run_id, events)


def of_its_own(batch: Batch, repo: Repo) -> tuple[dict[str, object], dict[str, str]]:
    """Configuration and tags of the repository's own run."""
    run = batch.work.run
    kept = {tag: run.tags[tag] for tag in (BACKFILL_ID_TAG,) if tag in run.tags}
    configs = {"bronze": batch.refresh.model_dump(), "silver": batch.merge.model_dump()}
    config = run_config({step: configs[step] for step in batch.steps if step in configs})
    return config, {**kept, **repo_tags(repo.key), SWEEP_TAG: run.run_id}


def given_up(batch: Batch, repo: Repo, deaths: int) -> str:
    """Fail the repository's own run without executing it here, and return why.

    Dagster retries it, as any whose process died, in a process that is not the batch's.
    """
    why = f"the process of this batch died {deaths} times while it was at work on {repo}"
    config, tags = of_its_own(batch, repo)
    run = recorded_run(batch.job, batch.work.instance, config, tags, batch.work.run.asset_selection)
    batch.work.instance.report_run_failed(run, why)
    return why


def take_all(batch: Batch, keys: Sequence[str]) -> Taken:
    """Take the repositories in turn; one that fails stops no other."""
    keep_connections(batch.work.instance)
    done = done_before(batch, keys, batch.since) if batch.since else []
    taken = Taken(walked=done, failed=failed_before(batch, set(keys) - set(done)))
    due = deadly_last(batch, [key for key in keys if key not in {*taken.walked, *taken.failed}], taken.failed)
    # One connection to GitHub, and one pace, for all.
    with batch.work.client() if "bronze" in batch.steps else nullcontext() as client:
        work = replace(batch.work, client=lambda: nullcontext(client)) if client else batch.work
        for key in in_free_turn(work, due, taken.busy):
            work.instance.add_run_tags(work.run.run_id, {AT_WORK_TAG: key})
            try:
                if trouble := take_one(replace(batch, work=work), Repo.parse(key)):
                    taken.failed[key] = trouble
            except LimitMet as limit:
                taken.limited[key] = limit.resumes_at
    if batch.context.retry_number >= LIMITS_MAX:
        taken.failed |= {key: tried_alone(batch, Repo.parse(key), is_last=True) for key in taken.limited}
        taken.limited.clear()
    tell_taken(batch.context, keys, taken)
    if taken.limited:
        retry_later(batch, taken)
    return taken


def deadly_last(batch: Batch, keys: Sequence[str], failed: dict[str, str]) -> list[str]:
    """The keys in the order in which they are taken: last those at whom an execution of the batch died.

    Where several did the repository is not taken here again, and added to `failed`.
    """
    deaths = deaths_by_key(batch.work.instance, batch.work.run)
    for key in keys:
        if deaths[key] >= DEATHS_MAX:
            failed[key] = given_up(batch, Repo.parse(key), deaths[key])
    return sorted((key for key in keys if key not in failed), key=lambda key: deaths[key])


def retry_later(batch: Batch, taken: Taken) -> NoReturn:
    """Have the step go on with what a limit left when that has ended."""
    # Nobody need wait for it meanwhile.
    batch.work.instance.add_run_tags(batch.work.run.run_id, {AT_WORK_TAG: ""})
    resumes_at = min(taken.limited.values())
    seconds = max(LIMIT_SECONDS_MIN, (resumes_at - datetime.now(UTC)).total_seconds())
    batch.context.log.warning(
        "a limit of GitHub's lets nothing out until %s UTC: %d repositories are taken then",
        f"{resumes_at:%H:%M:%S}",
        len(taken.limited),
    )
    wait_out(seconds)
    raise dg.RetryRequested(max_retries=LIMITS_MAX)


def wait_out(seconds: float) -> None:
    """Wait within the step, where a stop is heard: Dagster sleeps through it between two tries."""
    try:
        with stops_noted():
            pause(seconds)
    except (dg.DagsterExecutionInterruptedError, KeyboardInterrupt):
        raise dg.Failure("interrupted; run it again to go on", allow_retries=False) from None


def take_one(batch: Batch, repo: Repo) -> str:
    """Take one repository; return why it failed, in the run of its own that it then had, or nothing.

    Raises LimitMet where it would fail there by a limit, or did.
    """
    work = batch.work
    try:
        for tellings in whole_path(batch, repo):
            tell_dagster(work.instance, work.run.run_id, tellings, batch.step_key)
    except (dg.DagsterExecutionInterruptedError, KeyboardInterrupt):
        raise
    except Exception as error:
        why = trouble_of(error)
        work.log.warning("%s: %s; executed again in a run of its own", repo, why)
    else:
        return ""
    return tried_alone(batch, repo, is_last=False)


def tried_alone(batch: Batch, repo: Repo, *, is_last: bool) -> str:
    """Execute the repository's own run; return why it failed, or nothing.

    Raises LimitMet where a limit ended it; `is_last`: then it failed, and alerts.
    """
    ended = alone(batch, repo, is_last=is_last)
    if ended.is_interrupted:
        raise dg.Failure("interrupted; run it again to go on", allow_retries=False)
    if ended.limited_until and not is_last:
        raise LimitMet(ended.limited_until)
    return ended.message if not ended.is_success else ""


def trouble_of(error: Exception) -> str:
    """Why a repository failed; raises what concerns more than that one: a stop, and LimitMet for a limit."""
    from gitpulse_assets.github.errors import LimitReached

    if not isinstance(error, dg.Failure):
        return repr(error)
    if INTERRUPTED in error.metadata:
        raise error
    if isinstance(limit := error.__cause__, LimitReached):
        raise LimitMet(limit.resumes_at) from error
    return error.description or ""


def whole_path(batch: Batch, repo: Repo) -> Iterator[Sequence[Telling]]:
    """Make what the repository needs, and yield what is to be told of each step; at rest of the first."""
    for step in batch.steps:
        made, rests = exhausted(generator_of(step, batch, repo))
        stop_where_blocked(batch.job, made)
        checks = [one for one in made if isinstance(one, dg.AssetCheckResult)]
        yield [telling_of(one, repo.key) for one in made if not isinstance(one, dg.AssetCheckResult)]
        # Only now is there what they are of.
        yield evaluations_of(batch.work.instance, checks, repo.key)
        if rests:
            return


def stop_where_blocked(job: dg.JobDefinition, made: Sequence[Received | MadeSoFar]) -> None:
    """End the repository's path where Dagster would end the step of a run alone, behind its results."""
    for one in made:
        if isinstance(one, dg.AssetCheckResult) and not one.passed:
            key = evaluation_of(one, "").asset_check_key
            if one.severity == dg.AssetCheckSeverity.ERROR and job.asset_layer.asset_graph.get(key).blocking:
                raise dg.Failure(
                    f"a blocking check failed, and nothing behind it is made: {key.to_user_string()}"
                )


def generator_of(step: str, batch: Batch, repo: Repo) -> Steps:
    """What a run of the repository alone does in this step."""
    match step:
        case "bronze":
            return received(batch.work, repo, batch.refresh)
        case "silver":
            return merged(batch.work, repo, batch.merge)
        case "sync_state":
            return watermarks_moved(batch.work, repo)
        case _:
            return marts_made(batch.work, repo)


def exhausted(
    step: Steps,
) -> tuple[list[Received | MadeSoFar], bool | None]:
    """All that a generator yields, and what it returns."""
    ended: list[bool | None] = []

    def passed() -> Iterator[Received | MadeSoFar]:
        ended.append((yield from step))

    return list(passed()), ended[0]


def telling_of(made: dg.MaterializeResult | dg.AssetObservation | dg.Output, key: str) -> Telling:
    """What Dagster is told of what a step yielded; a table is put in its place first."""
    match made:
        case dg.AssetObservation():
            return made
        case dg.MaterializeResult():
            return dg.AssetMaterialization(
                made.asset_key or dg.AssetKey([]), partition=key, metadata=made.metadata
            )
        case _:
            return promoted(made, key)


def promoted(made: dg.Output, key: str) -> dg.AssetMaterialization:
    """Put a staged table in its place, as the IO manager does, and describe it."""
    table = made.value
    with lake_errors():
        uri = table.publication.promote(table)
    version = made.data_version
    return dg.AssetMaterialization(
        list(table.contract.asset_key),
        partition=key,
        metadata={**made.metadata, **table_metadata(table, uri)},
        tags={DATA_VERSION_TAG: version.value} if version else None,
    )


def in_free_turn(work: Work, keys: Sequence[str], busy: list[str]) -> Iterator[str]:
    """Yield each key when no other run is at work on it; one that is busy has a second turn at the end.

    A batch takes its time, in which others begin runs; those busy both times are added to `busy`. A backfill
    counts as failed what it did not make itself, so that its batch waits for them.
    """
    later = []
    for key in keys:
        if is_busy(work, key):
            later.append(key)
        else:
            yield key
    if later:
        # Two that wait for each other's last would do so to the end.
        work.instance.add_run_tags(work.run.run_id, {AT_WORK_TAG: ""})
    for key in later:
        if work.is_backfill:
            wait_for_others(work, key, "another run", lambda key=key: is_busy(work, key))
        if not work.is_backfill and is_busy(work, key):
            busy.append(key)
        else:
            yield key


def is_busy(work: Work, key: str) -> bool:
    """Whether another run is at work on the repository just now."""
    return is_at_work(work.instance, key, [work.run.run_id], datetime.now(UTC))


def wait_for_others(work: Work, key: str, who: str, is_there: Callable[[], bool]) -> None:
    """Wait while somebody else is at work on the repository, for ten minutes at most, and say so."""
    for number in range(BATCH_WAITS):
        if not is_there():
            break
        if not number:
            with notes_logged(work.log):
                minutes = BATCH_WAITS * BATCH_WAIT_SECONDS / 60
                note = f"{who} is at work on {key}; waiting for it, {minutes:.0f} minutes at most"
                tell(WalkProgress(Repo.parse(key), 0, 0, note=note))
        pause(BATCH_WAIT_SECONDS)


def begin_alone(work: Work, repo: Repo) -> None:
    """Let a batch that is at work on the repository end with it: the queue knows nothing of whom it takes.

    Whoever goes on all the same (it takes too long, or both came at once) meets the lake's compare-and-swap.
    """
    mine = [work.run.run_id, work.run.tags.get(SWEEP_TAG, "")]
    wait_for_others(
        work, repo.key, "a batch", lambda: is_in_hand(work.instance, repo.key, mine, datetime.now(UTC))
    )
    if PARTITION_NAME_TAG not in work.run.tags:
        # A backfill's range of one: others find it by this.
        work.instance.add_run_tags(work.run.run_id, {AT_WORK_TAG: repo.key})


def done_before(batch: Batch, keys: Sequence[str], since: datetime) -> list[str]:
    """The repositories that were done since then, of which Dagster was told, too."""
    told, lake = refreshed_at(batch.work.instance, keys), batch.work.lake
    heard = [key for key in keys if key in told and told[key] >= since]
    return [key for key in heard if is_done(lake, key, since, batch.refresh.full)]


def failed_before(batch: Batch, keys: Collection[str]) -> dict[str, str]:
    """Those of the repositories that failed in an earlier try of this step, in runs of their own, and why.

    Whom a limit ended there is taken again.
    """
    if not batch.context.retry_number:
        return {}
    instance = batch.work.instance
    own = dg.RunsFilter(tags={SWEEP_TAG: batch.work.run.run_id}, statuses=[dg.DagsterRunStatus.FAILURE])
    failed = [run.tags[REPO_TAG] for run in instance.get_runs(own) if not is_left_for_later(instance, run)]
    return {key: "it failed in an earlier try of this step" for key in failed if key in keys}


def is_done(lake: "Lake", key: str, since: datetime, is_full: bool) -> bool:
    """Whether the repository was walked since then, by GitHub's clock, and all that follows is published."""
    from gitpulse_assets.pipeline.rest import is_merged

    repo = Repo.parse(key)
    rows = lake.manifest(repo).rows()
    if not any(is_walk_since(row, since, is_full) for row in rows):
        return False
    silver, gold = lake.commit("silver", repo), lake.commit("gold", repo)
    if silver is None or gold is None or gold.made_at < silver.made_at:
        return False
    return is_merged(lake, repo, rows, silver)


def is_walk_since(row: "ManifestRow", since: datetime, is_full: bool) -> bool:
    """Whether a row of the manifest is a whole walk of the issues since then."""
    return (
        row.stream == ISSUES.name
        and row.status == "complete"
        and (row.walk_kind == "full" or not is_full)
        and row.as_of_at is not None
        and row.as_of_at >= since
    )


def tell_taken(context: Context, keys: Sequence[str], taken: Taken) -> None:
    """Say in the run's log what became of which repositories."""
    if taken.busy:
        context.log.warning("left out, since other runs are at work on them: %s", ", ".join(taken.busy))
    for key, why in taken.failed.items():
        context.log.error("%s failed, in a run of its own: %s", key, why)
    left_out, failed = len(taken.walked) + len(taken.busy) + len(taken.limited), len(taken.failed)
    counts = (len(keys) - left_out - failed, len(keys), failed, left_out)
    context.log.info("%d of %d repositories done, %d failed, %d left out", *counts)
