"""One refresh of one repository, from GitHub to the marts: what every run does, with or without Dagster.

Dagster's assets run the same steps, each by itself, and show what they did.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import duckdb

from gitpulse_assets.checks.result import CheckResult, contract_result, refuse_failed
from gitpulse_assets.collect.progress import WalkProgress, tell
from gitpulse_assets.collect.refresh import collect
from gitpulse_assets.collect.session import Session
from gitpulse_assets.contracts.bronze import MANIFEST
from gitpulse_assets.github.client import GitHubClient
from gitpulse_assets.lake.duck import connect
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.lake.manifest import Manifest, ManifestRow
from gitpulse_assets.pipeline.marts import make_marts
from gitpulse_assets.pipeline.merge import merge
from gitpulse_assets.pipeline.rest import is_at_rest
from gitpulse_assets.pipeline.watermarks import move_watermarks
from gitpulse_assets.repo import Repo
from gitpulse_assets.setting_values.label_groups import DEFAULT_LABEL_GROUPS, LabelGroup
from gitpulse_assets.transform.audit import audit_table
from gitpulse_assets.watch.watch_list import RepoOptions


@dataclass(frozen=True)
class Options:
    """How a repository's tables are made: what the settings and the watch list say of it.

    `is_rebuild`, `accepts_loss`: as `merge` has them.
    """

    repo: RepoOptions = field(default_factory=RepoOptions)
    label_groups: Sequence[LabelGroup] = DEFAULT_LABEL_GROUPS
    is_rebuild: bool = False
    accepts_loss: bool = False


def refresh(
    lake: Lake,
    client: GitHubClient,
    repo: Repo,
    run_id: str,
    options: Options | None = None,
    *,
    is_full: bool = False,
    with_events: bool = False,
) -> ManifestRow:
    """Bring everything that changed into bronze and publish what follows; return the issue walk's row.

    Where nothing changed, nothing is published. Whoever watches (`progress.listener`) is told which step
    begins. Raises GitHubError, LakeError or ChecksFailed; what the steps before published stays.
    """
    session = Session(client, lake, repo, run_id)
    row = receive(session, is_full=is_full, with_events=with_events)
    if not is_at_rest(session, row):
        publish(lake, repo, options)
    return row


def receive(session: Session, *, is_full: bool = False, with_events: bool = False) -> ManifestRow:
    """Collect, and audit the manifest; the options are those of `collect`."""
    tell(WalkProgress(session.repo, 0, 0, step="bronze"))
    with session.lake.reading(session.repo):
        row = collect(session, is_full=is_full, with_events=with_events)
        with connect() as con:
            refuse_failed([audit_manifest(con, session.manifest)])
    return row


def audit_manifest(con: duckdb.DuckDBPyConnection, manifest: Manifest) -> CheckResult:
    """Hold the manifest, as its reader knows it, against its contract."""
    con.register(MANIFEST.name, manifest.table())
    return contract_result(MANIFEST, audit_table(con, MANIFEST, MANIFEST.name))


def publish(lake: Lake, repo: Repo, options: Options | None = None) -> None:
    """Merge what was received, or in a rebuild what was merged before, and make what follows from it."""
    publish_silver(lake, repo, options)
    publish_marts(lake, repo, options)


def publish_silver(lake: Lake, repo: Repo, options: Options | None = None) -> None:
    """Publish the merge, and behind it the watermarks."""
    publish_merge(lake, repo, options)
    publish_watermarks(lake, repo, options)


def publish_merge(lake: Lake, repo: Repo, options: Options | None = None) -> None:
    """Publish the merge alone."""
    tell(WalkProgress(repo, 0, 0, step="silver"))
    chosen = options or Options()
    with connect() as con:
        merge(
            con,
            lake,
            repo,
            bots=chosen.repo.bots,
            is_rebuild=chosen.is_rebuild,
            accepts_loss=chosen.accepts_loss,
        ).publish()


def publish_watermarks(lake: Lake, repo: Repo, options: Options | None = None) -> None:
    """Publish how far each stream is merged, alone."""
    tell(WalkProgress(repo, 0, 0, step="sync_state"))
    overlap_minutes = (options or Options()).repo.overlap_minutes
    with connect() as con:
        move_watermarks(con, lake, repo, overlap_minutes=overlap_minutes).publish()


def publish_marts(lake: Lake, repo: Repo, options: Options | None = None) -> None:
    """Publish the marts alone."""
    tell(WalkProgress(repo, 0, 0, step="gold"))
    with connect() as con:
        chosen = options or Options()
        make_marts(con, lake, repo, label_groups=chosen.label_groups, options=chosen.repo).publish()
