"""GitHub's own count of the open issues, to hold ours against.

With a token the exact count by GraphQL; without one the repository's `open_issues_count`, which counts open
issues and open pull requests together.
"""

import datetime as dt
from dataclasses import dataclass

from gitpulse_assets.collect.known import open_counts
from gitpulse_assets.collect.session import Session, Stream
from gitpulse_assets.contracts.bronze import CONTROL_TOTAL


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


def keep_control_total(session: Session, before: OpenCount, after: OpenCount, *, is_quiet: bool) -> None:
    """Keep both counts; `is_quiet` where nothing was updated at GitHub between them."""
    stream = Stream(session, CONTROL_TOTAL)
    stream.open("full", after.date)
    row = {
        "fetched_at": after.date,
        "has_pull_requests": after.has_pull_requests,
        "open_count_before": before.count,
        "open_count_after": after.count,
        "is_quiet": is_quiet,
    }
    stream.keep(session.table(CONTROL_TOTAL, [row]), after.date, page_count=0)
    stream.close("complete")


def is_contradicted(session: Session, before: OpenCount, after: OpenCount, *, is_quiet: bool) -> bool:
    """Say whether GitHub, at rest, counts other than we do: then something left that no list shows."""
    ours = open_counts(session)
    kind = "open_issue_and_pull_request_count" if after.has_pull_requests else "open_issue_count"
    return is_quiet and before.count == after.count and ours[kind] != after.count
