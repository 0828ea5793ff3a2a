"""Taking a person out of the members of all organisations: what is kept of the lists, and the tables."""

from dataclasses import replace

from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.members.looking import put, roll_of, tables_of
from gitpulse_assets.members.roll import Roll
from gitpulse_assets.members.state import KnownMembers, known_members
from gitpulse_assets.place import Organization


def forget_member(lake: Lake, login: str) -> list[Organization]:
    """Take a login (in any case) out of every organisation; return those whose tables were made anew."""
    found = []
    for place in lake.committed_organizations("silver"):
        # The pages that hold them are asked for again.
        kept = known_members(lake.store, place)
        state = kept.load()
        listed = frozenset(
            one.user_id
            for page in state.pages.values()
            for one in page.people
            if one.login.lower() == login.lower()
        )
        kept.save(KnownMembers(is_organization=state.is_organization, asked_at=state.asked_at))
        with lake.begin("silver", place) as publication:
            before = roll_of(lake, place)
            after = without(before, login, listed)
            if after != before:
                put(publication, tables_of(after, place))
                found.append(place)
    return found


def without(roll: Roll, login: str, listed: frozenset[int] = frozenset()) -> Roll:
    """The roll without a person: they were no member, so far as it tells.

    `listed`: their ids in the pages of the last list, which tell of somebody in a list kept aside alone.
    """
    ids = listed | {span.user_id for span in roll.spans if span.user_login.lower() == login.lower()}
    looks = tuple(
        replace(look, aside_user_ids=tuple(one for one in look.aside_user_ids if one not in ids))
        if look.aside_user_ids and ids
        else look
        for look in roll.looks
    )
    return Roll(tuple(span for span in roll.spans if span.user_id not in ids), looks)
