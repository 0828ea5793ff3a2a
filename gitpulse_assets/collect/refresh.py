"""What one run collects of one repository, in order."""

from collections.abc import Sequence

from gitpulse_assets.catalog.subjects import STREAMS
from gitpulse_assets.chosen import CONTRIBUTORS, chosen_subjects
from gitpulse_assets.collect.ahead import Ahead
from gitpulse_assets.collect.control import (
    ControlTotal,
    OpenCount,
    github_count,
    held,
    is_counted,
    keep_control_total,
    leave_uncounted,
)
from gitpulse_assets.collect.departures import collect_departures
from gitpulse_assets.collect.dialect import in_the_hosts_dialect
from gitpulse_assets.collect.gone_comments import collect_gone_comments
from gitpulse_assets.collect.issue_events import goes_on
from gitpulse_assets.collect.lifecycle import collect_lifecycles
from gitpulse_assets.collect.lists import WalkPlan, collect_list, plan_walk
from gitpulse_assets.collect.members import collect_members
from gitpulse_assets.collect.progress import WalkProgress, tell
from gitpulse_assets.collect.reconciliation import keep_reconciliation
from gitpulse_assets.collect.repository import CollectedRepository, collect_repository
from gitpulse_assets.collect.session import Session
from gitpulse_assets.contracts.bronze import ISSUES
from gitpulse_assets.contracts.sources import ISSUE_LIST
from gitpulse_assets.contracts.stream import Stream
from gitpulse_assets.github.errors import LimitReached
from gitpulse_assets.lake.manifest import ManifestRow
from gitpulse_assets.streams.issues import ISSUE_STREAM

# One to find what is missing, and one to tell a hole in it from a difference for good.
FULL_WALKS_MAX = 2
LISTS = tuple(stream for stream in STREAMS if stream.collected_by == "list")


def collect(session: Session, *, is_full: bool, with_events: bool = False) -> ManifestRow:
    """Bring everything that changed into bronze; return the issue walk's manifest row.

    `with_events`: where there is no token, REST issue events too.

    Where a limit ends a run without a token after its list is whole, what has come is for publishing: the
    history then says what it does not know, and the next run goes on with the rest. The limit is written
    down in the manifest.
    """
    repository = collect_repository(session)
    if CONTRIBUTORS in chosen_subjects():
        collect_members(session, repository)
    with in_the_hosts_dialect(session, is_full=is_full):
        return collect_all_of(session, repository, is_full=is_full, with_events=with_events)


def collect_all_of(
    session: Session, repository: CollectedRepository, *, is_full: bool, with_events: bool
) -> ManifestRow:
    """Bring in what changed of the repository's issues, what happened to them, and the other lists."""
    try:
        follow_up(session, repository.repository_id)
        # Each walked whole once for what was asked, and the events need the hour's requests more.
        is_list_walked = with_events and goes_on(session)
        plan = plan_walk(session, ISSUE_STREAM, is_full=is_full and not is_list_walked)
        row = walk_and_count(session, plan, repository)
        collect_lifecycles(
            session, repository.repository_id, row.known_as_of, with_events=with_events, is_full=is_full
        )
        collect_lists(session, LISTS, is_full=is_full)
        if CONTRIBUTORS in chosen_subjects():
            collect_gone_comments(session)
    except LimitReached as error:
        row = session.manifest.row(session.run_id, ISSUES.name)
        if session.client.has_token(session.repo) or row is None or row.status != "complete":
            raise
        if not any(part.error for part in session.manifest.rows() if part.run_id == session.run_id):
            leave_uncounted(session, row.known_as_of, error)
    return row


def collect_lists(session: Session, streams: Sequence[Stream], *, is_full: bool) -> None:
    """Bring in what changed of lists that nothing else is known of; one that needs a token waits for one."""
    for stream in streams:
        if session.client.has_token(session.repo) or not stream.source.needs_token:
            collect_list(session, plan_walk(session, stream, is_full=is_full))


def follow_up(session: Session, repository_id: int) -> None:
    """Ask about what the last full walk missed, and write down its end, unless a run has.

    Before a walk too: a run that is tried again after its full walk would walk in the same row.
    """
    collect_departures(session, repository_id)
    keep_reconciliation(session)


def walk_and_count(session: Session, plan: WalkPlan, repository: CollectedRepository) -> ManifestRow:
    """Walk, and walk the whole list where GitHub, at rest, counts other than we do.

    Something left then that no list shows, or a list was not whole, as its pages or counts tell: the second
    full walk in the same run tells a hole, which it fills, from a difference that stays.
    """
    row, total = counted_walk(session, plan, repository)
    full_walks = int(plan.walk_kind == "full")
    while total and total.is_contradicted and full_walks < FULL_WALKS_MAX:
        note = "GitHub counts other than we do: walking the whole list"
        tell(WalkProgress(session.repo, 0, 0, note=note))
        row, total = counted_walk(session, plan_walk(session, ISSUE_STREAM, is_full=True), repository)
        full_walks += 1
    return row


def counted_walk(
    session: Session, plan: WalkPlan, repository: CollectedRepository
) -> tuple[ManifestRow, ControlTotal | None]:
    """Walk between two counts of GitHub's; where nothing changed since the last count nothing is counted."""
    if plan.walk_kind == "unchanged" and is_counted(session, repository):
        return collect_list(session, plan), None
    before = count_before(session, repository)
    ahead = Ahead(session, repository.repository_id, plan.as_of_at) if plan.segments else None
    row = collect_list(session, plan, ahead)
    after = github_count(session)
    is_quiet = session.client.probe(session.repo, ISSUE_LIST, etag=row.etag).is_unchanged
    follow_up(session, repository.repository_id)
    total = held(session, before, after, row, is_quiet=is_quiet)
    keep_control_total(session, total, repository)
    return row, total


def count_before(session: Session, repository: CollectedRepository) -> OpenCount:
    """GitHub's count before a walk; without a token it came with the repository already."""
    if repository.open_count is None or session.client.has_token(session.repo):
        return github_count(session)
    return OpenCount(repository.open_count, True, repository.date)
