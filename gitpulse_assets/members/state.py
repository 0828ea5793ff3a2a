"""What of an organisation's list of members is known to GitHub by its ETags, and why a look failed.

It only saves requests: what is lost with it is asked for again.
"""

from datetime import datetime

import msgspec

from gitpulse_assets.github.detours import KnownPage
from gitpulse_assets.lake.store import Store
from gitpulse_assets.place import Organization
from gitpulse_assets.watch.state import StateObject


class ListedPerson(msgspec.Struct, frozen=True, rename={"user_id": "id"}):
    """A member as GitHub's list tells of one; unknown fields are left out."""

    user_id: int
    login: str
    type: str | None = None


class MembersPage(msgspec.Struct, frozen=True):
    """A page of the list: how it is known to GitHub, and who stood in it."""

    etag: str
    next_url: str | None
    people: list[ListedPerson]

    @property
    def known(self) -> KnownPage:
        """What a conditional request for the page needs."""
        last = self.people[-1].user_id if self.people and self.next_url else None
        return KnownPage(self.etag, self.next_url, last)


class KnownMembers(msgspec.Struct, frozen=True):
    """The pages of the last list, whole or not, as `token` was shown them.

    `is_organization`: whether the owner is one, None where nobody said so; `trouble`: why the list could not
    be read at `asked_at`.
    """

    token: str = ""
    pages: dict[str, MembersPage] = {}
    is_organization: bool | None = None
    trouble: str = ""
    asked_at: datetime | None = None
    revision: str = ""


def known_members(store: Store, place: Organization) -> StateObject[KnownMembers]:
    """What is known of an organisation's list, as the lake keeps it."""
    return StateObject(store, f"members-{place.login}.json", KnownMembers)
