"""Which hours the feeds of repositories are proven to be whole in, and what that says of the hours' verdicts.

A feed is whole in an hour where one stretch without a gap begins before it and goes on until all that
happened in it has shown up.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

HOUR = timedelta(hours=1)
# GitHub shows an event so long after it happened.
SHOWN_WITHIN = timedelta(hours=6)
SOME_FEEDS = "some_feeds"

Row = dict[str, Any]
Stretches = Mapping[str, Sequence[tuple[datetime, datetime]]]


def feed_stretches(spans: Iterable[Row]) -> Stretches:
    """The stretches of each feed by its name, those of following days as one; of rows of `feed_span`."""
    found: dict[str, list[tuple[datetime, datetime]]] = defaultdict(list)
    for row in sorted(spans, key=lambda row: (row["repository_name"], row["span_begin_at"])):
        known, begin, end = found[row["repository_name"].lower()], row["span_begin_at"], row["span_end_at"]
        if known and row["gap_reason"] is None and begin <= known[-1][1]:
            known[-1] = (known[-1][0], max(end, known[-1][1]))
        else:
            known.append((begin, end))
    return found


def is_whole(stretches: Iterable[tuple[datetime, datetime]], hour_at: datetime) -> bool:
    """Whether every event of an hour was received from a feed."""
    return any(begin <= hour_at and hour_at + HOUR + SHOWN_WITHIN <= end for begin, end in stretches)


def with_feeds(
    verdicts: Iterable[Row], feeds: Stretches, repository: str | None, *, has_archives: bool
) -> list[dict[str, Any]]:
    """Rows of `event_hour_verdict` as they are where feeds count, too.

    Of one repository its own feed does; of all, where there is no archive, those of all that are followed.
    """
    counting = relevant(feeds, repository, has_archives=has_archives)
    rows = [dict(row) for row in verdicts]
    shares = {at: share_whole(counting, at) for at in {row["event_hour_at"] for row in rows}}
    for row in rows:
        share = shares[row["event_hour_at"]]
        if share == 1:
            row |= {"verdict": "whole", "reason": None}
        elif share and row["verdict"] == "missing":
            row |= {"verdict": "thin", "reason": SOME_FEEDS}
    return rows


def relevant(
    feeds: Stretches, repository: str | None, *, has_archives: bool
) -> Collection[Sequence[tuple[datetime, datetime]]]:
    """The feeds that an answer can be whole by."""
    if repository is not None:
        return [feeds[repository]] if repository in feeds else []
    return [] if has_archives else list(feeds.values())


def share_whole(feeds: Collection[Sequence[tuple[datetime, datetime]]], hour_at: datetime) -> float:
    """Which part of the feeds is whole in an hour, 0 without any."""
    return sum(is_whole(one, hour_at) for one in feeds) / len(feeds) if feeds else 0
