"""What one run collects of one repository, in order."""

from gitpulse_assets.collect.control import (
    ControlTotal,
    calls_for_full_walk,
    github_count,
    is_counted,
    keep_control_total,
)
from gitpulse_assets.collect.departures import collect_departures
from gitpulse_assets.collect.issues import WalkPlan, collect_issues, plan_walk
from gitpulse_assets.collect.lifecycle import collect_lifecycles
from gitpulse_assets.collect.reconciliation import keep_reconciliation
from gitpulse_assets.collect.repository import collect_repository
from gitpulse_assets.collect.session import Session
from gitpulse_assets.lake.manifest import ManifestRow
from gitpulse_assets.progress import WalkProgress, report


def collect(session: Session, *, is_full: bool, with_events: bool = False) -> ManifestRow:
    """Bring everything that changed into bronze; return the issue walk's manifest row.

    `with_events`: where there is no token, REST issue events too.

    When GitHub, at rest, counts other than we do after an incremental walk, something left that no list
    shows: the same run then walks the whole list and asks about what is missing.
    """
    repository_id = collect_repository(session)
    follow_up(session, repository_id)
    plan = plan_walk(session, is_full=is_full)
    row, total = counted_walk(session, plan)
    if total and plan.walk_kind != "full" and calls_for_full_walk(session, total):
        note = "GitHub counts other than we do: walking the whole list"
        report(WalkProgress(session.repo, 0, 0, note=note))
        row, total = counted_walk(session, plan_walk(session, is_full=True))
    follow_up(session, repository_id)
    if total:
        keep_control_total(session, total)
    collect_lifecycles(session, repository_id, row.known_as_of, with_events=with_events, is_full=is_full)
    return row


def follow_up(session: Session, repository_id: int) -> None:
    """Ask about what the last full walk missed, and write down its end, unless a run has.

    Before a walk too: a run that is tried again after its full walk would walk in the same row.
    """
    collect_departures(session, repository_id)
    keep_reconciliation(session)


def counted_walk(session: Session, plan: WalkPlan) -> tuple[ManifestRow, ControlTotal | None]:
    """Walk between two counts of GitHub's; where nothing changed since the last count nothing is counted."""
    if plan.walk_kind == "unchanged" and is_counted(session):
        return collect_issues(session, plan), None
    before = github_count(session)
    row = collect_issues(session, plan)
    after = github_count(session)
    is_quiet = session.client.probe_issues(session.repo, etag=row.etag).is_unchanged
    return row, ControlTotal(before, after, is_quiet)
