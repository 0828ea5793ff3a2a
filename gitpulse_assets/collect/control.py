"""GitHub's own count of the open issues, to hold ours against.

With a token the exact count by GraphQL; without one the repository's `open_issues_count`, which counts open
issues and open pull requests together. A count tells something only when it was taken at rest; one that was
not is taken again by the next run.
"""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from operator import sub
from typing import Any

from gitpulse_assets.chosen import CONTRIBUTORS, chosen_subjects
from gitpulse_assets.collect.full_walk import newest_full_walk, walk_of
from gitpulse_assets.collect.known import met_count, open_counts, unmerged
from gitpulse_assets.collect.repository import CollectedRepository
from gitpulse_assets.collect.session import Session, StreamRun
from gitpulse_assets.contracts.bronze import CONTROL_TOTAL, ISSUES
from gitpulse_assets.contracts.silver import CONTROL_TOTAL as KNOWN_TOTAL
from gitpulse_assets.github.client import PullRequestCounts
from gitpulse_assets.lake.manifest import ManifestRow

# What is hidden may become more from one walk to the next; what is lost by an accident is more than that.
GROWTH_MAX = 2
# By how much ours are off, in all that is compared; what is empty is not known.
Known = int | tuple[int, ...]


@dataclass(frozen=True)
class OpenCount:
    """GitHub's counts at a moment; `has_pull_requests` where that of the open ones holds them too.

    `issue_count`: issues, open and closed; None without a token. `pull_requests`: theirs, where they are
    collected.
    """

    count: int
    has_pull_requests: bool
    date: dt.datetime
    issue_count: int | None = None
    pull_requests: PullRequestCounts | None = None


def github_count(session: Session) -> OpenCount:
    """Ask GitHub how many issues there are, and are open: 1 point with a token, else 1 request."""
    if session.client.has_token(session.repo):
        with_pull_requests = CONTRIBUTORS in chosen_subjects()
        counted = session.client.issue_counts(session.repo, with_pull_requests=with_pull_requests)
        return OpenCount(
            counted.open_issue_count, False, counted.date, counted.issue_count, counted.pull_requests
        )
    answer = session.client.repository(session.repo)
    return OpenCount(answer.open_issues_count or 0, True, answer.date)


@dataclass(frozen=True)
class ControlTotal:
    """GitHub's counts before and after a walk, and ours after it.

    `is_quiet` where nothing was updated between them, `is_whole_walk` where the walk was a full one that came
    to the list's end. `lacked_count`: records by which pages of the list were short; `is_usual_walk` where
    those of this walk lacked no more than is usual. `missing_count`: issues that GitHub counts and its lists
    lack, 0 where `difference` tells as much; `lacked_count` where no count tells. Differences and what is
    missing are known where two such walks ended so. `our_pull_requests`: our open ones and our others.
    """

    before: OpenCount
    after: OpenCount
    is_quiet: bool
    our_count: int
    is_whole_walk: bool
    lacked_count: int = 0
    is_usual_walk: bool = True
    missing_count: int = 0
    is_known_difference: bool = False
    is_known_missing: bool = False
    our_pull_requests: tuple[int, ...] = ()
    is_known_pull_request_difference: bool = False

    @property
    def is_steady(self) -> bool:
        """Whether nothing moved between the counts, so that a difference to ours means something."""
        return self.is_quiet and self.before.count == self.after.count

    @property
    def is_steady_of_all(self) -> bool:
        """Whether the closed ones did not move either."""
        return self.is_steady and self.before.issue_count == self.after.issue_count

    @property
    def difference(self) -> int:
        """How far our count is from GitHub's."""
        return self.our_count - self.after.count

    @property
    def pull_request_difference(self) -> tuple[int, ...]:
        """How far ours are from GitHub's, the open and the others; empty where theirs moved or are untold."""
        counts = self.after.pull_requests
        if counts is None or not self.is_quiet or counts != self.before.pull_requests:
            return ()
        theirs = (counts.open_count, counts.merged_count + counts.closed_count)
        return tuple(map(sub, self.our_pull_requests, theirs))

    @property
    def is_difference_new(self) -> bool:
        """Whether GitHub, at rest, counts other open ones than we do, and not as it is known to."""
        return self.is_steady and self.difference != 0 and not self.is_known_difference

    @property
    def is_missing_new(self) -> bool:
        """Whether its lists lack what they are not known to."""
        return self.missing_count != 0 and not self.is_known_missing

    @property
    def is_contradicted(self) -> bool:
        """Whether what was walked cannot be called whole, and not as it never can."""
        return self.is_difference_new or self.is_missing_new


def ours_of(session: Session, *, has_pull_requests: bool) -> int:
    """Count what GitHub counted, by what is stored and not merged yet."""
    return open_counts(session)[counted_kind(has_pull_requests=has_pull_requests)]


def counted_kind(*, has_pull_requests: bool) -> str:
    """Which of our counts is what GitHub counted."""
    return "open_issue_and_pull_request_count" if has_pull_requests else "open_issue_count"


def held(
    session: Session, before: OpenCount, after: OpenCount, walk: ManifestRow, *, is_quiet: bool
) -> ControlTotal:
    """Hold what we have, after a walk, against GitHub's two counts."""
    counts = open_counts(session)
    ours = counts[counted_kind(has_pull_requests=after.has_pull_requests)]
    lacked = lacked_since_full_walk(session.manifest.rows())
    is_usual = is_usual_walk(session.manifest.rows(), walk)
    total = ControlTotal(before, after, is_quiet, ours, walk.walk_kind == "full", lacked, is_usual)
    earlier = earlier_totals(session)
    of_pull_requests = (counts["open_pull_request_count"], counts["closed_pull_request_count"])
    missing = missing_count(session, total, earlier)
    total = replace(total, missing_count=missing, our_pull_requests=of_pull_requests)
    # A cache gives the same page twice in a minute, so that another run has to come by it.
    others = [row for row in earlier if row["run_id"] != session.run_id]
    return replace(
        total,
        is_known_difference=is_known_difference(total, others if lacked else earlier),
        is_known_missing=is_known_missing(total, others),
        is_known_pull_request_difference=is_known_pull_request_difference(total, earlier),
    )


def lacked_since_full_walk(rows: Sequence[ManifestRow]) -> int:
    """By how many records pages were short, of the newest full walk and of those after it."""
    full = newest_full_walk(rows)
    began = full[0].sequence if full else 0
    later = [row for row in rows if row.stream == ISSUES.name and row.sequence > began]
    return sum(row.lacked_count or 0 for row in (*full, *later) if row.status != "folded")


def is_usual_walk(rows: Sequence[ManifestRow], walk: ManifestRow) -> bool:
    """Say whether the pages of a walk lack at most twice as many records as those of the newest full one."""
    full = sum(row.lacked_count or 0 for row in newest_full_walk(rows))
    return sum(row.lacked_count or 0 for row in walk_of(rows, walk)) <= GROWTH_MAX * full


def missing_count(session: Session, total: ControlTotal, earlier: Sequence[dict[str, Any]]) -> int:
    """How many issues the lists lack; below 0 where GitHub counts fewer than they hold.

    GitHub's count of all tells it exactly, at rest and after a full walk: a page may be short of pull
    requests only. Until it does again, what it last told holds, and of what pages lack since nobody knows
    what it is.
    """
    counted = total.after.issue_count
    if counted is not None and total.is_whole_walk and total.is_steady_of_all:
        missing = counted - met_count(session, newest_full_walk(session.manifest.rows()))
        return 0 if missing == -total.difference else missing
    last = alike(total, earlier)[-1:]
    further = total.lacked_count - sum(row["lacked_count"] or 0 for row in last)
    return sum(row["missing_count"] or 0 for row in last) + further if further >= 0 else total.lacked_count


def is_known_difference(total: ControlTotal, earlier: Sequence[dict[str, Any]]) -> bool:
    """Say whether the difference is GitHub's for good: a second whole walk ended with the same.

    GitHub counts what it hides from its lists, for one. A walk that is not whole, or a count not taken at
    rest, proves nothing. `earlier` are rows of `control_total`, oldest first.
    """
    if not total.is_steady or not total.difference:
        return False
    steady = [row for row in alike(total, earlier) if is_steady(row)]
    return is_for_good(total, total.difference, steady, our_count_off, "is_known_difference")


def is_for_good(
    total: ControlTotal,
    difference: Known,
    steady: Sequence[dict[str, Any]],
    off: Callable[[dict[str, Any]], Known],
    known: str,
) -> bool:
    """Say whether the newest of the rows ended with the same: known, or after a full walk as this one is."""
    same = [row for row in steady[-1:] if off(row) == difference]
    return any(row[known] or is_second_whole(total, row) for row in same)


def our_count_off(row: dict[str, Any]) -> int:
    """How far our count was from GitHub's."""
    return row["our_count"] - row["open_count_after"]


def is_known_pull_request_difference(total: ControlTotal, earlier: Sequence[dict[str, Any]]) -> bool:
    """Say of pull requests what `is_known_difference` says of open issues."""
    difference = total.pull_request_difference
    if not any(difference):
        return False
    steady = [
        row for row in earlier if row["is_quiet"] and row.get("our_open_pull_request_count") is not None
    ]
    known = "is_known_pull_request_difference"
    return is_for_good(total, difference, steady, pull_requests_off, known)


def pull_requests_off(row: dict[str, Any]) -> Known:
    """How far our pull requests were from GitHub's, the open and the others."""
    ended = row["merged_pull_request_count"] + row["closed_pull_request_count"]
    return (
        row["our_open_pull_request_count"] - row["open_pull_request_count"],
        row["our_closed_pull_request_count"] - ended,
    )


def is_known_missing(total: ControlTotal, earlier: Sequence[dict[str, Any]]) -> bool:
    """Say whether what the lists lack is hidden for good: walks of two runs lacked it, or half of it.

    A person whom GitHub hides goes on writing. Where it is known that pages are short, further ones of
    changes, no shorter than those are, are told and left to the next full walk.
    """
    last = alike(total, earlier)[-1:] if total.missing_count else []
    if total.is_whole_walk:
        return any(has_lacked(total, row) for row in last)
    return total.is_usual_walk and any(row["is_known_missing"] or is_explained(row) for row in last)


def is_explained(row: dict[str, Any]) -> bool:
    """Say whether pages were short, and yet nothing is missing: of pull requests, by GitHub's count."""
    return bool(row["lacked_count"]) and row["missing_count"] == 0


def has_lacked(total: ControlTotal, row: dict[str, Any]) -> bool:
    """Say whether a full walk lacks what a row knew, or another full walk lacked, and at most twice that."""
    lacked = row["lacked_count"] if is_explained(row) else row["missing_count"] or 0
    is_seen = bool(row["is_known_missing"] or row["is_whole_walk"] or is_explained(row))
    return is_seen and (0 < total.missing_count <= GROWTH_MAX * lacked or total.missing_count == lacked)


def is_second_whole(total: ControlTotal, row: dict[str, Any]) -> bool:
    """Say whether this walk and that of the row were full ones that came to the list's end."""
    return bool(total.is_whole_walk and row["is_whole_walk"])


def alike(total: ControlTotal, earlier: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows of `control_total` that counted as this one does, with pull requests or without."""
    return [row for row in earlier if row["has_pull_requests"] == total.after.has_pull_requests]


def is_steady(row: dict[str, Any]) -> bool:
    """Whether nothing moved between the counts of a row of `control_total`."""
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
    stream = StreamRun(session, CONTROL_TOTAL)
    # Counts of a walk that the same run has repeated since are written over.
    stream.prepare("full", total.after.date, batch_count=0, record_count=0)
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
        "issue_count_after": total.after.issue_count,
        "lacked_count": total.lacked_count,
        "missing_count": total.missing_count,
        "is_known_missing": total.is_known_missing,
        **pull_request_columns(total),
    }
    status = "complete" if total.is_steady and not total.is_contradicted else "partial"
    told = {"status": status, "error": contradiction(session, total)}
    stream.end(session.table(CONTROL_TOTAL, [row]), total.after.date, page_count=0, **told)


def pull_request_columns(total: ControlTotal) -> dict[str, int | bool]:
    """The columns of a row that tell of pull requests, where they did not move between the two counts."""
    counts = total.after.pull_requests
    if counts is None or counts != total.before.pull_requests:
        return {}
    return {
        "open_pull_request_count": counts.open_count,
        "merged_pull_request_count": counts.merged_count,
        "closed_pull_request_count": counts.closed_count,
        "our_open_pull_request_count": total.our_pull_requests[0],
        "our_closed_pull_request_count": total.our_pull_requests[1],
        "is_known_pull_request_difference": total.is_known_pull_request_difference,
    }


def contradiction(session: Session, total: ControlTotal) -> str | None:
    """Say what GitHub counts otherwise, or left out of its lists, for whoever is to run it again."""
    what = "issues and pull requests" if total.after.has_pull_requests else "issues"
    words = []
    if total.is_difference_new:
        words.append(f"GitHub counts {total.after.count:,} open {what}, its lists hold {total.our_count:,}")
    if total.is_missing_new:
        words.append(missing_words(total))
    if not words:
        return None
    return (
        f"{session.repo}: {', and '.join(words)}, and walking them whole did not settle it; what is "
        "published may lack some"
    )


def missing_words(total: ControlTotal) -> str:
    """Say how many issues the lists lack, or by how many records they were short."""
    count = total.missing_count
    if count > 0 and total.lacked_count:
        return f"pages of its lists were {count:,} {'record' if count == 1 else 'records'} short"
    of_all = f"of {total.after.issue_count:,} open and closed ones " if total.after.issue_count else ""
    return f"{of_all}its lists {'lack' if count > 0 else 'hold more than it counts by'} {abs(count):,}"


def leave_uncounted(session: Session, as_of_at: dt.datetime, error: Exception) -> None:
    """Write down that a limit kept the run from counting; the next one counts."""
    stream = StreamRun(session, CONTROL_TOTAL)
    stream.open("full", as_of_at)
    stream.close("partial", error=str(error))
