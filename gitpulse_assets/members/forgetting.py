"""Taking a person out of the members of an organisation: what is kept of the lists, and the tables."""

from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import datetime

from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.members.looking import put, roll_of, tables_of
from gitpulse_assets.members.roll import Roll
from gitpulse_assets.members.state import KnownMembers, known_members
from gitpulse_assets.place import Organization


def member_bearers(lake: Lake, place: Organization, login: str) -> Iterator[tuple[datetime, int]]:
    """When an organisation's lists showed somebody under a login, in any case, and their user id.

    Of somebody in a list kept aside alone its pages tell.
    """
    yield from roll_of(lake, place).bearers(login)
    state = known_members(lake.store, place).load()
    listed = [one for page in state.pages.values() for one in page.people]
    if state.asked_at:
        yield from ((state.asked_at, one.user_id) for one in listed if one.login.lower() == login.lower())


def forget_member(lake: Lake, place: Organization, login: str, ids: Collection[int] = ()) -> bool:
    """Take a login (in any case) and the accounts of `ids` out of an organisation; whether it had them."""
    with lake.begin("silver", place) as publication:
        before = roll_of(lake, place)
        after = without(before, login, ids)
        if after != before:
            put(publication, tables_of(after, place))
    # Last, since they may be all that tells whose the login is. They are asked for again.
    kept = known_members(lake.store, place)
    state = kept.load()
    kept.save(KnownMembers(is_organization=state.is_organization, asked_at=state.asked_at))
    return after != before


def without(roll: Roll, login: str, ids: Collection[int] = ()) -> Roll:
    """The roll without what stands under a login, and without the accounts of `ids`.

    They were no members, so far as it tells.
    """
    looks = tuple(
        replace(look, aside_user_ids=tuple(one for one in look.aside_user_ids if one not in ids))
        if look.aside_user_ids
        else look
        for look in roll.looks
    )
    spans = (one for one in roll.spans if one.user_id not in ids and one.user_login.lower() != login.lower())
    return Roll(tuple(spans), looks)
