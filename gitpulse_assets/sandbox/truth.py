"""What really happened to a generated backlog, written down by the acts themselves as they act.

Never derived from what is served. `known_by` says what of it a reader who walked at given moments can know:
nothing tells when an issue was deleted, so its day is the day a full walk missed it.
"""

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from itertools import pairwise

from gitpulse_assets.sandbox.times import utc_date

ENTER_KINDS = ("opened", "reopened", "transferred_in", "returned")
LEAVE_KINDS = ("closed", "converted", "transferred_out", "deleted")
DEPARTURE_KINDS = ("transferred_out", "deleted")


@dataclass(frozen=True, slots=True)
class Transition:
    """An issue entered (`delta` +1) or left (-1) the open backlog at Unix second `at`."""

    at: int
    issue_id: int
    issue_number: int
    kind: str
    delta: int
    actor_login: str | None = None
    is_bulk: bool = False


@dataclass(slots=True)
class Presence:
    """One stay of an issue in the repository; `is_dated` False when no one can tell when it ended.

    After a transfer `there` are the issue's stays in the repository it went to.
    """

    start: int
    end: int | None = None
    end_kind: str | None = None
    is_dated: bool = True
    there: "list[Presence] | None" = None


@dataclass(frozen=True)
class Walk:
    """A reader's complete walk at Unix second `at`: of every record, or of what changed since the last."""

    at: int
    is_full: bool = True


@dataclass
class Day:
    """A UTC day's flows by kind and the stock at the next midnight."""

    date: date
    flows: Counter[str]
    open_at_end: int

    @property
    def net_change(self) -> int:
        """What entered minus what left."""
        return sum(self.flows[kind] for kind in ENTER_KINDS) - sum(self.flows[kind] for kind in LEAVE_KINDS)


@dataclass
class Truth:
    """The transitions in order of action, the open intervals and the stays of each issue."""

    transitions: list[Transition] = field(default_factory=list)
    open_intervals: dict[int, list[list[int | None]]] = field(default_factory=dict)
    presences: dict[int, list[Presence]] = field(default_factory=dict)
    open_count: int = 0

    def arrive(self, issue_id: int, at: int) -> None:
        """Note that an issue can be read in the repository from now on."""
        self.presences.setdefault(issue_id, []).append(Presence(at))

    def depart(self, issue_id: int, at: int, kind: str, *, is_dated: bool) -> None:
        """Note that an issue can no longer be read in the repository."""
        stay = self.presences[issue_id][-1]
        stay.end, stay.end_kind, stay.is_dated = at, kind, is_dated

    def follow(self, issue_id: int, there: list[Presence]) -> None:
        """Note where a transferred issue can be read from now on."""
        self.presences[issue_id][-1].there = there

    def enter(self, transition: Transition) -> None:
        """Note that an issue entered the open backlog."""
        self.transitions.append(transition)
        self.open_intervals.setdefault(transition.issue_id, []).append([transition.at, None])
        self.open_count += 1

    def leave(self, transition: Transition) -> None:
        """Note that an issue left the open backlog."""
        self.transitions.append(transition)
        self.open_intervals[transition.issue_id][-1][1] = transition.at
        self.open_count -= 1

    def daily(self, until: int) -> list[Day]:
        """The dense days from the first transition's to the one that holds `until` (Unix seconds)."""
        return daily(self.transitions, until)

    def known_by(self, walks: list[Walk]) -> list[Transition]:
        """What a reader of these walks (in time order) can know by the last of them, in time order.

        An issue never met is unknown. A departure without a date, and the return after it, take effect at the
        walk that noticed them, and what happened between the last sight and such a departure stays unknown
        unless the issue returns. The date of a transfer is read where the issue went: it has none for a walk
        that finds the issue gone from there too.
        """
        by_issue: dict[int, list[Transition]] = {}
        for transition in self.transitions:
            by_issue.setdefault(transition.issue_id, []).append(transition)
        known = [
            transition
            for issue_id, transitions in by_issue.items()
            for transition in _known_of_issue(transitions, self.presences[issue_id], walks)
        ]
        return sorted(known, key=lambda transition: transition.at)


def daily(transitions: list[Transition], until: int) -> list[Day]:
    """Count transitions into dense UTC days, from the first one's day to the day that holds `until`."""
    flows: dict[date, Counter[str]] = {}
    for transition in transitions:
        if transition.at <= until:
            flows.setdefault(utc_date(transition.at), Counter())[transition.kind] += 1
    days: list[Day] = []
    day, stock = min(flows, default=utc_date(until)), 0
    while day <= utc_date(until):
        today = Day(day, flows.get(day, Counter()), 0)
        stock += today.net_change
        today.open_at_end = stock
        days.append(today)
        day += timedelta(days=1)
    return days


def _known_of_issue(
    transitions: list[Transition], presences: list[Presence], walks: list[Walk]
) -> list[Transition]:
    sights = [walk.at for walk in walks if any(_is_present(stay, walk.at) for stay in presences)]
    if not sights:
        return []
    # Who has not met an issue yet cannot miss it.
    later = [walk for walk in walks if walk.at >= sights[0]]
    noticed = [_noticed_at(stay, after, later) for stay, after in pairwise([*presences, None])]
    dated_ends = [
        at for stay, at in zip(presences, noticed, strict=True) if at is not None and at == stay.end
    ]
    horizon = max([sights[-1], *dated_ends])
    changes = [
        (change.at, change.kind, "opens" if change.delta > 0 else "closes", change)
        for change in transitions
        if change.kind not in DEPARTURE_KINDS and change.kind != "returned" and change.at <= horizon
    ]
    return _replayed(changes + _comings_and_goings(transitions[0], presences, noticed, walks))


def _is_present(stay: Presence, at: int) -> bool:
    return stay.start <= at and (stay.end is None or at < stay.end)


def _noticed_at(stay: Presence | None, after: Presence | None, walks: list[Walk]) -> int | None:
    """When a departure takes effect for the reader: its date where one can be had, else the walk's time."""
    if stay is None or stay.end is None:
        return None
    for walk in walks:
        if walk.is_full and walk.at >= stay.end and (after is None or walk.at < after.start):
            return stay.end if has_date(stay, walk.at) else walk.at
    return None


def has_date(stay: Presence, at: int) -> bool:
    """Whether a reader who asks at Unix second `at` can learn when the stay ended."""
    return stay.is_dated and (stay.there is None or _is_readable(stay.there, at))


def _is_readable(stays: list[Presence], at: int) -> bool:
    """Whether an issue with these stays can be read then, here or where it was transferred to since."""
    last = stays[-1]
    moved_on = last.there is not None and last.end is not None and last.end <= at
    return any(_is_present(stay, at) for stay in stays) or (moved_on and _is_readable(last.there or [], at))


Change = tuple[int, str, str, Transition]


def _comings_and_goings(
    sample: Transition, presences: list[Presence], noticed: list[int | None], walks: list[Walk]
) -> list[Change]:
    changes: list[Change] = []
    template = replace(sample, actor_login=None, is_bulk=False)
    for (stay, after), left_at in zip(pairwise([*presences, None]), noticed, strict=True):
        if stay is None or left_at is None:
            continue
        changes.append((left_at, str(stay.end_kind), "departs", template))
        # A stay between two walks leaves no trace.
        back_at = next((walk.at for walk in walks if after and _is_present(after, walk.at)), None)
        if back_at is not None:
            changes.append((back_at, "returned", "returns", template))
    return changes


def _replayed(changes: list[Change]) -> list[Transition]:
    known: list[Transition] = []
    is_open, is_here = False, True
    for at, kind, change, transition in sorted(changes, key=lambda change: change[0]):
        counted = is_open and is_here
        is_open = {"opens": True, "closes": False}.get(change, is_open)
        is_here = {"departs": False, "returns": True}.get(change, is_here)
        if (is_open and is_here) != counted:
            known.append(replace(transition, at=at, kind=kind, delta=-1 if counted else 1))
    return known
