"""How a repository is received, from GitHub into bronze, in a run of it alone and in a batch.

What is received is durable as soon as ten pages have come, so it is stored here and no value handed over.
Which walk is made stands in `collect/`. What asks GitHub is imported by the step: the HTTP client is a tenth
of what loading the definitions costs.
"""

import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import Field

from gitpulse_assets.assets.making import options_of
from gitpulse_assets.assets.members import looks_told
from gitpulse_assets.assets.work import Work
from gitpulse_assets.catalog.subjects import BRONZE
from gitpulse_assets.checks.specs import asset_check_result
from gitpulse_assets.collect.progress import WalkProgress, listener, tell
from gitpulse_assets.contracts import bronze as tables
from gitpulse_assets.io_manager import lake_errors
from gitpulse_assets.lake.errors import LakeError
from gitpulse_assets.marts.backlog_verdict import MART_BACKLOG_VERDICT
from gitpulse_assets.partitions import REPOS_PARTITIONS
from gitpulse_assets.place import Organization
from gitpulse_assets.processes.stopping import stops_noted
from gitpulse_assets.repo import Repo
from gitpulse_assets.runs.marks import INTERRUPTED, LIMITED, MISUSED, NOTHING_CHANGED

if TYPE_CHECKING:
    from gitpulse_assets.collect.session import Session
    from gitpulse_assets.github.client import GitHubClient
    from gitpulse_assets.lake.manifest import ManifestRow

Received = dg.MaterializeResult | dg.AssetCheckResult | dg.AssetObservation


class RefreshConfig(dg.Config):
    """What a refresh is asked for beyond what changed."""

    full: bool = Field(
        default=False, description="Walk the whole list again, which finds what `updated_at` does not show."
    )
    events: bool = Field(
        default=False,
        description=(
            "Without a token, collect the history from REST issue events: 1 request for 100 events, pull "
            "requests' included, of 60 an hour. The run's log says first how many are needed."
        ),
    )


def received(work: Work, repo: Repo, config: RefreshConfig) -> Generator[Received, None, bool]:
    """Fetch what changed: the repository, its issues, lifecycles, departures, and GitHub's own count.

    Return whether nothing is left to be done, since all there is stands published.
    """
    from gitpulse_assets.collect.session import Session
    from gitpulse_assets.pipeline.refresh import audit_manifest
    from gitpulse_assets.pipeline.rest import is_at_rest
    from gitpulse_assets.pipeline.wrong_input import unfit_lines_at_github

    target = work.lake
    refuse_forgotten(work.instance, repo)
    # Before anything is asked of GitHub: what is wrong in the watch list would end a later step.
    options = options_of(repo, work.settings)
    began = time.monotonic()
    with looks_told(work, target, Organization(repo.owner)), work.client() as client:
        session = Session(client, target, repo, work.run.run_id)
        with notes_logged(work.log):
            with lake_errors():
                for line in unfit_lines_at_github(client, target, repo, options):
                    tell(WalkProgress(repo, 0, 0, note=line))
            walk = collect_or_fail(session, is_full=config.full, with_events=config.events)
        quota = quota_left(client)
    with lake_errors(target, repo):
        rests = not work.is_backfill and is_at_rest(session, walk)
    collected = {"duration_seconds": round(time.monotonic() - began, 3), NOTHING_CHANGED: rests, **quota}
    if rests:
        yield look(session, collected)
        yield still_holds(walk, repo)
    else:
        yield from materializations(session, collected)
    with lake_errors(target, repo), work.connection() as con:
        yield asset_check_result(audit_manifest(con, session.manifest))
    return rests


def refuse_forgotten(instance: dg.DagsterInstance, repo: Repo) -> None:
    """End a run queued before its repository was forgotten: Dagster executes it all the same."""
    if not instance.has_dynamic_partition(REPOS_PARTITIONS, repo.key):
        raise dg.Failure(
            f"{repo} is not registered, or was forgotten since this run was asked for; nothing was fetched. "
            f"gitpulse refresh {repo} registers it",
            allow_retries=False,
        )


@contextmanager
def notes_logged(log: dg.DagsterLogManager) -> Iterator[None]:
    """Put what a walk has to say into the run's log, and tell whoever watches as before."""
    watcher = listener.get()

    def hear(progress: WalkProgress) -> None:
        if progress.note:
            log.info(progress.note)
        if watcher:
            watcher(progress)

    token = listener.set(hear)
    try:
        yield
    finally:
        listener.reset(token)


def collect_or_fail(session: "Session", *, is_full: bool, with_events: bool = False) -> "ManifestRow":
    """Run the collection; whatever stops it becomes one line, with a retry only where that may help.

    Dagster's retry policy would take up a run again that somebody has just stopped.
    """
    from gitpulse_assets.collect.refresh import collect
    from gitpulse_assets.github.errors import (
        AnswerUnusable,
        GitHubError,
        LimitReached,
        NetworkDown,
        Unreachable,
        WrongAddress,
    )

    try:
        with stops_noted(), session.lake.reading(session.repo):
            return collect(session, is_full=is_full, with_events=with_events)
    except (dg.DagsterExecutionInterruptedError, KeyboardInterrupt):
        raise dg.Failure(
            "interrupted; what has come is kept, run it again to go on",
            metadata={INTERRUPTED: True},
            allow_retries=False,
        ) from None
    except (GitHubError, LakeError) as error:
        # Worth another try within the run: the walk goes on where it stopped. The client waits limits out.
        is_passing = isinstance(error, NetworkDown | AnswerUnusable) and not isinstance(error, Unreachable)
        metadata: dict[str, Any] = {MISUSED: True} if isinstance(error, WrongAddress) else {}
        if isinstance(error, LimitReached):
            metadata[LIMITED] = error.resumes_at.isoformat()
        raise dg.Failure(str(error), metadata=metadata, allow_retries=is_passing) from error


def quota_left(client: "GitHubClient") -> dict[str, Any]:
    """Show what the collection left of the allowance that is nearer its end, REST's or GraphQL's."""
    budgets = [s for s in (client.spending, client.graphql_spending) if s.quota_limit]
    if not budgets:
        return {}
    scarce = min(budgets, key=lambda s: (s.quota_remaining or 0) / (s.quota_limit or 1))
    left = {"quota_remaining": scarce.quota_remaining or 0, "quota_limit": scarce.quota_limit}
    resets_at = scarce.quota_reset_at
    return left | ({"quota_resets_at": str(resets_at)} if resets_at else {})


def look(session: "Session", collected: dict[str, Any]) -> dg.MaterializeResult:
    """Show that the run looked and found nothing; the steps behind are skipped for want of other tables.

    The issue list stands for the whole run, with what its requests cost.
    """
    rows = [row for row in session.manifest.rows() if row.run_id == session.run_id]
    costs = {name: sum(getattr(row, name) for row in rows) for name in ("request_count", "quota_cost")}
    walk = next(row for row in rows if row.stream == tables.ISSUES.name)
    metadata = {"dagster/uri": session.lake.uri(tables.ISSUES, session.repo), **run_summary(walk)}
    return dg.MaterializeResult(
        asset_key=list(tables.ISSUES.asset_key), metadata=metadata | costs | collected
    )


def still_holds(walk: "ManifestRow", repo: Repo) -> dg.AssetObservation:
    """Note on the verdict that it was found to hold still: so fresh it is, though nothing made it anew."""
    return dg.AssetObservation(
        dg.AssetKey(MART_BACKLOG_VERDICT.asset_key),
        description="looked, nothing changed",
        partition=repo.key,
        metadata={"as_of_at": str(walk.as_of_at)},
    )


def materializations(session: "Session", collected: dict[str, Any]) -> Iterator[dg.MaterializeResult]:
    """Show what the run did to each bronze table; the issue list carries what the whole collection took."""
    rows = {row.stream: row for row in session.manifest.rows() if row.run_id == session.run_id}
    for contract in BRONZE:
        summary = run_summary(rows[contract.name]) if contract.name in rows else {}
        metadata: dict[str, Any] = {"dagster/uri": session.lake.uri(contract, session.repo), **summary}
        if contract is tables.ISSUES:
            metadata |= collected
        yield dg.MaterializeResult(asset_key=list(contract.asset_key), metadata=metadata)


def run_summary(row: "ManifestRow") -> dict[str, Any]:
    """What the run fetched of one stream and what it cost."""
    return {
        "dagster/partition_row_count": row.record_count,
        "walk_kind": row.walk_kind,
        "status": row.status,
        "page_count": row.page_count,
        "unchanged_page_count": row.unchanged_page_count,
        "record_count": row.record_count,
        "pull_request_count": row.pull_request_count,
        "is_capped": row.is_capped,
        "request_count": row.request_count,
        "quota_cost": row.quota_cost,
        "batch_count": row.batch_count,
        **{name: str(value) for name, value in known_of(row).items() if value is not None},
    }


def known_of(row: "ManifestRow") -> dict[str, object]:
    """What only some walks have; a person is shown none of it that is not known."""
    return {
        "watermark": row.since,
        "as_of_at": row.as_of_at,
        "resumed_run_id": row.resumed_run_id,
        "error": row.error,
    }
