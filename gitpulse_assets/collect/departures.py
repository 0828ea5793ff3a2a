"""Where the issues went that a complete walk no longer met: deleted, transferred, converted.

Open pull requests too, since GitHub's count without a token has them in it. Only a full walk can tell that
something is missing; what is missing is then asked for one by one.
"""

from collections.abc import Sequence
from typing import Any

from gitpulse_assets.collect.full_walk import is_followed_up, newest_full_walk
from gitpulse_assets.collect.known import missing_issues
from gitpulse_assets.collect.session import Session, StreamRun
from gitpulse_assets.contracts.bronze import DEPARTURE
from gitpulse_assets.github.departures import Departure, MissingIssue
from gitpulse_assets.lake.manifest import ManifestRow

# One point of GraphQL answers for so many; what came is durable after each lot.
ISSUES_A_BATCH = 100
# What does not say that an issue left: it stays as it is, and is asked about again after the next full walk.
STAYING = ("present", "undecided")


def collect_departures(session: Session, repository_id: int) -> ManifestRow | None:
    """Ask about what the last full walk missed, unless a run has asked since."""
    walk = last_full_walk(session.manifest.rows())
    if not walk:
        return None
    stream = StreamRun(session, DEPARTURE)
    stream.prepare("full", walk[0].known_as_of)
    missing = [
        MissingIssue(row["issue_id"], row["issue_node_id"], row["issue_number"])
        for row in missing_issues(session, walk)
    ]
    try:
        ask_in_lots(session, stream, repository_id, missing)
    except BaseException as error:
        stream.interrupt(error)
        raise
    return stream.close("complete")


def last_full_walk(rows: Sequence[ManifestRow]) -> list[ManifestRow]:
    """Return the runs that made the newest complete full walk, or none where it was asked about already."""
    walk = newest_full_walk(rows)
    return [] if walk and is_followed_up(rows, walk[0], DEPARTURE.name) else walk


def ask_in_lots(session: Session, stream: StreamRun, repository_id: int, missing: list[MissingIssue]) -> None:
    """Ask about the missing issues a lot at a time; each lot is durable before the next is asked."""
    for start in range(0, len(missing), ISSUES_A_BATCH):
        lot = missing[start : start + ISSUES_A_BATCH]
        found = list(session.client.departures(session.repo, repository_id, lot))
        rows = [bronze_row(departure) for departure in found if departure.kind not in STAYING]
        stream.keep(session.table(DEPARTURE, rows), found[-1].date, page_count=1)


def bronze_row(departure: Departure) -> dict[str, Any]:
    """Return what GitHub says of a missing issue as a row of `bronze/departure`."""
    return {
        "fetched_at": departure.date,
        "issue_id": departure.issue.issue_id,
        "issue_number": departure.issue.issue_number,
        "kind": departure.kind,
        "departed_at": departure.departed_at,
        "departed_to": departure.departed_to,
        "evidence": departure.evidence,
        "payload_json": departure.payload.decode() or "null",
    }
