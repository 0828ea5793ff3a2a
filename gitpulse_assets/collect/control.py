"""GitHub's own count of the open issues, to hold ours against.

With a token the exact count by GraphQL; without one the repository's `open_issues_count`, which counts open
issues and open pull requests together. A count tells something only when it was taken at rest; one that was
not is taken again by the next run.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from gitpulse_assets.collect.full_walk import walk_of
from gitpulse_assets.collect.known import has_short_page, open_counts, unmerged
from gitpulse_assets.collect.repository import CollectedRepository
from gitpulse_assets.collect.session import Session, Stream
from gitpulse_assets.contracts.bronze import CONTROL_TOTAL, ISSUES
from gitpulse_assets.contracts.silver import CONTROL_TOTAL as KNOWN_TOTAL
from gitpulse_assets.lake.manifest import ManifestRow


@dataclass(frozen=True)
class OpenCount:
    """GitHub's count at a moment; `has_pull_requests` where it counts them too."""

    count: int
    has_pull_requests: bool
    date: dt.datetime


def github_count(session: Session) -> OpenCount:
    """Ask GitHub how many issues are open: 1 point with a token, else 1 request."""
    if session.client.has_token(session.repo):
        counted = session.client.open_issue_count(session.repo)
        return OpenCount(counted.open_issue_count, False, counted.date)
    answer = session.client.repository(session.repo)
    return OpenCount(answer.open_issues_count or 0, True, answer.date)


@dataclass(frozen=True)
class ControlTotal:
    """GitHub's counts before and after a walk, and ours after it.

    `is_quiet` where nothing was updated between them, `is_whole_walk` where the walk was a full one that came
    to the list's end. `is_known_difference` where two such walks ended with the same difference to ours.
    """

    before: OpenCount
    after: OpenCount
    is_quiet: bool
    our_count: int
    is_whole_walk: bool
    is_known_difference: bool = False

    @property
    def is_at_rest(self) -> bool:
        """Whether nothing moved between the counts, so that a difference to ours means something."""
        return self.is_quiet and self.before.count == self.after.count

    @property
    def difference(self) -> int:
        """How far our count is from GitHub's."""
        return self.our_count - self.after.count

    @property
    def is_contradicted(self) -> bool:
        """Whether GitHub, at rest, counts other than we do, and not as it is known to."""
        return self.is_at_rest and self.difference != 0 and not self.is_known_difference


def ours_of(session: Session, *, has_pull_requests: bool) -> int:
    """Count what GitHub counted, by what is stored and not merged yet."""
    kind = "open_issue_and_pull_request_count" if has_pull_requests else "open_issue_count"
    return open_counts(session)[kind]


def held(
    session: Session, before: OpenCount, after: OpenCount, walk: ManifestRow, *, is_quiet: bool
) -> ControlTotal:
    """Hold our count, after a walk, against GitHub's two."""
    ours = ours_of(session, has_pull_requests=after.has_pull_requests)
    is_whole = walk.walk_kind == "full" and not (
        ours != after.count and has_short_page(session, walk_of(session.manifest.rows(), walk))
    )
    total = ControlTotal(before, after, is_quiet, ours, is_whole)
    return replace(total, is_known_difference=is_known_difference(total, earlier_totals(session)))


def is_known_difference(total: ControlTotal, earlier: Sequence[dict[str, Any]]) -> bool:
    """Say whether the difference is GitHub's for good: a second whole walk ended with the same.

    GitHub counts what it hides from its lists, for one. A walk that is not whole, or a count not taken at
    rest, proves nothing. `earlier` are rows of `control_total`, oldest first.
    """
    alike = [
        row
        for row in earlier
        if is_at_rest(row) and row["has_pull_requests"] == total.after.has_pull_requests
    ]
    if not alike or not total.is_at_rest or not total.difference:
        return False
    last = alike[-1]
    is_second = total.is_whole_walk and last["is_whole_walk"]
    is_same = last["our_count"] - last["open_count_after"] == total.difference
    return bool(is_same and (last["is_known_difference"] or is_second))


def is_at_rest(row: dict[str, Any]) -> bool:
    """Whether a row of `control_total` was counted at rest."""
    return row["is_quiet"] and row["open_count_before"] == row["open_count_after"]


def earlier_totals(session: Session) -> list[dict[str, Any]]:
    """The rows of `control_total`, merged or not, oldest first."""
    merged = session.lake.dataset(KNOWN_TOTAL, session.repo).to_table().to_pylist()
    new = session.lake.bronze_dataset(CONTROL_TOTAL, session.repo, unmerged(session, CONTROL_TOTAL))
    return sorted([*merged, *new.to_table().to_pylist()], key=lambda row: row["fetched_at"])


def is_counted(session: Session, repository: CollectedRepository) -> bool:
    """Say whether a count settled what the newest walk that stored anything had come to.

    A run that died in between leaves an unchanged list behind, and a count that nothing was held against.
    The count that comes with the repository for nothing shows what no list does: issues imported with old
    dates, or gone.
    """
    rows = [row for row in session.manifest.rows() if row.status == "complete"]
    walks = [row for row in rows if row.stream == ISSUES.name and (row.batch_count or row.page_batch_count)]
    walked_at = max((row.finished_at for row in walks if row.finished_at), default=None)
    counted_ats = [row.as_of_at for row in rows if row.stream == CONTROL_TOTAL.name and row.as_of_at]
    is_settled = walked_at is None or any(counted_at >= walked_at for counted_at in counted_ats)
    return is_settled and (repository.is_unchanged or not has_moved(session, repository.open_count))


def has_moved(session: Session, open_count: int | None) -> bool:
    """Say whether the repository's own open count is neither ours nor as far off as it was last."""
    if open_count is None:
        return False
    difference = ours_of(session, has_pull_requests=True) - open_count
    known = [row["repository_difference"] for row in earlier_totals(session)[-1:]]
    return difference != 0 and difference not in known


def keep_control_total(session: Session, total: ControlTotal, repository: CollectedRepository) -> None:
    """Keep GitHub's counts with ours; the last ones of a run count. What departed is known by then."""
    stream = Stream(session, CONTROL_TOTAL)
    # Counts of a walk that the same run has repeated since are written over.
    stream.open("full", total.after.date, batch_count=0, record_count=0)
    open_count = total.after.count if total.after.has_pull_requests else repository.open_count
    difference = ours_of(session, has_pull_requests=True) - open_count if open_count is not None else None
    row = {
        "fetched_at": total.after.date,
        "has_pull_requests": total.after.has_pull_requests,
        "open_count_before": total.before.count,
        "open_count_after": total.after.count,
        "is_quiet": total.is_quiet,
        "our_count": total.our_count,
        "is_whole_walk": total.is_whole_walk,
        "is_known_difference": total.is_known_difference,
        "repository_difference": difference,
    }
    stream.keep(session.table(CONTROL_TOTAL, [row]), total.after.date, page_count=0)
    is_settled = total.is_at_rest and not total.is_contradicted
    stream.close("complete" if is_settled else "partial", error=contradiction(session, total))


def contradiction(session: Session, total: ControlTotal) -> str | None:
    """Say that GitHub, at rest, counts otherwise, for whoever is to run it again."""
    if not total.is_contradicted:
        return None
    what = "issues and pull requests" if total.after.has_pull_requests else "issues"
    return (
        f"{session.repo}: GitHub counts {total.after.count:,} open {what}, its lists hold "
        f"{total.our_count:,}, and walking them whole did not settle it; what is published may lack some"
    )


def leave_uncounted(session: Session, as_of_at: dt.datetime, error: Exception) -> None:
    """Write down that a limit kept the run from counting; the next one counts."""
    stream = Stream(session, CONTROL_TOTAL)
    stream.open("full", as_of_at)
    stream.close("partial", error=str(error))
