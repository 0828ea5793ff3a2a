"""GitHub's own count of the open issues, to hold ours against.

With a token the exact count by GraphQL; without one the repository's `open_issues_count`, which counts open
issues and open pull requests together.
"""

import datetime as dt
from dataclasses import dataclass

from gitpulse_assets.collect.known import open_counts
from gitpulse_assets.collect.session import Session, Stream
from gitpulse_assets.contracts.bronze import CONTROL_TOTAL, ISSUES
from gitpulse_assets.contracts.silver import CONTROL_TOTAL as KNOWN_TOTAL


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
    """GitHub's counts before and after a walk; `is_quiet` where nothing was updated between them."""

    before: OpenCount
    after: OpenCount
    is_quiet: bool

    @property
    def is_at_rest(self) -> bool:
        """Whether nothing moved between the counts, so that a difference to ours means something."""
        return self.is_quiet and self.before.count == self.after.count


def our_count(session: Session, total: ControlTotal) -> int:
    """Count what GitHub counted, by what is stored and not merged yet."""
    counts = open_counts(session)
    kind = "open_issue_and_pull_request_count" if total.after.has_pull_requests else "open_issue_count"
    return counts[kind]


def calls_for_full_walk(session: Session, total: ControlTotal) -> bool:
    """Say whether GitHub, at rest, counts other than we do: then something left that no list shows.

    A difference that the last count ended with is no reason: the full walk that it led to did not settle
    it, and would not settle it again (GitHub counts what it hides from its lists, for one).
    """
    difference = our_count(session, total) - total.after.count
    return total.is_at_rest and difference not in (0, known_difference(session, total))


def known_difference(session: Session, total: ControlTotal) -> int:
    """Return how far our count was from GitHub's when it was last taken in the same way and at rest.

    Only a count at rest has led to a full walk where it differed; a difference seen while something was
    updated explains nothing.
    """
    rows = session.lake.dataset(KNOWN_TOTAL, session.repo).to_table().to_pylist()
    alike = [row for row in rows if row["has_pull_requests"] == total.after.has_pull_requests]
    at_rest = [
        row for row in alike if row["is_quiet"] and row["open_count_before"] == row["open_count_after"]
    ]
    newest = max(at_rest, key=lambda row: row["fetched_at"], default=None)
    return newest["our_count"] - newest["open_count_after"] if newest else 0


def is_counted(session: Session) -> bool:
    """Say whether GitHub was counted after the newest walk that stored anything.

    A run that died in between leaves an unchanged list behind, and a count that nothing was held against.
    """
    rows = [row for row in session.manifest.rows() if row.status == "complete"]
    walks = [row for row in rows if row.stream == ISSUES.name and (row.batch_count or row.page_batch_count)]
    walked_at = max((row.finished_at for row in walks if row.finished_at), default=None)
    counted_ats = [row.as_of_at for row in rows if row.stream == CONTROL_TOTAL.name and row.as_of_at]
    return walked_at is None or any(counted_at >= walked_at for counted_at in counted_ats)


def keep_control_total(session: Session, total: ControlTotal) -> None:
    """Keep GitHub's counts with ours, at the end of a collection: what departed is known by then."""
    stream = Stream(session, CONTROL_TOTAL)
    stream.open("full", total.after.date)
    row = {
        "fetched_at": total.after.date,
        "has_pull_requests": total.after.has_pull_requests,
        "open_count_before": total.before.count,
        "open_count_after": total.after.count,
        "is_quiet": total.is_quiet,
        "our_count": our_count(session, total),
    }
    stream.keep(session.table(CONTROL_TOTAL, [row]), total.after.date, page_count=0)
    stream.close("complete")
