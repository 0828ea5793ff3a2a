"""Who was a member on which days, by the lists that looks found, and which lists are believed.

Pure: how a list is asked for and where this is kept is decided in looking.py.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Literal

Doubt = Literal["empty", "fewer", "another_token", "another_right"]

# From so many people on, a list that loses more than half of them at once is doubted.
FEW = 10
SECOND_LOOK_AFTER = timedelta(hours=1)


@dataclass(frozen=True)
class NamedMember:
    """Who a member is, by GitHub's words of the moment."""

    login: str
    type: str | None = None


@dataclass(frozen=True)
class Listed:
    """A list of members as one look found it: who stands in it by user id.

    `token`: who asked, `role`: as what in the organisation; without one only public members are shown.
    """

    looked_at: datetime
    people: Mapping[int, NamedMember]
    token: str
    role: str | None


@dataclass(frozen=True)
class MemberSpan:
    """A stretch of UTC days that somebody was a member: `from_date` <= day < `to_date`, null where open."""

    user_id: int
    span_number: int
    user_login: str
    user_type: str | None
    from_date: date | None
    to_date: date | None = None


@dataclass(frozen=True)
class Look:
    """What a look came to; `aside_user_ids`: its list, while it is kept aside."""

    looked_at: datetime
    member_count: int
    is_taken: bool
    doubt: Doubt | None
    joined_count: int
    left_count: int
    token: str
    role: str | None
    aside_user_ids: tuple[int, ...] | None = None

    @property
    def is_public_only(self) -> bool:
        """Whether its list holds those members only who show that they are."""
        return self.role is None


@dataclass(frozen=True)
class Roll:
    """All that is known of an organisation's members, its looks in the order they were made."""

    spans: tuple[MemberSpan, ...] = ()
    looks: tuple[Look, ...] = ()

    @property
    def taken(self) -> Look | None:
        """The newest look that was taken."""
        return next((look for look in reversed(self.looks) if look.is_taken), None)

    @property
    def first_look_at(self) -> datetime | None:
        """When the list was first read whole, and believed."""
        return next((look.looked_at for look in self.looks if look.is_taken), None)

    @property
    def aside(self) -> Look | None:
        """The look whose list is kept aside."""
        return next((look for look in reversed(self.looks) if look.aside_user_ids is not None), None)

    @property
    def member_ids(self) -> frozenset[int]:
        """Who is a member by now."""
        return frozenset(span.user_id for span in self.spans if span.to_date is None)

    def bearers(self, login: str) -> Iterator[tuple[datetime, int]]:
        """When a list that was taken last showed somebody under a login, in any case, and their user id."""
        for span in self.spans:
            if span.user_login.lower() == login.lower():
                end = span.to_date or date.max
                shown = [
                    look.looked_at for look in self.looks if look.is_taken and look.looked_at.date() < end
                ]
                yield from ((at, span.user_id) for at in shown[-1:])

    def is_due(self, now: datetime) -> bool:
        """Whether to look: once a UTC day, and an hour after a list was put aside."""
        if not self.looks:
            return True
        newest = self.looks[-1]
        if newest.is_taken:
            return now.date() > newest.looked_at.date()
        return now - newest.looked_at >= SECOND_LOOK_AFTER

    def after(self, found: Listed) -> "Roll":
        """The roll once a look has found a list: it is taken, or kept aside."""
        taken, aside = self.taken, self.aside
        doubt = doubted(found, taken, self.member_ids)
        joined, left = self._moves(found)
        look = Look(found.looked_at, len(found.people), True, doubt, joined, left, found.token, found.role)
        if doubt is None:
            return Roll(applied(self, found), (*without_aside(self.looks), look))
        agreed = aside is not None and agree(aside, found)
        if agreed and aside and found.looked_at - aside.looked_at >= SECOND_LOOK_AFTER:
            return self._agreed(aside, found, look)
        look = replace(look, is_taken=False)
        if agreed:
            return replace(self, looks=(*self.looks, look))
        kept = replace(look, aside_user_ids=tuple(sorted(found.people)))
        return replace(self, looks=(*without_aside(self.looks), kept))

    def _moves(self, found: Listed) -> tuple[int, int]:
        known = self.member_ids
        return len(found.people.keys() - known), len(known - found.people.keys())

    def _agreed(self, aside: Look, found: Listed, look: Look) -> "Roll":
        """Both lists, each as of its own day."""
        known = {span.user_id: NamedMember(span.user_login, span.user_type) for span in self.spans}
        known.update(found.people)
        # Who stood in the first of both alone and was never seen else came and went between two looks.
        ids = [user_id for user_id in aside.aside_user_ids or () if user_id in known]
        first = Listed(aside.looked_at, {user_id: known[user_id] for user_id in ids}, aside.token, aside.role)
        looks = tuple(
            replace(one, is_taken=True, aside_user_ids=None) if one is aside else one for one in self.looks
        )
        before = Roll(applied(self, first), looks)
        return Roll(applied(before, found), (*looks, look))


def doubted(found: Listed, before: Look | None, known: frozenset[int]) -> Doubt | None:
    """Why a list is not believed at once after an earlier one, whose members are `known`."""
    if not found.people and (before is None or before.member_count):
        return "empty"
    if before is None:
        return None
    if len(known) >= FEW and 2 * len(known - found.people.keys()) > len(known):
        return "fewer"
    if found.token != before.token:
        return "another_token"
    return "another_right" if found.role != before.role else None


def agree(aside: Look, found: Listed) -> bool:
    """Whether a list says what the one kept aside does: the same right, and half of the longer one in both.

    Not the same token: an Actions job has another in each run.
    """
    ids = frozenset(aside.aside_user_ids or ())
    is_alike = 2 * len(ids & found.people.keys()) >= max(len(ids), len(found.people))
    return is_alike and aside.role == found.role


def without_aside(looks: Iterable[Look]) -> tuple[Look, ...]:
    """The looks once no list is kept aside any more."""
    return tuple(replace(look, aside_user_ids=None) for look in looks)


def applied(roll: Roll, found: Listed) -> tuple[MemberSpan, ...]:
    """The stretches once a list is believed, as of its UTC day."""
    day = found.looked_at.date()
    spans = [seen(span, found, day) for span in roll.spans]
    # Who came and went on one day was a member on no whole one.
    kept = [span for span in spans if span.to_date is None or span.from_date != span.to_date]
    begun = day if roll.taken else None
    newcomers = found.people.keys() - {span.user_id for span in kept if span.to_date is None}
    kept += [newcomer(user_id, found.people[user_id], begun, kept) for user_id in newcomers]
    return tuple(sorted(kept, key=lambda span: (span.user_id, span.span_number)))


def seen(span: MemberSpan, found: Listed, day: date) -> MemberSpan:
    """A stretch as a list leaves it: ended where its person is gone, else under their present login."""
    person = found.people.get(span.user_id)
    if person is not None:
        return replace(span, user_login=person.login, user_type=person.type)
    return span if span.to_date else replace(span, to_date=day)


def newcomer(
    user_id: int, person: NamedMember, begun: date | None, spans: Sequence[MemberSpan]
) -> MemberSpan:
    """The stretch that begins for somebody who is new, or returns."""
    number = 1 + max((span.span_number for span in spans if span.user_id == user_id), default=0)
    return MemberSpan(user_id, number, person.login, person.type, begun)
