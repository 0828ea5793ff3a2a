"""One run for many repositories: what schedules use, so that a thousand need not a thousand processes.

The run makes a run of its own for each repository, one after the other in its process: each keeps its
partition, its checks and its history, and fails alone. What such a run does is the job's.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import dagster as dg

from gitpulse_assets.contracts.bronze import ISSUES
from gitpulse_assets.partitions import REPOS_PARTITIONS
from gitpulse_assets.processes.stopping import stops_noted
from gitpulse_assets.repo import Repo
from gitpulse_assets.resources import LakeResource, github_client, settings_or_failure
from gitpulse_assets.runs.busy import busy_keys
from gitpulse_assets.runs.kinds import RECONCILE_JOB, REFRESH_JOB, repo_tags
from gitpulse_assets.runs.process import SWEEP_TAG

if TYPE_CHECKING:
    from gitpulse_assets.lake.lake import Lake
    from gitpulse_assets.runs.launch import RunOutcome

REFRESH_WATCHED_JOB = "refresh_watched"
RECONCILE_WATCHED_JOB = "reconcile_watched"
SWEEP_OP = "sweep"
FAILURES_TOLD = 10


class SweepConfig(dg.Config):
    """`full`: full walks. `only_changed`: look first, and run only where something changed.

    `since` (ISO time): skip what was done at or after it, so that a sweep that was cut short goes on.
    """

    full: bool = False
    only_changed: bool = False
    since: str = ""


def sweep_all(
    context: dg.OpExecutionContext, defs: dg.Definitions, config: SweepConfig, lake: LakeResource
) -> None:
    """Take each watched repository through its own job of `defs`; one that fails stops no other."""
    from gitpulse_assets.runs.sqlite_connections import keep_connections

    target = lake.open(settings_or_failure())
    keep_connections(context.instance)
    keys = scheduled_keys(context.instance, target)
    walked = set(done(target, keys, config))
    due = [key for key in keys if key not in walked]
    wanted = changed(context, target, due) if config.only_changed else due
    busy: list[str] = []
    failures: list[str] = []
    for key in in_free_turn(context.instance, wanted, busy):
        outcome = swept(context, defs, key, is_full=config.full)
        if outcome.is_interrupted:
            raise dg.Failure("interrupted; run it again to go on", allow_retries=False)
        if not outcome.is_success:
            failures.append(f"{key}: {outcome.message}")
            context.log.warning(failures[-1])
    if busy:
        context.log.warning("left out, since other runs are at work on them: %s", ", ".join(busy))
    run_count = len(wanted) - len(busy)
    context.add_output_metadata(
        {
            "repository_count": len(keys),
            "run_count": run_count,
            "skipped_count": len(walked),
            "busy_count": len(busy),
            "failed_count": len(failures),
        }
    )
    if failures:
        told = "; ".join(failures[:FAILURES_TOLD])
        raise dg.Failure(f"{len(failures)} of {run_count} failed: {told}", allow_retries=False)


def in_free_turn(instance: dg.DagsterInstance, keys: Sequence[str], busy: list[str]) -> Iterator[str]:
    """Yield each key when no run is at work on it; one that is busy has a second turn, after all others.

    A sweep takes hours, in which others begin runs; those busy both times are added to `busy`.
    """
    later = []
    for key in keys:
        if is_busy(instance, key):
            later.append(key)
        else:
            yield key
    for key in later:
        if is_busy(instance, key):
            busy.append(key)
        else:
            yield key


def is_busy(instance: dg.DagsterInstance, key: str) -> bool:
    """Whether a run is at work on the repository just now."""
    return key in busy_keys(instance, datetime.now(UTC))


def swept(context: dg.OpExecutionContext, defs: dg.Definitions, key: str, *, is_full: bool) -> "RunOutcome":
    """Execute the repository's own run in this process, and tell how it ended."""

    from gitpulse_assets.runs.launch import execute, outcome

    repo = Repo.parse(key)
    job = RECONCILE_JOB if is_full else REFRESH_JOB
    tags = repo_tags(key) | {SWEEP_TAG: context.run_id}
    run_id, events = execute(defs, context.instance, job, {"bronze": {"full": is_full}}, tags, repo)
    return outcome(repo, run_id, events)


def scheduled_keys(instance: dg.DagsterInstance, lake: "Lake") -> list[str]:
    """The watched partitions; where there is no watch list, every registered one."""
    from gitpulse_assets.watch.state import membership

    registered = set(instance.get_dynamic_partitions(REPOS_PARTITIONS))
    members = membership(lake.store).load()
    return sorted(registered & set(members.watched_keys)) if members.members else sorted(registered)


def done(lake: "Lake", keys: Sequence[str], config: SweepConfig) -> Iterator[str]:
    """The keys that were walked since the sweep was due, by GitHub's clock."""
    since = datetime.fromisoformat(config.since) if config.since else None
    for key in keys if since else ():
        rows = lake.manifest(Repo.parse(key)).rows()
        if any(
            row.stream == ISSUES.name
            and row.status == "complete"
            and (row.walk_kind == "full" or not config.full)
            and row.as_of_at is not None
            and since is not None
            and row.as_of_at >= since
            for row in rows
        ):
            yield key


def changed(context: dg.OpExecutionContext, lake: "Lake", keys: Sequence[str]) -> list[str]:
    """Look at the keys as the sensor does, and return those that changed."""
    from gitpulse_assets.lake.errors import PreconditionFailed
    from gitpulse_assets.watch.looking import is_due, look_at_all, stop_after_round
    from gitpulse_assets.watch.state import Member, Sight, Sights, membership, sights

    now = datetime.now(UTC)
    members = membership(lake.store).load().members
    members = {key: members.get(key) or Member(key, "by hand", now) for key in keys}
    stored = sights(lake.store)
    before = stored.load()
    known = before.sights
    due = [key for key in keys if is_due(known.get(key, Sight()), now)]
    with stops_noted(), github_client(settings_or_failure(), attempts=2) as client:
        found = look_at_all(
            client, lake, members, known, due, now, seconds_max=float("inf"), changed_max=len(due) + 1
        )
    if found.stopped_by:
        raise dg.Failure(found.stopped_by, allow_retries=False)
    try:
        stored.save(Sights({**known, **found.sights}, stop=stop_after_round(before.stop, found, now)))
    except PreconditionFailed:
        context.log.info("the sensor changed_repositories looked meanwhile; its findings stay")
    return found.changed


def watched_jobs(defs: Callable[[], dg.Definitions]) -> list[dg.JobDefinition]:
    """Make the jobs over all watched repositories; the runs they make are of the definitions given."""

    @dg.op(name=SWEEP_OP)
    def sweep(context: dg.OpExecutionContext, config: SweepConfig, lake: LakeResource) -> None:
        sweep_all(context, defs(), config, lake)

    @dg.job(
        name=REFRESH_WATCHED_JOB,
        description="Refresh every watched repository, one after the other in one process.",
    )
    def refresh_watched() -> None:
        sweep()

    @dg.job(
        name=RECONCILE_WATCHED_JOB,
        config={"ops": {SWEEP_OP: {"config": {"full": True}}}},
        description=(
            "A full walk of every watched repository, one after the other in one process. Executed again it "
            "goes on with what is left."
        ),
    )
    def reconcile_watched() -> None:
        sweep()

    return [refresh_watched, reconcile_watched]
