"""Whether two polls of one feed prove that no event was missed between them.

A feed is served in the order of event ids, its newest 300 rows, and ids come in two families that do not mix:
those of code lie far above all others. New events of a family have greater ids than every one before. So what
came reaches back to the last poll, as far as a family is concerned, when it holds an event of that family
that was known; that another family's overlaps proves nothing, as its events alone may fill the rows.

An event may show up after others with greater ids. So it is not the newest that have to be met again, but
those that were there when nothing was still to come before them: 5 minutes before the last poll. What shows
up later than that in a feed that is full is beyond this proof.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Literal

import msgspec

Family = Literal["code", "other"]
FAMILIES: tuple[Family, ...] = ("code", "other")
CODE_TYPES = frozenset({"PushEvent", "CreateEvent", "DeleteEvent"})

# Of each family so many are known again: one may be taken down between two polls.
KEPT = 5
LATE = timedelta(minutes=5)
# GitHub serves no older events; what is nearly so old may go between two polls.
SERVED_FOR = timedelta(days=30)
GOES_SOON = timedelta(days=1)


class Key(msgspec.Struct, frozen=True):
    """What tells an event from all others."""

    event_id: int
    event_type: str
    created_at: datetime

    @property
    def family(self) -> Family:
        """The family of its id."""
        return "code" if self.event_type in CODE_TYPES else "other"


def anchors(keys: Iterable[Key], polled_at: datetime) -> tuple[Key, ...]:
    """The events by which the next poll is seen to reach back far enough; some of each family that is there.

    `keys`: what is known at a poll.
    """
    found = sorted(set(keys), key=lambda key: -key.event_id)
    return tuple(
        key
        for family in FAMILIES
        for key in _settled([one for one in found if one.family == family], polled_at)
    )


def _settled(keys: Sequence[Key], polled_at: datetime) -> Sequence[Key]:
    """The newest of a family behind all that came of late; where there is none, the oldest."""
    recent = [key.event_id for key in keys if key.created_at > polled_at - LATE]
    older = [key for key in keys if not recent or key.event_id < min(recent)]
    return older[:KEPT] or keys[-KEPT:]


def missed(known: Sequence[Key], keys: Sequence[Key], *, is_cut: bool, now: datetime) -> tuple[Family, ...]:
    """The families of which an event may have been missed between the last poll and this one.

    `known`: the `anchors` of the last poll; `keys`: what came now, in the feed's order; `is_cut`: more
    may lie behind them. `now`: the time of this poll (UTC).
    """
    if is_cut and not is_by_id(keys):
        return FAMILIES
    found = set(keys)
    return tuple(
        family
        for family in FAMILIES
        if not _reaches(family, [key for key in known if key.family == family], found, is_cut, now)
    )


def is_by_id(keys: Sequence[Key]) -> bool:
    """Whether the events came in the order of their ids; a row may come twice where two pages meet."""
    ids = [key.event_id for key in dict.fromkeys(keys)]
    return all(one >= other for one, other in pairwise(ids))


def _reaches(family: Family, known: Sequence[Key], found: set[Key], is_cut: bool, now: datetime) -> bool:
    if not found.isdisjoint(known):
        return True
    if not known:
        # A first event of code would stand before all others, a first other one behind all of code.
        return not is_cut or (family == "code" and any(key.family == "other" for key in found))
    lowest_id = min((key.event_id for key in found), default=0) if is_cut else 0
    is_gone_by_age = all(key.created_at < now - SERVED_FOR + GOES_SOON for key in known)
    return is_gone_by_age and max(key.event_id for key in known) >= lowest_id
