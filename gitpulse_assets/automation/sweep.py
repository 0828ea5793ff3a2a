"""The jobs over many repositories: what schedules and sensors ask for.

How a batch is taken stands in `assets/batch.py`; here is which repositories are in it.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import dagster as dg
from pydantic import Field

from gitpulse_assets.assets.batch import Batch, asked_at, take_all
from gitpulse_assets.assets.receiving import RefreshConfig
from gitpulse_assets.assets.work import Work, work_of
from gitpulse_assets.partitions import REPOS_PARTITIONS
from gitpulse_assets.processes.stopping import stops_noted
from gitpulse_assets.resources import DuckDB, GitHubResource, LakeResource, github_client, settings_or_failure
from gitpulse_assets.runs.kinds import (
    BATCH_TAG,
    RECONCILE_JOB,
    RECONCILE_WATCHED_JOB,
    REFRESH_JOB,
    REFRESH_WATCHED_JOB,
    SWEEP_OP,
)

if TYPE_CHECKING:
    from gitpulse_assets.lake.lake import Lake
    from gitpulse_assets.watch.looking import LookRound
    from gitpulse_assets.watch.state import Sights, StateObject

# Batches look at the same time, and keep what they found in one object.
SAVES_TRIED = 10


class SweepConfig(dg.Config):
    """`keys`: which repositories, by their partition keys; none: all that are watched.

    `full`: full walks. `only_changed`: look first, and take only those where something changed.
    `since` (ISO time): skip what was done at or after it, so that a run that was cut short goes on.
    """

    keys: list[str] = Field(default=[])
    full: bool = False
    only_changed: bool = False
    since: str = ""


def sweep_all(context: dg.OpExecutionContext, defs: dg.Definitions, config: SweepConfig, work: Work) -> None:
    """Take the repositories through their job of `defs` in a batch; one that fails stops no other."""
    keys = config.keys or scheduled_keys(context.instance, work.lake)
    wanted = changed(context, work.lake, keys) if config.only_changed else keys
    job = RECONCILE_JOB if config.full else REFRESH_JOB
    batch = Batch(
        context,
        work,
        defs.resolve_job_def(job),
        refresh=RefreshConfig(full=config.full),
        since=datetime.fromisoformat(config.since) if config.since else asked_at(context),
    )
    taken = take_all(batch, wanted)
    left_out = len(taken.walked) + len(taken.busy)
    context.add_output_metadata(
        {
            "repository_count": len(keys),
            "run_count": len(wanted) - left_out,
            "skipped_count": len(taken.walked),
            "busy_count": len(taken.busy),
            "failed_count": len(taken.failed),
            "failed": taken.failed,
        }
    )


def scheduled_keys(instance: dg.DagsterInstance, lake: "Lake") -> list[str]:
    """The watched partitions; where there is no watch list, every registered one."""
    from gitpulse_assets.watch.state import membership

    registered = set(instance.get_dynamic_partitions(REPOS_PARTITIONS))
    members = membership(lake.store).load()
    return sorted(registered & set(members.watched_keys)) if members.members else sorted(registered)


def changed(context: dg.OpExecutionContext, lake: "Lake", keys: Sequence[str]) -> list[str]:
    """Look at the keys as the sensor does, and return those that changed."""
    from gitpulse_assets.watch.looking import is_due, look_at_all
    from gitpulse_assets.watch.state import Member, Sight, membership, sights

    now = datetime.now(UTC)
    members = membership(lake.store).load().members
    members = {key: members.get(key) or Member(key, "by hand", now) for key in keys}
    known = sights(lake.store).load().sights
    due = [key for key in keys if is_due(known.get(key, Sight()), now)]
    with stops_noted(), github_client(settings_or_failure(), attempts=2) as client:
        found = look_at_all(
            client, lake, members, known, due, now, seconds_max=float("inf"), changed_max=len(due) + 1
        )
    if found.stopped_by:
        raise dg.Failure(found.stopped_by, allow_retries=False)
    if not is_kept(sights(lake.store), found, now):
        context.log.info("others looked all the while; what they saw stays")
    return found.changed


def is_kept(stored: "StateObject[Sights]", found: "LookRound", now: datetime) -> bool:
    """Add what was found to what others find at the same time; False where they were quicker every time."""
    from gitpulse_assets.lake.errors import PreconditionFailed
    from gitpulse_assets.watch.looking import stop_after_round
    from gitpulse_assets.watch.state import Sights

    for _ in range(SAVES_TRIED):
        before = stored.load()
        try:
            stop = stop_after_round(before.stop, found, now)
            stored.save(Sights({**before.sights, **found.sights}, stop=stop))
        except PreconditionFailed:
            continue
        return True
    return False


def watched_jobs(defs: Callable[[], dg.Definitions]) -> list[dg.JobDefinition]:
    """Make the jobs over all watched repositories; the runs they make are of the definitions given."""

    @dg.op(name=SWEEP_OP)
    def sweep(
        context: dg.OpExecutionContext,
        config: SweepConfig,
        github: GitHubResource,
        lake: LakeResource,
        duckdb: DuckDB,
    ) -> None:
        sweep_all(context, defs(), config, work_of(context, lake, duckdb, github))

    @dg.job(
        name=REFRESH_WATCHED_JOB,
        tags={BATCH_TAG: "true"},
        description="Refresh the repositories named, or every watched one, in turn in one process.",
    )
    def refresh_watched() -> None:
        sweep()

    @dg.job(
        name=RECONCILE_WATCHED_JOB,
        tags={BATCH_TAG: "true"},
        config={"ops": {SWEEP_OP: {"config": {"full": True}}}},
        description=(
            "A full walk of every watched repository, one after the other in one process. Executed again it "
            "goes on with what is left."
        ),
    )
    def reconcile_watched() -> None:
        sweep()

    return [refresh_watched, reconcile_watched]
