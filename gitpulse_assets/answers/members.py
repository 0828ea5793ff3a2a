"""What the list of members that tells who maintains does not show."""

from gitpulse_assets.contracts.members import ORGANIZATION_LOOK
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.members.state import known_members
from gitpulse_assets.place import Organization
from gitpulse_assets.repo import Repo

PUBLIC_ONLY = (
    "who maintains is known of public members only: who asked GitHub is no member of {}, and it shows "
    "private members to members alone"
)
NEVER_LISTED = (
    "no list of the members of {} was taken yet: who maintains goes by what GitHub said of each author when "
    "it told of their word"
)


def member_gap(lake: Lake, repo: Repo) -> str:
    """Say what is not known of who maintains, in words that stand alone.

    Empty where the list holds private members too, and where the owner is a person. Raises LakeError.
    """
    place = Organization(repo.owner)
    looks = lake.snapshot("silver", place, [ORGANIZATION_LOOK]).datasets[ORGANIZATION_LOOK.name]
    found = looks.to_table(columns=["looked_at", "is_taken", "is_public_only"]).to_pylist()
    taken = [look for look in found if look["is_taken"]]
    if taken:
        newest = max(taken, key=lambda look: look["looked_at"])
        return PUBLIC_ONLY.format(place.login) if newest["is_public_only"] else ""
    is_organization = found or known_members(lake.store, place).load().is_organization
    return NEVER_LISTED.format(place.login) if is_organization else ""
