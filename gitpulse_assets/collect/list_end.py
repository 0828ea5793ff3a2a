"""Whether a walk of a list came to the list's end: what a whole list is proven by.

An answer that lost its `Link` looks like the last page. The newest record of the list, in the order of the
walk, stands on the last page by right: a walk that has met it has been there. What pages look like is
`github/pages.py`'s affair, and whether GitHub counts as we do `control.py`'s.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gitpulse_assets.collect.known import has_met, is_as_new
from gitpulse_assets.collect.session import Session
from gitpulse_assets.contracts.sources import PER_PAGE
from gitpulse_assets.contracts.stream import Stream
from gitpulse_assets.github.client import NewestRecord
from gitpulse_assets.github.errors import GitHubError
from gitpulse_assets.lake.manifest import ManifestRow

# Replicas lag by seconds, so the end is looked for again before a list counts as cut short.
LOOKS = 3
# The records that a run has met, and when each was updated last.
Met = Mapping[int, dt.datetime | None]


class ListCut(GitHubError):
    """The list ended before its newest record, again and again: the walk is not whole."""


@dataclass(frozen=True)
class ListEnd:
    """What the end of one walk is proven by; `since`: where an incremental walk began, None of a full one."""

    session: Session
    stream: Stream
    since: dt.datetime | None
    as_of_at: dt.datetime

    def newest(self) -> NewestRecord | None:
        """What stands last in the list now (1 request)."""
        return next(iter(self._newest(1)), None)

    def is_met(self, newest: NewestRecord | None, met: Met, walk: Sequence[ManifestRow]) -> bool:
        """Say whether the walk came by the newest record; one from before its beginning is none of it.

        In a list by update it stands at the end in its newest state: met in an older one, it was not there.
        """
        if newest is None or (self.since and newest.at < self.since):
            return True
        updated_at = newest.at if self.since else None
        if newest.record_id in met and is_as_new(met[newest.record_id], updated_at):
            return True
        return has_met(self.session, self.stream, walk, newest.record_id, updated_at)

    def lacks_only_new(self, met: Met, walk: Sequence[ManifestRow]) -> bool:
        """Say whether the next walk will fetch all that this one may lack (1 request).

        It overlaps with this one, so what stands last of all older records must have been met.
        """
        records = self._newest(PER_PAGE)
        overlap_began_at = self.as_of_at - self.session.overlap
        old = [record for record in records if record.at < overlap_began_at]
        return self.is_met(next(iter(old or records[-1:]), None), met, walk)

    def _newest(self, count: int) -> list[NewestRecord]:
        client, is_changed = self.session.client, self.since is not None
        return client.newest_records(self.session.repo, self.stream.listing, count, is_changed=is_changed)

    def refusal(self, newest: NewestRecord | None, record_count: int) -> ListCut:
        """Say that the list is not whole."""
        name = newest and (newest.number or newest.record_id)
        missing = f", but not #{name}, its newest" if name else ""
        ended = f"GitHub's {self.stream.noun} ended after {record_count:,} records of this run"
        return ListCut(
            f"{self.session.repo}: {ended}"
            f"{missing}; nothing is published from a list cut short, and the next run goes on at its end"
        )
