"""The bronze assets: what was received from GitHub, and the manifest of who received it when.

A batch is durable as soon as ten pages have come, so these assets store their rows themselves and return
no value. Which walk is made stands in `collect/`.
"""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from gitpulse_assets.assets.specs import asset_spec
from gitpulse_assets.checks.specs import contract_check_spec, contract_result
from gitpulse_assets.collect.refresh import collect
from gitpulse_assets.collect.session import Session
from gitpulse_assets.contracts import bronze as tables
from gitpulse_assets.github.errors import AnswerUnusable, GitHubError, NetworkDown
from gitpulse_assets.github.transport import Wait
from gitpulse_assets.lake.errors import LakeError
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.lake.manifest import ManifestRow
from gitpulse_assets.partitions import repos
from gitpulse_assets.progress import WalkProgress, report
from gitpulse_assets.repo import Repo
from gitpulse_assets.resources import DuckDB, GitHubResource, LakeResource
from gitpulse_assets.transform.audit import audit_table

# Worth another try within the run: the walk goes on where it stopped. Limits are waited out by the client.
PASSING_TROUBLE = (NetworkDown, AnswerUnusable)


class RefreshConfig(dg.Config):
    """`full`: walk the whole list again, which finds what `updated_at` does not show."""

    full: bool = False


@dg.multi_asset(
    name="bronze",
    specs=[asset_spec(tables.ISSUES), asset_spec(tables.REPOSITORY), asset_spec(tables.MANIFEST)],
    check_specs=[contract_check_spec(tables.MANIFEST)],
    partitions_def=repos,
    retry_policy=dg.RetryPolicy(max_retries=2, delay=5, backoff=dg.Backoff.EXPONENTIAL),
)
def bronze(
    context: dg.AssetExecutionContext,
    config: RefreshConfig,
    github: GitHubResource,
    lake: LakeResource,
    duckdb: DuckDB,
) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
    """Fetch what changed in one repository's issue list."""
    repo = Repo.parse(context.partition_key)
    target = lake.open()

    def tell_wait(wait: Wait) -> None:
        context.log.warning(str(wait))
        report(WalkProgress(repo, 0, 0, note=str(wait)))

    with github.client(on_wait=tell_wait) as client:
        row = collect_or_fail(Session(client, target, repo, context.run_id), is_full=config.full)
    yield from materializations(target, repo, row)
    with duckdb.get_connection() as con:
        con.register("manifest", target.dataset(tables.MANIFEST, repo))
        yield contract_result(tables.MANIFEST, audit_table(con, tables.MANIFEST, "manifest"))


def collect_or_fail(session: Session, *, is_full: bool) -> ManifestRow:
    """Run the collection; whatever stops it becomes one line, with a retry only where that may help."""
    try:
        return collect(session, is_full=is_full)
    except (GitHubError, LakeError) as error:
        raise dg.Failure(str(error), allow_retries=isinstance(error, PASSING_TROUBLE)) from error


def materializations(lake: Lake, repo: Repo, row: ManifestRow) -> Iterator[dg.MaterializeResult]:
    for contract in (tables.ISSUES, tables.REPOSITORY, tables.MANIFEST):
        metadata: dict[str, Any] = {"dagster/uri": lake.uri(contract, repo)}
        if contract is tables.ISSUES:
            metadata |= run_summary(row)
        yield dg.MaterializeResult(asset_key=list(contract.asset_key), metadata=metadata)


def run_summary(row: ManifestRow) -> dict[str, Any]:
    """What the run fetched, what it cost and how long it took."""
    return {
        "walk_kind": row.walk_kind,
        "status": row.status,
        "page_count": row.page_count,
        "record_count": row.record_count,
        "pull_request_count": row.pull_request_count,
        "request_count": row.request_count,
        "quota_cost": row.quota_cost,
        "batch_count": row.batch_count,
        "since": str(row.since),
        "as_of_at": str(row.as_of_at),
        "resumed_run_id": str(row.resumed_run_id),
    }
